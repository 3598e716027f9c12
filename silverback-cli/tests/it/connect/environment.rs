//! Proxies of the environment, of which other programs may think otherwise.

use std::process::{Output, Stdio};

use super::{check_end, command, servers::Server, wait_for};

fn run(name: &str, url: &str, variables: &[(&str, &str)]) -> Output {
    let mut command = command(&[name]);
    command.arg(url).envs(variables.iter().copied());
    wait_for(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

#[test]
fn a_variable_that_is_no_proxy_is_named_where_it_applies_and_no_trouble_elsewhere() {
    let server = Server::answering("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    for name in ["connect", "check", "bench"] {
        let bad = ("HTTPS_PROXY", "gopher://me:secret@proxy.example");
        let output = run(name, "wss://server.invalid/", &[bad]);
        check_end(&output, 2, &["HTTPS_PROXY", "socks5"]);
        assert!(!String::from_utf8_lossy(&output.stderr).contains("secret"));
        check_end(&run(name, &server.url(), &[bad, ("ALL_PROXY", "gopher://x")]), 5, &["404"]);
    }
}

#[test]
fn socks_is_version_5() {
    let proxy = Server::answering("");
    let output = run("connect", "ws://server.invalid/", &[("ALL_PROXY", &format!("socks://{}/", proxy.address))]);
    // It finds the server's address itself, as socks5:// does, and there is none.
    check_end(&output, 3, &["finding the addresses of server.invalid"]);
}
