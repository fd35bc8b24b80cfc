//! Amounts of what jobs hold: CPUs, memory, nodes, billing, GPUs; whole, or decayed to fractions.
//! Not here: their texts (`cpu=4,mem=4G`), which are the wire's.

/// One amount of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Resources<T = u64> {
    pub cpus: T,
    pub memory_mb: T,
    pub nodes: T,
    pub billing: T,
    pub gpus: T,
}

impl Resources {
    /// Each amount times this many seconds.
    pub fn for_seconds(self, seconds: f64) -> Resources<f64> {
        Resources {
            cpus: self.cpus as f64 * seconds,
            memory_mb: self.memory_mb as f64 * seconds,
            nodes: self.nodes as f64 * seconds,
            billing: self.billing as f64 * seconds,
            gpus: self.gpus as f64 * seconds,
        }
    }
}

impl Resources<f64> {
    pub(super) fn add(&mut self, other: Self) {
        self.cpus += other.cpus;
        self.memory_mb += other.memory_mb;
        self.nodes += other.nodes;
        self.billing += other.billing;
        self.gpus += other.gpus;
    }

    pub(super) fn scaled(self, by: f64) -> Self {
        Self {
            cpus: self.cpus * by,
            memory_mb: self.memory_mb * by,
            nodes: self.nodes * by,
            billing: self.billing * by,
            gpus: self.gpus * by,
        }
    }
}
