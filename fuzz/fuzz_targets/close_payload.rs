//! Any bytes as the payload of a Close frame. An accepted payload may be sent, and encodes to the same bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use silverback_proto::CloseFrame;

fuzz_target!(|payload: &[u8]| {
    let decoded = CloseFrame::decode(payload);
    match &decoded {
        Ok(None) => assert!(payload.is_empty()),
        Ok(Some(close)) => {
            assert!(matches!(close.code.get(), 1000..=1003 | 1007..=1014 | 3000..=4999));
            let mut encoded = Vec::new();
            close.encode(&mut encoded);
            assert_eq!(encoded, payload);
            let again = CloseFrame::new(close.code, close.reason.clone()).expect("a code that was accepted");
            assert!(again.reason.len() <= 123 && close.reason.starts_with(&*again.reason));
        }
        Err(error) => assert!(matches!(error.close_code().get(), 1002 | 1007)),
    }
});
