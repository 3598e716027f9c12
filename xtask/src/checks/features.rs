//! Every feature of every published library builds: alone, all but each, and all together; and the program builds
//! without any.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::lints::need_component;
use crate::error::{Error, OrFailed as _, Verdict};
use crate::tools;
use crate::workspace::Workspace;

pub(crate) fn check(workspace: &Workspace) -> Verdict {
    need_component(workspace, "clippy", "clippy")?;
    tools::need_openssl()?;
    let mut count = 0;
    for package in workspace.members().filter(|package| is_published_library(package)) {
        let name = package["name"].as_str().or_failed("a package without a name")?;
        for combination in combinations(&features(package)) {
            check_one(workspace, name, &combination)?;
            count += 1;
        }
    }
    // The program without its engines, which are its only features.
    check_one(workspace, "silverback-cli", &BTreeSet::new())?;
    test_without_features(workspace)?;
    Ok(format!("{} combinations", count + 1))
}

/// The tests need most features, but the examples of the libraries run without any. They hold whole conversations.
fn test_without_features(workspace: &Workspace) -> Result<(), Error> {
    let packages = ["--package", "silverback-proto", "--package", "silverback"];
    workspace.cargo(&["test", "--quiet", "--doc", "--no-default-features"]).args(packages).run()
}

fn check_one(workspace: &Workspace, package: &str, features: &BTreeSet<String>) -> Result<(), Error> {
    let list = features.iter().map(String::as_str).collect::<Vec<_>>().join(",");
    println!("{package} with [{list}]");
    // Clippy rather than check: its warnings (dead code, unused imports) are what odd combinations get wrong.
    workspace
        .cargo(&["clippy", "--quiet", "--package", package, "--no-default-features", "--features", &list])
        .args(["--", "--deny", "warnings"])
        .run()
}

pub(super) fn is_published_library(package: &Value) -> bool {
    let is_library =
        |target: &Value| target["kind"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "lib"));
    // `publish = false` is an empty list of registries; `null` means no restriction.
    package["publish"].is_null() && package["targets"].as_array().is_some_and(|targets| targets.iter().any(is_library))
}

/// Each feature with the features of the same package that it turns on. `default` is only a choice among the others.
fn features(package: &Value) -> BTreeMap<String, Vec<String>> {
    let declared = package["features"].as_object().into_iter().flatten();
    declared
        .filter(|(name, _)| *name != "default")
        .map(|(name, implied)| {
            let words = implied.as_array().into_iter().flatten().filter_map(Value::as_str);
            (name.clone(), words.map(str::to_owned).collect())
        })
        .collect()
}

/// None, each alone, all but each, and all, with everything that they imply turned on. A feature that lacks something
/// shows alone, and what misses a feature shows where that one is left out. All pairs would take ten minutes.
fn combinations(features: &BTreeMap<String, Vec<String>>) -> BTreeSet<BTreeSet<String>> {
    let with = |names: &mut dyn Iterator<Item = &String>| {
        names.fold(BTreeSet::new(), |set, name| closure(set, name, features))
    };
    let mut found = BTreeSet::from([BTreeSet::new(), with(&mut features.keys())]);
    for left_out in features.keys() {
        found.insert(with(&mut [left_out].into_iter()));
        let needs_it = |name: &String| closure(BTreeSet::new(), name, features).contains(left_out);
        found.insert(with(&mut features.keys().filter(|name| !needs_it(name))));
    }
    found
}

fn closure(mut set: BTreeSet<String>, name: &str, features: &BTreeMap<String, Vec<String>>) -> BTreeSet<String> {
    // Words such as `dep:hyper` or `hyper-util/server-auto` speak of other packages.
    let Some(implied) = features.get(name) else { return set };
    if set.insert(name.to_owned()) {
        for word in implied {
            set = closure(set, word, features);
        }
    }
    set
}

#[cfg(test)]
#[path = "features_tests.rs"]
mod tests;
