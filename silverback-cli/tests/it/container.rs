//! The Containerfile against the program: no engine for containers is needed to see that its lines fit. The images are
//! `echo` and `hub`; both begin with the lines of `program`. The manifest of Kubernetes uses the latter.

use std::{fs, path::Path, process::Command};

use rustix::process::Signal;

use crate::support::{Program, get, run};

/// An instruction of the Containerfile, with the stage that it belongs to.
struct Instruction {
    stage: String,
    name: String,
    rest: String,
}

/// The Containerfile, with continued lines joined.
fn instructions() -> Vec<Instruction> {
    let text = read("Containerfile").replace("\\\n", " ");
    let mut stage = String::new();
    let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, rest) = line.split_once(' ').unwrap();
            if name == "FROM" {
                stage = rest.rsplit_once(" AS ").unwrap().1.to_owned();
            }
            Instruction { stage: stage.clone(), name: name.to_owned(), rest: rest.trim().to_owned() }
        })
        .collect()
}

fn read(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    fs::read_to_string(root.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The only instruction of this name in a stage.
#[track_caller]
fn line(stage: &str, name: &str) -> String {
    let all = instructions();
    let found: Vec<_> = all.iter().filter(|line| line.stage == stage && line.name == name).collect();
    assert_eq!(found.len(), 1, "{name} in {stage}");
    found[0].rest.clone()
}

/// The words of an instruction in the form that needs no shell.
#[track_caller]
fn words(array: &str) -> Vec<String> {
    serde_json::from_str(array).unwrap_or_else(|error| panic!("{array}: {error}"))
}

/// The arguments of the health check, for a service at this port.
fn health_check(stage: &str, port: u16) -> Vec<String> {
    let line = line(stage, "HEALTHCHECK");
    let words = words(line.split_once("CMD ").unwrap().1);
    assert_eq!(words[0], words_of_entry_point()[0]);
    words[1..].iter().map(|word| word.replace(&format!(":{PORT}/"), &format!(":{port}/"))).collect()
}

fn words_of_entry_point() -> Vec<String> {
    words(&line("program", "ENTRYPOINT"))
}

/// Starts an image's command on a free port of all addresses, and asks the health check before and after its end.
#[track_caller]
fn check_image(stage: &str, command: &[&str], environment: &[(&str, &str)]) {
    assert_eq!(words_of_entry_point().len(), 1);
    let listen = line("program", "ENV").replace(PORT, "0");
    let (variable, value) = listen.split_once('=').unwrap();
    assert_eq!(value, "0.0.0.0:0");
    let mut program = Program::start_with(command, &[&[(variable, value)], environment].concat());
    let port = program.address.port();
    let ask = || {
        let arguments = health_check(stage, port);
        run(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), &[])
    };
    let (code, out, err) = ask();
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    assert_eq!(get(([127, 0, 0, 1], port).into(), "/healthz").status, 200);
    assert_eq!(line("program", "STOPSIGNAL"), "SIGTERM");
    program.signal(Signal::TERM);
    assert_eq!(program.wait().code(), Some(0), "{}", program.errors());
    assert_eq!(ask().0, Some(3), "nobody listens any more");
}

#[test]
fn the_container_serves_the_echo_and_its_health_check_passes() {
    let command = words(&line("echo", "CMD"));
    check_image("echo", &command.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
}

#[test]
fn the_container_serves_the_hub_and_its_health_check_needs_no_token() {
    let mut command = words(&line("hub", "CMD"));
    let file = command.pop().unwrap();
    assert_eq!((command.join(" ").as_str(), file.as_str()), ("hub --config", "/etc/silverback/hub.toml"));
    let example = format!("{}/../deploy/hub.toml", env!("CARGO_MANIFEST_DIR"));
    let secret = ("SILVERBACK_TOKEN_SECRET", "a secret that is 32 bytes long, or more");
    check_image("hub", &["hub", "--config", &example], &[secret]);
    // The file of the packages listens on loopback, and the image on all addresses, so it needs keys.
    let environment = [("SILVERBACK_LISTEN", "0.0.0.0:0")];
    let (code, _, err) = run(&["hub", "--config", &example], &environment);
    assert_eq!(code, Some(2), "{err}");
}

#[test]
fn the_container_needs_no_root_and_no_shell() {
    assert!(instructions().iter().any(|line| line.name == "FROM" && line.rest == "scratch AS program"));
    let user = line("program", "USER");
    let ids: Vec<u32> = user.split(':').map(|id| id.parse().unwrap()).collect();
    assert!(ids.len() == 2 && ids.iter().all(|id| *id > 0), "{user}");
    let port: u16 = line("program", "EXPOSE").parse().unwrap();
    assert!(port >= 1024 && port.to_string() == PORT);
    for image in ["echo", "hub"] {
        assert_eq!(line(image, "FROM"), format!("program AS {image}"));
    }
    let shell = instructions().into_iter().find(|line| line.stage != "build" && line.name == "RUN");
    assert!(shell.is_none(), "an empty image has no shell to run anything");
}

#[test]
fn the_build_in_the_container_names_things_that_exist() {
    let all = instructions();
    let builds: Vec<_> = all.iter().filter(|line| line.rest.contains("cargo build")).collect();
    let [build] = builds[..] else { panic!("one build") };
    let after =
        |option: &str| build.rest.split_once(option).unwrap().1.split_whitespace().next().unwrap().trim_matches('"');
    let (profile, package) = (after("--profile "), after("--package "));
    assert!(read("Cargo.toml").contains(&format!("\n[profile.{profile}]\n")), "{profile}");
    assert_eq!(package, env!("CARGO_PKG_NAME"));
    assert_eq!(after("--target "), "$TARGET");
    let made = format!("cp \"target/$TARGET/{profile}/silverback\" /silverback");
    assert!(build.rest.contains(&made), "{}", build.rest);
    let argument = line("build", "ARG");
    let targets = Command::new("rustc").args(["--print", "target-list"]).output().unwrap().stdout;
    let targets = String::from_utf8(targets).unwrap();
    let target = argument.strip_prefix("TARGET=").unwrap();
    assert!(target.contains("musl") && targets.lines().any(|known| known == target), "{target}");
    // The image's compiler is new enough.
    let image = line("build", "FROM");
    let version = image.split_once("rust:").unwrap().1.split_once('-').unwrap().0;
    let number = |version: &str| version.split('.').map(|part| part.parse::<u32>().unwrap()).collect::<Vec<_>>();
    assert!(number(version) >= number(env!("CARGO_PKG_RUST_VERSION")), "{image}");
}

#[test]
fn the_hub_accepts_its_file_on_kubernetes() {
    let manifest = read("docs/deploy/kubernetes.yaml");
    let block = manifest.split_once("  hub.toml: |\n").unwrap().1;
    let lines: Vec<_> =
        block.lines().map_while(|line| line.strip_prefix("    ").or(line.is_empty().then_some(""))).collect();
    let folder = std::env::temp_dir().join(format!("silverback-kubernetes-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    // Its secrets are mounted in the container.
    let text = lines.join("\n").replace("/run/secrets/hub/", "");
    for secret in ["token-secret", "api-keys"] {
        assert!(text.contains(&format!("\"{secret}\"")), "{text}");
        fs::write(folder.join(secret), "a secret that is 32 bytes long, or more\n").unwrap();
    }
    let file = folder.join("hub.toml");
    fs::write(&file, &text).unwrap();
    let (code, out, err) = run(&["hub", "config", "check", file.to_str().unwrap()], &[]);
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}{text}");
}

/// The port in the images.
const PORT: &str = "8000";
