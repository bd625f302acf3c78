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
