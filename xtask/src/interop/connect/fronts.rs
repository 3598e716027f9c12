//! `connect` through nginx and HAProxy, which terminate TLS and close idle connections.
//! Behind them are our service and, for tests that need the server's view, Python `websockets`.

use std::net::SocketAddr;
use std::thread;

use super::front::{Behind, CUT_OFF, Front};
use super::{Checks, MIB, haproxy, nginx, noise, prose};
use crate::error::{Error, OrFailed as _, Verdict};
use crate::interop::certificates::Certificates;
use crate::interop::{LIMIT, python, scripts};
use crate::process::Task;
use crate::program::{self, Service};
use crate::workspace::Workspace;

pub(crate) fn step(workspace: &Workspace) -> Verdict {
    let program = program::ensure(workspace)?;
    let certificates = Certificates::make(workspace, "connect-fronts")?;
    let python = python::environment(workspace)?;
    let mut server = Task::new(python)
        .arg(scripts(workspace).join("python/server.py"))
        .start(&workspace.log("connect-fronts-python"))?;
    let python_url = server.wait_for_line("listening ", LIMIT)?;
    let service =
        Service::start(workspace, "connect-fronts", &["--max-message-size", "6MiB", "--allow-host", PUBLIC_NAME])?;
    let pinging = Service::start(workspace, "connect-fronts-pinging", &["--ping-interval", "500ms"])?;
    let behind = Behind {
        service: address(&service.echo_url())?,
        pinging: address(&pinging.echo_url())?,
        python: address(&python_url)?,
    };
    // They end when this ends.
    let (nginx, _nginx) = nginx::start(workspace, &certificates, &behind)?;
    let (haproxy, _haproxy) = haproxy::start(workspace, &certificates, &behind)?;
    let fronts = [nginx, haproxy];
    let checks = Checks::new(&program);
    let authority = certificates.path("authority.pem");
    let through: Vec<_> =
        fronts.iter().map(|front| Through { checks: &checks, front, authority: &authority }).collect();
    for through in &through {
        through.messages()?;
        through.hosts()?;
        through.closes()?;
        through.client_certificates(&certificates)?;
    }
    idle(&through)?;
    going_away(&through, service)?;
    pinging.stop()?;
    checks.verdict()
}

/// Talks through one of them.
struct Through<'a> {
    checks: &'a Checks<'a>,
    front: &'a Front,
    authority: &'a str,
}

impl Through<'_> {
    fn connect(&self, address: SocketAddr, path: &str, words: &[&str]) -> super::Talk {
        let url = format!("wss://localhost:{}{path}", address.port());
        self.checks.connect(&[&[&*url, "--cacert", self.authority], words].concat())
    }

    fn ok(&self, what: &str) {
        self.checks.ok(&format!("{}: {what}", self.front.name));
    }

    fn messages(&self) -> Result<(), Error> {
        let patient = self.front.patient;
        let text = "hello\n\ngr\u{fc}\u{df}e, \u{4e16}\u{754c}, \u{1f98d}\n".as_bytes();
        self.connect(patient, ECHO, &["-n", "3"]).run(text)?.brought(text)?;
        let bytes = noise(5 * MIB + 1);
        self.connect(patient, ECHO, &["-n", "1", "--format", "raw"]).run(&bytes)?.brought(&bytes)?;
        self.ok("text and a binary message of 5 MiB");
        let (text, agreed) = (prose(20_000), "sec-websocket-extensions: permessage-deflate");
        self.connect(patient, ECHO, &["-n", "20000", "-v"]).run(&text)?.brought(&text)?.expect(0, &[agreed])?;
        let plain = ["-n", "20000", "-v", "--no-compression"];
        self.connect(patient, ECHO, &plain).run(&text)?.brought(&text)?.without("permessage-deflate")?;
        self.ok("20000 texts, compressed from end to end and not");
        let refused = self.connect(patient, "/ws/nothing", &[]).run(b"")?;
        refused.expect(5, &["404 Not Found", "There is nothing at this address"])?;
        self.ok("a refusal comes through");
        Ok(())
    }

    /// Both fronts pass on the name that the client used, and the service listens on loopback.
    fn hosts(&self) -> Result<(), Error> {
        let port = self.front.patient.port();
        let call = |name: &str| {
            let given = format!("{name}:{port}:{}", self.front.patient.ip());
            self.checks.connect(&[&format!("wss://{name}:{port}{ECHO}"), "-k", "-n", "1", "--resolve", &given])
        };
        call(PUBLIC_NAME).run(b"hi\n")?.brought(b"hi\n")?;
        call("other.example").run(b"hi\n")?.expect(5, &["403 Forbidden", "--allow-host"])?;
        self.ok("a host that --allow-host names, and another");
        Ok(())
    }

    /// What each side says at the end reaches the other.
    fn closes(&self) -> Result<(), Error> {
        let patient = self.front.patient;
        for (code, exit) in [(1000, 0), (1001, 0), (1008, 6), (1009, 6), (1011, 6), (4001, 6)] {
            let path = format!("/close?code={code}&reason=see%20you");
            let words: &[&str] = if exit == 0 { &[] } else { &[&code.to_string(), "see you"] };
            self.connect(patient, &path, &["--wait", "off"]).run(b"")?.expect(exit, words)?;
        }
        self.ok("the server's close codes");
        self.connect(patient, "/echo", &["-n", "1"]).run(b"hi\n")?.brought(b"hi\n")?;
        self.heard("1000 ")?;
        let mut talking = self.connect(patient, "/echo", &["--wait", "off"]).start()?;
        talking.exchange("hi")?;
        talking.interrupt()?;
        talking.finish()?.expect(130, &[])?;
        self.heard("1001 ")?;
        let choosy = ["--max-message-size", "1000", "--wait", "off"];
        self.connect(patient, "/echo", &choosy).run(&[&[b'x'; 1001][..], b"\n"].concat())?.expect(7, &["1001"])?;
        self.heard("1009 ")?;
        self.ok("our close codes");
        Ok(())
    }

    /// HAProxy refuses in TLS, nginx by a status.
    fn client_certificates(&self, certificates: &Certificates) -> Result<(), Error> {
        let shown =
            |who: &str| (certificates.path(&format!("{who}.pem")), certificates.path(&format!("{who}-key.pem")));
        let (cert, key) = shown("client");
        let known = ["-n", "1", "--cert", &cert, "--key", &key];
        self.connect(self.front.choosy, ECHO, &known).run(b"hi\n")?.brought(b"hi\n")?;
        let (code, word) = if self.front.name == "nginx" { (5, "400 Bad Request") } else { (4, "TLS") };
        self.connect(self.front.choosy, ECHO, &[]).run(b"")?.expect(code, &[word])?;
        let (cert, key) = shown("impostor");
        let unknown = ["--cert", &cert, "--key", &key];
        self.connect(self.front.choosy, ECHO, &unknown).run(b"")?.expect(code, &[word])?;
        self.ok(&format!("wants a certificate of ours; none and another authority's are {code}"));
        Ok(())
    }

    /// How the server behind saw the oldest connection end.
    fn heard(&self, wanted: &str) -> Result<(), Error> {
        let ended = self.connect(self.front.patient, "/last-close", &["--wait", "off"]).run(b"")?.expect(0, &[])?;
        let heard = String::from_utf8_lossy(&ended.out).into_owned();
        match heard.starts_with(wanted) {
            true => Ok(()),
            false => Err(Error::Failed(format!("{}: the server heard {heard}, not {wanted}", self.front.name))),
        }
    }

    /// Without pings the proxy closes the connection.
    fn is_cut(&self) -> Result<(), Error> {
        let mut talking = self.connect(self.front.hasty, ECHO, &["--wait", "off", "--ping-interval", "off"]).start()?;
        talking.exchange("hi")?;
        talking.finish()?.expect(6, &["lost"])?;
        self.ok("closes an idle connection: exit code 6");
        Ok(())
    }

    /// One of the two sides pings: the connection lives on.
    fn survives(&self, address: SocketAddr, interval: &str, who: &str) -> Result<(), Error> {
        let mut talking = self.connect(address, ECHO, &["--ping-interval", interval, "-n", "2"]).start()?;
        talking.exchange("hi")?;
        thread::sleep(CUT_OFF * 3);
        if talking.has_ended()? {
            let ended = talking.finish()?.expect(0, &[])?;
            return Err(Error::Failed(format!("{}: it has ended early: {}", self.front.name, ended.err)));
        }
        talking.exchange("still here")?;
        talking.end_input()?.brought(b"hi\nstill here\n")?;
        self.ok(&format!("does not cut while {who} pings"));
        Ok(())
    }
}

/// All at the same time, for they wait more than they work.
fn idle(through: &[Through<'_>]) -> Result<(), Error> {
    thread::scope(|scope| {
        let mut running = Vec::new();
        for one in through {
            running.push(scope.spawn(|| one.is_cut()));
            running.push(scope.spawn(|| one.survives(one.front.hasty, "500ms", "the client")));
            running.push(scope.spawn(|| one.survives(one.front.pinged, "off", "the service")));
        }
        let ends = running.into_iter().map(|thread| thread.join().ok().or_failed("a thread ended early")?);
        ends.collect()
    })
}

/// The service stops: connected clients receive its Close frame and exit with 0.
fn going_away(through: &[Through<'_>], service: Service) -> Result<(), Error> {
    let mut talking = Vec::new();
    for one in through {
        let mut waiting = one.connect(one.front.patient, ECHO, &["--wait", "off", "-v"]).start()?;
        waiting.exchange("hi")?;
        talking.push(waiting);
    }
    service.terminate()?;
    for (one, waiting) in through.iter().zip(talking) {
        waiting.finish()?.expect(0, &["1001"])?;
        one.ok("passes on the Close frame of a service that stops");
    }
    service.finish()?;
    // Now the proxy has no server behind it.
    for one in through {
        one.connect(one.front.patient, ECHO, &[]).run(b"")?.expect(5, &["50"])?;
        one.ok("reports that its server is gone: exit code 5");
    }
    Ok(())
}

fn address(url: &str) -> Result<SocketAddr, Error> {
    let authority = url.split("://").nth(1).and_then(|rest| rest.split('/').next()).or_failed(url)?;
    authority.parse().or_failed(url)
}

/// Under this name the service is reached from outside.
const PUBLIC_NAME: &str = "echo.example";
const ECHO: &str = "/ws/echo";
