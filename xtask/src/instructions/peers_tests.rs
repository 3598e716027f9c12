use super::{Cost, HEAD, LIBRARIES, LOADS, replaced, shown};

/// The plain way costs 1,000 instructions more with each library, and the best way half of that.
fn costs() -> Vec<Cost> {
    let styles = (0..LIBRARIES.len()).flat_map(|library| [1000.0, 500.0].map(|more| more * library as f64));
    let cost = |instructions| Cost { instructions: 100.0 + instructions, system_calls: 0.125 };
    styles.flat_map(|instructions| vec![cost(instructions); LOADS.len()]).collect()
}

#[test]
fn each_library_has_its_cost_over_plain_tcp() {
    let text = shown(&costs());
    assert!(!text.contains("TCP alone"), "{text}");
    let row = "| silverback | 1,000; 500 | 1,000; 500 | 1,000; 500 | 1,000; 500 | 1,000 | 0.12 |";
    assert!(text.contains(row), "{text}");
}

#[test]
fn a_handshake_that_is_not_the_librarys_own_is_left_out() {
    let text = shown(&costs());
    let row = text.lines().find(|line| line.starts_with("| web-socket |"));
    assert!(row.is_some_and(|row| row.ends_with("| - | 0.12 |")), "{text}");
}

#[test]
fn a_table_takes_the_place_of_the_last_one() {
    let page = format!("before\n\n{HEAD} a |\n|---|\n| old |\n\nafter\n");
    let table = format!("{HEAD} b |\n|---|\n| new |\n");
    assert_eq!(replaced(&page, &table), Some(format!("before\n\n{table}\nafter\n")));
    assert_eq!(replaced(&page, &table).and_then(|page| replaced(&page, &table)), replaced(&page, &table));
    assert_eq!(replaced("no table\n", &table), None);
}
