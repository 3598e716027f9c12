//! The servers: our hub, servers from packages, and the lower limit.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::{build, machine};
use super::cells::Cell;
use crate::error::{Error, OrFailed as _};
use crate::interop::node;
use crate::process::{Running, Task};
use crate::program;
use crate::ready;
use crate::tools;
use crate::workspace::Workspace;

/// A server and how the load talks to it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) name: &'static str,
    pub(super) protocol: &'static str,
    pub(super) path: &'static str,
    pub(super) publish_path: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A program of `bench/`, and its option for compression.
    Bench {
        bin: &'static str,
        feature: &'static str,
        compresses: Option<&'static str>,
    },
    /// The program that is shipped.
    Silverback,
    Nchan,
    Mosquitto,
    Nats,
    SocketIo,
}

impl Server {
    /// Some servers cannot compress, or only show the lower limit of a cost.
    pub(super) fn can(&self, cell: &Cell) -> bool {
        match self.kind {
            Kind::Bench { compresses: None, .. } => !cell.is_compressed && cell.stopped == 0,
            Kind::Silverback | Kind::Mosquitto => !cell.is_compressed,
            _ => true,
        }
    }

    /// Builds or installs it, and returns its program.
    pub(super) fn prepare(&self, workspace: &Workspace) -> Result<PathBuf, Error> {
        match self.kind {
            Kind::Bench { bin, feature, .. } => build::bench_program(workspace, bin, Some(feature)),
            Kind::Silverback => program::ensure(workspace),
            Kind::Nchan => {
                if !Path::new(NCHAN_MODULE).exists() {
                    tools::install_debian(&["nginx", "libnginx-mod-nchan"])?;
                }
                tools::from_debian(&["nginx"], &["nginx"])
            }
            Kind::Mosquitto => tools::from_debian(&["mosquitto"], &["mosquitto"]),
            Kind::Nats => tools::from_debian(&["nats-server"], &["nats-server"]),
            Kind::SocketIo => {
                let node = node::find()?;
                node::install_packages(workspace, &workspace.root.join("bench/fanout"))?;
                Ok(node)
            }
        }
    }

    /// Starts it on a free port.
    pub(super) fn start(
        &self,
        workspace: &Workspace,
        program: &Path,
        is_compressed: bool,
    ) -> Result<(Running, SocketAddr), Error> {
        let log = workspace.log("fanout-server");
        let task = machine::pinned(machine::SERVER_CORE, program);
        match self.kind {
            Kind::Bench { compresses, .. } => printing(task.args(compresses.filter(|_| is_compressed)), &log),
            Kind::SocketIo => {
                let script = workspace.root.join("bench/fanout/socketio.mjs");
                printing(task.arg(script).args(is_compressed.then_some("--compress")), &log)
            }
            Kind::Silverback => {
                let address = ready::free_address()?;
                let task = task.args(["hub", "--listen", &address.to_string(), "--threads", "2"]);
                listening(task, address, self.name, &log)
            }
            Kind::Nchan => {
                let (folder, address) = (folder(workspace)?, ready::free_address()?);
                let file = written(&folder, &nginx_configuration(&folder, address, is_compressed))?;
                listening(task.args(["-e", "stderr", "-c"]).arg(file), address, self.name, &log)
            }
            Kind::Mosquitto => {
                let (folder, address) = (folder(workspace)?, ready::free_address()?);
                let file = written(&folder, &mosquitto_configuration(address, ready::free_address()?))?;
                listening(task.arg("-c").arg(file), address, self.name, &log)
            }
            Kind::Nats => {
                let (folder, address) = (folder(workspace)?, ready::free_address()?);
                let file = written(&folder, &nats_configuration(address, ready::free_address()?, is_compressed))?;
                listening(task.arg("-c").arg(file), address, self.name, &log)
            }
        }
    }
}

/// A server that prints its address.
fn printing(task: Task, log: &Path) -> Result<(Running, SocketAddr), Error> {
    let mut running = task.start(log)?;
    let text = running.wait_for_line("listening on ", START_LIMIT)?;
    Ok((running, text.parse().or_failed("the server's address")?))
}

fn listening(task: Task, address: SocketAddr, name: &str, log: &Path) -> Result<(Running, SocketAddr), Error> {
    let mut running = task.start(log)?;
    ready::wait_until(&mut running, name, || ready::accepts(address))?;
    Ok((running, address))
}

fn folder(workspace: &Workspace) -> Result<PathBuf, Error> {
    let folder = workspace.artifacts().join("fanout");
    fs::create_dir_all(&folder).or_failed(folder.display())?;
    Ok(folder)
}

fn written(folder: &Path, text: &str) -> Result<PathBuf, Error> {
    let file = folder.join("server.conf");
    fs::write(&file, text).or_failed(file.display())?;
    Ok(file)
}

/// One worker. A new subscriber gets no old messages, as with the others.
fn nginx_configuration(folder: &Path, address: SocketAddr, is_compressed: bool) -> String {
    let folder = folder.display();
    let deflate = if is_compressed { "nchan_deflate_message_for_websocket on;" } else { "" };
    format!(
        "load_module {NCHAN_MODULE};\ndaemon off;\nworker_processes 1;\nworker_rlimit_nofile {DESCRIPTORS};\n\
         pid {folder}/nginx.pid;\nerror_log stderr;\nevents {{ worker_connections {DESCRIPTORS}; }}\n\
         http {{\naccess_log off;\nclient_body_temp_path {folder}/body;\nproxy_temp_path {folder}/proxy;\n\
         fastcgi_temp_path {folder}/fastcgi;\nuwsgi_temp_path {folder}/uwsgi;\nscgi_temp_path {folder}/scgi;\n\
         nchan_shared_memory_size 256m;\n\
         server {{ listen {address} backlog=4096;\n\
         location = /subscribe {{ nchan_subscriber websocket; nchan_channel_id news; nchan_subscriber_first_message newest; }}\n\
         location = /publish {{ nchan_publisher websocket; nchan_channel_id news; nchan_message_buffer_length 100; {deflate} }}\n\
         }}\n}}\n"
    )
}

/// It ends if all its listeners are for WebSocket, so it gets another one.
fn mosquitto_configuration(address: SocketAddr, own: SocketAddr) -> String {
    let listener = |address: SocketAddr| format!("listener {} {}\n", address.port(), address.ip());
    format!(
        "{}{}protocol websockets\nallow_anonymous true\nset_tcp_nodelay true\nlog_type error\n",
        listener(own),
        listener(address)
    )
}

/// nats-server wants a port for its own protocol too.
fn nats_configuration(address: SocketAddr, own: SocketAddr, is_compressed: bool) -> String {
    format!("listen: \"{own}\"\nwebsocket {{ listen: \"{address}\", no_tls: true, compression: {is_compressed} }}\n")
}

/// The versions of the servers from packages, as they tell them.
pub(super) fn versions() -> String {
    let package = |name: &str| {
        let text = Task::new("dpkg-query").args(["--show", "--showformat=${Version}", name]).read().unwrap_or_default();
        let version = text.split(['-', '+']).next().unwrap_or_default().to_owned();
        // An epoch is Debian's.
        version.rsplit(':').next().map_or_else(String::new, str::to_owned)
    };
    format!(
        "nginx {} with nchan {}, mosquitto {}, nats-server {} (all of Debian), Socket.IO {SOCKET_IO}",
        package("nginx"),
        package("libnginx-mod-nchan"),
        package("mosquitto"),
        package("nats-server")
    )
}

pub(super) fn named(name: &str) -> Option<&'static Server> {
    ALL.iter().find(|server| server.name == name)
}

pub(super) const ALL: &[Server] = &[
    Server {
        name: "raw-epoll",
        protocol: "raw",
        path: "/",
        publish_path: "/",
        kind: Kind::Bench { bin: "broadcast_epoll", feature: "silverback", compresses: None },
    },
    Server {
        name: "silverback-hub",
        protocol: "raw",
        path: "/news",
        publish_path: "/publish",
        kind: Kind::Bench { bin: "hub", feature: "hub", compresses: Some("--deflate") },
    },
    Server {
        name: "silverback-program-raw",
        protocol: "raw",
        path: "/ws/topic/news",
        publish_path: "/ws/topic/news",
        kind: Kind::Silverback,
    },
    Server {
        name: "silverback-program-json",
        protocol: "centrifugo",
        path: "/connection/websocket",
        publish_path: "/connection/websocket",
        kind: Kind::Silverback,
    },
    Server { name: "nchan", protocol: "raw", path: "/subscribe", publish_path: "/publish", kind: Kind::Nchan },
    Server { name: "mosquitto", protocol: "mqtt", path: "/mqtt", publish_path: "/mqtt", kind: Kind::Mosquitto },
    Server { name: "nats-server", protocol: "nats", path: "/", publish_path: "/", kind: Kind::Nats },
    Server {
        name: "socket.io",
        protocol: "socketio",
        path: SOCKET_IO_PATH,
        publish_path: SOCKET_IO_PATH,
        kind: Kind::SocketIo,
    },
];

const SOCKET_IO_PATH: &str = "/socket.io/?EIO=4&transport=websocket";
/// Pinned in `bench/fanout/package.json`.
const SOCKET_IO: &str = "4.8.4";
const NCHAN_MODULE: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";
/// For the largest cell.
const DESCRIPTORS: usize = 16_384;
const START_LIMIT: Duration = Duration::from_secs(10);
