//! The one way in which a run ends early: asked for once, seen by every task.
//! Signals become requests to stop here; what is written afterwards is not decided here.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Why a run was ended before its plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// SIGINT.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// The measured process is gone; how it ended, in words.
    TargetGone(String),
    /// Something that the target depends on is gone; how it ended, in words.
    StackBroken(String),
    /// A rule of the SLA that ends a run; the rule, and by what it was broken, in words.
    RuleBroken { rule: String, how: String },
}

impl Reason {
    /// 130 and 143 as shells report signals; `None` when the verdict decides.
    pub(crate) fn exit_code(&self) -> Option<u8> {
        match self {
            Self::Interrupt => Some(130),
            Self::Terminate => Some(143),
            Self::TargetGone(_) | Self::StackBroken(_) | Self::RuleBroken { .. } => None,
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Interrupt => formatter.write_str("interrupted by SIGINT"),
            Self::Terminate => formatter.write_str("interrupted by SIGTERM"),
            Self::StackBroken(how) => write!(formatter, "the simulator ended during the run: {how}"),
            Self::TargetGone(how) => write!(formatter, "the target ended during the run: {how}"),
            Self::RuleBroken { rule, how } => write!(formatter, "a rule ended the run: {rule}: {how}"),
        }
    }
}

/// A request to stop, shared by all tasks; the first reason stays.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Sender<Option<Reason>>);

impl Stop {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(None))
    }

    /// Turns SIGINT and SIGTERM into requests to stop, from now on.
    ///
    /// # Errors
    /// When the handlers cannot be installed.
    pub(crate) fn on_signals(&self) -> io::Result<()> {
        // Goose installs a handler of its own that exits the process on a second Ctrl-C, before any result is
        // written and with the children left behind. It gives way when one is already there.
        match ctrlc::set_handler(|| {}) {
            // A suite has many runs in one process.
            Ok(()) | Err(ctrlc::Error::MultipleHandlers) => {}
            Err(error) => return Err(io::Error::other(error)),
        }
        for (kind, reason) in
            [(SignalKind::interrupt(), Reason::Interrupt), (SignalKind::terminate(), Reason::Terminate)]
        {
            let mut signals = signal(kind)?;
            let stop = self.clone();
            tokio::spawn(async move {
                while signals.recv().await.is_some() {
                    stop.request(reason.clone());
                }
            });
        }
        Ok(())
    }

    /// Asks everyone to stop; without effect when somebody asked before.
    pub(crate) fn request(&self, reason: Reason) {
        self.0.send_if_modified(|current| {
            let first = current.is_none();
            if first {
                *current = Some(reason);
            }
            first
        });
    }

    /// The reason, when the run is to end early.
    pub(crate) fn reason(&self) -> Option<Reason> {
        self.0.borrow().clone()
    }

    /// Waits until somebody asks to stop.
    pub(crate) async fn requested(&self) -> Reason {
        let mut receiver = self.0.subscribe();
        loop {
            if let Some(reason) = receiver.borrow_and_update().clone() {
                return reason;
            }
            if receiver.changed().await.is_err() {
                // `self` holds the sender, so this is never reached; waiting for ever is the right answer anyway.
                std::future::pending::<()>().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_reason_stays() {
        let stop = Stop::new();
        assert_eq!(stop.reason(), None);
        stop.request(Reason::Terminate);
        stop.request(Reason::Interrupt);
        assert_eq!(stop.requested().await, Reason::Terminate);
        assert_eq!(stop.reason().and_then(|reason| reason.exit_code()), Some(143));
    }
}
