use clap::{CommandFactory as _, Parser as _};

use super::{AutobahnRequest, Chore, CommandLine, Http, Role, TestRequest};
use crate::capacity::{hold, soak};
use crate::checks::public_api;
use crate::{bench, drain, hub_faults, instructions, package};

fn parsed(line: &str) -> Result<Chore, String> {
    let words = ["xtask"].into_iter().chain(line.split_whitespace());
    CommandLine::try_parse_from(words).map(|line| line.chore).map_err(|error| error.to_string())
}

#[test]
fn the_definition_is_consistent() {
    CommandLine::command().debug_assert();
}

#[test]
fn test_alone_means_every_step() {
    assert_eq!(parsed("test"), Ok(Chore::Test(TestRequest::default())));
}

#[test]
fn steps_are_chosen_by_name() {
    let only = vec!["fmt".to_owned(), "deny".to_owned()];
    let request = TestRequest { only, fuzz_seconds: Some(3), ..TestRequest::default() };
    assert_eq!(parsed("test --only fmt,deny --fuzz-seconds 3"), Ok(Chore::Test(request)));
}

#[test]
fn the_quick_run_has_its_own_steps() {
    let request = TestRequest { quick: true, ..TestRequest::default() };
    assert_eq!(parsed("test --quick"), Ok(Chore::Test(request)));
    assert!(parsed("test --quick --only fmt").is_err());
    assert!(parsed("test --quick --fuzz-seconds 3").is_err());
}

#[test]
fn autobahn_takes_roles_and_cases() {
    let http = Http::Http1;
    let both = AutobahnRequest { full: false, roles: vec![Role::Server, Role::Client], http, cases: Vec::new() };
    assert_eq!(parsed("autobahn"), Ok(Chore::Autobahn(both)));
    let http = Http::Http2;
    let request = AutobahnRequest { full: false, roles: vec![Role::Client], http, cases: vec!["1.*".to_owned()] };
    assert_eq!(parsed("autobahn --role client --http 2 --cases 1.*"), Ok(Chore::Autobahn(request)));
}

#[test]
fn the_full_run_cannot_be_narrowed() {
    assert!(parsed("autobahn --full").is_ok());
    assert!(parsed("autobahn --full --role server").is_err());
    assert!(parsed("autobahn --full --cases 1.*").is_err());
}

#[test]
fn faults_are_repeated_only_in_a_full_run() {
    let quick = hub_faults::Request { full: false, runs: 3, minutes: 10 };
    assert_eq!(parsed("hub-faults"), Ok(Chore::HubFaults(quick)));
    let full = hub_faults::Request { full: true, runs: 5, minutes: 1 };
    assert_eq!(parsed("hub-faults --full --runs 5 --minutes 1"), Ok(Chore::HubFaults(full)));
    for line in ["hub-faults --runs 5", "hub-faults --minutes 1", "hub-faults --full --runs 0"] {
        assert!(parsed(line).is_err(), "{line}");
    }
}

#[test]
fn a_drain_is_short_unless_it_is_asked_for_in_full() {
    assert_eq!(parsed("drain"), Ok(Chore::Drain(drain::Request { full: false })));
    assert_eq!(parsed("drain --full"), Ok(Chore::Drain(drain::Request { full: true })));
}

#[test]
fn unknown_or_incomplete_words_are_refused() {
    for line in ["deploy", "test --fast", "test --only", "test --fuzz-seconds soon", "autobahn --role proxy"] {
        assert!(parsed(line).is_err(), "{line}");
    }
}

#[test]
fn an_empty_command_line_shows_the_usage() {
    assert!(parsed("").is_err_and(|words| words.contains("Usage: cargo xtask")));
}

#[test]
fn bench_takes_names_and_rounds() {
    let only = vec!["small".to_owned(), "1m".to_owned()];
    let request = bench::Request { only, rounds: Some(3), ..bench::Request::default() };
    assert_eq!(parsed("bench --only small,1m --rounds 3"), Ok(Chore::Bench(request)));
    assert!(parsed("bench --rounds many").is_err());
}

#[test]
fn a_page_can_be_written_again_without_measuring() {
    let request = bench::Request { render: true, skip_slow: true, ..bench::Request::default() };
    assert_eq!(parsed("bench --render --skip-slow"), Ok(Chore::Bench(request)));
}

#[test]
fn instructions_are_counted_or_checked() {
    let request = |check, peers| Ok(Chore::Instructions(instructions::Request { check, peers }));
    assert_eq!(parsed("instructions"), request(false, false));
    assert_eq!(parsed("instructions --check"), request(true, false));
    assert_eq!(parsed("instructions --peers"), request(false, true));
    assert!(parsed("instructions --check --peers").is_err());
    assert!(parsed("instructions --quick").is_err());
}

#[test]
fn capacity_is_measured_with_numbers_that_are_not_zero() {
    let usual = hold::Request { connections: 19_000, threads: 1, seconds: 60 };
    assert_eq!(parsed("hold"), Ok(Chore::Hold(usual)));
    assert_eq!(parsed("soak --minutes 3"), Ok(Chore::Soak(soak::Request { minutes: 3 })));
    for line in ["hold --connections 0", "hold --threads 0", "hold --seconds 0", "soak --minutes 0"] {
        assert!(parsed(line).is_err(), "{line}");
    }
}

#[test]
fn the_public_items_are_listed_or_checked() {
    assert_eq!(parsed("public-api"), Ok(Chore::PublicApi(public_api::Request { check: false })));
    assert_eq!(parsed("public-api --check"), Ok(Chore::PublicApi(public_api::Request { check: true })));
}

#[test]
fn rooms_takes_crates() {
    let crates = vec!["silverback".to_owned()];
    assert_eq!(parsed("rooms silverback"), Ok(Chore::Rooms { crates }));
}

#[test]
fn a_package_is_for_this_machine_or_for_another_target() {
    assert_eq!(parsed("package"), Ok(Chore::Package(package::Request { target: None, deb: false })));
    let target = Some("x86_64-unknown-linux-musl".to_owned());
    assert_eq!(
        parsed("package --deb --target x86_64-unknown-linux-musl"),
        Ok(Chore::Package(package::Request { target, deb: true }))
    );
}
