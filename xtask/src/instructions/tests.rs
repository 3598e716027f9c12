use super::growths;
use super::page::Table;

fn table(raw: u64, plain: u64) -> Table {
    vec![("small".to_owned(), [Some(raw), Some(plain), None])]
}

#[test]
fn a_count_may_grow_by_five_percent() {
    assert_eq!(growths(&table(100, 1000), &table(100, 1050)), Vec::<String>::new());
    assert_eq!(growths(&table(100, 1000), &table(100, 1051)), ["small, plain: 1000 instructions have become 1051"]);
}

#[test]
fn counts_of_plain_tcp_are_not_compared() {
    assert!(growths(&table(100, 1000), &table(200, 900)).is_empty());
}

#[test]
fn a_load_that_the_page_does_not_know_is_not_compared() {
    assert!(growths(&Table::new(), &table(100, 1000)).is_empty());
}
