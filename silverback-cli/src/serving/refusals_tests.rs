//! The number of lines about refusals, and their content.

use super::*;

#[test]
fn a_burst_is_printed_and_a_flood_is_counted() {
    let start = Instant::now();
    let mut allowance = Allowance::new(start);
    for _ in 0..BURST {
        assert_eq!(allowance.take(start), Some(0));
    }
    for _ in 0..1000 {
        assert_eq!(allowance.take(start), None);
    }
    let later = start + Duration::from_millis(2500);
    assert_eq!(allowance.take(later), Some(1000));
    assert_eq!(allowance.take(later), Some(0));
    assert_eq!(allowance.take(later), None);
    // Half a second was left.
    assert_eq!(allowance.take(start + Duration::from_secs(3)), Some(1));
    let much_later = start + Duration::from_secs(1 << 40);
    for _ in 0..BURST {
        assert_eq!(allowance.take(much_later), Some(0));
    }
    assert_eq!(allowance.take(much_later), None);
}

#[test]
fn an_excerpt_cannot_act_on_a_terminal_and_is_short() {
    assert_eq!(excerpt(b"http://a.example"), "`http://a.example`");
    assert_eq!(excerpt("\u{1b}[2J\u{9b}\r\n".as_bytes()), "`\\x1b[2J\\xc2\\x9b\\r\\n`");
    assert_eq!(excerpt(&[b'x'; 1000]), format!("`{}...`", "x".repeat(253)));
}
