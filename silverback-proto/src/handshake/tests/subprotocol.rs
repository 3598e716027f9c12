//! RFC 6455, 1.9 and 4.1: names of subprotocols.

use crate::handshake::{
    error::HandshakeError,
    subprotocol::{InvalidSubprotocol, Subprotocol, SubprotocolListError},
};

#[test]
fn a_name_is_read_from_whatever_holds_it() {
    let chat = Subprotocol::new("chat").expect("a token");
    assert_eq!("chat".parse(), Ok(chat.clone()));
    assert_eq!(Subprotocol::try_from("chat"), Ok(chat.clone()));
    assert!(chat == *"chat" && chat == "chat" && chat != "Chat", "names are compared as they are written");
    assert_eq!((chat.as_ref(), chat.to_string().as_str()), ("chat", "chat"));
    assert_eq!(format!("{chat:?}"), "Subprotocol(chat)");
}

#[test]
fn a_name_must_be_a_token() {
    for name in ["", "two words", "a,b", "grüße", "a\r\nb"] {
        let refused: Result<Subprotocol, InvalidSubprotocol> = name.parse();
        assert!(refused.is_err(), "{name:?}");
    }
    let refused = Subprotocol::new("two words").expect_err("no token");
    let words = "`two words` is not a subprotocol name: letters, digits and !#$%&'*+-.^_`|~ only, at least one";
    assert_eq!(refused.to_string(), words);
    assert_eq!(HandshakeError::from(refused).to_string(), "`two words` is not a subprotocol name");
}

#[test]
fn a_list_that_is_refused_says_why() {
    assert_eq!(SubprotocolListError::Empty.to_string(), "it names no subprotocol");
    assert_eq!(SubprotocolListError::TooMany { limit: 128 }.to_string(), "it names more than 128 subprotocols");
}
