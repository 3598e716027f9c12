//! Byte streams whose type can be found out behind a box.

use std::{any::Any, fmt};

use tokio::io::{AsyncRead, AsyncWrite};

/// A byte stream that a connection can run on.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    /// Returns the stream behind a box, to find out its type.
    #[doc(hidden)]
    fn as_any(&self) -> &dyn Any;
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> ByteStream for S {
    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl fmt::Debug for dyn ByteStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ByteStream")
    }
}

/// Takes the stream out if its type is `T`.
pub(crate) fn take_as<T: 'static>(stream: &mut Option<impl ByteStream>) -> Option<T> {
    (stream as &mut dyn Any).downcast_mut::<Option<T>>()?.take()
}
