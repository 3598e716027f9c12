//! Waiting for an instant more exactly than to the millisecond, which is as fine as the runtime's own timers are.

#[cfg(target_os = "linux")]
pub(super) use linux::Alarm;
#[cfg(not(target_os = "linux"))]
pub(super) use portable::Alarm;

#[cfg(target_os = "linux")]
mod linux {
    use std::{io, os::fd::OwnedFd};

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
    };
    use tokio::io::unix::AsyncFd;

    use crate::bench::engine::clock::Clock;

    /// A timer of the kernel's.
    #[derive(Debug)]
    pub(in crate::bench::engine) struct Alarm {
        timer: AsyncFd<OwnedFd>,
        clock: Clock,
    }

    impl Alarm {
        pub(in crate::bench::engine) fn new(clock: Clock) -> io::Result<Self> {
            let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
            #[allow(deprecated, reason = "what replaces it needs a newer tokio than ours; an owned descriptor is safe")]
            let timer = AsyncFd::new(timer)?;
            Ok(Self { timer, clock })
        }

        /// Waits until then.
        pub(in crate::bench::engine) async fn wait_until(&self, then: u64) -> io::Result<()> {
            // Zero would disarm it.
            let left = then.saturating_sub(self.clock.now()).max(1);
            let (seconds, nanos) = (left / 1_000_000_000, left % 1_000_000_000);
            let value = Timespec { tv_sec: seconds as i64, tv_nsec: nanos as i64 };
            let never = Timespec { tv_sec: 0, tv_nsec: 0 };
            // Setting it also forgets that it has expired before: nothing has to be read.
            timerfd_settime(
                self.timer.get_ref(),
                TimerfdTimerFlags::empty(),
                &Itimerspec { it_interval: never, it_value: value },
            )?;
            self.timer.readable().await?.clear_ready();
            Ok(())
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod portable {
    use std::io;

    use crate::bench::engine::clock::Clock;

    /// A timer of the runtime's.
    #[derive(Debug)]
    pub(in crate::bench::engine) struct Alarm {
        clock: Clock,
    }

    impl Alarm {
        pub(in crate::bench::engine) fn new(clock: Clock) -> io::Result<Self> {
            Ok(Self { clock })
        }

        /// Waits until then.
        pub(in crate::bench::engine) async fn wait_until(&self, then: u64) -> io::Result<()> {
            tokio::time::sleep_until(self.clock.instant(then).into()).await;
            Ok(())
        }
    }
}
