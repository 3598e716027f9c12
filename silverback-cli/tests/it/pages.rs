//! Runs the commands on the pages of the project as a reader would, and compares their output with the pages. Numbers may
//! differ.
//!
//! A test has neither port 8000 nor `chat.example.com`, so addresses in commands are replaced. Loads are shortened. A comment
//! `not run: REASON` above a block excuses it, and then docs/how-we-know.md lists it.

use std::{
    collections::BTreeSet,
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::LazyLock,
    thread,
    time::{Duration, Instant},
};

use rcgen::{CertificateParams, DnType, Issuer, KeyPair};
use regex::Regex;
use rustix::process::{Pid, Signal, kill_process};
use silverback::Upgrader;
use silverback_testkit::pages::{self, Block, calls};

use crate::support::PATIENCE;

#[test]
fn the_commands_of_the_pages_do_what_the_pages_show() {
    let blocks: Vec<_> = pages::blocks(&root()).into_iter().filter(is_of_the_program).collect();
    let (excused, run): (Vec<_>, Vec<_>) = blocks.iter().partition(|block| excuse(block).is_some());
    assert!(run.len() > 15, "only {} blocks were found", run.len());
    let faults: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = run.iter().map(|block| scope.spawn(|| Stage::new(block).play(block))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a fault is returned")).collect()
    });
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));

    let list = fs::read_to_string(root().join(LIST)).unwrap();
    let row = |block: &&Block| {
        let page = block.place.split(':').next().unwrap_or_default();
        format!("| `{page}` | {} |", excuse(block).unwrap_or_default())
    };
    let expected: BTreeSet<_> = excused.iter().map(row).collect();
    let found: BTreeSet<_> =
        list.lines().filter(|line| line.starts_with("| `docs/") && line.contains(".md`")).collect();
    assert_eq!(found, expected.iter().map(String::as_str).collect(), "the list of {LIST}");
}

fn is_of_the_program(block: &Block) -> bool {
    block.commands.iter().any(|command| program_line(&command.text).is_some())
}

fn excuse(block: &Block) -> Option<&str> {
    block.comment.as_deref()?.strip_prefix("not run: ")
}

/// The line with the program's name in place of cargo, or `None` if it does not run the program.
fn program_line(line: &str) -> Option<String> {
    let calls = calls(line);
    let mut programs = calls.iter().map(|call| call.words[0].as_str());
    if let Some(program) = programs.find(|program| program.rsplit('/').next() == Some("silverback")) {
        return Some(line.replacen(program, "silverback", 1));
    }
    let words = &calls.first()?.words;
    let is_ours = match words.iter().position(|word| word == "-p") {
        Some(place) => words.get(place + 1).is_some_and(|package| package == "silverback-cli"),
        None => true,
    };
    let is_run = words[0] == "cargo" && words.get(1).is_some_and(|word| word == "run") && is_ours;
    let options = line.split_once(" -- ").map_or("", |(_, options)| options);
    is_run.then(|| format!("silverback {options}"))
}

/// Whether a line starts a server, which runs until it is told to end.
fn is_server(line: &str) -> bool {
    let Some(call) = calls(line).into_iter().find(|call| call.words[0] == "silverback") else { return false };
    match call.words.get(1).map(String::as_str) {
        Some("hub") => call.words.get(2).is_none_or(|word| word != "config"),
        Some(word) => word.starts_with('-') && !line.contains("://"),
        None => true,
    }
}

/// One block, its folder and its servers.
struct Stage {
    folder: PathBuf,
    servers: Vec<Server>,
    /// Of the server that was started last.
    address: Option<Address>,
    faults: Vec<String>,
}

struct Server {
    child: Child,
    output: PathBuf,
}

/// Where clients find a server.
#[derive(Clone, Copy)]
struct Address {
    /// `None` on a Unix socket.
    port: Option<u16>,
    pid: u32,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Stage {
    fn new(block: &Block) -> Self {
        let name = block.place.replace(['/', ':', '.'], "-");
        let folder = env::temp_dir().join(format!("silverback-pages-{}-{name}", std::process::id()));
        fs::create_dir_all(folder.join("secrets")).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_silverback"), folder.join("silverback")).unwrap();
        for secret in ["hub-tokens", "hub-api"] {
            fs::write(folder.join("secrets").join(secret), "a secret of 32 or more bytes, for tests").unwrap();
        }
        Self { folder, servers: Vec::new(), address: None, faults: Vec::new() }
    }

    /// Returns what differs from the page.
    fn play(mut self, block: &Block) -> Vec<String> {
        if let Err(fault) = self.try_play(block) {
            self.faults.push(fault);
        }
        std::mem::take(&mut self.faults).into_iter().map(|fault| format!("{}: {fault}", block.place)).collect()
    }

    fn try_play(&mut self, block: &Block) -> Result<(), String> {
        let text: String = block.commands.iter().map(|command| format!("{}\n", command.text)).collect();
        if let Some(file) = text.split_whitespace().find(|word| word.ends_with(".toml")) {
            let content = block.above.as_deref().unwrap_or_default();
            fs::write(self.folder.join(file), self.with_free_ports(content)).unwrap();
        }
        let lines: Vec<_> = block.commands.iter().map(|command| program_line(&command.text)).collect();
        if !lines.iter().flatten().any(|line| is_server(line)) {
            match self.server_for(block, &text) {
                Some(line) => self.start(&line)?,
                None => self.address = Some(Address { port: Some(echo_with_the_library()), pid: std::process::id() }),
            }
        }
        let mut status = None;
        for (command, line) in block.commands.iter().zip(lines) {
            match line {
                Some(line) if is_server(&line) => {
                    self.start(&self.with_free_ports(&line))?;
                    self.check_server(&command.output)?;
                }
                Some(line) => {
                    let (code, output) = self.run(&line)?;
                    self.compare(&line, &command.output, &output);
                    let is_refused = command.output.iter().any(|line| line.starts_with("silverback: "));
                    let may_fail = is_refused || line.contains("--fail-if") || says_status(block);
                    if !may_fail && code != Some(0) {
                        self.faults.push(format!("{line}: ended with {code:?}: {output}"));
                    }
                    status = code;
                }
                None if command.text == "echo $?" => {
                    let shown = command.output.concat();
                    if status.map(|code| code.to_string()) != Some(shown.clone()) {
                        self.faults.push(format!("the page says {shown}, and it ended with {status:?}"));
                    }
                }
                None => {}
            }
        }
        self.stop()
    }

    /// The server that a block without one expects to be there. `None` stands for the reader's own, at the path `/ws`.
    fn server_for(&self, block: &Block, text: &str) -> Option<String> {
        if text.contains("/ws/topic/") {
            return Some("silverback hub --listen 127.0.0.1:0".to_owned());
        }
        if text.contains("-k ") && text.contains("wss://localhost") {
            return Some("silverback --listen 127.0.0.1:0 --tls-self-signed".to_owned());
        }
        if !text.contains(".example.com") {
            return (!text.contains("/ws ") && !text.contains("/ws\n"))
                .then(|| "silverback --listen 127.0.0.1:0".to_owned());
        }
        // Of an authority, as the page shows it.
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        authority.distinguished_name = rcgen::DistinguishedName::new();
        authority.distinguished_name.push(DnType::OrganizationName, "Example Authority");
        let (authority_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let root = authority.self_signed(&authority_key).unwrap();
        let mut params = CertificateParams::new(vec![EXAMPLE.to_owned()]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, EXAMPLE);
        if block.commands.iter().any(|command| command.output.iter().any(|line| line.contains("has expired"))) {
            params.not_after = rcgen::date_time_ymd(2026, 10, 30);
        }
        let certificate = params.signed_by(&key, &Issuer::new(authority, authority_key)).unwrap();
        fs::write(self.folder.join("ca.pem"), root.pem()).unwrap();
        fs::write(self.folder.join("cert.pem"), certificate.pem() + &key.serialize_pem()).unwrap();
        Some(format!("silverback --listen 127.0.0.1:0 --tls-cert cert.pem --allow-host {EXAMPLE}"))
    }

    /// The line with addresses that every machine has.
    fn with_free_ports(&self, line: &str) -> String {
        static ADDRESS: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"(0\.0\.0\.0|127\.0\.0\.1|localhost):\d+").unwrap());
        let line = ADDRESS.replace_all(line, "127.0.0.1:0");
        self.with_own_folder(&line)
    }

    fn with_own_folder(&self, line: &str) -> String {
        let own = format!("{}/", self.folder.display());
        // The folder may be below one of them.
        line.replace("/tmp/", "/run/").replace("/run/", &own)
    }

    fn shell(&self, line: &str) -> Command {
        let mut shell = Command::new("sh");
        let path = env::var("PATH").unwrap_or_default();
        shell.args(["-c", line]).current_dir(&self.folder).env("PATH", format!("{}:{path}", self.folder.display()));
        let inherited = env::vars().map(|(name, _)| name).filter(|name| name.starts_with("SILVERBACK_"));
        inherited.for_each(|name| _ = shell.env_remove(name));
        shell
    }

    fn start(&mut self, line: &str) -> Result<(), String> {
        let output = self.folder.join(format!("server-{}", self.servers.len()));
        let file = fs::File::create(&output).unwrap();
        let mut shell = self.shell(&format!("exec {line}"));
        shell.env("SILVERBACK_LISTEN", "127.0.0.1:0").stdin(Stdio::null());
        let child = shell.stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
        let pid = child.id();
        let mut server = Server { child, output };
        let deadline = Instant::now() + PATIENCE;
        let started = loop {
            let output = fs::read_to_string(&server.output).unwrap();
            // The last line of the greeting.
            if let Some(line) = output.lines().find(|line| line.contains("ws://") || line.contains("wss://")) {
                break Ok(line.to_owned());
            }
            if Instant::now() > deadline || server.child.try_wait().unwrap().is_some() {
                break Err(format!("{line}: does not start: {output}"));
            }
            thread::sleep(TICK);
        };
        static PORT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"wss?://[^/ ]*:(\d+)/").unwrap());
        let port = PORT.captures(&started?).map(|found| found[1].parse().unwrap());
        self.address = Some(Address { port, pid });
        self.servers.push(server);
        Ok(())
    }

    /// Waits until the last server has printed what the page shows.
    fn check_server(&mut self, expected: &[String]) -> Result<(), String> {
        if expected.iter().any(|line| line.ends_with("sent: hello")) {
            self.run("echo hello | silverback ws://localhost:8000/ws/echo")?;
        }
        let server = self.servers.last().expect("it was started");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let output = fs::read_to_string(&server.output).unwrap();
            let shown: BTreeSet<_> = output.lines().map(shape).collect();
            match expected.iter().find(|line| !shown.contains(&shape(&self.with_own_folder(line)))) {
                None => return Ok(()),
                Some(line) if Instant::now() > deadline => {
                    return Err(format!("the server does not say {line}: {output}"));
                }
                Some(_) => thread::sleep(TICK),
            }
        }
    }

    /// Runs a client to its end.
    fn run(&self, line: &str) -> Result<(Option<i32>, String), String> {
        // `silverback hub config` needs no server.
        let line = self.address.map_or_else(|| line.to_owned(), |address| adapted(line, address));
        let line = self.with_own_folder(&line);
        let output = self.folder.join("client");
        let file = fs::File::create(&output).unwrap();
        let mut shell = self.shell(&line);
        shell.stdin(Stdio::piped()).stdout(file.try_clone().unwrap()).stderr(file);
        let mut child = shell.spawn().unwrap();
        // Some clients read nothing.
        let _ = child.stdin.take().unwrap().write_all(b"hello\n");
        let status = ended(&mut child);
        let output = fs::read_to_string(&output).unwrap();
        match status {
            Some(status) => Ok((status.code(), output)),
            None => {
                let _ = child.kill();
                Err(format!("{line}: does not end: {output}"))
            }
        }
    }

    fn compare(&mut self, line: &str, expected: &[String], output: &str) {
        if expected.is_empty() {
            return;
        }
        // Standard output and standard error may overtake each other.
        let shapes = |lines: &mut dyn Iterator<Item = &str>| {
            lines.map(shape).filter(|line| !line.is_empty()).collect::<BTreeSet<_>>()
        };
        let wanted = shapes(&mut expected.iter().map(String::as_str));
        let shown = shapes(&mut output.lines());
        if wanted != shown {
            let missing: Vec<_> = wanted.difference(&shown).map(String::as_str).collect();
            let new: Vec<_> = shown.difference(&wanted).map(String::as_str).collect();
            self.faults.push(format!(
                "{line}\nis on the page alone:\n  {}\nis in the output alone:\n  {}\n{output}",
                missing.join("\n  "),
                new.join("\n  ")
            ));
        }
    }

    fn stop(&mut self) -> Result<(), String> {
        for server in &mut self.servers {
            kill_process(Pid::from_child(&server.child), Signal::TERM).unwrap();
            let status = ended(&mut server.child);
            if status.and_then(|status| status.code()) != Some(0) {
                let output = fs::read_to_string(&server.output).unwrap();
                return Err(format!("a server ended with {status:?}: {output}"));
            }
        }
        Ok(())
    }
}

fn says_status(block: &Block) -> bool {
    block.commands.iter().any(|command| command.text == "echo $?")
}

fn ended(child: &mut Child) -> Option<ExitStatus> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        thread::sleep(TICK);
    }
    None
}

/// The line of a client with the address of the server, and with a short load.
fn adapted(line: &str, address: Address) -> String {
    static LOCAL: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"://(localhost|127\.0\.0\.1):\d+").unwrap());
    static EXAMPLES: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"://[a-z]+\.example\.com(:\d+)?").unwrap());
    static DURATION: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"--duration \S+").unwrap());
    static PID: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"--server-pid \d+").unwrap());
    let mut line = line.to_owned();
    if let Some(port) = address.port {
        line = LOCAL.replace_all(&line, format!("://$1:{port}")).into_owned();
        if EXAMPLES.is_match(&line) {
            let replaced = EXAMPLES.replace_all(&line, format!("://{EXAMPLE}:{port}")).into_owned();
            line = format!("{replaced} --resolve {EXAMPLE}:{port}:127.0.0.1");
            if !line.contains("--cacert") {
                line += " --cacert ca.pem";
            }
        }
    }
    // The server of the examples is the program.
    static PATH: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(wss://[^/ ]+/)ws( |$)").unwrap());
    line = PATH.replace_all(&line, "${1}ws/echo$2").into_owned();
    line = PID.replace_all(&line, format!("--server-pid {}", address.pid)).into_owned();
    if line.contains("silverback bench ") {
        let few = line.replace("-c 1000 ", "-c 20 ");
        line = format!("{} --duration 200ms --warmup 1ms", DURATION.replace_all(&few, ""));
    } else if line.contains("://") && !["--wait", "--record", "--replay"].iter().any(|word| line.contains(word)) {
        // Without a count, `connect` ends after three seconds of silence, and answers may come later on a busy machine.
        let answers = line.matches("\\n").count().max(1);
        if !line.contains(" check ") && !line.contains(" -n ") {
            line += &format!(" -n {answers}");
        }
        line += " --wait 40s";
    }
    line
}

/// A line without what differs from run to run.
fn shape(line: &str) -> String {
    static RULES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        let rules = [
            (r"(?i)\b(sec-websocket-key|sec-websocket-accept|date): .*", "$1: ?"),
            (r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d+ \w+ \d+ [\d:]+", "?"),
            (r"([0-9A-F]{2}:){3,}[0-9A-F]{2}", "?"),
            // Machines differ in whether localhost has it.
            (r#", ::1|::1, |^\s*"::1",?$"#, ""),
            (r"127\.0\.0\.1", "localhost"),
            (r",$", ""),
            (r"([\w\]]):\d+", "$1"),
            (r"\d[\d.,]*( ?(ns|us|µs|ms|s|B|KiB|MiB|GiB)\b)?", "0"),
            (r"#+", ""),
            (r"\s+", " "),
        ];
        rules.into_iter().map(|(rule, with)| (Regex::new(rule).unwrap(), with)).collect()
    });
    let shaped = RULES.iter().fold(line.to_owned(), |line, (rule, with)| rule.replace_all(&line, *with).into_owned());
    shaped.trim().to_owned()
}

/// Starts an echo server as the pages write it, for the rest of the test, and returns its port.
fn echo_with_the_library() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    listener.set_nonblocking(true).unwrap();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut conn = Upgrader::new().accept(stream).await?;
                    while let Some(message) = conn.read_message().await? {
                        conn.write_message(message).await?;
                    }
                    Ok::<_, silverback::Error>(())
                });
            }
        });
    });
    port
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

const LIST: &str = "docs/how-we-know.md";
/// The host of the pages' examples with TLS.
const EXAMPLE: &str = "chat.example.com";
const TICK: Duration = Duration::from_millis(20);
