//! Licenses, as the controller counts them. What a license server itself says is not known to Slurm.

use super::{Collector, Settings, gauge};
use crate::exposition::{Batch, Desc, Level, Unit};
use crate::model::{Endpoint, Snapshot};

pub(super) const COLLECTOR: Collector = Collector {
    name: "licenses",
    needs: &[Endpoint::Licenses],
    families: &[&TOTAL, &USED, &FREE, &RESERVED],
    collect,
};

static TOTAL: Desc = plain(
    "slurm_license_total",
    "Licenses that this cluster may use; of those that slurmdbd keeps for several clusters, its own part.",
);
static USED: Desc = plain("slurm_license_used", "Licenses that running jobs hold.");
static FREE: Desc = plain("slurm_license_free", "Licenses that nobody holds, as the controller counts them.");
static RESERVED: Desc = plain("slurm_license_reserved", "Licenses that reservations hold.");

const fn plain(name: &'static str, help: &'static str) -> Desc {
    gauge(name, help, Unit::None, &["license"], Level::Important)
}

fn collect(snapshot: &Snapshot, _: &Settings, batch: &mut Batch) {
    let Some(licenses) = &snapshot.licenses else { return };
    let [total, used, free, reserved] = batch.families([&TOTAL, &USED, &FREE, &RESERVED]);
    for license in &licenses.rows {
        let labels = [license.name.as_str()];
        total.sample(&labels, license.total);
        for (family, count) in
            [(&mut *used, license.used), (&mut *free, license.free), (&mut *reserved, license.reserved)]
        {
            if let Some(count) = count {
                family.sample(&labels, count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::collectors::test_cluster::samples;
    use crate::model::license::{License, Licenses};

    #[test]
    fn what_is_unknown_has_no_series() {
        let row = |name: &str, used| License {
            name: name.to_owned(),
            total: 20,
            used,
            free: used.map(|used| 20 - used),
            reserved: None,
            last_consumed: None,
            last_deficit: None,
        };
        let rows = vec![row("ansys", Some(3)), row("matlab@server", None)];
        let licenses = Some(Arc::new(Licenses { rows }));
        let found = samples(&COLLECTOR, &Snapshot { licenses, ..Snapshot::default() });
        assert_eq!(found[r#"slurm_license_total{license="ansys"}"#], "20");
        assert_eq!(found[r#"slurm_license_used{license="ansys"}"#], "3");
        assert_eq!(found[r#"slurm_license_free{license="ansys"}"#], "17");
        assert_eq!(found[r#"slurm_license_total{license="matlab@server"}"#], "20");
        assert_eq!(found.len(), 4);
    }
}
