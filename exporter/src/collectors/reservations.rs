//! Reservations: what they hold, for whom, and when. Whether one is active was true when Slurm was asked.

use super::{Collector, Settings, gauge};
use crate::exposition::{Batch, Desc, Level, Unit};
use crate::model::{Endpoint, Snapshot};

pub(super) const COLLECTOR: Collector = Collector {
    name: "reservations",
    needs: &[Endpoint::Reservations],
    families: &[&INFO, &ACTIVE, &START, &END, &NODES, &CPUS],
    collect,
};

static INFO: Desc = gauge(
    "slurm_reservation_info",
    "Always 1, with the reservation's flags, its partition, and the accounts and users that may use it.",
    Unit::None,
    &["reservation", "flags", "partition", "accounts", "users"],
    Level::Important,
);
static ACTIVE: Desc = plain(
    "slurm_reservation_active",
    "Whether the reservation's time had come and not yet gone when Slurm was last asked.",
    Unit::None,
);
static START: Desc = plain(
    "slurm_reservation_start_timestamp_seconds",
    "When the reservation starts, in Unix seconds.",
    Unit::Seconds,
);
static END: Desc = plain(
    "slurm_reservation_end_timestamp_seconds",
    "When the reservation ends, in Unix seconds.",
    Unit::Seconds,
);
static NODES: Desc =
    plain("slurm_reservation_nodes", "Nodes that the reservation has, whole or in part.", Unit::None);
static CPUS: Desc = plain("slurm_reservation_cpus", "CPUs that the reservation has.", Unit::None);

const fn plain(name: &'static str, help: &'static str, unit: Unit) -> Desc {
    gauge(name, help, unit, &["reservation"], Level::Important)
}

fn collect(snapshot: &Snapshot, _: &Settings, batch: &mut Batch) {
    let Some(reservations) = &snapshot.reservations else { return };
    let now = snapshot.asked(Endpoint::Reservations);
    let [info, active, start, end, nodes, cpus] =
        batch.families([&INFO, &ACTIVE, &START, &END, &NODES, &CPUS]);
    for row in &reservations.rows {
        let labels = [row.name.as_str()];
        info.sample(&[&row.name, &row.flags.join(","), &row.partition, &row.accounts, &row.users], 1_u64);
        if let Some(is_active) = row.is_active(now) {
            active.sample(&labels, is_active);
        }
        for (family, time) in [(&mut *start, row.start_at), (&mut *end, row.end_at)] {
            if let Some(seconds) = time.get() {
                family.sample(&labels, seconds);
            }
        }
        for (family, count) in [(&mut *nodes, row.nodes), (&mut *cpus, row.cpus)] {
            if let Some(count) = count {
                family.sample(&labels, count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::collectors::test_cluster::samples;
    use crate::model::Timestamp;
    use crate::model::reservation::{Reservation, Reservations};

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix(Some(seconds))
    }

    fn read(asked_at: u64) -> BTreeMap<String, String> {
        let row = Reservation {
            name: "maint".to_owned(),
            flags: vec!["maint".to_owned(), "spec_nodes".to_owned()],
            partition: String::new(),
            accounts: "physics".to_owned(),
            users: "-ann".to_owned(),
            start_at: at(100),
            end_at: at(200),
            nodes: Some(11),
            cpus: None,
        };
        let reservations = Reservations { rows: vec![row], last_update: at(50) };
        let mut snapshot = Snapshot { reservations: Some(Arc::new(reservations)), ..Snapshot::default() };
        snapshot.confirm(Endpoint::Reservations, at(asked_at));
        samples(&COLLECTOR, &snapshot)
    }

    #[test]
    fn a_reservation_is_active_by_the_time_of_its_reading() {
        let active = |asked_at| read(asked_at)[r#"slurm_reservation_active{reservation="maint"}"#].clone();
        assert_eq!([active(99), active(100), active(200)], ["0", "1", "0"]);
    }

    #[test]
    fn what_is_unknown_has_no_series() {
        let found = read(0);
        assert!(!found.contains_key(r#"slurm_reservation_active{reservation="maint"}"#));
        assert!(!found.contains_key(r#"slurm_reservation_cpus{reservation="maint"}"#));
        assert_eq!(found[r#"slurm_reservation_nodes{reservation="maint"}"#], "11");
        assert_eq!(found[r#"slurm_reservation_start_timestamp_seconds{reservation="maint"}"#], "100");
        let info = r#"slurm_reservation_info{reservation="maint",flags="maint,spec_nodes",partition="","#;
        assert_eq!(found[&format!("{info}accounts=\"physics\",users=\"-ann\"}}")], "1");
    }
}
