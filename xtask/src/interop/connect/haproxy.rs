//! HAProxy in front of the servers: it ends TLS, and cuts a connection over which nothing passes for too long. Our service
//! has to pass its default health check, `OPTIONS / HTTP/1.0`.

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
    let haproxy = tools::from_debian(&["haproxy"], &["haproxy"])?;
    let addresses = [ready::free_address()?, ready::free_address()?, ready::free_address()?, ready::free_address()?];
    let [patient, hasty, pinged, choosy] = addresses;
    let authority = certificates.path("authority.pem");
    let certificate = certificates.path("server-both.pem");
    let (service, pinging, python) = (behind.service, behind.pinging, behind.python);
    let hurry = format!("timeout tunnel {}s", CUT_OFF.as_secs());
    let text = format!(
        "global\n  maxconn 256\n\
         defaults\n  mode http\n  timeout connect 10s\n  timeout client 60s\n  timeout server 60s\n  \
         timeout tunnel 600s\n\
         frontend patient\n  bind {patient} ssl crt {certificate}\n  use_backend service if {{ path_beg /ws/ }}\n  \
         default_backend python\n\
         frontend hasty\n  bind {hasty} ssl crt {certificate}\n  default_backend hasty\n\
         frontend pinged\n  bind {pinged} ssl crt {certificate}\n  default_backend pinged\n\
         frontend choosy\n  bind {choosy} ssl crt {certificate} ca-file {authority} verify required\n  \
         default_backend service\n\
         backend service\n  option httpchk\n  server it {service} check inter 500ms\n\
         backend python\n  server it {python}\n\
         backend hasty\n  {hurry}\n  server it {service}\n\
         backend pinged\n  {hurry}\n  server it {pinging}\n"
    );
    let settings = certificates.folder.join("haproxy.cfg");
    fs::write(&settings, text).or_failed(settings.display())?;
    let task = Task::new(haproxy).arg("-db").arg("-f").arg(&settings);
    Front::start("haproxy", task, addresses, &workspace.log("haproxy"))
}
