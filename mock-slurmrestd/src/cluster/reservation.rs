//! Advance reservations: nodes or licenses kept for somebody, or for maintenance, from a time to a time.
//! Not here: what the scheduler makes of them (scheduler.rs).

use super::clock::Millis;
use super::license::LicenseRequest;

/// Slurm's words, in the order in which slurmrestd lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReservationFlag {
    Maint,
    Daily,
    IgnoreJobs,
    SpecNodes,
}

impl ReservationFlag {
    pub fn word(self) -> &'static str {
        match self {
            Self::Maint => "MAINT",
            Self::Daily => "DAILY",
            Self::IgnoreJobs => "IGNORE_JOBS",
            Self::SpecNodes => "SPEC_NODES",
        }
    }
}

#[derive(Clone, Debug)]
pub struct Reservation {
    /// Slurm's number for it, from 1.
    pub id: u32,
    pub name: String,
    /// Node indices, ascending; none for one of licenses only.
    pub nodes: Vec<u32>,
    /// `cpu[0200-0210]`
    pub hostlist: String,
    pub cores: u64,
    pub start: Millis,
    pub end: Millis,
    /// In the order of the enumeration.
    pub flags: Vec<ReservationFlag>,
    /// Indices into the accounts; their members may use it.
    pub accounts: Vec<u16>,
    /// Indices into the users; root for maintenance.
    pub users: Vec<u16>,
    pub licenses: Option<LicenseRequest>,
}

impl Reservation {
    pub fn has(&self, flag: ReservationFlag) -> bool {
        self.flags.contains(&flag)
    }

    pub fn is_active(&self, now: Millis) -> bool {
        self.start <= now && now < self.end
    }

    pub fn admits(&self, user: u16, account: u16) -> bool {
        self.users.contains(&user) || self.accounts.contains(&account)
    }
}
