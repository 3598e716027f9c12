use super::*;
use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;

#[test]
fn a_pinned_future_goes_on_after_a_poll() {
    let mut polls = 0;
    let mut future = pin!(poll_fn(|_| {
        polls += 1;
        if polls < 3 { Poll::Pending } else { Poll::Ready(polls) }
    }));
    assert!(poll_once(future.as_mut()).is_pending());
    assert!(poll_once(future.as_mut()).is_pending());
    assert_eq!(poll_once(future.as_mut()), Poll::Ready(3));
}

#[test]
fn each_waker_counts_for_itself() {
    let (first, second) = (CountingWaker::new(), CountingWaker::new());
    first.waker().wake();
    first.waker().wake_by_ref();
    second.waker().wake();
    assert_eq!((first.count(), second.count()), (2, 1));
    assert!(!first.waker().will_wake(&second.waker()));
    assert!(first.waker().will_wake(&first.waker()));
}

/// Returns how often a future was polled, and whether it was dropped, if it is cancelled after `polls`.
fn give_up_after(polls: usize) -> (usize, bool, Option<()>) {
    let (polled, held) = (&Cell::new(0), Rc::new(()));
    let holder = Rc::clone(&held);
    let third_time = poll_fn(move |_| {
        assert_eq!(Rc::strong_count(&holder), 2);
        polled.set(polled.get() + 1);
        if polled.get() == 3 { Poll::Ready(()) } else { Poll::Pending }
    });
    let mut future = pin!(drop_after_polls(polls, third_time));
    loop {
        if let Poll::Ready(output) = poll_once(future.as_mut()) {
            return (polled.get(), Rc::strong_count(&held) == 1, output);
        }
    }
}

#[test]
fn a_future_is_dropped_after_its_last_poll() {
    assert_eq!(give_up_after(0), (0, true, None));
    assert_eq!(give_up_after(1), (1, true, None));
    assert_eq!(give_up_after(2), (2, true, None));
}

#[test]
fn a_future_that_is_done_in_time_gives_its_output() {
    assert_eq!(give_up_after(3), (3, true, Some(())));
    assert_eq!(give_up_after(9), (3, true, Some(())));
}
