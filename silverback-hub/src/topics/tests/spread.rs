use std::time::Duration;

use crate::topics::spread::spread;

#[test]
fn a_drain_closes_members_over_the_whole_window_and_not_in_a_rhythm() {
    let window = Duration::from_secs(25);
    let mut numbers = [0.9, 0.1, 0.5, 0.0, 1.0].into_iter().cycle();
    let times = spread(1000, window, || numbers.next().unwrap());
    assert!(times.is_sorted());
    assert!(times.iter().all(|time| *time <= window));
    for second in 0..25 {
        let closed = times.iter().filter(|time| time.as_secs() == second).count();
        assert!((38..=42).contains(&closed), "{closed} in second {second}");
    }
    let gaps: std::collections::BTreeSet<_> = times.windows(2).map(|pair| (pair[1] - pair[0]).as_micros()).collect();
    assert!(gaps.len() > 3, "the members are closed in a rhythm");
}

#[test]
fn a_drain_of_nobody_or_without_a_window_has_no_wait() {
    assert!(spread(0, Duration::from_secs(1), || 0.5).is_empty());
    assert_eq!(spread(2, Duration::ZERO, || 0.5), [Duration::ZERO; 2]);
}
