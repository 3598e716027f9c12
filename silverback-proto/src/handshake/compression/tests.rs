//! RFC 7692, 5 and 7.1: which offers are accepted, with which answer, and which answers are valid.

use super::*;
use crate::handshake::extension::parse_extensions;
use http::HeaderMap;

fn list(lines: &[&str]) -> Vec<ExtensionOffer> {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append("sec-websocket-extensions", line.parse().expect("a header value"));
    }
    parse_extensions(&headers).expect("a list")
}

#[track_caller]
fn check_answer(server: &Compression, offers: &[&str], answer: &str) {
    let (given, _) = server.answer(&list(offers)).expect("an answer");
    assert_eq!(given.to_string(), answer);
}

#[track_caller]
fn check_declined(server: &Compression, offer: &str) {
    assert_eq!(server.answer(&list(&[offer])), None, "{offer}");
}

mod answers {
    use super::*;

    #[test]
    fn a_bare_offer_gets_a_bare_answer() {
        check_answer(&Compression::default(), &["permessage-deflate"], "permessage-deflate");
    }

    #[test]
    fn the_server_grants_the_parameters_that_the_client_asks_for() {
        let server = Compression::default();
        check_answer(
            &server,
            &["permessage-deflate; server_no_context_takeover"],
            "permessage-deflate; server_no_context_takeover",
        );
        for bits in 8..=15 {
            let offer = format!("permessage-deflate; server_max_window_bits={bits}");
            check_answer(&server, &[&offer], &offer);
        }
    }

    #[test]
    fn the_server_answers_with_a_window_no_larger_than_the_offer() {
        let server = Compression::default().server_max_window_bits(10);
        for (offered, answered) in [(8, 8), (9, 9), (10, 10), (11, 10), (15, 10)] {
            check_answer(
                &server,
                &[&format!("permessage-deflate; server_max_window_bits={offered}")],
                &format!("permessage-deflate; server_max_window_bits={answered}"),
            );
        }
        check_answer(&server, &["permessage-deflate"], "permessage-deflate; server_max_window_bits=10");
    }

    #[test]
    fn the_clients_window_is_limited_only_if_it_says_that_it_can() {
        let server = Compression::default().client_max_window_bits(11);
        check_declined(&server, "permessage-deflate");
        check_answer(
            &server,
            &["permessage-deflate; client_max_window_bits"],
            "permessage-deflate; client_max_window_bits=11",
        );
        check_answer(
            &server,
            &["permessage-deflate; client_max_window_bits=9"],
            "permessage-deflate; client_max_window_bits=9",
        );
        check_answer(
            &server,
            &["permessage-deflate; client_max_window_bits=13"],
            "permessage-deflate; client_max_window_bits=11",
        );
    }

    #[test]
    fn a_quoted_value_counts() {
        check_answer(
            &Compression::default(),
            &["permessage-deflate; server_max_window_bits=\"12\""],
            "permessage-deflate; server_max_window_bits=12",
        );
    }

    #[test]
    fn the_first_offer_that_can_be_honoured_is_taken_also_from_a_later_line() {
        let server = Compression::default();
        check_answer(
            &server,
            &[
                "x-webkit-deflate-frame, permessage-deflate; mystery",
                "permessage-deflate; server_max_window_bits=9, permessage-deflate",
            ],
            "permessage-deflate; server_max_window_bits=9",
        );
    }

    #[test]
    fn a_malformed_offer_is_declined_and_never_half_honoured() {
        let server = Compression::default();
        for parameter in [
            "mystery",
            "server_no_context_takeover=1",
            "client_no_context_takeover=true",
            "server_no_context_takeover; server_no_context_takeover",
            "server_max_window_bits",
            "server_max_window_bits=7",
            "server_max_window_bits=16",
            "server_max_window_bits=08",
            "server_max_window_bits=+9",
            "server_max_window_bits=9; server_max_window_bits=9",
            "client_max_window_bits=7",
            "client_max_window_bits=16",
            "client_max_window_bits=010",
            "client_max_window_bits; client_max_window_bits=9",
            "client_max_window_bits=nine",
            "server_max_window_bits=300",
        ] {
            check_declined(&server, &format!("permessage-deflate; {parameter}"));
        }
    }
}

mod verification {
    use super::*;

    #[track_caller]
    fn check_refused(client: &Compression, answer: &str, error: DeflateAnswerError) {
        assert_eq!(client.verify(&list(&[answer])[0]), Err(error), "{answer}");
    }

    #[test]
    fn every_offer_of_ours_and_every_answer_of_ours_agree() {
        for settings in settings() {
            for server in self::settings() {
                let offer = settings.offer();
                let Some((answer, agreed)) = server.answer(std::slice::from_ref(&offer)) else {
                    panic!("{offer} is declined by {server:?}");
                };
                assert_eq!(settings.verify(&answer), Ok(agreed), "{offer} -> {answer}");
            }
        }
    }

    /// 7.1.2.2: only then may the server's answer have the parameter, and a client without it must refuse it.
    #[test]
    fn every_offer_of_ours_says_that_the_clients_window_can_be_limited() {
        for settings in settings() {
            let offer = settings.offer();
            let offered = offer.params.iter().filter(|(name, _)| name == CLIENT_MAX_WINDOW_BITS);
            assert_eq!(offered.count(), 1, "{offer}");
            let answer = &list(&["permessage-deflate; server_no_context_takeover; server_max_window_bits=8; \
                                  client_max_window_bits=8"])[0];
            assert_eq!(settings.verify(answer).expect("within the offer").client_max_window_bits, 8, "{offer}");
        }
    }

    fn settings() -> Vec<Compression> {
        let mut all = Vec::new();
        for (server, client) in [(false, false), (true, false), (false, true), (true, true)] {
            for bits in [8, 9, 12, 15] {
                let base = Compression::default().server_no_context_takeover(server).client_no_context_takeover(client);
                all.push(base.clone().server_max_window_bits(bits));
                all.push(base.client_max_window_bits(bits));
            }
        }
        all
    }

    #[test]
    fn the_server_may_limit_both_windows_and_forgo_takeover_unasked() {
        let answer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
                      server_max_window_bits=8; client_max_window_bits=10";
        let agreed = Compression::default().verify(&list(&[answer])[0]).expect("is verified");
        let expected = DeflateParams {
            server_no_context_takeover: true,
            client_no_context_takeover: true,
            server_max_window_bits: 8,
            client_max_window_bits: 10,
        };
        assert_eq!(agreed, expected);
    }

    #[test]
    fn the_server_must_grant_the_requested_parameters() {
        let client = Compression::default().server_no_context_takeover(true);
        check_refused(&client, "permessage-deflate", DeflateAnswerError::Missing(SERVER_NO_CONTEXT_TAKEOVER));
        let client = Compression::default().server_max_window_bits(10);
        check_refused(&client, "permessage-deflate", DeflateAnswerError::Missing(SERVER_MAX_WINDOW_BITS));
        check_refused(
            &client,
            "permessage-deflate; server_max_window_bits=11",
            DeflateAnswerError::Value(SERVER_MAX_WINDOW_BITS),
        );
    }

    #[test]
    fn the_clients_window_in_the_answer_has_a_value_no_larger_than_the_offer() {
        let value = DeflateAnswerError::Value(CLIENT_MAX_WINDOW_BITS);
        check_refused(&Compression::default(), "permessage-deflate; client_max_window_bits", value);
        let client = Compression::default().client_max_window_bits(10);
        check_refused(&client, "permessage-deflate; client_max_window_bits=11", value);
    }

    #[test]
    fn unknown_and_repeated_parameters_are_refused() {
        let client = Compression::default();
        check_refused(&client, "permessage-deflate; mystery", DeflateAnswerError::Unknown);
        check_refused(
            &client,
            "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
            DeflateAnswerError::Repeated,
        );
        check_refused(&client, "x-webkit-deflate-frame", DeflateAnswerError::Name);
    }
}
