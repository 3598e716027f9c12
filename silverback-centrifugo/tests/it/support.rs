//! A client that writes and reads texts.

use std::time::{Duration, SystemTime};

use data_encoding::BASE64URL_NOPAD;
use ring::hmac;
use silverback::{Conn, Negotiated, Role, Settings};
use silverback_centrifugo::{Channel, Format, Joins, Keys, Server, ServerBuilder};
use silverback_hub::{Hub, Topic};
use silverback_testkit::{
    pipe::{Remote, pipe},
    wire::{Frame, binary, text},
};
use tokio::{task::JoinHandle, time::timeout};

pub(crate) struct Client {
    pub(crate) remote: Remote,
    pub(crate) serving: JoinHandle<()>,
}

impl Client {
    /// A connection that has said nothing yet.
    pub(crate) fn new(server: &Server, format: Format) -> Self {
        let (pipe, remote) = pipe();
        // Without keepalive, so that only the protocol writes.
        let settings = Settings::default().adjust_config(|config| config.ping_interval(None));
        let conn = Conn::from_handshake(pipe, Role::Server, Negotiated::default(), [], &settings);
        let server = server.clone();
        let serving = tokio::spawn(async move { server.serve(conn, format).await });
        Self { remote: remote.as_client(), serving }
    }

    /// A client that has connected as a user. Its id is cut out of what [`heard`](Self::heard) returns.
    pub(crate) async fn user(server: &Server, user: &str) -> Self {
        let client = Self::new(server, Format::Json);
        client.say(&format!(r#"{{"id":1,"connect":{{"token":"{}"}}}}"#, token(&format!(r#"{{"sub":"{user}"}}"#))));
        let connected = client.heard().await;
        assert!(connected.starts_with(r#"{"id":1,"connect":{"client":"ID","#), "{connected}");
        client
    }

    pub(crate) fn say(&self, what: &str) {
        self.remote.send_frame(text(what));
    }

    pub(crate) fn say_bytes(&self, what: &[u8]) {
        self.remote.send_frame(binary(what));
    }

    /// Returns the next message. Ids of clients are replaced by `ID`, and epochs by `EPOCH`.
    pub(crate) async fn heard(&self) -> String {
        let frame = self.frame().await;
        assert_eq!(frame.opcode, 1, "{frame:?}");
        let payload = frame.unmasked().payload;
        cut(std::str::from_utf8(&payload).unwrap())
    }

    pub(crate) async fn frame(&self) -> Frame {
        timeout(Duration::from_secs(3600), self.remote.read_frame()).await.expect("waited in vain").expect("it ended")
    }

    /// Says something and expects one answer.
    pub(crate) async fn ask(&self, what: &str, expected: &str) {
        self.say(what);
        assert_eq!(self.heard().await, expected, "{what}");
    }

    /// Expects to be closed with this code.
    pub(crate) async fn expect_close(self, code: u16) {
        loop {
            let frame = self.frame().await;
            if frame.opcode == 8 {
                assert_eq!(frame.close_code(), Some(code), "{frame:?}");
                break;
            }
        }
        self.remote.close();
        timeout(Duration::from_secs(3600), self.serving).await.unwrap().unwrap();
    }
}

/// Replaces what is random.
pub(crate) fn cut(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, value)) = rest.split_once(r#":""#) {
        let (value, after) = value.split_once('"').unwrap();
        let name = before.rsplit('"').nth(1).unwrap_or_default();
        let value = match name {
            "client" => "ID",
            "epoch" => "EPOCH",
            "version" => "VERSION",
            _ => value,
        };
        out += &format!(r#"{before}:"{value}""#);
        rest = after;
    }
    out + rest
}

/// A token with these claims.
pub(crate) fn token(claims: &str) -> String {
    let encode = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
    let signed = format!("{}.{}", encode(br#"{"alg":"HS256"}"#), encode(claims.as_bytes()));
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b"secret"), signed.as_bytes());
    format!("{signed}.{}", encode(signature.as_ref()))
}

/// Seconds since 1970, so much later.
pub(crate) fn later(seconds: u64) -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() + seconds
}

pub(crate) async fn hub() -> Hub {
    let kept = Duration::from_secs(300);
    Server::prepare(Hub::builder())
        .shards(1)
        .topics("chat:*", Topic::new().history(100, kept).presence())
        .topics("short:*", Topic::new().history(2, kept))
        .start()
        .await
        .unwrap()
}

/// `chat:` and `short:` have history, `chat:` also presence, joins and everything else. `secret:` needs a token.
pub(crate) async fn builder() -> ServerBuilder {
    let all = Channel::new().open().publish().history().presence();
    Server::builder(hub().await)
        .keys(Keys::hmac("secret"))
        .channels("chat:*", all.clone().joins(Joins::Asked))
        .channels("short:*", all.clone())
        .channels("plain:*", all)
        .channels("news:*", Channel::new().open())
}

pub(crate) async fn server() -> Server {
    builder().await.build()
}
