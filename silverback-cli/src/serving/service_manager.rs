//! What systemd is told (`sd_notify`): when the server is ready, when it stops, how many WebSockets there are, and that it is
//! alive. Without systemd nothing happens.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::open_connections::Places;

/// Tells that clients are accepted.
pub(super) fn ready() {
    #[cfg(target_os = "linux")]
    notify(&[sd_notify::NotifyState::Ready, sd_notify::NotifyState::Status("ready")]);
}

/// Tells that the server drains or ends.
pub(super) fn stopping() {
    #[cfg(target_os = "linux")]
    notify(&[sd_notify::NotifyState::Stopping, sd_notify::NotifyState::Status("closing connections")]);
}

/// Tells the number of WebSockets at intervals, and that the thread which accepts them still runs. For ever.
pub(super) async fn report(places: &Places) {
    #[cfg(target_os = "linux")]
    {
        use sd_notify::NotifyState;
        if std::env::var_os("NOTIFY_SOCKET").is_none() {
            return std::future::pending().await;
        }
        // systemd recommends half of the time after which it takes the process for dead.
        let watchdog = sd_notify::watchdog_enabled();
        let period = watchdog.map_or(STATUS_EVERY, |time| (time / 2).clamp(SHORTEST, STATUS_EVERY));
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told = None;
        loop {
            ticks.tick().await;
            if watchdog.is_some() {
                notify(&[NotifyState::Watchdog]);
            }
            let open = places.taken().0;
            if told.replace(open) != Some(open) && places.draining().is_none() {
                notify(&[NotifyState::Status(&format!("{open} WebSockets are open"))]);
            }
        }
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (places, interval(STATUS_EVERY), MissedTickBehavior::Delay, SHORTEST);
        std::future::pending().await
    }
}

#[cfg(target_os = "linux")]
fn notify(states: &[sd_notify::NotifyState<'_>]) {
    // If systemd does not listen, nobody misses it.
    let _ = sd_notify::notify(states);
}

const STATUS_EVERY: Duration = Duration::from_secs(5);
const SHORTEST: Duration = Duration::from_millis(10);
