//! A proxy that a test starts in front of servers. It ends with its [`Front`].
//!
//! ```no_run
//! use silverback_testkit::front::{Front, free_address, nginx};
//!
//! let Some(program) = nginx() else { return };
//! let address = free_address();
//! let text = format!("events {{}} http {{ server {{ listen {address}; location / {{ return 204; }} }} }}");
//! let _front = Front::nginx(&program, &text);
//! ```

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::broker::{free_port, installed, missing, new_folder};

/// A proxy's process. Dropping it ends the process and removes its folder.
pub struct Front {
    child: Child,
    folder: PathBuf,
}

impl Front {
    /// Starts nginx with this configuration. Its files go into a folder of their own.
    ///
    /// # Panics
    /// If the program cannot be started. A fault of the configuration is a line on standard error.
    pub fn nginx(program: &Path, configuration: &str) -> Self {
        Self::start(|folder| {
            let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                .map(|kind| format!("{kind}_temp_path {}/{kind};", folder.display()));
            let text = configuration.replace("http {", &format!("http {{ {}", temporary.join(" ")));
            let global = format!("daemon off; pid {}/nginx.pid;", folder.display());
            let mut command = Command::new(program);
            command.args(["-e", "stderr", "-g", &global, "-c"]).arg(written(folder, "nginx.conf", &text));
            command
        })
    }

    /// Starts HAProxy with this configuration.
    ///
    /// # Panics
    /// If the program cannot be started.
    pub fn haproxy(program: &Path, configuration: &str) -> Self {
        Self::start(|folder| {
            let mut command = Command::new(program);
            command.arg("-db").arg("-f").arg(written(folder, "haproxy.cfg", configuration));
            command
        })
    }

    /// Starts the command that is made for an empty folder.
    ///
    /// # Panics
    /// If the program cannot be started.
    pub fn start(command: impl FnOnce(&Path) -> Command) -> Self {
        let folder = new_folder();
        let mut command = command(&folder);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        let child = child.unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
        Self { child, folder }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        // nginx leaves its workers behind when it is killed.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Writes a file into a folder, and returns its path.
///
/// # Panics
/// If the file cannot be written.
pub fn written(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).expect("a file in the folder of the proxy");
    path
}

/// An address of 127.0.0.1 on which nothing listens at the moment.
pub fn free_address() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()))
}

/// nginx of the machine: the variable `SILVERBACK_NGINX`, or `nginx` in the search path. `None` if there is none and the
/// tests are not run by CI.
pub fn nginx() -> Option<PathBuf> {
    installed("SILVERBACK_NGINX", "nginx", "Debian: nginx")
}

/// The module of nginx that passes bytes on, or `None` as for [`nginx`].
pub fn nginx_stream_module() -> Option<PathBuf> {
    let path = Path::new("/usr/lib/nginx/modules/ngx_stream_module.so");
    if path.is_file() {
        return Some(path.to_owned());
    }
    missing("nginx has no stream module (Debian: libnginx-mod-stream)");
    None
}

/// HAProxy of the machine: the variable `SILVERBACK_HAPROXY`, or `haproxy` in the search path, or `None` as for [`nginx`].
pub fn haproxy() -> Option<PathBuf> {
    installed("SILVERBACK_HAPROXY", "haproxy", "Debian: haproxy")
}
