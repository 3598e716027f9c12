//! Our two parts in the conversation: server for the suite's fuzzing client, client of its fuzzing server.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::part::Part;
use super::results::Results;
use super::suite::{AGENT, Catalogue, Suite};
use crate::command_line::{Http, Role};
use crate::error::{Error, OrFailed as _};
use crate::interop::certificates::Certificates;
use crate::process::{Running, Task};
use crate::program::{self, Service};
use crate::ready;
use crate::workspace::Workspace;

/// The suite is the client, the real program is the server.
pub(super) fn against_program(
    workspace: &Workspace,
    part: Part,
    suite: &Suite,
    catalogue: &Catalogue,
) -> Result<(), Error> {
    let name = format!("autobahn-{}", part.name());
    let options = ["--max-message-size", LARGEST_MESSAGE];
    let certificates = certificates(workspace, part)?;
    let service = match &certificates {
        None => Service::start(workspace, &name, &options)?,
        Some(certificates) => Service::start_secure(workspace, &name, &options, &certificates.papers())?,
    };
    let converter = Converter::start(workspace, part, service.address(), certificates.as_ref())?;
    let url = format!("ws://{}/ws/echo", converter.as_ref().map_or(service.address(), |converter| converter.address));
    let servers = json!([{ "agent": AGENT, "url": url }]);
    let specification = write_specification(workspace, part, catalogue, [("servers", servers)])?;
    let log = workspace.log(&format!("{name}-fuzzingclient"));
    suite.task("fuzzingclient", &specification).limit(LIMIT).run_logged(&log)?;
    service.stop()
}

/// The suite is the server, the example `autobahn_client` is its client and asks for the report at its end.
pub(super) fn against_dialer(
    workspace: &Workspace,
    part: Part,
    suite: &Suite,
    catalogue: &Catalogue,
) -> Result<(), Error> {
    let name = format!("autobahn-{}", part.name());
    let client = program::ensure_example(workspace, "autobahn_client")?;
    let address = ready::free_address()?;
    let specification = write_specification(workspace, part, catalogue, [("url", json!(format!("ws://{address}")))])?;
    let mut server =
        suite.task("fuzzingserver", &specification).start(&workspace.log(&format!("{name}-fuzzingserver")))?;
    ready::wait_until(&mut server, "the fuzzing server", || ready::accepts(address))?;
    let certificates = certificates(workspace, part)?;
    let converter = Converter::start(workspace, part, address, certificates.as_ref())?;
    let address = converter.as_ref().map_or(address, |converter| converter.address);
    let task = match certificates {
        None => Task::new(client).args([&format!("ws://{address}"), part.http.word()]),
        Some(certificates) => {
            let url = format!("wss://localhost:{}", address.port());
            Task::new(client).args([&url, part.http.word(), &certificates.path("authority.pem")])
        }
    };
    task.limit(LIMIT).run_logged(&workspace.log(&name))
}

/// HTTP/3 has no form without TLS.
fn certificates(workspace: &Workspace, part: Part) -> Result<Option<Certificates>, Error> {
    let needed =
        (part.http == Http::Http3).then(|| Certificates::make(workspace, &format!("autobahn-{}", part.name())));
    needed.transpose()
}

/// Stands between the suite and a part over another version than HTTP/1.1.
struct Converter {
    address: SocketAddr,
    _running: Running,
}

impl Converter {
    /// Where the suite's client, or our `Dialer`, finds its server. `None` for a part over HTTP/1.1.
    fn start(
        workspace: &Workspace,
        part: Part,
        server: SocketAddr,
        certificates: Option<&Certificates>,
    ) -> Result<Option<Self>, Error> {
        if part.http == Http::Http1 {
            return Ok(None);
        }
        let mut words =
            vec![format!("{}http{}", if part.role == Role::Server { "to-" } else { "from-" }, part.http.word())];
        match (certificates, part.role) {
            (None, _) => words.push(server.to_string()),
            (Some(certificates), Role::Server) => {
                words.extend([format!("localhost:{}", server.port()), certificates.path("authority.pem")]);
            }
            (Some(certificates), Role::Client) => {
                words.push(server.to_string());
                words.extend(certificates.papers());
            }
        }
        let converter = program::ensure_example(workspace, "autobahn_converter")?;
        let task = Task::new(converter).args(words);
        let mut running = task.start(&workspace.log(&format!("autobahn-{}-converter", part.name())))?;
        let address = running.wait_for_line("listening ", START_LIMIT)?;
        Ok(Some(Self { address: address.parse().or_failed(&address)?, _running: running }))
    }
}

fn write_specification(
    workspace: &Workspace,
    part: Part,
    catalogue: &Catalogue,
    own: impl IntoIterator<Item = (&'static str, Value)>,
) -> Result<PathBuf, Error> {
    let folder = Results::folder(workspace, part);
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
const START_LIMIT: Duration = Duration::from_secs(30);
/// All 517 cases take half an hour where nothing else runs.
const LIMIT: Duration = Duration::from_secs(90 * 60);
