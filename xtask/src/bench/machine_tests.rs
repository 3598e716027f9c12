use super::version_in;

#[test]
fn a_version_is_that_of_the_whole_name() {
    let lock =
        "[[package]]\nname = \"tokio-util\"\nversion = \"0.7\"\n\n[[package]]\nname = \"tokio\"\nversion = \"1.5\"\n";
    assert_eq!(version_in(lock, "tokio"), Some("1.5"));
    assert_eq!(version_in(lock, "util"), None);
}
