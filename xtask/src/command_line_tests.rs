use super::{AutobahnRequest, Chore, Role, TestRequest, parse};

fn parsed(line: &str) -> Result<Chore, String> {
    parse(line.split_whitespace().map(str::to_owned))
}

#[test]
fn test_alone_means_every_step() {
    assert_eq!(parsed("test"), Ok(Chore::Test(TestRequest::default())));
}

#[test]
fn steps_are_chosen_by_name() {
    let request = TestRequest { only: vec!["fmt".to_owned(), "deny".to_owned()], fuzz_seconds: Some(3) };
    assert_eq!(parsed("test --only fmt,deny --fuzz-seconds 3"), Ok(Chore::Test(request)));
}

#[test]
fn autobahn_takes_a_role_and_cases() {
    let request = AutobahnRequest { full: false, roles: vec![Role::Client], cases: vec!["1.*".to_owned()] };
    assert_eq!(parsed("autobahn --role client --cases 1.*"), Ok(Chore::Autobahn(request)));
}

#[test]
fn the_full_run_cannot_be_narrowed() {
    assert!(parsed("autobahn --full").is_ok());
    assert!(parsed("autobahn --full --role server").is_err());
    assert!(parsed("autobahn --full --cases 1.*").is_err());
}

#[test]
fn what_is_unknown_or_incomplete_is_refused() {
    for line in ["deploy", "test --fast", "test --only", "test --fuzz-seconds soon", "autobahn --role proxy"] {
        assert!(parsed(line).is_err(), "{line}");
    }
}

#[test]
fn nothing_at_all_shows_the_usage() {
    assert_eq!(parsed(""), Ok(Chore::Help));
}

#[test]
fn bench_takes_names_and_rounds() {
    let request = crate::bench::Request {
        quick: false,
        only: vec!["small".to_owned(), "1m".to_owned()],
        rounds: Some(3),
        ..crate::bench::Request::default()
    };
    assert_eq!(parsed("bench --only small,1m --rounds 3"), Ok(Chore::Bench(request)));
    assert!(parsed("bench --rounds many").is_err());
}

#[test]
fn a_page_can_be_written_again_without_measuring() {
    let request = crate::bench::Request { render: true, skip_slow: true, ..crate::bench::Request::default() };
    assert_eq!(parsed("bench --render --skip-slow"), Ok(Chore::Bench(request)));
}

#[test]
fn instructions_are_counted_or_checked() {
    let counted = crate::instructions::Request::default();
    assert_eq!(parsed("instructions"), Ok(Chore::Instructions(counted)));
    let checked = crate::instructions::Request { check: true };
    assert_eq!(parsed("instructions --check"), Ok(Chore::Instructions(checked)));
    assert!(parsed("instructions --quick").is_err());
}
