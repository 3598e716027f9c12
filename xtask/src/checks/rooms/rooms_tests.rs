use std::collections::BTreeMap;
use std::path::Path;

use super::faults_of;
use super::modules::Crate;
use super::table::{Table, room};

/// The faults of a crate that consists of these files.
fn faults(files: &[(&str, &str)]) -> Vec<String> {
    faults_with(files, None)
}

fn faults_with(files: &[(&str, &str)], rules: Option<&Table>) -> Vec<String> {
    let files: BTreeMap<_, _> = files.iter().copied().collect();
    let read = |path: &Path| files.get(path.to_str()?).map(|source| (*source).to_owned());
    let parsed = Crate::parse(Path::new("lib.rs"), &read).expect("a crate that parses");
    faults_of(&parsed.arrows(), rules)
}

#[track_caller]
fn check_clean(files: &[(&str, &str)]) {
    assert_eq!(faults(files), Vec::<String>::new());
}

#[track_caller]
fn check_fault(files: &[(&str, &str)], words: &str) {
    let faults = faults(files);
    assert!(faults.len() == 1 && faults[0].contains(words), "{faults:#?}");
}

mod circles {
    use super::*;

    #[test]
    fn two_files_that_import_each_other_are_a_circle() {
        check_fault(
            &[
                ("lib.rs", "mod a; mod b;"),
                ("a.rs", "use crate::b::B; pub struct A;"),
                ("b.rs", "use super::a::A; pub struct B;"),
            ],
            "2 files import each other in a circle: a.rs -> b.rs (`crate::b::B`) -> a.rs (`super::a::A`)",
        );
    }

    #[test]
    fn a_longer_circle_is_found_once_with_its_shortest_way() {
        check_fault(
            &[
                ("lib.rs", "mod a; mod b; mod c;"),
                ("a.rs", "use crate::b::f; pub fn g() { f() }"),
                ("b.rs", "use crate::c; pub fn f() { c::h() }"),
                ("c.rs", "use crate::a; use crate::b; pub fn h() { a::g(); b::f() }"),
            ],
            "3 files import each other in a circle: b.rs -> c.rs",
        );
    }

    #[test]
    fn a_child_that_uses_its_parents_item_closes_a_circle_if_the_parent_uses_it() {
        check_fault(
            &[
                ("lib.rs", "mod a;"),
                ("a/mod.rs", "mod child; pub struct Limit; fn f() { child::g() }"),
                ("a/child.rs", "use super::Limit; pub fn g() -> Limit { Limit }"),
            ],
            "a/mod.rs -> a/child.rs (`child::g`) -> a/mod.rs (`super::Limit`)",
        );
    }

    #[test]
    fn paths_in_types_expressions_macros_and_attributes_count() {
        for body in [
            "pub fn f(_: crate::b::B) {}",
            "pub fn f() { let _ = crate::b::B; }",
            "pub fn f() { assert!(matches!(1, crate::b::ONE)); }",
            "#[derive(Debug)] pub struct S { #[serde(with = crate::b::codec)] pub field: u8 }",
            "pub fn f() { use crate::b::B; drop(B); }",
            "pub fn f() { crate::b::call!(1) }",
        ] {
            check_fault(
                &[("lib.rs", "mod a; mod b;"), ("a.rs", body), ("b.rs", "use crate::a; fn g() { a::f() }")],
                "import each other in a circle",
            );
        }
    }

    #[test]
    fn declaring_and_reexporting_a_child_is_no_arrow() {
        check_clean(&[
            ("lib.rs", "mod a;"),
            ("a/mod.rs", "mod child; pub(crate) use self::child::Name; pub struct Limit;"),
            ("a/child.rs", "use super::Limit; pub struct Name(Limit);"),
        ]);
    }

    #[test]
    fn a_reexport_that_its_own_file_uses_is_an_arrow() {
        check_fault(
            &[
                ("lib.rs", "mod a;"),
                ("a/mod.rs", "mod child; pub use child::Name; pub struct Limit; fn f(_: Name) {}"),
                ("a/child.rs", "use super::Limit; pub struct Name(Limit);"),
            ],
            "a/mod.rs -> a/child.rs (`Name`)",
        );
    }

    #[test]
    fn a_name_that_a_room_reexports_leads_to_the_file_that_defines_it() {
        check_clean(&[
            ("lib.rs", "mod a; mod b;"),
            ("a/mod.rs", "mod child; mod other; pub use child::*; pub use other::{Other as Renamed};"),
            ("a/child.rs", "pub struct Name;"),
            ("a/other.rs", "use crate::b::B; pub struct Other(B);"),
            ("b.rs", "use crate::a::Name; pub struct B(Name);"),
        ]);
    }

    #[test]
    fn a_variable_with_the_name_of_a_module_is_no_arrow() {
        check_clean(&[
            ("lib.rs", "mod a;"),
            ("a.rs", "mod limits; pub struct Limit; fn f(limits: Limit) -> Limit { limits }"),
            ("a/limits.rs", "use super::Limit; pub fn of(_: Limit) {}"),
        ]);
    }

    #[test]
    fn a_glob_leads_to_the_file_that_it_names() {
        check_fault(
            &[("lib.rs", "mod a; mod b;"), ("a.rs", "use crate::b::*; pub struct A;"), ("b.rs", "use crate::a::A;")],
            "a.rs -> b.rs (`crate::b`)",
        );
    }

    #[test]
    fn an_imported_module_counts_by_the_paths_through_it() {
        check_clean(&[
            ("lib.rs", "mod a; mod b;"),
            ("a/mod.rs", "mod child; pub use child::Name; pub fn run() { crate::b::f() }"),
            ("a/child.rs", "pub struct Name;"),
            ("b.rs", "use crate::a; pub fn f() -> a::Name { a::Name }"),
        ]);
        check_fault(
            &[
                ("lib.rs", "mod a; mod b;"),
                ("a.rs", "pub fn run() { crate::b::f() }"),
                ("b.rs", "use crate::a as other; pub fn f() { other::run() }"),
            ],
            "b.rs (`crate::b::f`) -> a.rs (`other::run`)",
        );
    }

    #[test]
    fn other_crates_and_generic_names_are_not_looked_for() {
        check_clean(&[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use bytes::Bytes; use std::fmt; pub fn f<T: fmt::Debug>(_: T, _: Bytes, _: ::b::B) {}"),
            ("b.rs", "use crate::a::f; use a::thing; fn g() { f(1, thing()) }"),
        ]);
    }

    #[test]
    fn test_modules_are_not_looked_at() {
        check_clean(&[
            ("lib.rs", "mod a; mod b; #[cfg(all(test, loom))] mod missing;"),
            ("a.rs", "pub struct A; #[cfg(test)] mod tests; #[cfg(test)] mod inside { use crate::b::B; }"),
            ("a/tests.rs", "use crate::b::B;"),
            ("b.rs", "use crate::a::A; pub struct B(A); #[cfg(test)] #[path = \"b_tests.rs\"] mod tests;"),
        ]);
    }

    #[test]
    fn code_for_builds_without_tests_is_checked() {
        check_fault(
            &[
                ("lib.rs", "mod a; mod b;"),
                ("a.rs", "#[cfg(not(test))] use crate::b::B; pub struct A;"),
                ("b.rs", "use crate::a::A; pub struct B;"),
            ],
            "a.rs -> b.rs",
        );
    }

    #[test]
    fn modules_in_braces_belong_to_their_file_and_paths_are_taken_from_attributes() {
        check_fault(
            &[
                ("lib.rs", "mod a { pub mod b; } #[path = \"elsewhere/c.rs\"] mod c;"),
                ("a/b.rs", "use crate::c::C; pub struct B;"),
                ("elsewhere/c.rs", "use crate::a::b::B; pub struct C;"),
            ],
            "a/b.rs -> elsewhere/c.rs",
        );
    }

    #[test]
    fn a_missing_file_is_an_error() {
        let read = |path: &Path| (path == Path::new("lib.rs")).then(|| "mod a;".to_owned());
        assert!(Crate::parse(Path::new("lib.rs"), &read).is_err_and(|error| error.contains("`mod a`")));
    }
}

mod root {
    use super::*;

    #[test]
    fn a_name_that_the_root_only_reexports_is_a_fault() {
        for path in ["crate::Conn", "super::Conn"] {
            let importing = format!("use {path};");
            check_fault(
                &[
                    ("lib.rs", "mod conn; mod io; pub use conn::Conn;"),
                    ("conn.rs", "pub struct Conn;"),
                    ("io.rs", &importing),
                ],
                "import `Conn` from its own module",
            );
        }
    }

    #[test]
    fn modules_and_own_items_of_the_root_may_be_imported() {
        check_clean(&[
            ("lib.rs", "mod conn; mod io; macro_rules! trace { () => {} } pub(crate) use trace;"),
            ("conn.rs", "pub struct Conn;"),
            ("io.rs", "use crate::conn::Conn; fn f(_: Conn) { crate::trace!() }"),
        ]);
    }
}

mod rooms {
    use super::*;

    const DOCUMENT: &str = "\
# Architecture

| `mine` | `outside` of the section |

## Rooms
| crate | rooms |
|---|---|
| `mine` | `dial` (`conn`, `error`), `upgrade` > `conn` > `io` > `error` (nothing) |
| `other` | `x` |

## Later
| `mine` | `later`, of the section |
";

    fn complaints(files: &[(&str, &str)]) -> Vec<String> {
        let rules = Table::of_crate(DOCUMENT, "mine").expect("rows for the crate");
        let all = [
            ("lib.rs", "mod dial; mod upgrade; mod conn; mod io; mod error; pub use dial::Dialer;"),
            ("dial/mod.rs", "pub struct Dialer;"),
            ("upgrade.rs", ""),
            ("conn.rs", "pub struct Conn;"),
            ("io/mod.rs", "mod driver;"),
            ("io/driver.rs", "pub struct Driver;"),
            ("error.rs", "pub struct Error;"),
        ];
        let replaced = |name: &str| !files.iter().any(|(file, _)| *file == name);
        let files: Vec<_> = all.into_iter().filter(|(name, _)| replaced(name)).chain(files.iter().copied()).collect();
        faults_with(&files, Some(&rules))
    }

    #[test]
    fn allowed_arrows_pass() {
        assert!(complaints(&[]).is_empty());
        let allowed = [
            ("dial/mod.rs", "use crate::conn::Conn; use crate::error; pub struct Dialer;"),
            ("conn.rs", "use crate::io::driver::Driver; use crate::error::Error; pub struct Conn;"),
            ("io/mod.rs", "pub mod driver; mod queue;"),
            ("io/queue.rs", "use super::driver::Driver;"),
        ];
        assert_eq!(complaints(&allowed), Vec::<String>::new());
    }

    #[test]
    fn an_arrow_up_or_beside_or_to_a_room_that_is_not_listed_is_a_fault() {
        for (file, source) in [
            ("io/driver.rs", "use crate::dial::Dialer;"),
            ("upgrade.rs", "use crate::dial::Dialer;"),
            ("dial/mod.rs", "pub struct Dialer(crate::io::driver::Driver);"),
        ] {
            let faults = complaints(&[(file, source)]);
            assert!(faults.len() == 1 && faults[0].contains("does not allow"), "{file}: {faults:#?}");
        }
    }

    #[test]
    fn every_room_has_a_row_and_every_row_a_room() {
        let more = ("lib.rs", "mod dial; mod upgrade; mod conn; mod error; mod new;");
        let faults = complaints(&[more, ("new.rs", "")]);
        assert_eq!(faults.len(), 2, "{faults:#?}");
        assert!(faults[0].contains("`new` is not in the table") && faults[1].contains("`io` in the table"));
    }

    #[test]
    fn a_crate_without_rows_has_no_rules() {
        assert!(Table::of_crate(DOCUMENT, "third").is_none());
        assert!(Table::of_crate("# No rooms\n", "mine").is_none());
    }

    #[test]
    fn a_room_is_a_folder_or_a_file_of_the_same_name() {
        assert_eq!(room(Path::new("dial/proxy/mod.rs")), "dial");
        assert_eq!(room(Path::new("dial.rs")), "dial");
    }
}
