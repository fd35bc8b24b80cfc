//! `scontrol show reservations` and `scontrol show licenses`.

use super::{Judge, field, number, ours, with_zeros};

pub(super) const RESERVATIONS: Judge = Judge {
    name: "scontrol-reservation-times",
    command: "scontrol show reservations -o",
    read: |facts, text| {
        for line in text.lines() {
            let name = field(line, "ReservationName").unwrap();
            let word = |key| field(line, key).filter(|value| *value != "(null)").unwrap_or_default();
            let mut put = |what: &str, value: f64| facts.insert(format!("reservation {name} {what}"), value);
            put("starts", number(line, "StartTime"));
            put("ends", number(line, "EndTime"));
            put("nodes", number(line, "NodeCnt"));
            put(
                "cpus",
                word("TRES").split(',').find_map(|tres| tres.strip_prefix("cpu=")).unwrap().parse().unwrap(),
            );
            put("is active", f64::from(u8::from(word("State") == "ACTIVE")));
            let [flags, users, accounts, partition] =
                ["Flags", "Users", "Accounts", "PartitionName"].map(word);
            let flags = flags.to_lowercase();
            put(&format!("is {flags} in {partition} for users {users} and accounts {accounts}"), 1.0);
        }
    },
    ours: &[
        ours("reservation {reservation} starts", "slurm_reservation_start_timestamp_seconds"),
        ours("reservation {reservation} ends", "slurm_reservation_end_timestamp_seconds"),
        ours("reservation {reservation} nodes", "slurm_reservation_nodes"),
        ours("reservation {reservation} cpus", "slurm_reservation_cpus"),
        with_zeros("reservation {reservation} is active", "slurm_reservation_active"),
        ours(
            "reservation {reservation} is {flags} in {partition} for users {users} and accounts {accounts}",
            "slurm_reservation_info",
        ),
    ],
    is_recorded: false,
    moves: false,
};

pub(super) const LICENSES: Judge = Judge {
    name: "scontrol-licenses",
    command: "scontrol show licenses -o",
    read: |facts, text| {
        for line in text.lines() {
            let name = field(line, "LicenseName").unwrap();
            for (key, what) in
                [("Total", "total"), ("Used", "used"), ("Free", "free"), ("Reserved", "reserved")]
            {
                facts.insert(format!("license {name} {what}"), number(line, key));
            }
        }
    },
    ours: &[
        with_zeros("license {license} total", "slurm_license_total"),
        with_zeros("license {license} used", "slurm_license_used"),
        with_zeros("license {license} free", "slurm_license_free"),
        with_zeros("license {license} reserved", "slurm_license_reserved"),
    ],
    is_recorded: true,
    moves: false,
};
