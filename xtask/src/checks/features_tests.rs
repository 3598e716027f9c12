use std::collections::{BTreeMap, BTreeSet};

use super::combinations;

fn declared(features: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    features.iter().map(|(name, implied)| ((*name).to_owned(), owned(implied))).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_package_without_features_has_one_combination() {
    assert_eq!(combinations(&declared(&[])), BTreeSet::from([set(&[])]));
}

#[test]
fn independent_features_are_built_alone_left_out_and_all_together() {
    let two = declared(&[("a", &["dep:x"]), ("b", &["y/z"])]);
    assert_eq!(combinations(&two).len(), 4);
    let four = declared(&[("a", &[]), ("b", &[]), ("c", &[]), ("d", &[])]);
    let found = combinations(&four);
    assert_eq!(found.len(), 1 + 4 + 4 + 1);
    assert!(found.contains(&set(&["d"])) && found.contains(&set(&["a", "b", "d"])));
    assert!(found.contains(&set(&["a", "b", "c", "d"])));
}

#[test]
fn a_feature_brings_what_it_implies_and_no_set_is_built_twice() {
    let features = declared(&[("hyper", &["dep:hyper"]), ("hyper-auto", &["hyper", "hyper-util/server-auto"])]);
    let expected = BTreeSet::from([set(&[]), set(&["hyper"]), set(&["hyper", "hyper-auto"])]);
    assert_eq!(combinations(&features), expected);
}

#[test]
fn features_may_imply_each_other_in_a_circle() {
    let features = declared(&[("a", &["b"]), ("b", &["a"])]);
    assert_eq!(combinations(&features), BTreeSet::from([set(&[]), set(&["a", "b"])]));
}
