//! Any bytes as the head of a response to a client. Only offered subprotocols and extensions are accepted.
#![no_main]

use libfuzzer_sys::fuzz_target;
use silverback_proto::{
    Subprotocol,
    handshake::{ClientHandshake, ClientRequest, ExtensionOffer, Nonce, http1::parse_response},
};

fuzz_target!(|head: &[u8]| {
    let Ok(response) = parse_response(head) else { return };
    let offered = ["chat", "superchat"];
    let mut request = ClientRequest::parse("ws://example.com/chat").expect("a fixed address");
    for name in offered {
        request = request.subprotocol(Subprotocol::new(name).expect("a fixed token"));
    }
    let request = request.extension(ExtensionOffer::new("permessage-deflate").flag("client_max_window_bits"));
    let handshake = ClientHandshake::new(request, Nonce::new(*b"the sample nonce")).expect("a fixed request");
    let Ok(negotiated) = handshake.verify(&response) else { return };
    assert_eq!(response.status(), 101);
    assert!(negotiated.subprotocol.is_none_or(|name| offered.contains(&name.as_str())));
    assert!(negotiated.extensions.len() <= 1);
});
