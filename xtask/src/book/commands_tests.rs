use super::*;

fn known() -> Known {
    let targets = ["chat", "chat bin server", "chat example small", "silverback-cli"].map(str::to_owned);
    Known { targets: targets.into() }
}

#[test]
fn what_cargo_is_asked_for_must_exist() {
    let fault = |command| known().fault(command);
    assert_eq!(fault("cargo run -p chat --bin server"), None);
    assert_eq!(fault("cargo run -p chat --example small -- --any"), None);
    assert_eq!(fault("cargo run -p talk"), Some("cargo knows no talk".to_owned()));
    assert_eq!(fault("A=b cargo run -p chat --bin server -- -p x"), None);
    assert_eq!(fault("mkdir -p talk"), None);
    assert_eq!(fault("cargo run -p chat --bin small"), Some("cargo knows no chat bin small".to_owned()));
}

#[test]
fn chores_of_xtask_must_exist_with_their_options() {
    let fault = |command| known().fault(command);
    assert_eq!(fault("cargo xtask test --only fmt,clippy # quick"), None);
    assert_eq!(fault("cargo xtask bench --only NAME"), None);
    assert_eq!(fault("cargo xtask"), None);
    assert!(fault("cargo xtask benches").is_some_and(|fault| fault.contains("benches")));
    assert!(fault("cargo xtask bench --quickly").is_some_and(|fault| fault.contains("--quickly")));
}

#[test]
fn commands_are_lines_of_sh_and_lines_after_a_dollar() {
    assert_eq!(commands("sh", "# why\na b\n\nc\n"), ["a b", "c"]);
    assert_eq!(commands("console", "$ a b\noutput\n"), ["a b"]);
    assert!(commands("rust,no_run", "a\n").is_empty());
}
