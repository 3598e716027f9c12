use super::{INSTALLS, Sign, lines};
use crate::steps;

#[test]
fn every_install_belongs_to_steps_that_exist() {
    let named = INSTALLS.iter().flat_map(|install| install.steps);
    let unknown: Vec<_> = named.filter(|name| steps::ALL.iter().all(|step| step.name != **name)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn only_missing_things_of_chosen_steps_are_announced() {
    assert_eq!(lines(|step| step == "deny", |_| false), ["into target/tools: cargo-deny"]);
    assert!(lines(|step| step == "deny", |_| true).is_empty());
    assert!(lines(|step| step == "fmt", |_| false).is_empty());
    let is_seen = |sign: &Sign| !matches!(sign, Sign::Rustlib(_));
    assert_eq!(lines(|_| true, is_seen).len(), 1);
}
