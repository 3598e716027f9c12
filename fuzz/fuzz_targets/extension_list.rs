//! Any bytes as lists of extensions, one header line for each line. A parsed list means the same after it is encoded
//! and parsed again.
#![no_main]

use http::{HeaderMap, HeaderValue, header::SEC_WEBSOCKET_EXTENSIONS};
use libfuzzer_sys::fuzz_target;
use silverback_proto::handshake::extension::{encode_extensions, parse_extensions};

fuzz_target!(|lines: &[u8]| {
    let mut headers = HeaderMap::new();
    for line in lines.split(|byte| *byte == b'\n') {
        let Ok(value) = HeaderValue::from_bytes(line) else { return };
        headers.append(SEC_WEBSOCKET_EXTENSIONS, value);
    }
    let Ok(offers) = parse_extensions(&headers) else { return };
    let encoded = encode_extensions(&offers).expect("a parsed list can be encoded");
    let mut again = HeaderMap::new();
    again.extend(encoded.map(|value| (SEC_WEBSOCKET_EXTENSIONS, value)));
    assert_eq!(parse_extensions(&again), Ok(offers));
});
