//! nginx in front of the service as people set it up at first: `check` has to say which lines are missing.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use crate::error::{Error, OrFailed as _};
use crate::process::Task;
use crate::program::{self, Service};
use crate::ready;
use crate::tools;
use crate::workspace::Workspace;

/// How many settings were tried.
pub(super) fn settings(workspace: &Workspace) -> Result<usize, Error> {
    let nginx = tools::from_debian(&["nginx"], &["nginx"])?;
    let program = program::ensure(workspace)?;
    let service = Service::start(workspace, "nginx-settings", &[])?;
    let folder = workspace.artifacts().join("nginx-settings");
    fs::create_dir_all(&folder).or_failed(folder.display())?;
    let mut servers = String::new();
    let mut addresses = Vec::new();
    for (lines, ..) in SETTINGS {
        let address = ready::free_address()?;
        let behind = service.address();
        servers += &format!("server {{ listen {address}; location / {{ proxy_pass http://{behind}; {lines} }} }}\n");
        addresses.push(address);
    }
    let text = configuration(&folder, &servers);
    let file = folder.join("nginx.conf");
    fs::write(&file, text).or_failed(file.display())?;
    let task = Task::new(nginx).arg("-e").arg("stderr").arg("-c").arg(&file);
    let mut running = task.start(&workspace.log("nginx-settings"))?;
    ready::wait_until(&mut running, "nginx", || addresses.iter().all(|address| ready::accepts(*address)))?;
    for ((lines, as_page, code, words), address) in SETTINGS.into_iter().zip(addresses) {
        check(&program, address, as_page, code, words)
            .map_err(|said| Error::Failed(format!("nginx with \"{lines}\": {said}")))?;
    }
    service.stop()?;
    Ok(SETTINGS.len())
}

fn check(program: &Path, address: SocketAddr, as_page: bool, code: i32, words: &[&str]) -> Result<(), String> {
    let mut command = Command::new(program);
    command.args(["check", "--json", &format!("ws://{address}/ws/echo")]);
    if as_page {
        command.args(["--origin", &format!("http://{address}")]);
    }
    let output = command.output().map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stdout);
    let is_said = words.iter().all(|word| said.contains(word));
    // Where all is right there is nothing to advise.
    let is_quiet = code != 0 || !words.is_empty() || !said.contains("proxy_set_header");
    if output.status.code() == Some(code) && is_said && is_quiet { Ok(()) } else { Err(said.into_owned()) }
}

fn configuration(folder: &Path, servers: &str) -> String {
    let folder = folder.display();
    format!(
        "daemon off;\nworker_processes 1;\npid {folder}/nginx.pid;\nerror_log stderr;\n\
         events {{ worker_connections 64; }}\n\
         http {{\naccess_log off;\nclient_body_temp_path {folder}/body;\nproxy_temp_path {folder}/proxy;\n\
         fastcgi_temp_path {folder}/fastcgi;\nuwsgi_temp_path {folder}/uwsgi;\nscgi_temp_path {folder}/scgi;\n\
         {servers}}}\n"
    )
}

/// The lines of the location, whether `check` sends an origin, its exit code, and words of its output.
const SETTINGS: [(&str, bool, i32, &[&str]); 6] = [
    ("", false, 5, &["http-1.0", "proxy_http_version 1.1", "Upgrade $http_upgrade", "Host $http_host"]),
    ("proxy_http_version 1.1;", false, 5, &["upgrade-not-seen", "Upgrade $http_upgrade", "Host $http_host"]),
    (WITHOUT_HOST, false, 0, &["proxy_set_header Host $http_host"]),
    (WITHOUT_HOST, true, 5, &["forbidden", "proxy_set_header Host $http_host"]),
    (COMPLETE, false, 0, &[]),
    (COMPLETE, true, 0, &[]),
];
const WITHOUT_HOST: &str =
    "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;";
const COMPLETE: &str = "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; \
                        proxy_set_header Connection upgrade; proxy_set_header Host $http_host;";
