//! Reads the suite's report and decides whether each case passed.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::part::Part;
use super::suite::{AGENT, Catalogue};
use crate::error::{Error, OrFailed as _, Verdict};
use crate::interop::python;
use crate::workspace::Workspace;

/// The suite's findings about one part, by the number of the case.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Results(BTreeMap<String, Seen>);

/// The suite's two words about a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) behavior: String,
    pub(crate) behavior_close: String,
}

impl Results {
    /// Where the suite puts its reports.
    pub(crate) fn folder(workspace: &Workspace, part: Part) -> PathBuf {
        workspace.artifacts().join("autobahn").join(part.name())
    }

    /// Removes the reports of earlier runs, so that none is taken for today's.
    pub(crate) fn forget(workspace: &Workspace, part: Part) -> Result<(), Error> {
        python::remove(&Self::folder(workspace, part))
    }

    /// `None` if the suite wrote no report.
    pub(crate) fn load(workspace: &Workspace, part: Part) -> Result<Option<Self>, Error> {
        let index = Self::folder(workspace, part).join("index.json");
        match index.exists() {
            true => Self::parse(&fs::read_to_string(&index).or_failed(index.display())?).map(Some),
            false => Ok(None),
        }
    }

    pub(crate) fn parse(index: &str) -> Result<Self, Error> {
        let index: Value = serde_json::from_str(index).or_failed("the suite's index")?;
        let cases = index[AGENT].as_object().or_failed(format_args!("the suite's index does not know {AGENT}"))?;
        let text = |value: &Value| value.as_str().unwrap_or("no word").to_owned();
        let seen =
            |case: &Value| Seen { behavior: text(&case["behavior"]), behavior_close: text(&case["behaviorClose"]) };
        Ok(Self(cases.iter().map(|(id, case)| (id.clone(), seen(case))).collect()))
    }

    /// The finding for a case, if the case ran.
    pub(crate) fn seen(&self, id: &str) -> Option<&Seen> {
        self.0.get(id)
    }

    /// Every case of the catalogue must have run and be as it should.
    pub(crate) fn verdict(&self, catalogue: &Catalogue) -> Verdict {
        let complaints: Vec<String> = catalogue.cases.iter().filter_map(|case| self.complaint(&case.id)).collect();
        for complaint in &complaints {
            println!("    {complaint}");
        }
        let count = catalogue.cases.len();
        if complaints.is_empty() {
            let informational = catalogue.cases.iter().filter(|case| INFORMATIONAL.contains(&case.id.as_str())).count();
            return Ok(format!("{} of {count} cases OK, {informational} informational", count - informational));
        }
        Err(Error::Failed(format!("{} of {count} cases: {}", complaints.len(), complaints.join("; "))))
    }

    fn complaint(&self, id: &str) -> Option<String> {
        let Some(seen) = self.seen(id) else { return Some(format!("{id} did not run")) };
        let expected = if INFORMATIONAL.contains(&id) { "INFORMATIONAL" } else { "OK" };
        let is_fine = seen.behavior == expected && seen.behavior_close == expected;
        (!is_fine).then(|| format!("{id} {} (close: {})", seen.behavior, seen.behavior_close))
    }
}

/// Cases in which the suite records the peer's choice and expects nothing.
pub(super) const INFORMATIONAL: [&str; 3] = ["7.1.6", "7.13.1", "7.13.2"];

#[cfg(test)]
#[path = "results_tests.rs"]
mod tests;
