//! `connect` through proxies of other parties, told by an option or by the environment, to our service and, over TLS,
//! to the server of Python `websockets`.

use std::fs;
use std::net::SocketAddr;

use super::{Checks, MIB, noise};
use crate::error::{Error, OrFailed as _, Verdict};
use crate::interop::{LIMIT, certificates::Certificates, proxies::Proxy, python, scripts};
use crate::process::Task;
use crate::program::{self, Service};
use crate::ready;
use crate::tools;
use crate::workspace::Workspace;

pub(crate) fn step(workspace: &Workspace) -> Verdict {
    let program = program::ensure(workspace)?;
    let certificates = Certificates::make(workspace, "connect-proxies")?;
    let tinyproxy = tools::from_debian(&["tinyproxy"], &["tinyproxy-bin"])?;
    let microsocks = tools::from_debian(&["microsocks"], &["microsocks"])?;
    // The clients say 0.0.0.0, because the environment's proxies are never asked for loopback.
    let options = ["--max-message-size", "16MiB", "--allow-host", "0.0.0.0"];
    let service = Service::start(workspace, "connect-proxies", &options)?;
    let python = python::environment(workspace)?;
    let mut secure = Task::new(python)
        .arg(scripts(workspace).join("python/server.py"))
        .args(["--tls", &certificates.path("server.pem"), &certificates.path("server-key.pem")])
        .start(&workspace.log("connect-proxies-python"))?;
    let secure_url = secure.wait_for_line("listening ", LIMIT)?;
    let servers = Servers {
        plain: service.echo_url(),
        secure: format!("{secure_url}/echo"),
        authority: certificates.path("authority.pem"),
    };
    let checks = Checks::new(&program);
    for proxy in [
        Proxy::http(workspace, &tinyproxy, false)?,
        Proxy::http(workspace, &tinyproxy, true)?,
        Proxy::socks(workspace, &microsocks, false)?,
        Proxy::socks(workspace, &microsocks, true)?,
    ] {
        servers.by_option(&checks, &proxy)?;
        servers.by_environment(&checks, &proxy)?;
        servers.past_it(&checks, &proxy)?;
        servers.refused(&checks, &proxy)?;
    }
    // It does not go to the unspecified address, which stands for one that is not loopback here.
    let dante = dante(workspace, &certificates)?;
    servers.by_option(&checks, &dante)?;
    servers.refused(&checks, &dante)?;
    service.stop()?;
    checks.verdict()
}

/// The servers behind the proxies.
struct Servers {
    plain: String,
    secure: String,
    authority: String,
}

impl Servers {
    fn by_option(&self, checks: &Checks<'_>, proxy: &Proxy) -> Result<(), Error> {
        let bytes = noise(2 * MIB);
        for proxy_url in spellings(proxy) {
            for url in [&self.plain, &self.secure] {
                let way = ["--proxy", &proxy_url, "--cacert", &self.authority, "-v"];
                let texts = [&[&**url, "-n", "2"], &way[..]].concat();
                checks.connect(&texts).run(b"hi\nthere\n")?.brought(b"hi\nthere\n")?.expect(0, &[CONNECTED])?;
                let raw = [&[&**url, "-n", "1", "--format", "raw"], &way[..]].concat();
                checks.connect(&raw).run(&bytes)?.brought(&bytes)?.expect(0, &[CONNECTED])?;
                checks.ok(&format!("text and 2 MiB to {} through {}", scheme(url), shown(&proxy_url)));
            }
        }
        Ok(())
    }

    /// By each variable that speaks of the scheme, and past the proxy where another one speaks of it.
    fn by_environment(&self, checks: &Checks<'_>, proxy: &Proxy) -> Result<(), Error> {
        let there = proxy.url();
        for (url, variable) in [
            (&self.plain, "http_proxy"),
            (&self.secure, "https_proxy"),
            (&self.secure, "HTTPS_PROXY"),
            (&self.plain, "ALL_PROXY"),
            (&self.secure, "all_proxy"),
        ] {
            let url = not_loopback(url);
            // The certificate does not know that address.
            let words = [&*url, "-n", "1", "-v", "-k"];
            let ended = checks.connect(&words).env(&[(variable, &there)]).run(b"hi\n")?;
            ended.brought(b"hi\n")?.expect(0, &[CONNECTED])?;
        }
        let url = not_loopback(&self.plain);
        let words = [&*url, "-n", "1", "-v"];
        let other = [("HTTPS_PROXY", &*there)];
        checks.connect(&words).env(&other).run(b"hi\n")?.brought(b"hi\n")?.without(CONNECTED)?;
        // They never speak of loopback.
        let words = [&*self.plain, "-n", "1", "-v"];
        checks.connect(&words).env(&[("ALL_PROXY", &there)]).run(b"hi\n")?.brought(b"hi\n")?.without(CONNECTED)?;
        checks.ok(&format!("the variables lead through {}", shown(&there)));
        Ok(())
    }

    /// Hosts in the list of exceptions are reached directly. The named proxy does not exist, so using it would fail.
    fn past_it(&self, checks: &Checks<'_>, proxy: &Proxy) -> Result<(), Error> {
        let dead = format!("{}://{}", proxy.scheme, ready::free_address()?);
        let url = not_loopback(&self.plain);
        let words = [&*url, "-n", "1", "-v"];
        checks.connect(&words).env(&[("ALL_PROXY", &dead)]).run(b"hi\n")?.expect(3, &["refused"])?;
        for exceptions in ["0.0.0.0", "elsewhere.invalid, 0.0.0.0/8", "*"] {
            let variables = [("ALL_PROXY", &*dead), ("NO_PROXY", exceptions)];
            checks.connect(&words).env(&variables).run(b"hi\n")?.brought(b"hi\n")?.without(CONNECTED)?;
        }
        let others = [("ALL_PROXY", &*dead), ("no_proxy", "elsewhere.invalid,10.0.0.0/8")];
        checks.connect(&words).env(&others).run(b"hi\n")?.expect(3, &["refused"])?;
        // An option is worth more than a variable.
        let there = proxy.url();
        let words = [&words[..], &["--proxy", &there]].concat();
        checks.connect(&words).env(&[("ALL_PROXY", &dead)]).run(b"hi\n")?.expect(0, &[CONNECTED])?;
        checks.ok(&format!("NO_PROXY leads past {}", shown(&there)));
        Ok(())
    }

    fn refused(&self, checks: &Checks<'_>, proxy: &Proxy) -> Result<(), Error> {
        let nobody = format!("ws://{}/", ready::free_address()?);
        checks.connect(&[&nobody, "--proxy", &proxy.url()]).run(b"")?.expect(3, &["proxy"])?;
        if proxy.has_password {
            for user in ["", "aladdin:wrong@", "stranger:sesame@"] {
                let way = format!("{}://{user}{}", proxy.scheme, proxy.address);
                for url in [&self.plain, &self.secure] {
                    let ended = checks.connect(&[url, "--proxy", &way]).run(b"hi\n")?;
                    ended.expect(3, &["proxy"])?.without("wrong")?;
                }
            }
        }
        checks.ok(&format!("{} refuses, and that is 3", shown(&proxy.url())));
        Ok(())
    }
}

/// Dante, without passwords: it takes those of the machine's own users only.
fn dante(workspace: &Workspace, certificates: &Certificates) -> Result<Proxy, Error> {
    let danted = tools::from_debian(&["danted", "sockd"], &["dante-server"])?;
    let address = ready::free_address()?;
    let settings = certificates.folder.join("danted.conf");
    fs::write(&settings, dante_settings(address)).or_failed(settings.display())?;
    let task = Task::new(danted).arg("-f").arg(&settings).arg("-p").arg(certificates.folder.join("danted.pid"));
    Proxy::start("socks5", address, false, task, &workspace.log("dante"))
}

fn dante_settings(address: SocketAddr) -> String {
    format!(
        "logoutput: stderr\n\
         internal: {} port = {}\n\
         external: lo\n\
         clientmethod: none\n\
         socksmethod: none\n\
         user.unprivileged: nobody\n\
         client pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}\n\
         socks pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}\n",
        address.ip(),
        address.port()
    )
}

/// Its URL, and where there are two ways to look up a name, both.
fn spellings(proxy: &Proxy) -> Vec<String> {
    let url = proxy.url();
    let by_proxy = url.strip_prefix("socks5:").map(|rest| format!("socks5h:{rest}"));
    [url].into_iter().chain(by_proxy).collect()
}

/// The same server by the unspecified address, which Linux connects to itself.
fn not_loopback(url: &str) -> String {
    url.replace("127.0.0.1", "0.0.0.0").replace("localhost", "0.0.0.0")
}

fn scheme(url: &str) -> &str {
    url.split("://").next().unwrap_or_default()
}

/// Without the password.
fn shown(url: &str) -> String {
    format!("{}{}", scheme(url), if url.contains('@') { " with a password" } else { "" })
}

/// The output of `-v` for a proxy that worked.
const CONNECTED: &str = "connected through the proxy";
