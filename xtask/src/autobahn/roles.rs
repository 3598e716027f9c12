//! Our two parts in the conversation: server for the suite's fuzzing client, client of its fuzzing server.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::results::Results;
use super::suite::{AGENT, Catalogue, Suite};
use crate::command_line::Role;
use crate::error::{Error, OrFailed as _};
use crate::process::Task;
use crate::program::{self, Service};
use crate::ready;
use crate::workspace::Workspace;

/// The suite is the client, the real program is the server.
pub(super) fn against_program(workspace: &Workspace, suite: &Suite, catalogue: &Catalogue) -> Result<(), Error> {
    let service = Service::start(workspace, "autobahn", &["--max-message-size", LARGEST_MESSAGE])?;
    let servers = json!([{ "agent": AGENT, "url": service.echo_url() }]);
    let specification = write_specification(workspace, Role::Server, catalogue, [("servers", servers)])?;
    suite.task("fuzzingclient", &specification).limit(LIMIT).run_logged(&workspace.log("autobahn-fuzzingclient"))?;
    service.stop()
}

/// The suite is the server, the example `autobahn_client` is its client and asks for the report at its end.
pub(super) fn against_dialer(workspace: &Workspace, suite: &Suite, catalogue: &Catalogue) -> Result<(), Error> {
    let client = program::ensure_example(workspace, "autobahn_client")?;
    let address = ready::free_address()?;
    let url = format!("ws://{address}");
    let specification = write_specification(workspace, Role::Client, catalogue, [("url", json!(url))])?;
    let mut server = suite.task("fuzzingserver", &specification).start(&workspace.log("autobahn-fuzzingserver"))?;
    ready::wait_until(&mut server, "the fuzzing server", || ready::accepts(address))?;
    Task::new(client).arg(&url).limit(LIMIT).run_logged(&workspace.log("autobahn-client"))
}

fn write_specification(
    workspace: &Workspace,
    role: Role,
    catalogue: &Catalogue,
    own: impl IntoIterator<Item = (&'static str, Value)>,
) -> Result<PathBuf, Error> {
    let folder = Results::folder(workspace, role);
    fs::create_dir_all(&folder).or_failed(folder.display())?;
    let cases: Vec<&str> = catalogue.cases.iter().map(|case| case.id.as_str()).collect();
    let common = [
        ("outdir", json!(folder)),
        ("cases", json!(cases)),
        ("exclude-cases", json!([])),
        ("exclude-agent-cases", json!({})),
    ];
    let specification: serde_json::Map<String, Value> =
        common.into_iter().chain(own).map(|(key, value)| (key.to_owned(), value)).collect();
    write(&folder.join("specification.json"), &Value::Object(specification))
}

fn write(path: &Path, value: &Value) -> Result<PathBuf, Error> {
    fs::write(path, format!("{value:#}\n")).or_failed(path.display())?;
    Ok(path.to_owned())
}

/// The largest message of the suite, exactly, and the library's default; the echo service takes 1 MiB.
const LARGEST_MESSAGE: &str = "16777216";
/// All 517 cases take half an hour where nothing else runs.
const LIMIT: Duration = Duration::from_secs(90 * 60);
