use super::*;

#[test]
fn clap_finds_no_fault_with_the_options() {
    Args::command().debug_assert();
}
