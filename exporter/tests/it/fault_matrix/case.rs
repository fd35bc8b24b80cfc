//! The ways to fail, and the classes that the failures may be counted in.
//! How each is brought about is in `upstream` and `front`.

use mock_slurmrestd::http::FaultKind;

use super::front::Hostile;

#[derive(Clone, Copy, Debug)]
pub(super) enum Case {
    /// Of the simulator, on every endpoint.
    Fault(FaultKind),
    /// Of whoever answers in its place, on [`super::front::STRUCK`].
    Hostile(Hostile),
}

impl Case {
    pub(super) fn all() -> Vec<Self> {
        let kinds = [
            FaultKind::Latency,
            FaultKind::InternalError,
            FaultKind::BadGateway,
            FaultKind::AuthenticationRequired,
            FaultKind::Truncate,
            FaultKind::Reset,
        ];
        let faults = kinds.into_iter().map(Self::Fault);
        faults.chain(Hostile::ALL.into_iter().map(Self::Hostile)).collect()
    }

    pub(super) fn name(self) -> String {
        match self {
            Self::Fault(kind) => kind.word().to_owned(),
            Self::Hostile(hostile) => format!("{hostile:?}"),
        }
    }

    /// The classes that its failures may be counted in.
    pub(super) fn classes(self) -> &'static [&'static str] {
        match self {
            Self::Fault(FaultKind::Latency) => &["timeout"],
            Self::Fault(FaultKind::InternalError | FaultKind::BadGateway) => &["http_status"],
            Self::Fault(FaultKind::AuthenticationRequired) => &["auth"],
            Self::Fault(_) => &["connect"],
            // Whether the limit comes first or the time-out depends on the speed of the machine.
            Self::Hostile(Hostile::EndlessBody | Hostile::HugeString | Hostile::ManyLabels) => {
                &["timeout", "too_large"]
            }
            Self::Hostile(Hostile::DeepNesting) => &["decode", "timeout", "too_large"],
            Self::Hostile(Hostile::GzipBomb) => &["decode"],
            Self::Hostile(Hostile::SlowDrip | Hostile::HalfOpen) => &["timeout"],
        }
    }
}
