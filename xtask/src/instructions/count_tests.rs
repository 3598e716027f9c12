use super::totals;

/// The clock is read five times from two functions, and the report names it where it is called first.
const REPORT: &str = "\
events: Ir sysCount sysTime
summary: 161 9 5
fn=(1) main
10 100
cfn=(2) clock_gettime@@GLIBC_2.17
calls=2 0
* 20 2 3
cfn=(3) read
calls=4 0
* 9 4 2
fn=(3)
+4 20
cfn=(2)
calls=3 0
* 20 3
totals: 161 20 45
";

#[test]
fn reading_the_clock_is_no_system_call() {
    assert_eq!(totals(REPORT), Some((161, 4)));
    assert_eq!(totals("events: Ir"), None);
}
