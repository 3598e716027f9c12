//! Any bytes as the head of a request to a server. The result does not depend on the cuts, and only a handshake is
//! accepted.
#![no_main]

use http::Method;
use libfuzzer_sys::fuzz_target;
use silverback_proto::handshake::{
    Acceptance, ServerHandshake,
    http1::{
        HeadReader, Progress, encode_request, encode_response, encode_response_head, parse_request, parse_response,
    },
};

fuzz_target!(|input: &[u8]| {
    let whole = read(input, usize::MAX);
    assert_eq!(whole, read(input, 1), "bytewise");
    assert_eq!(whole, read(input, 7), "in pieces");
    let Ok(Some((head, _))) = whole else { return };
    let Ok(request) = parse_request(&head) else { return };

    let again = parse_request(&encode_request(&request)).expect("an encoded request can be parsed");
    assert_eq!((again.method(), again.headers()), (request.method(), request.headers()));
    // Except to a proxy, a target is written without its authority.
    if request.uri().authority().is_none() {
        assert_eq!(again.uri(), request.uri());
    } else if request.method() != Method::CONNECT {
        assert_eq!(again.uri().path(), request.uri().path());
    }

    match ServerHandshake::from_request(&request) {
        Ok(handshake) => {
            assert_eq!(request.method(), Method::GET);
            let (response, _) = handshake.accept(Acceptance::default()).expect("nothing was chosen");
            let head = encode_response_head(&response);
            assert_eq!(parse_response(&head).expect("our own response").status(), 101);
        }
        Err(rejection) => {
            let response = rejection.response();
            assert!(response.status().is_client_error() || response.status().is_server_error());
            parse_response(&encode_response(&response)).expect("our own response");
        }
    }
});

/// Returns the head and the number of bytes it took, or `None` while it is incomplete.
fn read(input: &[u8], piece: usize) -> Result<Option<(Vec<u8>, usize)>, String> {
    let mut reader = HeadReader::new(4096);
    let mut taken = 0;
    for piece in input.chunks(piece) {
        match reader.handle_input(piece).map_err(|error| error.to_string())? {
            Progress::Complete { consumed } => return Ok(Some((reader.head().to_vec(), taken + consumed))),
            Progress::NeedMore => taken += piece.len(),
        }
    }
    Ok(None)
}
