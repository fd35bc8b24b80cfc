//! Licenses: counted things that jobs ask for and no node has.

/// All licenses of one reading.
#[derive(Clone, Debug, Default)]
pub struct Licenses {
    pub rows: Vec<License>,
}

/// A license as this cluster may use it. One that slurmdbd keeps for several clusters ("remote", `name@server`) has
/// here what is granted to this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct License {
    pub name: String,
    pub total: u64,
    pub used: Option<u64>,
    pub free: Option<u64>,
    pub reserved: Option<u64>,
    /// Of one that slurmdbd keeps: how many were in use on its server when that was last told, and by how many more
    /// than it has.
    pub last_consumed: Option<u64>,
    pub last_deficit: Option<u64>,
}
