//! Reservations: nodes, cores or licenses that are kept for somebody between two points in time.

use super::time::Timestamp;

/// All reservations of one reading, also those whose time has not come yet.
#[derive(Clone, Debug, Default)]
pub struct Reservations {
    pub rows: Vec<Reservation>,
    /// When the controller last changed one; what `update_time` asks against. Unknown before v0.0.40.
    pub last_update: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    pub name: String,
    /// Lower-case, in Slurm's order: `maint`, `ignore_jobs`, ...
    pub flags: Vec<String>,
    /// Empty when it is of no partition.
    pub partition: String,
    /// Comma-separated, as Slurm keeps them; a name that begins with `-` is kept out.
    pub accounts: String,
    pub users: String,
    pub start_at: Timestamp,
    pub end_at: Timestamp,
    pub nodes: Option<u64>,
    pub cpus: Option<u64>,
}

impl Reservation {
    /// Whether it holds at this moment; unknown where its start is. Without an end it holds for ever.
    pub fn is_active(&self, now: Timestamp) -> Option<bool> {
        let (now, start) = (now.get()?, self.start_at.get()?);
        Some(start <= now && self.end_at.get().is_none_or(|end| now < end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reservation_holds_from_its_start_to_before_its_end() {
        let at = |seconds| Timestamp::from_unix(Some(seconds));
        let row = |start, end| Reservation {
            name: "r".to_owned(),
            flags: Vec::new(),
            partition: String::new(),
            accounts: String::new(),
            users: String::new(),
            start_at: at(start),
            end_at: at(end),
            nodes: None,
            cpus: None,
        };
        for (now, active) in [(99, false), (100, true), (199, true), (200, false)] {
            assert_eq!(row(100, 200).is_active(at(now)), Some(active), "{now}");
        }
        assert_eq!(row(100, 0).is_active(at(1 << 30)), Some(true));
        assert_eq!(row(0, 200).is_active(at(100)), None);
        assert_eq!(row(100, 200).is_active(Timestamp::NONE), None);
    }
}
