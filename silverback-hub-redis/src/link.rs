//! One connection: dialing, logging in, reading values, writing commands, and noticing that the server is silent.

use std::{fmt, future::pending, io, time::Duration};

use bytes::{Buf as _, BytesMut};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf, split},
    net::TcpStream,
    time::{Instant, sleep_until, timeout},
};

use crate::{
    resp::{Decoder, Value, command},
    settings::{LARGEST_VALUE, Settings},
    stream::Stream,
    tls::Tls,
    url::{Place, Target},
};

/// A connection that has logged in.
pub(crate) struct Link {
    reader: ReadHalf<Box<dyn Stream>>,
    writer: WriteHalf<Box<dyn Stream>>,
    input: BytesMut,
    decoder: Decoder,
    output: BytesMut,
    needs_flush: bool,
    /// Commands without a reply.
    unanswered: usize,
    /// When the server was heard last, or when it was asked something after it had answered everything.
    heard: Instant,
    silence: Duration,
}

/// What was learnt about the server.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// Differs after each start of the server.
    pub(crate) run: String,
    /// Whether the server logs its data, so that a start again loses nothing that was acknowledged.
    pub(crate) is_logged: bool,
}

/// Why a connection was not made, or has ended. No text contains a password.
#[derive(Debug)]
pub(crate) enum LinkError {
    Io(io::Error),
    /// The server has closed the connection.
    Closed,
    /// No answer in time.
    Silent,
    /// Bytes that are not RESP3, or an answer that does not fit.
    Malformed,
    /// The server refuses, with this code. The rest of its text may repeat the password.
    Refused(String),
    /// The server is of no use now or at all.
    Unfit(&'static str),
}

impl Link {
    /// Connects and logs in, within the time limit.
    pub(crate) async fn dial(target: &Target, tls: &Tls, settings: &Settings) -> Result<Self, LinkError> {
        let dialing = async {
            let stream = connect(target, tls).await?;
            let mut link = Self::over(stream, settings.silence);
            link.log_in(target).await?;
            Ok(link)
        };
        timeout(settings.connect_timeout, dialing).await.unwrap_or(Err(LinkError::Silent))
    }

    fn over(stream: Box<dyn Stream>, silence: Duration) -> Self {
        let (reader, writer) = split(stream);
        Self {
            reader,
            writer,
            input: BytesMut::new(),
            decoder: Decoder::new(LARGEST_VALUE),
            output: BytesMut::new(),
            needs_flush: false,
            unanswered: 0,
            heard: Instant::now(),
            silence,
        }
    }

    async fn log_in(&mut self, target: &Target) -> Result<(), LinkError> {
        let mut hello = vec!["HELLO", "3"];
        if let Some(password) = &target.password {
            hello.extend(["AUTH", target.user.as_deref().unwrap_or("default"), password.expose()]);
        }
        hello.extend(["SETNAME", "silverback-hub"]);
        let greeting = self.ask(command(hello)).await?.into_list();
        let field = |name| greeting.chunks(2).find(|pair| pair[0].as_str() == Some(name))?.get(1);
        let text = |name| field(name).and_then(Value::as_str);
        let major = text("version").and_then(|version| version.split('.').next()?.parse::<u32>().ok());
        if major.is_none_or(|major| major < 7) {
            return Err(LinkError::Unfit("it is older than Redis 7"));
        }
        if text("mode") == Some("cluster") {
            return Err(LinkError::Unfit("it is a node of a cluster, which this engine does not know"));
        }
        if text("role") != Some("master") {
            return Err(LinkError::Unfit("it is a replica, and takes no writes"));
        }
        if target.database > 0 {
            self.ask(command(["SELECT", &target.database.to_string()])).await?;
        }
        Ok(())
    }

    /// Asks what the promise about data depends on.
    pub(crate) async fn inspect(&mut self) -> Result<Server, LinkError> {
        let info = self.ask(command(["INFO", "server", "persistence", "memory"])).await?;
        let info = info.as_str().ok_or(LinkError::Malformed)?;
        let field = |name: &str| {
            let value = |line: &str| line.strip_prefix(name)?.strip_prefix(':').map(str::to_owned);
            info.lines().find_map(value)
        };
        if field("loading").is_some_and(|loading| loading != "0") {
            return Err(LinkError::Unfit("it is still loading its data"));
        }
        let evicts = field("maxmemory_policy").is_some_and(|policy| policy != "noeviction");
        if evicts && field("maxmemory").is_some_and(|limit| limit != "0") {
            tracing::warn!("Redis evicts keys when its memory is full, so topics lose their history; set noeviction");
        }
        Ok(Server {
            run: field("run_id").ok_or(LinkError::Malformed)?,
            is_logged: field("aof_enabled").as_deref() == Some("1"),
        })
    }

    /// Sends a command and waits for its reply, without anything else on the way.
    async fn ask(&mut self, command: Vec<u8>) -> Result<Value, LinkError> {
        self.push(&command);
        match self.next().await? {
            Value::Error(error) => Err(LinkError::Refused(code(&error))),
            value => Ok(value),
        }
    }

    /// Queues a command, which has one reply.
    pub(crate) fn push(&mut self, command: &[u8]) {
        if self.unanswered == 0 {
            self.heard = Instant::now();
        }
        self.unanswered += 1;
        self.output.extend_from_slice(command);
    }

    /// Commands without a reply.
    pub(crate) fn unanswered(&self) -> usize {
        self.unanswered
    }

    /// Waits for the next value, and writes meanwhile. Fails if the server owes a reply and is silent for too long.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Value, LinkError> {
        loop {
            if let Some(value) = self.decoder.decode(&mut self.input).map_err(|_| LinkError::Malformed)? {
                self.unanswered = self.unanswered.saturating_sub(usize::from(is_reply(&value)));
                return Ok(value);
            }
            let deadline = (self.unanswered > 0).then_some(self.heard + self.silence);
            let Self { reader, writer, input, output, needs_flush, .. } = self;
            input.reserve(READ);
            tokio::select! {
                // In this order: a flood of messages does not hold back commands, and a late answer that is there counts
                // more than the clock.
                biased;
                written = write(writer, output, needs_flush) => written.map_err(LinkError::Io)?,
                read = reader.read_buf(input) => match read.map_err(LinkError::Io)? {
                    0 => return Err(LinkError::Closed),
                    _ => self.heard = Instant::now(),
                },
                () = at(deadline) => return Err(LinkError::Silent),
            }
        }
    }
}

/// Writes what is queued, and then waits for ever.
async fn write(
    writer: &mut WriteHalf<Box<dyn Stream>>,
    output: &mut BytesMut,
    needs_flush: &mut bool,
) -> io::Result<()> {
    while !output.is_empty() {
        *needs_flush = true;
        match writer.write(output).await? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            written => output.advance(written),
        }
    }
    if *needs_flush {
        writer.flush().await?;
        *needs_flush = false;
    }
    if output.capacity() > KEPT {
        *output = BytesMut::new();
    }
    pending().await
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}

async fn connect(target: &Target, tls: &Tls) -> Result<Box<dyn Stream>, LinkError> {
    match &target.place {
        Place::Tcp { host, port, tls: is_tls } => {
            let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(LinkError::Io)?;
            stream.set_nodelay(true).map_err(LinkError::Io)?;
            if *is_tls { tls.connect(host, stream).await.map_err(LinkError::Io) } else { Ok(Box::new(stream)) }
        }
        #[cfg(unix)]
        Place::Unix(path) => Ok(Box::new(tokio::net::UnixStream::connect(path).await.map_err(LinkError::Io)?)),
        #[cfg(not(unix))]
        Place::Unix(_) => Err(LinkError::Unfit("this system has no Unix sockets")),
    }
}

/// Whether a value answers a command. Messages do not, and confirmations of subscriptions do.
fn is_reply(value: &Value) -> bool {
    match value {
        Value::Push(items) => {
            matches!(items.first().and_then(Value::as_str), Some("ssubscribe" | "sunsubscribe"))
        }
        _ => true,
    }
}

/// The first word of an error, such as `WRONGPASS`.
pub(crate) fn code(error: &[u8]) -> String {
    let word = error.split(|byte| *byte == b' ').next().unwrap_or_default();
    let is_code = word.len() <= 32 && word.iter().all(u8::is_ascii_uppercase);
    if is_code { String::from_utf8_lossy(word).into_owned() } else { "ERR".to_owned() }
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Closed => f.write_str("the server has closed the connection"),
            Self::Silent => f.write_str("the server does not answer"),
            Self::Malformed => f.write_str("the server does not speak RESP3 as Redis does"),
            Self::Refused(code) => write!(f, "the server refuses with {code}"),
            Self::Unfit(why) => write!(f, "the server is not usable: {why}"),
        }
    }
}

/// Room for one read.
const READ: usize = 16 * 1024;
/// An output buffer that a burst has grown further is given back.
const KEPT: usize = 64 * 1024;
