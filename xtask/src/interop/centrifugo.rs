//! The clients of Centrifugo against the example `centrifugo_server`: for JavaScript in node and in Chromium, for Python
//! with its own test suite, and for the HTTP API.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{node, passed_checks, python, scripts};
use crate::error::{Error, Verdict};
use crate::process::{Running, Task};
use crate::program;
use crate::tools;
use crate::workspace::Workspace;

pub(crate) fn step(workspace: &Workspace) -> Verdict {
    let node = node::find()?;
    let scripts = scripts(workspace).join("centrifugo");
    node::install_packages(workspace, &scripts)?;
    let python = python::centrifugo_environment(workspace)?;
    let sources = sources(workspace, &python)?;
    let server = Server::start(workspace)?;
    let in_js = Task::new(node).arg(scripts.join("client.mjs")).arg(server.url()).limit(LIMIT).read_aloud();
    let in_js = passed_checks(&in_js.succeeded()?)?;
    let api = Task::new(&python).arg(scripts.join("api.py")).arg(&server.host).limit(LIMIT).read_aloud();
    let api = passed_checks(&api.succeeded()?)?;
    let suite = Task::new(&python).arg(scripts.join("suite.py")).arg(sources).arg(&server.host);
    let suite = passed_checks(&suite.limit(LIMIT).read_aloud().succeeded()?)?;
    let in_browser = in_chromium(workspace, &server, &scripts)?;
    server.running.terminate()?;
    Ok(format!(
        "{in_js} checks in node, {in_browser} in Chromium, {api} of the HTTP API, {suite} tests of centrifuge-python"
    ))
}

/// The same client in a real browser, which the driver of the page's own checks starts.
fn in_chromium(workspace: &Workspace, server: &Server, scripts: &Path) -> Result<usize, Error> {
    let chromium = tools::from_debian(&["chromium", "chromium-browser", "google-chrome"], &["chromium"])?;
    let pages = workspace.root.join("silverback-cli/tests/browser");
    node::install_packages(workspace, &pages)?;
    let task = Task::new(node::find()?).arg(scripts.join("browser.mjs")).arg(server.url());
    let task = task.arg(pages.join("node_modules/playwright-core")).arg(chromium).limit(LIMIT).read_aloud();
    passed_checks(&task.succeeded()?)
}

/// The example, serving on a free port.
struct Server {
    running: Running,
    host: String,
}

impl Server {
    fn start(workspace: &Workspace) -> Result<Self, Error> {
        let example = program::ensure_example(workspace, "centrifugo_server")?;
        let mut running = Task::new(example).arg("127.0.0.1:0").start(&workspace.log("centrifugo-server"))?;
        let url = running.wait_for_line("listening ws://", LIMIT)?;
        let host = url.split('/').next().unwrap_or_default().to_owned();
        Ok(Self { running, host })
    }

    fn url(&self) -> String {
        format!("ws://{}/connection/websocket", self.host)
    }
}

/// The folder of centrifuge-python's source package, which has its tests.
fn sources(workspace: &Workspace, python: &PathBuf) -> Result<PathBuf, Error> {
    let folder = workspace.target.join("outside/centrifuge-python-sources");
    let sources = folder.join(format!("centrifuge_python-{CENTRIFUGE_PYTHON}"));
    if !sources.join("tests").is_dir() {
        let package = format!("centrifuge-python=={CENTRIFUGE_PYTHON}");
        let download = ["-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest"];
        Task::new(python).args(download).arg(&folder).arg(&package).run()?;
        let archive = folder.join(format!("centrifuge_python-{CENTRIFUGE_PYTHON}.tar.gz"));
        Task::new("tar").arg("-xzf").arg(archive).arg("-C").arg(&folder).run()?;
    }
    Ok(sources)
}

/// As in `tests/interop/centrifugo/requirements.txt`.
const CENTRIFUGE_PYTHON: &str = "0.7.0";
const LIMIT: Duration = Duration::from_secs(300);
