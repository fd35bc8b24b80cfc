//! Licenses that slurmctld counts: how many there are, are held by jobs, and are kept by reservations.
//! Not here: license servers; none of these is remote.

/// One license of the configuration, with what is held now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct License {
    pub name: &'static str,
    pub total: u32,
    /// Held by running jobs.
    pub used: u32,
    /// Kept by active reservations for their jobs.
    pub reserved: u32,
}

impl License {
    /// What a job without a reservation may take.
    pub fn free(&self) -> u32 {
        self.total.saturating_sub(self.used + self.reserved)
    }
}

/// What a job asks for: `matlab:2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LicenseRequest {
    /// Index into the licenses.
    pub license: u8,
    pub count: u16,
}

/// Numbers that let some jobs wait, in a cluster where so many run.
pub(super) fn list(running_jobs: u32) -> Vec<License> {
    [("matlab", 4, 40), ("ansys", 2, 100), ("comsol", 2, 200)]
        .map(|(name, least, jobs_for_one)| License {
            name,
            total: (running_jobs / jobs_for_one).max(least),
            used: 0,
            reserved: 0,
        })
        .to_vec()
}
