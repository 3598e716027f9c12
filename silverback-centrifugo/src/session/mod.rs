//! One connection of a client.

mod commands;
mod connect;
mod notices;
mod state;
mod subscriptions;

use std::{collections::HashMap, sync::Arc, time::Duration};

use silverback::{Conn, Reader};
use tokio::time::{Instant, sleep_until};

use self::{
    connect::{Connected, connect},
    state::{End, Session, Subscription, instant},
};
use crate::{
    protocol::{
        codes::Disconnect,
        frame::{Commands, Format},
        messages::Reply,
    },
    rate::Bucket,
    server::{Server, Shared},
};

impl Server {
    /// Serves a connection until it ends: the client's commands, pings, and tokens that expire. Publications of the hub
    /// reach it meanwhile.
    ///
    /// # Cancel safety
    /// If the future is dropped, the connection ends without a closing handshake, and the others in its channels are not
    /// told that it has left.
    pub async fn serve(&self, conn: Conn, format: Format) {
        serve(self.0.clone(), conn, format).await;
    }
}

/// The futures that handle something are boxed: they end, while this one takes its memory as long as the connection.
async fn serve(server: Arc<Shared>, mut conn: Conn, format: Format) {
    let connected = match Box::pin(connect(&server, &mut conn, format)).await {
        Ok(connected) => connected,
        Err(End::Close(Disconnect { code, reason })) => {
            // The client may be gone already.
            let _ = conn.close(code, &reason).await;
            return;
        }
        Err(End::Gone) => return,
    };
    let encoding = server.encodings.get(format);
    let (member, mut reader) = server.hub.join_with(conn, connected.login.identity.clone(), encoding);
    let next_ping = Instant::now() + server.limits.ping_interval;
    let mut session = Session {
        member,
        format,
        subscriptions: HashMap::new(),
        expires_at: connected.login.expires_at.map(instant),
        next_ping,
        pong_due: None,
        commands: Bucket::new(server.limits.commands, Instant::now()),
        server,
    };
    let end = session.run(connected, &mut reader).await;
    Box::pin(session.leave()).await;
    if let Err(End::Close(Disconnect { code, reason })) = end {
        let _ = reader.close(code, &reason).await;
    }
}

impl Session {
    async fn run(&mut self, connected: Connected, reader: &mut Reader) -> Result<(), End> {
        let Connected { id, request, login, rest } = connected;
        Box::pin(self.begin(id, request, login)).await?;
        Box::pin(self.handle_all(rest)).await?;
        loop {
            let deadline = self.next_deadline();
            tokio::select! {
                message = reader.read_message() => match message? {
                    Some(message) => Box::pin(self.handle_all(Commands::new(self.format, message))).await?,
                    None => return Ok(()),
                },
                notice = self.member.notice() => self.handle_notice(&notice).await?,
                () = sleep_until(deadline) => Box::pin(self.handle_time()).await?,
            }
        }
    }

    async fn handle_all(&mut self, commands: Commands) -> Result<(), End> {
        let mut left = self.server.limits.commands_per_message;
        for command in commands {
            left = left.checked_sub(1).ok_or(Disconnect::BAD_REQUEST)?;
            let command = command.map_err(|_| Disconnect::BAD_REQUEST)?;
            self.handle(command).await?;
        }
        Ok(())
    }

    fn next_deadline(&self) -> Instant {
        let expiries = self.subscriptions.values().filter_map(|one| one.expires_at).chain(self.expires_at);
        let expiries = expiries.map(|at| at + EXPIRY_GRACE);
        expiries.chain(self.pong_due).fold(self.next_ping, Instant::min)
    }

    async fn handle_time(&mut self) -> Result<(), End> {
        let now = Instant::now();
        let is_over = |at: Option<Instant>| at.is_some_and(|at| at + EXPIRY_GRACE <= now);
        if self.pong_due.is_some_and(|due| due <= now) {
            return Err(Disconnect::NO_PONG.into());
        }
        if is_over(self.expires_at) {
            return Err(Disconnect::EXPIRED.into());
        }
        let expired = |(name, one): (&String, &Subscription)| is_over(one.expires_at).then(|| name.clone());
        let expired: Vec<_> = self.subscriptions.iter().filter_map(expired).collect();
        for channel in expired {
            self.end_subscription(&channel, UNSUBSCRIBED_EXPIRED, "subscription expired").await?;
        }
        if self.next_ping <= now {
            self.next_ping = now + self.server.limits.ping_interval;
            self.pong_due.get_or_insert(now + self.server.limits.pong_timeout);
            self.send(&Reply::default()).await?;
        }
        Ok(())
    }
}

/// How long an expired token is still good, so that a client has time to bring a new one.
const EXPIRY_GRACE: Duration = Duration::from_secs(25);
/// The code of a subscription that ends because its token has expired. The client subscribes again.
const UNSUBSCRIBED_EXPIRED: u32 = 2501;
