//! nginx in front of the servers: it ends TLS, and cuts a connection over which the server says nothing for too long.

use std::fs;

use super::front::{Behind, CUT_OFF, Front};
use crate::error::{Error, OrFailed as _};
use crate::interop::certificates::Certificates;
use crate::process::{Running, Task};
use crate::ready;
use crate::tools;
use crate::workspace::Workspace;

pub(super) fn start(
    workspace: &Workspace,
    certificates: &Certificates,
    behind: &Behind,
) -> Result<(Front, Running), Error> {
    let nginx = tools::from_debian(&["nginx"], &["nginx"])?;
    let addresses = [ready::free_address()?, ready::free_address()?, ready::free_address()?, ready::free_address()?];
    let [patient, hasty, pinged, choosy] = addresses;
    let folder = certificates.folder.display();
    let (service, pinging, python) = (behind.service, behind.pinging, behind.python);
    let hurry = format!("proxy_read_timeout {}s;", CUT_OFF.as_secs());
    let text = format!(
        "daemon off;\n\
         worker_processes 1;\n\
         pid {folder}/nginx.pid;\n\
         error_log stderr;\n\
         events {{ worker_connections 256; }}\n\
         http {{\n\
         access_log off;\n\
         client_body_temp_path {folder}/body;\n\
         proxy_temp_path {folder}/proxy;\n\
         fastcgi_temp_path {folder}/fastcgi;\n\
         uwsgi_temp_path {folder}/uwsgi;\n\
         scgi_temp_path {folder}/scgi;\n\
         ssl_certificate {folder}/server.pem;\n\
         ssl_certificate_key {folder}/server-key.pem;\n\
         proxy_http_version 1.1;\n\
         proxy_set_header Upgrade $http_upgrade;\n\
         proxy_set_header Connection upgrade;\n\
         proxy_set_header Host $http_host;\n\
         server {{ listen {patient} ssl; location / {{ proxy_pass http://{python}; }}\n\
         location /ws/ {{ proxy_pass http://{service}; }} }}\n\
         server {{ listen {hasty} ssl; {hurry} location / {{ proxy_pass http://{service}; }} }}\n\
         server {{ listen {pinged} ssl; {hurry} location / {{ proxy_pass http://{pinging}; }} }}\n\
         server {{ listen {choosy} ssl; ssl_client_certificate {folder}/authority.pem; ssl_verify_client on;\n\
         location / {{ proxy_pass http://{service}; }} }}\n\
         }}\n"
    );
    let settings = certificates.folder.join("nginx.conf");
    fs::write(&settings, text).or_failed(settings.display())?;
    let task = Task::new(nginx).arg("-e").arg("stderr").arg("-c").arg(&settings);
    Front::start("nginx", task, addresses, &workspace.log("nginx"))
}
