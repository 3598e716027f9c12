use super::with_results;

const PAGE: &str = "\
# Operations
Measured on 2020-01-01: something else.

## A drain under load
Nothing is lost. Measured on 2026-01-01: two programs.

| echo service | old |
|---|---|
| clients | 1 |

Between.

| hub on NATS | old |
|---|---|

## Open files
";

const OUTPUT: &str = "
running 4 tests
test a_hub_drains ...
DRAIN | hub on NATS | HAProxy | members | 500
ok
DRAIN | hub on NATS | nginx | members | 501
DRAIN | echo service | HAProxy | clients | 7
DRAIN | echo service | HAProxy | the drain took | 25.0 s
DRAIN | echo service | nginx | clients | 8
DRAIN | echo service | nginx | the drain took | 25.1 s
";

#[test]
fn a_run_replaces_its_tables_and_its_date_and_nothing_else() {
    let page = with_results(PAGE, OUTPUT, "2026-02-03").expect("all figures and both tables are there");
    let expected = "\
# Operations
Measured on 2020-01-01: something else.

## A drain under load
Nothing is lost. Measured on 2026-02-03: two programs.

| echo service | HAProxy | nginx |
|---|---|---|
| clients | 7 | 8 |
| the drain took | 25.0 s | 25.1 s |

Between.

| hub on NATS | HAProxy | nginx |
|---|---|---|
| members | 500 | 501 |

## Open files
";
    assert_eq!(page, expected);
}

#[test]
fn a_run_without_one_of_its_figures_replaces_nothing() {
    let missing = OUTPUT.replace("DRAIN | echo service | nginx | clients | 8\n", "");
    assert_eq!(with_results(PAGE, &missing, "2026-02-03"), None);
    assert_eq!(with_results(PAGE, "", "2026-02-03"), None);
}
