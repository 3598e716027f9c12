//! The program itself over HTTP/2 and HTTP/3: `connect` with our service, with node, and through Caddy.

use super::bench::Bench;
use super::{caddy, node};
use crate::error::Error;
use crate::interop::connect::{Checks, noise};
use crate::program::{self, Service};

pub(super) fn connect(bench: &Bench<'_>) -> Result<(), Error> {
    let program = program::ensure(bench.workspace)?;
    let checks = Checks::new(&program);
    let plain = Service::start(bench.workspace, "versions-plain", &LARGE)?;
    let secure = Service::start_secure(bench.workspace, "versions-secure", &LARGE, &bench.certificates.papers())?;
    let (node, caddy) = (node::server(bench)?, caddy::start(bench)?);
    let ours = format!("wss://localhost:{}/ws/echo", secure.address().port());
    for (name, url, version) in [
        ("our service over HTTP/2", &plain.echo_url(), "--http2"),
        ("our service over HTTP/2 and TLS", &ours, "--http2"),
        ("our service over HTTP/3", &ours, "--http3"),
        ("node http2", &format!("{}/echo", node.routes[0].url()), "--http2"),
        ("Caddy over HTTP/3", &format!("{}/echo", caddy.routes[0].url()), "--http3"),
    ] {
        let authority = bench.certificates.path("authority.pem");
        let words = [&**url, "--cacert", &authority, version];
        let connect = |more: &[&str]| checks.connect(&[&words[..], more].concat());
        let text = "hello\n\ngr\u{fc}\u{df}e, \u{4e16}\u{754c}, \u{1f98d}\n".as_bytes();
        connect(&["-n", "3"]).run(text)?.brought(text)?;
        let bytes = noise(3_000_000);
        connect(&["-n", "1", "--format", "raw"]).run(&bytes)?.brought(&bytes)?;
        checks.ok(&format!("`connect` to {name}: texts and a message of 3 MB"));
    }
    for (name, peer, version) in [("node http2", &node, "--http2"), ("Caddy over HTTP/3", &caddy, "--http3")] {
        let authority = bench.certificates.path("authority.pem");
        let url = format!("{}/close?code=4001&reason=see%20you", peer.routes[0].url());
        let ended = checks.connect(&[&url, "--cacert", &authority, version, "--wait", "off"]).run(b"")?;
        ended.expect(6, &["4001", "see you"])?;
        checks.ok(&format!("`connect` to {name}: the server's close code is exit code 6"));
    }
    // Our service says that it goes, over each version.
    let mut talking = Vec::new();
    for (url, version) in [(&ours, "--http1.1"), (&ours, "--http2"), (&ours, "--http3")] {
        let authority = bench.certificates.path("authority.pem");
        let mut waiting = checks.connect(&[url, "--cacert", &authority, version, "--wait", "off", "-v"]).start()?;
        waiting.exchange("hi")?;
        talking.push(waiting);
    }
    secure.terminate()?;
    for waiting in talking {
        waiting.finish()?.expect(0, &["1001"])?;
    }
    checks.ok("our service says that it goes, over all three versions");
    secure.finish()?;
    plain.stop()?;
    bench.add(checks.count());
    Ok(())
}

const LARGE: [&str; 2] = ["--max-message-size", "4MiB"];
