use super::*;

#[test]
fn every_place_is_cut_once() {
    let splits: Vec<_> = every_split(b"abc").map(|(first, _)| first.len()).collect();
    assert_eq!(splits, [0, 1, 2, 3]);
    let mut seen = Vec::new();
    for_each_cut(b"ab", |first, second| seen.push((first.to_vec(), second.to_vec())));
    let pair = |first: &str, second: &str| (first.into(), second.into());
    assert_eq!(seen, [pair("", "ab"), pair("a", "b"), pair("ab", "")]);
}

#[test]
fn one_byte_at_a_time_gives_each_byte() {
    assert_eq!(one_byte_at_a_time(b"abc").collect::<Vec<_>>(), [b"a", b"b", b"c"]);
    assert_eq!(one_byte_at_a_time(b"").count(), 0);
}

#[test]
fn a_random_split_keeps_all_bytes_in_order() {
    for seed in 0..200 {
        let pieces = random_split(b"0123456789", 4, seed);
        assert_eq!(pieces.len(), 4);
        assert_eq!(pieces.concat(), b"0123456789");
    }
    assert_eq!(random_split(b"", 3, 1), [b"", b"", b""]);
}

#[test]
fn a_seed_gives_the_same_split_again_and_another_seed_another() {
    let bytes = Random::new(3).bytes(1000);
    assert_eq!(random_split(&bytes, 5, 42), random_split(&bytes, 5, 42));
    assert_ne!(random_split(&bytes, 5, 42), random_split(&bytes, 5, 43));
}

#[test]
fn the_generator_is_splitmix64() {
    // The first numbers of the reference implementation for seed 1234567.
    let mut random = Random::new(1_234_567);
    assert_eq!(random.next_u64(), 6_457_827_717_110_365_317);
    assert_eq!(random.next_u64(), 3_203_168_211_198_807_973);
}

#[test]
fn every_way_covers_whole_halves_bytes_and_random_pieces() {
    let mut ways = Vec::new();
    for_each_way(b"abcd", 7, |pieces| {
        assert_eq!(pieces.concat(), b"abcd");
        ways.push(pieces.len());
    });
    assert_eq!(ways[..7], [1, 4, 2, 2, 2, 2, 2]);
    assert_eq!(ways.len(), 7 + 32);
    assert!(ways[7..].iter().all(|pieces| (3..=8).contains(pieces)));
}
