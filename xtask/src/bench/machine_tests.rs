use super::{version_in, version_of};

#[test]
fn a_version_is_that_of_the_whole_name() {
    let lock =
        "[[package]]\nname = \"tokio-util\"\nversion = \"0.7\"\n\n[[package]]\nname = \"tokio\"\nversion = \"1.5\"\n";
    assert_eq!(version_in(lock, "tokio"), Some("1.5"));
    assert_eq!(version_in(lock, "util"), None);
}

#[test]
fn of_several_versions_the_newest_counts() {
    let lock = "name = \"tungstenite\"\nversion = \"0.29.0\"\n\nname = \"tungstenite\"\nversion = \"0.30.0\"\n";
    assert_eq!(version_in(lock, "tungstenite"), Some("0.30.0"));
}

#[test]
fn a_kernel_is_named_without_its_build() {
    assert_eq!(version_of("6.18.44-fc-v657"), "6.18.44");
    assert_eq!(version_of("6.1.0"), "6.1.0");
}
