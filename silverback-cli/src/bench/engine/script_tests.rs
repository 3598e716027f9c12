//! The messages of a load.
#![allow(clippy::unwrap_used)]

use super::*;

fn sizes_of(script: &Script) -> Vec<usize> {
    (0..script.len()).map(|place| script.message(place).message().len()).collect()
}

#[test]
fn every_filling_has_exactly_the_size_that_was_asked_for() {
    for filling in [Filling::Ascii, Filling::Utf8, Filling::Json, Filling::Random] {
        for size in [0, 1, 2, 3, 5, 16, 26, 27, 64, 1000, 70_000] {
            let script = Script::new(&Sizes::Listed(vec![size]), MessageKind::Binary, filling);
            assert!(sizes_of(&script).iter().all(|found| *found == size), "{filling:?} {size}");
        }
    }
}

#[test]
fn text_is_text_and_json_is_json() {
    for size in [1, 27, 200, 5000] {
        for filling in [Filling::Ascii, Filling::Utf8, Filling::Json] {
            let script = Script::new(&Sizes::Listed(vec![size]), MessageKind::Text, filling);
            let text = script.message(0).message().as_text().unwrap().to_owned();
            if filling == Filling::Json {
                serde_json::from_str::<serde_json::Value>(&text).unwrap();
            }
            if filling == Filling::Utf8 && size > 100 {
                assert!(text.chars().count() < size, "some characters take several bytes");
            }
        }
    }
}

#[test]
fn listed_sizes_take_turns_and_ranges_are_kept_to() {
    let listed = Script::new(&Sizes::Listed(vec![16, 1024, 7]), MessageKind::Binary, Filling::Random);
    assert_eq!(sizes_of(&listed)[..6], [16, 1024, 7, 16, 1024, 7]);
    assert_eq!(listed.len() % 3, 0);
    let ranged = sizes_of(&Script::new(&Sizes::Between(10, 20), MessageKind::Binary, Filling::Random));
    assert!(ranged.iter().all(|size| (10..=20).contains(size)));
    assert!(ranged.contains(&10) && ranged.contains(&20));
}

#[test]
fn the_same_load_is_sent_each_time_and_its_messages_differ() {
    let script = || Script::new(&Sizes::Listed(vec![64]), MessageKind::Binary, Filling::Random);
    let (one, other) = (script(), script());
    assert_eq!(one.message(3).message(), other.message(3).message());
    assert_ne!(one.message(0).message(), one.message(1).message());
}

#[test]
fn the_ring_of_large_messages_stays_small() {
    let script = Script::new(&Sizes::Listed(vec![1 << 20]), MessageKind::Binary, Filling::Random);
    assert_eq!(script.len(), 2);
}
