//! WebSockets of one topic without a protocol: each message is the payload of a publication.

use std::{sync::Arc, time::SystemTime};

use http::{
    HeaderValue, Request, StatusCode,
    header::{AUTHORIZATION, WWW_AUTHENTICATE},
};
use silverback::{CloseCode, Conn, Reader, proto::handshake::ServerHandshake};
use silverback_centrifugo::{Admission, NotAdmitted, Server};
use silverback_hub::{
    Encoding, EngineError, Epoch, HubError, LimitError, Member, Plain, Position, Recovery, Start, TopicName,
};
use tokio::time::sleep;

use crate::serving::{
    answers::text,
    query::{Query, decoded},
    site::{Opening, Refused},
};

/// Where raw clients connect. The name of the topic follows.
pub(super) const PATH: &str = "/ws/topic/";

/// Decides about a handshake. Its path has the topic, and the query or a header the token.
pub(super) fn open(server: &Server, request: &Request<()>, handshake: &ServerHandshake) -> Result<Opening, Refused> {
    let name = request.uri().path().strip_prefix(PATH).and_then(decoded).unwrap_or_default();
    let topic = TopicName::new(&name)
        .map_err(|error| refuse(StatusCode::BAD_REQUEST, format!("The topic is not valid: {error}.\n")))?;
    let query = Query::of(request.uri().query().unwrap_or_default());
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let header = header.and_then(|value| value.strip_prefix("Bearer ")).map(str::to_owned);
    let token = query.get("token").or(header);
    let admission = server.admit(topic.as_str(), token.as_deref()).map_err(not_admitted)?;
    let start = start(&query).ok_or_else(|| refuse(StatusCode::BAD_REQUEST, WRONG_START.to_owned()))?;
    let hub = server.hub().clone();
    Ok(Opening {
        // It works with every subprotocol. Browsers fail the connection if the server selects none of those they offered.
        subprotocol: handshake.subprotocols().first().map(ToString::to_string),
        goodbye: CloseCode::SERVICE_RESTART,
        begin: Box::new(move |conn, presence| {
            tokio::spawn(async move {
                serve(hub, conn, topic, admission, start).await;
                drop(presence);
            });
        }),
    })
}

async fn serve(hub: silverback_hub::Hub, conn: Conn, topic: TopicName, admission: Admission, start: Start) {
    let Admission { identity, may_publish, expires_at, .. } = admission;
    let (member, mut reader) = hub.join_with(conn, identity, encoding());
    let end = match member.subscribe(topic.as_str(), start).await {
        // The client would take a part for the whole.
        Ok(subscribed) if subscribed.recovered == Recovery::Incomplete => Some(INCOMPLETE),
        Ok(_) => None,
        Err(error) => Some(close_for(&error)),
    };
    let end = match end {
        Some(end) => Some(end),
        None => tokio::select! {
            end = talk(&member, &mut reader, &topic, may_publish) => end,
            () = expired(expires_at) => Some(EXPIRED),
        },
    };
    if let Some((code, reason)) = end {
        // The client may have left.
        let _ = reader.close(code, reason).await;
    }
}

/// Publishes what the client sends. Returns why the connection must end, or `None` if it has ended.
async fn talk(member: &Member, reader: &mut Reader, topic: &TopicName, may_publish: bool) -> Option<End> {
    while let Ok(Some(message)) = reader.read_message().await {
        if !may_publish {
            return Some(MAY_NOT_PUBLISH);
        }
        if let Err(error) = member.publish(topic.as_str(), message).await {
            return Some(close_for(&error));
        }
    }
    None
}

/// A close code and its reason.
type End = (CloseCode, &'static str);

async fn expired(at: Option<SystemTime>) {
    match at {
        Some(at) => sleep(at.duration_since(SystemTime::now()).unwrap_or_default()).await,
        None => std::future::pending().await,
    }
}

/// One value for all raw clients, so that the hub encodes a publication once for all of them.
fn encoding() -> Arc<dyn Encoding> {
    static PLAIN: std::sync::LazyLock<Arc<dyn Encoding>> = std::sync::LazyLock::new(|| Arc::new(Plain));
    PLAIN.clone()
}

/// Reads where the subscription begins: `recent=COUNT`, or `since=EPOCH:OFFSET`. `None` if it is malformed.
fn start(query: &Query<'_>) -> Option<Start> {
    if let Some(since) = query.get("since") {
        let (epoch, offset) = since.rsplit_once(':')?;
        return Some(Start::After(Position::new(Epoch::new(epoch), offset.parse().ok()?)));
    }
    match query.get("recent") {
        Some(count) => Some(Start::Recent(count.parse().ok()?)),
        None => Some(Start::Live),
    }
}

fn not_admitted(why: NotAdmitted) -> Refused {
    match why {
        NotAdmitted::Denied => refuse(StatusCode::FORBIDDEN, format!("Not allowed: {why}.\n")),
        why => {
            let mut response = refuse(StatusCode::UNAUTHORIZED, format!("Not allowed: {why}.\n"));
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            response
        }
    }
}

fn refuse(status: StatusCode, words: String) -> Refused {
    Box::new(text(status, words.into_bytes()))
}

/// The close code that tells a client what to do: try again, or change something first.
fn close_for(error: &HubError) -> End {
    match error {
        HubError::Limit(LimitError::Payload { .. }) => (CloseCode::MESSAGE_TOO_BIG, "the payload is too large"),
        HubError::Denied(_) | HubError::Name(_) => (CloseCode::POLICY_VIOLATION, "not allowed"),
        HubError::Engine(EngineError::Down | EngineError::TimedOut) => {
            (CloseCode::TRY_AGAIN_LATER, "the engine is down")
        }
        _ => (CloseCode::TRY_AGAIN_LATER, "the hub cannot do this now"),
    }
}

const INCOMPLETE: End = (CloseCode::new(3010), "the history does not have all since this position");
const MAY_NOT_PUBLISH: End = (CloseCode::POLICY_VIOLATION, "publishing is not allowed in this topic");
const EXPIRED: End = (CloseCode::new(4401), "the token has expired");

const WRONG_START: &str = "The query must have since=EPOCH:OFFSET, recent=COUNT or neither.\n";

#[cfg(test)]
mod tests {
    //! What stands in a URL.

    use super::*;

    #[test]
    fn the_query_says_where_a_subscription_begins() {
        let start = |query| start(&Query::of(query));
        let after = |epoch, offset| Some(Start::After(Position::new(Epoch::new(epoch), offset)));
        for (query, expected) in [
            ("", Some(Start::Live)),
            ("token=x&other", Some(Start::Live)),
            ("recent=10", Some(Start::Recent(10))),
            ("since=ab:7", after("ab", 7)),
            ("x=1&since=a%3Ab:7", after("a:b", 7)),
            ("since=7", None),
            ("since=ab:", None),
            ("since=ab:-1", None),
            ("recent=all", None),
        ] {
            assert_eq!(start(query), expected, "{query}");
        }
    }
}
