//! The configuration: the file, `config check`, `config print`, and secrets that are shown nowhere.

use std::{fs, path::PathBuf, process::Command};

use data_encoding::BASE64URL_NOPAD;
use ring::hmac;
use serde_json::json;
use silverback_testkit::pages;

use super::{call, closed_with, command, dial};
use crate::support::{Program, ask, handshake, run, within};

/// A folder that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("silverback-hub-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, content: &str) -> String {
        let path = self.0.join(name);
        fs::write(&path, content).unwrap();
        #[cfg(unix)]
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const SECRET: &str = "a secret of at least thirty-two bytes";

/// A token as an application signs it.
fn token(claims: &str) -> String {
    let [header, claims] = [r#"{"alg":"HS256"}"#, claims].map(|part| BASE64URL_NOPAD.encode(part.as_bytes()));
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let signature = hmac::sign(&key, format!("{header}.{claims}").as_bytes());
    format!("{header}.{claims}.{}", BASE64URL_NOPAD.encode(signature.as_ref()))
}

const EXAMPLE: &str = r#"
listen = "127.0.0.1:0"
token_secret_file = "secret"
api_key = ["the key of our services"]
max_topics_per_client = 2

[namespaces."chat:*"]
history_size = 100
presence = true
publish = true
read_history = true
read_presence = true

[namespaces."news:*"]
open = true
"#;

#[tokio::test]
async fn a_file_limits_the_connections_of_a_user_and_the_commands_of_a_client() {
    let folder = Folder::new("limits");
    let limits = "max_connections_per_user = 1\nmax_commands_per_second = 1\nmax_commands_in_burst = 2\n";
    let file = folder.write("hub.toml", &format!("listen = \"127.0.0.1:0\"\ntoken_secret = \"{SECRET}\"\n{limits}"));
    let program = Program::start_with(&["hub", "--config", &file], &[]);
    let connect = json!({"id": 1, "connect": {"token": token(r#"{"sub":"ann"}"#)}});

    let mut first = dial(program.address, "/connection/websocket").await;
    assert!(command(&mut first, connect.clone()).await["connect"].is_object());
    let mut second = dial(program.address, "/connection/websocket").await;
    second.write_message(connect.to_string()).await.unwrap();
    assert_eq!(closed_with(&mut second).await, 3504);

    // All in one message, so that the time between them does not matter.
    let subscribe = |id| json!({"id": id, "subscribe": {"channel": "x"}}).to_string();
    first.write_message((2..12).map(subscribe).collect::<Vec<_>>().join("\n")).await.unwrap();
    let mut codes = Vec::new();
    while codes.len() < 10 {
        let replies = within(first.read_message()).await.unwrap().expect("the connection stays open");
        for reply in replies.to_text().unwrap().lines() {
            let reply: serde_json::Value = serde_json::from_str(reply).unwrap();
            codes.push(reply["error"]["code"].as_u64());
        }
    }
    assert!(codes.contains(&Some(111)), "{codes:?}");
}

#[tokio::test]
async fn a_file_says_who_may_do_what() {
    let folder = Folder::new("example");
    folder.write("secret", &format!("{SECRET}\n"));
    let file = folder.write("hub.toml", EXAMPLE);
    let (code, out, errors) = run(&["hub", "config", "check", &file], &[]);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    assert_eq!(out, format!("{file} is valid\n"));
    let program = Program::start_with(&["hub", "--config", &file], &[]);

    let mut stranger = dial(program.address, "/connection/websocket").await;
    stranger.write_message(r#"{"id":1,"connect":{}}"#).await.unwrap();
    assert_eq!(closed_with(&mut stranger).await, 3501);

    let mut ann = dial(program.address, "/connection/websocket").await;
    let connect = json!({"id": 1, "connect": {"token": token(r#"{"sub":"ann"}"#)}});
    assert!(command(&mut ann, connect).await["connect"].is_object());
    let news = command(&mut ann, json!({"id": 2, "subscribe": {"channel": "news:1"}})).await;
    assert!(news["subscribe"].is_object(), "{news}");
    let chat = command(&mut ann, json!({"id": 3, "subscribe": {"channel": "chat:7"}})).await;
    assert_eq!(chat["error"]["code"], 103, "{chat}");
    let ticket = token(r#"{"sub":"ann","channel":"chat:7"}"#);
    let chat = command(&mut ann, json!({"id": 4, "subscribe": {"channel": "chat:7", "token": ticket}})).await;
    assert_eq!(chat["subscribe"]["recoverable"], true, "{chat}");
    let third = command(&mut ann, json!({"id": 5, "subscribe": {"channel": "news:2"}})).await;
    assert_eq!(third["error"]["code"], 106, "{third}");
    let refused = command(&mut ann, json!({"id": 6, "publish": {"channel": "news:1", "data": 1}})).await;
    assert_eq!(refused["error"]["code"], 103, "{refused}");

    let raw = |path: &str| {
        let request = handshake(program.address, &[]).replace("/ws/echo", &format!("/ws/topic/{path}"));
        ask(program.address, &request).status
    };
    assert_eq!(raw("chat:7"), 401);
    assert_eq!(raw("chat:8?token=nonsense"), 401);
    assert_eq!(raw(&format!("chat:8?token={ticket}")), 403);
    assert_eq!(raw(&format!("chat:7?token={ticket}")), 101);
    let bearer = handshake(program.address, &[("Authorization", &format!("Bearer {ticket}"))]);
    assert_eq!(ask(program.address, &bearer.replace("/ws/echo", "/ws/topic/chat:7")).status, 101);
    assert_eq!(call(program.address, "info", "the key of our services", "{}").status, 200);
}

#[test]
fn a_token_that_is_signed_as_the_page_does_opens_its_topic() {
    let blocks = pages::blocks(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".."));
    let block = blocks.iter().find(|block| block.commands[0].text.starts_with("base64url()")).expect("the page has it");
    let mut script: Vec<_> = block.commands.iter().map(|command| command.text.as_str()).collect();
    script.push("printf '%s' \"$token\"");

    let folder = Folder::new("page-token");
    folder.write("hub-tokens", &format!("{SECRET}\n"));
    let file = folder
        .write("hub.toml", "listen = \"127.0.0.1:0\"\ntoken_secret_file = \"hub-tokens\"\n[namespaces.\"chat:*\"]\n");
    let shell = Command::new("sh").args(["-ec", &script.join("\n")]).current_dir(&folder.0).output().unwrap();
    assert!(shell.status.success(), "{}", String::from_utf8_lossy(&shell.stderr));
    let token = String::from_utf8(shell.stdout).unwrap();

    let program = Program::start_with(&["hub", "--config", &file], &[]);
    let status = |topic: &str| {
        let path = format!("/ws/topic/{topic}?token={token}");
        ask(program.address, &handshake(program.address, &[]).replace("/ws/echo", &path)).status
    };
    assert_eq!((status("chat:7"), status("chat:8")), (101, 403));
}

#[test]
fn a_file_with_faults_is_refused_with_each_of_them_and_no_hub_starts() {
    let folder = Folder::new("faults");
    let file = folder.write("hub.toml", "drian = \"1s\"\nopen = 7\n[namespaces.\"a\"]\npublis = true\n");
    for options in [
        &["hub", "config", "check", &file][..],
        &["hub", "--config", &file],
        &["hub", "config", "print", "--config", &file],
    ] {
        let (code, out, errors) = run(options, &[]);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{errors}");
        let expected = [
            format!("silverback: {file}:1:1: unknown key `drian`; did you mean `drain`?"),
            format!("silverback: {file}:2:8: open: must be true or false"),
            format!("silverback: {file}:4:1: unknown key `publis`; did you mean `publish`?"),
        ];
        assert_eq!(errors.lines().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn what_the_file_names_must_be_there() {
    let folder = Folder::new("named");
    folder.write("empty", " \n");
    folder.write("jwks", "{\"keys\":[]}");
    for (text, expected) in [
        ("token_secret_file = \"missing\"", "token_secret_file: cannot read"),
        ("token_secret_file = \"empty\"", "token_secret_file:"),
        ("token_jwks_file = \"jwks\"", "token_jwks_file: the set has no key"),
        ("engine_file = \"jwks\"", "engine_file: must be memory, or a URL"),
        ("anonymous = true\ntls_cert = \"missing\"", "hub.toml:2: tls_cert: cannot use"),
        ("anonymous = true\ntls_key = \"missing\"", "hub.toml:2: tls_key: needs tls_cert"),
        (
            "anonymous = true\ntls_self_signed = true\ntls_cert = \"jwks\"",
            "hub.toml:2: tls_self_signed: and tls_cert cannot be given together",
        ),
        ("tls_self_signed = true\nanonymous = true", ""),
        ("anonymous = true\ntls_self_signed = true\nlisten = \"unix:hub\"", "hub.toml:2: tls_self_signed: --tls-cert"),
        ("anonymous = true\nadmin = \"0.0.0.0:0\"", "hub.toml:2: admin: other machines can reach this address"),
        ("anonymous = true\nadmin = \"127.0.0.1:0\"", ""),
        ("anonymous = true\nadmin_token = \"short\"", "hub.toml:2: admin_token: the token of --admin must have"),
        ("[namespaces.\"a\"]\nhistory_size = -1", "hub.toml:2:16: history_size: must be a number from 0 to 10000000"),
        ("anonymous = true\nproxy_protocol = true", "hub.toml:2: proxy_protocol: needs trusted_proxy"),
        (
            "token_secret = \"x\"\ntoken_secret_file = \"jwks\"",
            "token_secret: and token_secret_file cannot be given together",
        ),
        ("drain = \"1s\"\nlisten = \"0.0.0.0:0\"", "nobody could connect"),
        ("[namespaces.\"a\"]", "nobody could connect"),
    ] {
        let file = folder.write("hub.toml", text);
        let (code, _, errors) = run(&["hub", "config", "check", &file], &[]);
        assert_eq!(code, Some(if expected.is_empty() { 0 } else { 2 }), "{text}: {errors}");
        assert!(errors.contains(expected), "{text}: {errors}");
    }
}

#[test]
fn what_is_dangerous_is_a_warning() {
    let folder = Folder::new("dangerous");
    for (text, expected) in [
        (
            "open = true\nlisten = \"0.0.0.0:0\"",
            "hub.toml:1: open: everybody who reaches this address may publish everywhere",
        ),
        (
            "anonymous = true\nlisten = \"0.0.0.0:0\"\n[namespaces.\"a\"]\nopen = true\npublish = true",
            "namespace `a`: everybody who reaches this address may publish there",
        ),
        ("token_secret = \"short\"", "hub.toml:1: token_secret: a secret of less than 32 bytes can be guessed"),
        ("open = true\napi_key = \"key\"", "hub.toml:2: api_key: a key of less than 16 bytes can be guessed"),
        ("anonymous = true", "hub.toml:1: anonymous: clients without a token can enter nothing"),
        (
            "open = true\n[namespaces.\"a\"]\nhistory_age = \"1m\"",
            "namespace `a`: history_age does nothing without history_size",
        ),
        (
            "open = true\n[namespaces.\"a\"]\nread_presence = true",
            "namespace `a`: read_presence does nothing without presence",
        ),
    ] {
        let file = folder.write("hub.toml", text);
        let (code, _, errors) = run(&["hub", "config", "check", &file], &[]);
        assert_eq!(code, Some(0), "{text}: {errors}");
        assert!(errors.contains("warning: ") && errors.contains(expected), "{text}: {errors}");
    }
    let file = folder.write("hub.toml", &format!("token_secret = \"{SECRET}\""));
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let (_, _, errors) = run(&["hub", "config", "check", &file], &[]);
    assert!(errors.contains("every user of this machine can read the secrets"), "{errors}");
}

#[test]
fn options_come_before_variables_and_variables_before_the_file() {
    let folder = Folder::new("layers");
    let file = folder.write("hub.toml", "drain = \"1s\"\nmax_connections = 10\nping_interval = \"7s\"\n");
    let environment =
        [("SILVERBACK_CONFIG", file.as_str()), ("SILVERBACK_MAX_CONNECTIONS", "20"), ("SILVERBACK_DRAIN", "2s")];
    let (code, out, errors) = run(&["hub", "config", "print", "--drain", "3s"], &environment);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    for line in [
        "drain = \"3s\"  # option",
        "max_connections = 20  # variable",
        "ping_interval = \"7s\"  # line 3 of the file",
        "close_timeout = \"5s\"  # default",
        "listen = [\"localhost:8000\"]  # default",
    ] {
        assert!(out.lines().any(|found| found == line), "{line} in {out}");
    }
}

#[test]
fn the_printed_configuration_is_valid_and_has_the_same_effect() {
    let folder = Folder::new("printed");
    folder.write("secret", SECRET);
    let file = folder.write("hub.toml", EXAMPLE);
    let (_, first, _) = run(&["hub", "config", "print", "--config", &file], &[]);
    let printed = folder.write("printed.toml", &first);
    let (code, _, errors) = run(&["hub", "config", "check", &printed], &[]);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    let (_, second, _) = run(&["hub", "config", "print", "--config", &printed], &[]);
    let values = |text: &str| {
        text.lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.split("  # ").next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(values(&first), values(&second));
    let (code, _, errors) = run(&["hub", "--config", &printed], &[]);
    assert_eq!(code, Some(2), "{errors}");
    assert!(errors.contains("api_key: has REDACTED"), "{errors}");
}

#[test]
fn secrets_are_shown_nowhere() {
    let folder = Folder::new("secrets");
    let file = folder
        .write("hub.toml", &format!("token_secret = \"hunter2 {SECRET}\"\napi_key = \"hunter2 of the services\"\n"));
    let variables = [("SILVERBACK_CONFIG", file.as_str()), ("SILVERBACK_LISTEN", "127.0.0.1:0")];
    let (code, out, errors) = run(&["hub", "config", "print"], &variables);
    assert_eq!(code, Some(0), "{errors}");
    assert!(out.contains("token_secret = \"REDACTED\"") && out.contains("api_key = [\"REDACTED\"]"), "{out}");
    assert!(!format!("{out}{errors}").contains("hunter2"), "{out}{errors}");
    for engine in ["nats://me:hunter2@127.0.0.1:1", "kafka://me:hunter2@127.0.0.1:1", "nats://hunter2"] {
        let variables = [variables[0], variables[1], ("SILVERBACK_ENGINE", engine)];
        let (_, out, errors) = run(&["hub", "config", "print"], &variables);
        let host_may_stand = engine == "nats://hunter2";
        assert!(host_may_stand || !format!("{out}{errors}").contains("hunter2"), "{out}{errors}");
    }
    let program = Program::start_with(&["hub"], &variables);
    assert_eq!(call(program.address, "info", "hunter2 of the services", "{}").status, 200);
    program.signal(rustix::process::Signal::TERM);
    let mut program = program;
    assert_eq!(program.wait().code(), Some(0));
    assert!(!format!("{}{}", program.output(), program.errors()).contains("hunter2"));
}
