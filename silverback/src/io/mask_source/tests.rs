use std::{collections::HashSet, thread};

use super::*;

fn used_of_block() -> usize {
    BLOCK.with_borrow(|block| block.used)
}

#[test]
fn keys_do_not_repeat_within_blocks_or_between_threads() {
    let draw = || (0..1000).map(|_| next_mask_key().0).collect::<Vec<_>>();
    let other = thread::spawn(draw).join().expect("the thread draws keys");
    let keys: HashSet<[u8; 4]> = draw().into_iter().chain(other).collect();
    // Among 2,000 keys of 2^32, two equal ones are rarer than one in a thousand runs. Ten are not chance.
    assert!(keys.len() > 1990, "{} different keys", keys.len());
}

#[test]
fn used_keys_are_wiped() {
    let key = next_mask_key().0;
    let used = used_of_block();
    BLOCK.with_borrow(|block| assert_eq!(block.keys[..used], vec![0; used]));
    assert_ne!(key, [0; 4]);
}

#[test]
fn a_child_process_starts_a_new_block() {
    prepare();
    next_mask_key();
    next_mask_key();
    assert_eq!(used_of_block(), 8);
    // As if another process had drawn this block.
    BLOCK.with_borrow_mut(|block| block.process = block.process.wrapping_add(1));
    next_mask_key();
    assert_eq!(used_of_block(), 4);
}
