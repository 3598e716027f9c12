//! Alignment, growth, and the pool. Each test has its own thread, and with it its own pool.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a buffer may be dropped on any thread")]

use super::*;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

fn pooled_bytes() -> usize {
    POOL.with(|pool| {
        let pool = pool.borrow();
        let held = pool.free.iter().map(Vec::capacity).sum::<usize>();
        assert_eq!(pool.pooled.0.load(Ordering::Relaxed), held, "the sum that the pool keeps is true");
        held
    })
}

fn is_aligned(buffer: &Buffer) -> bool {
    buffer.as_slice().as_ptr() as usize % PAGE == 0
}

#[test]
fn large_buffers_begin_on_a_page() {
    for capacity in [LARGE, LARGE + 1, 100_000, MIB] {
        let mut buffer = Buffer::with_capacity(capacity);
        assert!(is_aligned(&buffer) && buffer.is_empty() && buffer.capacity() >= capacity, "{buffer:?}");
        buffer.extend_from_slice(&vec![7; capacity]);
        assert!(is_aligned(&buffer), "filling the reserved room moves nothing");
        assert_eq!(buffer.as_slice(), vec![7; capacity]);
        buffer.as_mut_slice()[0] = 8;
        assert_eq!(buffer.into_bytes()[..2], [8, 7]);
    }
}

#[test]
fn a_reused_buffer_is_empty_and_begins_on_a_page() {
    let mut first = Buffer::with_capacity(MIB);
    first.extend_from_slice(&[1; 1000]);
    drop(first);
    let second = Buffer::pooled(MIB).unwrap();
    assert!(second.is_empty() && is_aligned(&second) && second.capacity() >= MIB);
    assert_eq!(pooled_bytes(), 0);
}

#[test]
fn small_buffers_have_the_requested_capacity_and_are_not_pooled() {
    let buffer = Buffer::with_capacity(100);
    assert_eq!((buffer.capacity(), buffer.len()), (100, 0));
    drop(buffer);
    assert_eq!(pooled_bytes(), 0);
    assert!(Buffer::pooled(100).is_none());
}

#[test]
fn growing_keeps_the_bytes() {
    let mut buffer = Buffer::default();
    for capacity in [10, 100, LARGE, 10, 10 * LARGE] {
        buffer.extend_from_slice(b"x");
        buffer.grow_to(capacity);
        assert!(buffer.capacity() >= capacity);
    }
    assert_eq!(buffer.as_slice(), b"xxxxx");
    assert!(is_aligned(&buffer));
}

#[test]
fn a_reader_appends_no_more_than_the_room_and_the_limit() {
    let mut buffer = Buffer::with_capacity(100);
    buffer.extend_from_slice(b"ab");
    assert_eq!(buffer.spare(1000).remaining_mut(), 98);
    assert_eq!(buffer.spare(3).remaining_mut(), 3);
    buffer.spare(3).put_slice(b"cde");
    assert_eq!(buffer.as_slice(), b"abcde");
    assert_eq!(buffer.capacity(), 100);
}

#[test]
fn the_pool_is_bounded() {
    for _ in 0..3 {
        let buffers: Vec<Buffer> = (0..40).map(|_| Buffer::with_capacity(MIB)).collect();
        drop(buffers);
        assert!(pooled_bytes() <= POOL_LIMIT && pooled_bytes() > POOL_LIMIT - 2 * MIB, "{}", pooled_bytes());
    }
    drop(Buffer::with_capacity(100 * MIB));
    assert!(pooled_bytes() <= POOL_LIMIT);
}

#[test]
fn the_pools_of_all_threads_share_one_bound() {
    let pooled: &Pooled = Box::leak(Box::default());
    let mut pools = [Pool::new(pooled), Pool::new(pooled), Pool::new(pooled)];
    for _ in 0..5 {
        pools.iter_mut().for_each(|pool| pool.put(Vec::with_capacity(MIB)));
    }
    let held = |pools: &[Pool]| pools.iter().flat_map(|pool| &pool.free).map(Vec::capacity).sum::<usize>();
    assert_eq!(held(&pools), pooled.0.load(Ordering::Relaxed));
    assert!(held(&pools) <= POOL_LIMIT && held(&pools) > POOL_LIMIT - 2 * MIB);
    let [first, mut second, third] = pools;
    drop((first, third));
    assert_eq!(pooled.0.load(Ordering::Relaxed), second.free.len() * MIB, "a thread that ends leaves room");
    assert!(second.take(MIB).is_some());
    second.clear();
    assert_eq!(pooled.0.load(Ordering::Relaxed), 0);
}

#[test]
fn what_is_kept_can_be_released() {
    drop(Buffer::with_capacity(MIB));
    release_spare();
    assert_eq!(pooled_bytes(), 0);
    assert!(Buffer::pooled(MIB).is_none());
}

#[test]
fn the_pool_gives_no_buffer_that_is_much_too_large() {
    drop(Buffer::with_capacity(MIB));
    assert!(Buffer::pooled(100 * KIB).is_none(), "a message of 100 KiB must not pin 1 MiB");
    assert!(Buffer::pooled(2 * MIB).is_none());
    assert!(Buffer::pooled(600 * KIB).is_some());
}

#[test]
fn shared_bytes_return_to_the_pool_with_their_last_handle() {
    let mut buffer = Buffer::with_capacity(MIB);
    buffer.extend_from_slice(b"kept");
    let bytes = buffer.into_bytes();
    let part = bytes.slice(1..3);
    drop(bytes);
    assert_eq!((pooled_bytes(), &part[..]), (0, &b"ep"[..]));
    drop(part);
    assert!(pooled_bytes() >= MIB);
}

#[test]
fn a_small_message_that_is_kept_pins_no_large_buffer() {
    for _ in 0..4 {
        drop(Buffer::with_capacity(8 * MIB));
        let mut buffer = Buffer::with_capacity(20);
        buffer.extend_from_slice(b"small");
        assert_eq!(buffer.capacity(), 20);
        assert_eq!(buffer.into_bytes(), "small");
    }
}

#[test]
fn bytes_may_be_dropped_on_another_thread() {
    let mut buffer = Buffer::with_capacity(MIB);
    buffer.extend_from_slice(b"abc");
    let bytes = buffer.into_bytes();
    let pooled_there = std::thread::spawn(move || {
        drop(bytes);
        pooled_bytes()
    });
    assert!(pooled_there.join().unwrap() >= MIB);
    assert_eq!(pooled_bytes(), 0);
}

#[test]
fn lack_of_memory_causes_no_panic() {
    for capacity in [isize::MAX as usize - PAGE, isize::MAX as usize, usize::MAX - 1, usize::MAX] {
        assert!(Buffer::pooled(capacity).is_none());
        let mut buffer = Buffer::with_capacity(capacity);
        buffer.extend_from_slice(b"all the same");
        buffer.grow_to(capacity);
        assert_eq!(buffer.as_slice(), b"all the same");
    }
}
