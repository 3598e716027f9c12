//! A web page that runs a program: the page sends input and shows output.
//!
//! ```text
//! cargo run -p silverback --example command [ADDRESS [PROGRAM [ARGUMENT]...]]
//! cargo run -p silverback --example command 127.0.0.1:8000 bc -q
//! ```
//!
//! Each connection has its own process. When the connection ends, the process and its children end too. A message is
//! input, and an empty message ends the input. The program's output arrives as binary messages. When the program ends,
//! the connection is closed with 1000, or 4000 if it failed, with its exit status as the reason. If a page reads
//! slowly, the program waits, so output does not pile up here.
//!
//! Every page that may connect can use the program. So only its own page may connect, from the address that it listens
//! on or from `localhost`. The policy does not trust `Host`, which another site can choose by DNS rebinding.

#![allow(clippy::print_stdout, reason = "it prints its address")]

use std::{env, io, process::Stdio, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{StatusCode, header::CONTENT_SECURITY_POLICY},
    response::{Html, IntoResponse, Response},
    routing::{any, get},
    serve::ListenerExt,
};
use silverback::{CloseCode, Config, Conn, Error, MessageRef, OriginPolicy, Reader, Upgrader, Writer};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    process::{Child, ChildStdin, Command},
    sync::Semaphore,
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = env::args().skip(1);
    let listener = TcpListener::bind(arguments.next().as_deref().unwrap_or("127.0.0.1:8000")).await?;
    let address = listener.local_addr()?;
    let own = [format!("http://{address}").parse()?, format!("http://localhost:{}", address.port()).parse()?];
    let limits = Config::default().max_message_size(64 * 1024).max_queued_output(64 * 1024);
    let service = Arc::new(Service {
        upgrader: Upgrader::new().config(limits).check_origin(OriginPolicy::AllowList(own.into())),
        program: arguments.next().unwrap_or_else(|| "cat".to_owned()),
        arguments: arguments.collect(),
        places: Arc::new(Semaphore::new(MOST_PROCESSES)),
        connections: TaskTracker::new(),
        stop: CancellationToken::new(),
    });
    println!("listening http://{address}");
    let app = Router::new().route("/", get(page)).route("/ws", any(start)).with_state(service.clone());
    tokio::select! {
        served = async { axum::serve(listener.tap_io(|tcp| _ = tcp.set_nodelay(true)), app).await } => served?,
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    service.stop.cancel();
    service.connections.close();
    // Longer than the end of a process plus the close timeout.
    let _ = timeout(Duration::from_secs(10), service.connections.wait()).await;
    Ok(())
}

struct Service {
    upgrader: Upgrader,
    program: String,
    arguments: Vec<String>,
    places: Arc<Semaphore>,
    connections: TaskTracker,
    stop: CancellationToken,
}

async fn page() -> impl IntoResponse {
    ([(CONTENT_SECURITY_POLICY, POLICY)], Html(include_str!("page.html")))
}

async fn start(State(service): State<Arc<Service>>, mut request: Request) -> Response {
    let Ok(place) = service.places.clone().try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many programs are running\n").into_response();
    };
    match service.upgrader.upgrade(&mut request) {
        Ok((response, upgrade)) => {
            let ours = service.clone();
            service.connections.spawn(async move {
                let _place = place;
                serve(upgrade.await?, &ours).await
            });
            response
        }
        Err(error) => error.response().map(Body::from),
    }
}

/// The reason for closing a connection.
type Ended = (CloseCode, String);

async fn serve(conn: Conn, service: &Service) -> Result<(), Error> {
    let (writer, mut reader) = conn.split();
    let (code, reason) = match spawn(service) {
        Ok(mut child) => {
            let input = child.stdin.take();
            let ended = tokio::select! {
                ended = run(&mut child, &writer) => ended,
                ended = feed(input, &mut reader) => ended,
                () = service.stop.cancelled() => (CloseCode::GOING_AWAY, "the server is going away".to_owned()),
            };
            end(child).await;
            ended
        }
        Err(error) => (CloseCode::INTERNAL_ERROR, format!("the program cannot be started: {error}")),
    };
    writer.start_close(code, &reason)?;
    while reader.read_borrowed().await?.is_some() {}
    Ok(())
}

fn spawn(service: &Service) -> io::Result<Child> {
    let mut command = Command::new(&service.program);
    command.args(&service.arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A separate process group can be ended as a whole, and a Ctrl-C for this server does not reach it.
    #[cfg(unix)]
    command.process_group(0);
    command.kill_on_drop(true).spawn()
}

/// Forwards the output until it ends, then waits for the program to exit.
async fn run(child: &mut Child, writer: &Writer) -> Ended {
    let (output, errors) = (child.stdout.take(), child.stderr.take());
    tokio::join!(pass_on(output, writer), pass_on(errors, writer));
    match child.wait().await {
        Ok(status) if status.success() => (CloseCode::NORMAL, status.to_string()),
        Ok(status) => (PROGRAM_FAILED, status.to_string()),
        Err(error) => (CloseCode::INTERNAL_ERROR, error.to_string()),
    }
}

/// Waits for room before it continues to read. Meanwhile the pipe fills up, and the program waits.
async fn pass_on(output: Option<impl AsyncRead + Unpin>, writer: &Writer) {
    let Some(mut output) = output else { return };
    let mut chunk = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = output.read(&mut chunk).await {
        if writer.write_borrowed(MessageRef::Binary(&chunk[..count])).await.is_err() {
            return;
        }
    }
}

/// Forwards messages as input until the page has gone.
async fn feed(mut input: Option<ChildStdin>, reader: &mut Reader) -> Ended {
    while let Ok(Some(message)) = reader.read_borrowed().await {
        let Some(pipe) = input.as_mut().filter(|_| !message.as_bytes().is_empty()) else {
            input = None;
            continue;
        };
        match timeout(PATIENCE, pipe.write_all(message.as_bytes())).await {
            Ok(Ok(())) => {}
            // The program has closed its input. Its output is still forwarded.
            Ok(Err(_)) => input = None,
            // While this code waits, it cannot notice that the page has gone.
            Err(_) => return (CloseCode::TRY_AGAIN_LATER, "the program does not read its input".to_owned()),
        }
    }
    (CloseCode::NORMAL, String::new())
}

/// Ends the program and its children, if they are still running: first with SIGHUP, as a terminal does, then by force.
async fn end(mut child: Child) {
    signal(&mut child, false);
    if timeout(GRACE, child.wait()).await.is_err() {
        signal(&mut child, true);
        let _ = child.wait().await;
    }
}

#[cfg(unix)]
fn signal(child: &mut Child, by_force: bool) {
    use rustix::process::{Pid, Signal, kill_process_group};
    // The process id is available until the process has been waited for, and until then no other process can have it.
    if let Some(group) = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)) {
        let _ = kill_process_group(group, if by_force { Signal::KILL } else { Signal::HUP });
    }
}

#[cfg(not(unix))]
fn signal(child: &mut Child, _by_force: bool) {
    let _ = child.start_kill();
}

/// A code from the range for applications (RFC 6455, 7.4.2).
const PROGRAM_FAILED: CloseCode = CloseCode::new(4000);
const MOST_PROCESSES: usize = 16;
/// How long the program may leave a full input pipe unread.
const PATIENCE: Duration = Duration::from_secs(10);
/// The time between SIGHUP and SIGKILL.
const GRACE: Duration = Duration::from_secs(1);
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; \
                      img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
