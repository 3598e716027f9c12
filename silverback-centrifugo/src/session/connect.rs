//! The first command.

use silverback::Conn;
use silverback_hub::Identity;
use tokio::time::{Instant, timeout_at};

use super::state::{End, Session, ttl};
use crate::{
    protocol::{
        codes::{Disconnect, ErrorCode},
        frame::{Commands, Format, encode},
        messages::{ConnectRequest, ConnectResult, Fault, Reply},
    },
    server::{Connecting, Login, Shared, VERSION},
    token::TokenError,
};

/// A client that may connect.
pub(super) struct Connected {
    /// Of its command.
    pub(super) id: u32,
    pub(super) request: ConnectRequest,
    pub(super) login: Login,
    /// The commands that came with it.
    pub(super) rest: Commands,
}

enum Refused {
    Fault(Fault),
    Close(Disconnect),
}

/// Waits for the command.
pub(super) async fn connect(server: &Shared, conn: &mut Conn, format: Format) -> Result<Connected, End> {
    let deadline = Instant::now() + server.limits.connect_timeout;
    let mut left = server.limits.commands_per_message;
    loop {
        let read = timeout_at(deadline, conn.read_message()).await.map_err(|_| Disconnect::STALE)?;
        let mut commands = Commands::new(format, read?.ok_or(End::Gone)?);
        while let Some(command) = commands.next() {
            left = left.checked_sub(1).ok_or(Disconnect::BAD_REQUEST)?;
            let command = command.map_err(|_| Disconnect::BAD_REQUEST)?;
            let Some(mut request) = command.connect.filter(|_| command.id > 0) else {
                return Err(Disconnect::BAD_REQUEST.into());
            };
            match login(server, &mut request).await {
                Ok(login) => return Ok(Connected { id: command.id, request, login, rest: commands }),
                Err(Refused::Close(disconnect)) => return Err(disconnect.into()),
                Err(Refused::Fault(fault)) => {
                    // The client may try again, with another token, until its time is up.
                    let reply = Reply { id: command.id, error: Some(fault), ..Reply::default() };
                    conn.write_message(encode(format, [&reply])).await?;
                }
            }
        }
    }
}

async fn login(server: &Shared, request: &mut ConnectRequest) -> Result<Login, Refused> {
    let mut login = match &server.on_connect {
        Some(hook) => {
            let connecting = Connecting {
                token: std::mem::take(&mut request.token),
                data: request.data.clone(),
                name: request.name.clone(),
                version: request.version.clone(),
            };
            hook.call(connecting).await.map_err(|refusal| Refused::Fault(refusal.into()))?
        }
        None if request.token.is_empty() && server.limits.allows_anonymous => Login::default(),
        None if request.token.is_empty() => return Err(Refused::Close(Disconnect::BAD_REQUEST)),
        None => by_token(server, &std::mem::take(&mut request.token))?,
    };
    if let Some(user) = login.identity.user_id().filter(|_| server.limits.has_personal_channels) {
        login.channels.insert(0, format!("#{user}"));
    }
    let mut seen = std::collections::HashSet::new();
    login.channels.retain(|channel| seen.insert(channel.clone()));
    Ok(login)
}

fn by_token(server: &Shared, token: &str) -> Result<Login, Refused> {
    let claims = server.verify(token).map_err(|error| match error {
        TokenError::Invalid => Refused::Close(Disconnect::INVALID_TOKEN),
        TokenError::Expired => Refused::Fault(ErrorCode::TokenExpired.into()),
    })?;
    if claims.channel.is_some() {
        // It is for a subscription.
        return Err(Refused::Close(Disconnect::INVALID_TOKEN));
    }
    let expires_at = claims.expires_at();
    let identity = if claims.sub.is_empty() { Identity::anonymous() } else { Identity::user(claims.sub) };
    let info = claims.info.map(|info| String::from(Box::<str>::from(info)));
    let identity = identity.info(info.unwrap_or_default());
    Ok(Login { identity, expires_at, channels: claims.channels, ..Login::default() })
}

impl Session {
    /// Answers the command. The subscriptions of the server are part of the answer, so that no publication comes before
    /// it, and so that the client learns which of them have recovered.
    pub(super) async fn begin(&mut self, id: u32, mut request: ConnectRequest, login: Login) -> Result<(), End> {
        let limits = &self.server.limits;
        let result = ConnectResult {
            client: self.member.id().to_string(),
            version: VERSION.to_owned(),
            expires: self.expires_at.is_some(),
            ttl: self.expires_at.map_or(0, ttl),
            data: login.data,
            ping: u32::try_from(limits.ping_interval.as_secs()).unwrap_or(u32::MAX),
            pong: true,
            ..ConnectResult::default()
        };
        let reply = Reply { id, connect: Some(result), ..Reply::default() };
        let asked = login.channels.into_iter().map(|channel| {
            let request = request.subs.remove(&channel).unwrap_or_default();
            (channel, request)
        });
        self.begin_with_channels(reply, asked.collect()).await
    }
}
