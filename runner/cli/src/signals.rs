//! Waiting for somebody to interrupt the program.

/// The signal that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interrupt {
    /// Ctrl-C, or SIGINT.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

impl Interrupt {
    /// Returns the exit code by which shells know the signal.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

/// Lets a write past a limit on the size of files fail with an error, which is
/// told and recovered from, where the signal SIGXFSZ would end the program.
#[cfg(target_os = "linux")]
pub(crate) fn survive_full_disks() {
    const SIGXFSZ: i32 = 25;
    let kind = tokio::signal::unix::SignalKind::from_raw(SIGXFSZ);
    // Once it is asked for, the signal does nothing else, also after the
    // listener is gone; without it the program ends as by default.
    drop(tokio::signal::unix::signal(kind));
}

/// Lets a write past a limit on the size of files fail; elsewhere nothing is known to be needed.
#[cfg(not(target_os = "linux"))]
pub(crate) fn survive_full_disks() {}

/// Waits for an interrupt, from the first time on that it is called.
#[cfg(unix)]
pub(crate) async fn interrupted() -> Interrupt {
    use tokio::signal::unix::{SignalKind, signal};
    let wait = |kind: SignalKind| async move {
        match signal(kind) {
            Ok(mut signals) => {
                signals.recv().await;
            }
            // The signal then does what it does by default.
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = wait(SignalKind::interrupt()) => Interrupt::Interrupt,
        () = wait(SignalKind::terminate()) => Interrupt::Terminate,
    }
}

/// Waits for an interrupt, from the first time on that it is called.
#[cfg(not(unix))]
pub(crate) async fn interrupted() -> Interrupt {
    match tokio::signal::ctrl_c().await {
        Ok(()) => Interrupt::Interrupt,
        Err(_) => std::future::pending().await,
    }
}

/// Waits for the program's being continued after a stop, each time that it is.
pub(crate) struct Continued(#[cfg(unix)] Option<tokio::signal::unix::Signal>);

/// Listens from now on.
#[cfg(unix)]
pub(crate) fn continued() -> Continued {
    let number = rustix::process::Signal::CONT.as_raw();
    let kind = tokio::signal::unix::SignalKind::from_raw(number);
    Continued(tokio::signal::unix::signal(kind).ok())
}

/// Listens from now on.
#[cfg(not(unix))]
pub(crate) fn continued() -> Continued {
    Continued()
}

impl Continued {
    /// Waits for the next time.
    #[cfg(unix)]
    pub(crate) async fn next(&mut self) {
        match &mut self.0 {
            Some(signals) => {
                signals.recv().await;
            }
            None => std::future::pending().await,
        }
    }

    /// Waits for the next time, which never comes.
    #[cfg(not(unix))]
    pub(crate) async fn next(&mut self) {
        std::future::pending().await
    }
}
