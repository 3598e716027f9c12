//! `connect` and the servers of Python `websockets` and node `ws` over TLS.

use super::{Checks, MIB, noise, prose};
use crate::error::{Error, Verdict};
use crate::interop::{LIMIT, certificates::Certificates, node, python, scripts};
use crate::process::{Running, Task};
use crate::program;
use crate::workspace::Workspace;

pub(crate) fn step(workspace: &Workspace) -> Verdict {
    let program = program::ensure(workspace)?;
    let certificates = Certificates::make(workspace, "connect-tls")?;
    let checks = Checks::new(&program);
    for party in [Party::python(workspace)?, Party::node(workspace)?] {
        let open = party.serve(workspace, &certificates, false)?;
        messages(&checks, &certificates, &open)?;
        compression(&checks, &certificates, &open)?;
        recordings(&checks, &certificates, &open)?;
        ends(&checks, &certificates, &open)?;
        server_certificates(&checks, &certificates, &open)?;
        let closed = party.serve(workspace, &certificates, true)?;
        client_certificates(&checks, &certificates, &closed, party.without_certificate)?;
    }
    checks.verdict()
}

/// Whose server it is, and how it is started.
struct Party {
    name: &'static str,
    interpreter: std::path::PathBuf,
    script: std::path::PathBuf,
    /// The exit code and a word where the server wants a certificate and gets none. Python hangs up without the alert that would
    /// say so: an end like any other, where an answer should have come.
    without_certificate: (i32, &'static str),
}

impl Party {
    fn python(workspace: &Workspace) -> Result<Self, Error> {
        let interpreter = python::environment(workspace)?;
        let script = scripts(workspace).join("python/server.py");
        Ok(Self { name: "python", interpreter, script, without_certificate: (5, "handshake") })
    }

    fn node(workspace: &Workspace) -> Result<Self, Error> {
        let interpreter = node::environment(workspace)?;
        let script = scripts(workspace).join("node/server.mjs");
        Ok(Self { name: "node", interpreter, script, without_certificate: (4, "CertificateRequired") })
    }

    fn serve(
        &self,
        workspace: &Workspace,
        certificates: &Certificates,
        wants_certificates: bool,
    ) -> Result<Server, Error> {
        let name = format!("{}-server-tls{}", self.name, if wants_certificates { "-clients" } else { "" });
        let mut task = Task::new(&self.interpreter).arg(&self.script).arg("--tls");
        task = task.args([certificates.path("server.pem"), certificates.path("server-key.pem")]);
        if wants_certificates {
            task = task.arg(certificates.path("authority.pem"));
        }
        let mut running = task.start(&workspace.log(&name))?;
        let url = running.wait_for_line("listening ", LIMIT)?;
        Ok(Server { name: self.name, url, _running: running })
    }
}

/// A server that runs.
struct Server {
    name: &'static str,
    url: String,
    _running: Running,
}

impl Server {
    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}

fn messages(checks: &Checks<'_>, certificates: &Certificates, server: &Server) -> Result<(), Error> {
    let (name, authority, echo) = (server.name, certificates.path("authority.pem"), server.at("/echo"));
    let text = "hello\n\ngr\u{fc}\u{df}e, \u{4e16}\u{754c}, \u{1f98d}\n";
    checks.connect(&[&echo, "--cacert", &authority, "-n", "3"]).run(text.as_bytes())?.brought(text.as_bytes())?;
    checks.ok(&format!("{name}: texts over TLS"));
    let bytes = noise(5 * MIB + 1);
    let whole = [&*echo, "--cacert", &authority, "--format", "raw", "-n", "1"];
    checks.connect(&whole).run(&bytes)?.brought(&bytes)?;
    checks.ok(&format!("{name}: one binary message of 5 MiB over TLS"));
    // How many messages that makes is for the pipe to say.
    let pieces = [&*echo, "--cacert", &authority, "--format", "raw", "--chunk", "1000"];
    checks.connect(&pieces).run(&bytes)?.brought(&bytes)?;
    checks.ok(&format!("{name}: the same in messages of at most 1000 bytes"));
    let (fragments, text) = (server.at("/fragments"), "gr\u{fc}\u{df}e, \u{4e16}\u{754c}, \u{1f98d}\n".repeat(20));
    let text = text.replace('\n', " ") + "\n";
    checks.connect(&[&fragments, "--cacert", &authority, "-n", "1"]).run(text.as_bytes())?.brought(text.as_bytes())?;
    checks.ok(&format!("{name}: fragments over TLS"));
    let asked = [&*echo, "--cacert", &authority, "-v", "-n", "0", "-s", "other,silverback.test"];
    checks.connect(&asked).run(b"")?.expect(0, &["sec-websocket-protocol: silverback.test", "TLSv1_3"])?;
    checks.ok(&format!("{name}: a subprotocol over TLS 1.3"));
    Ok(())
}

fn compression(checks: &Checks<'_>, certificates: &Certificates, server: &Server) -> Result<(), Error> {
    let (name, authority) = (server.name, certificates.path("authority.pem"));
    let lines = prose(20_000);
    let line =
        [prose(200).iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }).collect(), b"\n".to_vec()].concat();
    for (path, text, agreed) in [
        ("/echo?deflate=on", &lines, "sec-websocket-extensions: permessage-deflate"),
        (
            "/echo?deflate=on&server_no_context_takeover=on&client_no_context_takeover=on",
            &lines,
            "client_no_context_takeover",
        ),
        ("/echo?deflate=on&server_max_window_bits=9", &lines, "server_max_window_bits=9"),
        ("/fragments?deflate=on", &line, "sec-websocket-extensions: permessage-deflate"),
    ] {
        let count = text.iter().filter(|byte| **byte == b'\n').count().to_string();
        let words = [&*server.at(path), "--cacert", &authority, "-v", "-n", &count];
        checks.connect(&words).run(text)?.brought(text)?.expect(0, &[agreed])?;
        checks.ok(&format!("{name}: compressed texts, {count}, {path}"));
    }
    let words = [&*server.at("/echo?deflate=on"), "--cacert", &authority, "-v", "-n", "1", "--no-compression"];
    checks.connect(&words).run(b"hi\n")?.brought(b"hi\n")?.without("permessage-deflate")?;
    checks.ok(&format!("{name}: no compression where none is offered"));
    Ok(())
}

fn recordings(checks: &Checks<'_>, certificates: &Certificates, server: &Server) -> Result<(), Error> {
    let (name, authority) = (server.name, certificates.path("authority.pem"));
    let file = certificates.path(&format!("{name}.ndjson"));
    // An earlier run may have left it.
    let _ = std::fs::remove_file(&file);
    let text = "hello\ngr\u{fc}\u{df}e, \u{4e16}\u{754c}, \u{1f98d}\n";
    let recording = [&*server.at("/echo"), "--cacert", &authority, "-n", "2", "--record", &file];
    checks.connect(&recording).run(text.as_bytes())?.brought(text.as_bytes())?;
    let again = [&*server.at("/fragments?deflate=on"), "--cacert", &authority, "--replay", &file, "--expect"];
    checks.connect(&again).run(b"")?.brought(text.as_bytes())?;
    checks.ok(&format!("{name}: a recording is replayed, and met by fragmented and compressed answers"));
    Ok(())
}

fn ends(checks: &Checks<'_>, certificates: &Certificates, server: &Server) -> Result<(), Error> {
    let (name, authority) = (server.name, certificates.path("authority.pem"));
    for (code, exit) in [(1000, 0), (1001, 0), (1008, 6), (1011, 6), (4001, 6)] {
        let url = server.at(&format!("/close?code={code}&reason=see%20you"));
        let words: &[&str] = if exit == 0 { &[] } else { &[&code.to_string(), "see you"] };
        checks.connect(&[&url, "--cacert", &authority, "--wait", "off"]).run(b"")?.expect(exit, words)?;
    }
    checks.ok(&format!("{name}: closes over TLS, with their exit codes"));
    Ok(())
}

fn server_certificates(checks: &Checks<'_>, certificates: &Certificates, server: &Server) -> Result<(), Error> {
    let (name, echo) = (server.name, server.at("/echo"));
    let authority = certificates.path("authority.pem");
    checks.connect(&[&echo]).run(b"")?.expect(4, &["TLS", "certificate"])?;
    checks
        .connect(&[&echo, "--cacert", &certificates.path("stranger.pem")])
        .run(b"")?
        .expect(4, &["TLS", "certificate"])?;
    checks.ok(&format!("{name}: an unknown authority is 4"));
    let by_address = echo.replace("localhost", "127.0.0.1");
    checks.connect(&[&by_address, "--cacert", &authority]).run(b"")?.expect(4, &["TLS", "certificate"])?;
    checks.ok(&format!("{name}: a certificate for another name is 4"));
    checks.connect(&[&by_address, "-k", "-n", "1"]).run(b"hi\n")?.brought(b"hi\n")?;
    checks.ok(&format!("{name}: unless none of that is checked"));
    let trusted = [("SSL_CERT_FILE", &*authority)];
    checks.connect(&[&echo, "-n", "1"]).env(&trusted).run(b"hi\n")?.brought(b"hi\n")?;
    checks.ok(&format!("{name}: an authority that the system trusts"));
    Ok(())
}

fn client_certificates(
    checks: &Checks<'_>,
    certificates: &Certificates,
    server: &Server,
    (code, word): (i32, &str),
) -> Result<(), Error> {
    let (name, echo, authority) = (server.name, server.at("/echo"), certificates.path("authority.pem"));
    let shown = |who: &str| (certificates.path(&format!("{who}.pem")), certificates.path(&format!("{who}-key.pem")));
    let (cert, key) = shown("client");
    let words = [&*echo, "--cacert", &authority, "-n", "1", "--cert", &cert, "--key", &key];
    checks.connect(&words).run(b"hi\n")?.brought(b"hi\n")?;
    checks.ok(&format!("{name}: a client's certificate"));
    checks.connect(&[&echo, "--cacert", &authority]).run(b"")?.expect(code, &[word])?;
    let (cert, key) = shown("impostor");
    let words = [&*echo, "--cacert", &authority, "--cert", &cert, "--key", &key];
    // Both hang up on it without a word.
    checks.connect(&words).run(b"")?.expect(5, &["handshake"])?;
    checks.ok(&format!("{name}: none where one is wanted is {code}, one of another authority 5"));
    Ok(())
}
