//! Publications of the hub as pushes of the protocol.

use std::sync::Arc;

use prost::Message as _;
use silverback::PreparedMessage;
use silverback_hub::{Encoding, Present, Publication};

use crate::protocol::{
    frame::{Format, encode},
    messages::{self, ClientInfo, Push, Reply, Tags},
};

/// The prefix of the topics that carry joins and leaves of the channel after it. Such a topic keeps nothing, and only
/// subscribers that are to be told are in it.
pub(crate) const JOINS: &str = "%joins:";

/// Channels that begin with it are for the server.
pub(crate) const RESERVED: char = '%';

/// One value for each format, so that the hub encodes a batch once for all connections of a format.
pub(crate) struct Encodings {
    json: Arc<dyn Encoding>,
    protobuf: Arc<dyn Encoding>,
}

impl Encodings {
    pub(crate) fn new() -> Self {
        Self { json: Arc::new(Pushes(Format::Json)), protobuf: Arc::new(Pushes(Format::Protobuf)) }
    }

    pub(crate) fn get(&self, format: Format) -> Arc<dyn Encoding> {
        match format {
            Format::Json => self.json.clone(),
            Format::Protobuf => self.protobuf.clone(),
        }
    }
}

#[derive(Debug)]
struct Pushes(Format);

impl Encoding for Pushes {
    fn encode(&self, batch: &[Publication]) -> PreparedMessage {
        let replies: Vec<_> =
            batch.iter().map(|publication| Reply { push: Some(push(publication)), ..Reply::default() }).collect();
        PreparedMessage::new(encode(self.0, &replies))
    }

    fn max_batch(&self) -> usize {
        64
    }
}

fn push(publication: &Publication) -> Push {
    match publication.topic.as_str().strip_prefix(JOINS) {
        Some(channel) => {
            let push = Push::decode(publication.message.as_bytes()).unwrap_or_default();
            Push { channel: channel.to_owned(), ..push }
        }
        None => Push {
            channel: publication.topic.as_str().to_owned(),
            publication: Some(to_message(publication)),
            ..Push::default()
        },
    }
}

/// Returns a publication as the protocol has it. Bytes that are not tags are of another protocol.
pub(crate) fn to_message(publication: &Publication) -> messages::Publication {
    messages::Publication {
        data: publication.message.clone().into_data(),
        info: publication.publisher.as_deref().cloned().map(ClientInfo::from),
        offset: publication.position.as_ref().map_or(0, |position| position.offset),
        tags: Tags::decode(publication.extra.as_ref()).unwrap_or_default().tags,
    }
}

impl From<Present> for ClientInfo {
    fn from(present: Present) -> Self {
        Self {
            user: present.identity.user_id().unwrap_or_default().to_owned(),
            client: present.member.to_string(),
            conn_info: present.identity.info_bytes().clone(),
            ..Self::default()
        }
    }
}
