//! Points in time as Slurm gives them: Unix seconds, where 0 means none.
//! Durations are `std::time::Duration` or seconds named so.

use std::time::{SystemTime, UNIX_EPOCH};

/// Unix seconds, or none. Four bytes, good until 2106.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(u32);

impl Timestamp {
    pub const NONE: Self = Self(0);

    /// A time from the wire: 0, NO_VAL, INFINITE and what lies out of range are none.
    pub fn from_unix(seconds: Option<u64>) -> Self {
        const NO_VAL: u64 = 0xffff_fffe;
        match seconds {
            Some(seconds) if seconds < NO_VAL => Self(u32::try_from(seconds).unwrap_or(0)),
            _ => Self::NONE,
        }
    }

    /// The time of a clock; none before 1970.
    pub fn of(time: SystemTime) -> Self {
        Self::from_unix(time.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs()))
    }

    /// Unix seconds.
    pub fn get(self) -> Option<u32> {
        (self.0 != 0).then_some(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_and_no_val_are_no_time() {
        assert_eq!(Timestamp::from_unix(Some(0)).get(), None);
        assert_eq!(Timestamp::from_unix(None).get(), None);
        assert_eq!(Timestamp::from_unix(Some(4_294_967_294)).get(), None);
        assert_eq!(Timestamp::from_unix(Some(u64::MAX)).get(), None);
        assert_eq!(Timestamp::from_unix(Some(1_795_223_058)).get(), Some(1_795_223_058));
    }
}
