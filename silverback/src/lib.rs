//! WebSocket for tokio: an [`Upgrader`], a [`Dialer`] and a [`Conn`].
mod clock;
mod conn;
mod dial;
mod driver;
mod ending;
mod error;
mod flusher;
mod head;
mod mask_source;
mod message_reader;
mod message_writer;
mod read_buffer;
mod reader;
mod settings;
mod shared;
mod transport;
mod upgrade;
mod writer;

pub use conn::Conn;
pub use dial::{DialError, DialStep, Dialer, Refusal};
pub use error::Error;
pub use message_reader::MessageReader;
pub use message_writer::MessageWriter;
pub use reader::Reader;
pub use settings::Settings;
pub use silverback_proto as proto;
pub use silverback_proto::deflate::{Compression, DeflateParams};
pub use silverback_proto::*;
pub use transport::ByteStream;
#[cfg(feature = "hyper")]
pub use upgrade::Upgrade;
pub use upgrade::{UpgradeError, Upgrader};
pub use writer::{TryWriteError, Writer};
