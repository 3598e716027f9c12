//! Reads the head of a request or response from a stream. It never waits for bytes behind the head.

use std::io;

use silverback_proto::handshake::{
    HeadError,
    http1::{HeadReader, Progress},
};
use tokio::io::AsyncReadExt;

use crate::io::transport::ByteStream;

/// Why no head was read.
#[derive(Debug)]
pub(crate) enum ReadHeadError {
    Head(HeadError),
    /// The stream ended before the end of the head.
    Ended,
    Io(io::Error),
}

/// Returns the head, and the bytes that arrived after it. These belong to the WebSocket stream.
pub(crate) async fn read_head(stream: &mut impl ByteStream, limit: usize) -> Result<(Vec<u8>, Vec<u8>), ReadHeadError> {
    read_next_head(stream, Vec::new(), limit).await
}

/// Does the same if `input` has already been read.
pub(crate) async fn read_next_head(
    stream: &mut impl ByteStream,
    mut input: Vec<u8>,
    limit: usize,
) -> Result<(Vec<u8>, Vec<u8>), ReadHeadError> {
    let mut reader = HeadReader::new(limit);
    loop {
        if let Progress::Complete { consumed } = reader.handle_input(&input).map_err(ReadHeadError::Head)? {
            return Ok((reader.head().to_vec(), input.split_off(consumed)));
        }
        input.resize(CHUNK, 0);
        let count = stream.read(&mut input).await.map_err(ReadHeadError::Io)?;
        if count == 0 {
            return Err(ReadHeadError::Ended);
        }
        input.truncate(count);
    }
}

const CHUNK: usize = 1024;
