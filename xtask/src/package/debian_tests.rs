use super::is_match;

#[test]
fn a_pattern_matches_the_files_of_one_folder() {
    assert!(is_match("man/*.1", "man/silverback.1"));
    assert!(is_match("LICENSE*", "LICENSE-MIT"));
    assert!(is_match("hub.toml", "hub.toml"));
    assert!(!is_match("man/*.1", "man/silverback.2"));
    assert!(!is_match("systemd/*", "systemd/silverback.service.d/more.conf"));
    assert!(!is_match("LICENSE*", "man/LICENSE-MIT"));
    assert!(!is_match("hub.toml", "other/hub.toml"));
}
