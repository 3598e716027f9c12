use super::{Table, log_of, read, shown, whole};

fn table() -> Table {
    vec![
        ("small".to_owned(), [Some(2850), Some(1_006_680), Some(6362)]),
        ("handshake".to_owned(), [Some(7995), Some(36526), None]),
    ]
}

#[test]
fn the_cost_over_raw_stands_beside_each_count() {
    let text = shown(&table());
    assert!(text.contains("| small | 2,850 | 1,006,680 | 6,362 | 1,003,830 | 3,512 |"), "{text}");
    assert!(text.contains("| handshake | 7,995 | 36,526 | - | 28,531 | - |"), "{text}");
}

#[test]
fn a_page_gives_its_table_back() {
    assert_eq!(read(&whole(&table(), "rustc 1.0", "2026-01-31", None)), Some(table()));
    assert_eq!(read("no table"), None);
}

#[test]
fn the_log_stays_when_the_page_is_written_again() {
    let log = "\n- It was faster.\n";
    let page = whole(&table(), "rustc 1.0", "2026-01-31", Some(log));
    assert_eq!(log_of(&page), Some(log));
    assert_eq!(whole(&table(), "rustc 1.0", "2026-01-31", log_of(&page)), page);
}
