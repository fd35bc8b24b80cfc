//! The moving part of a node: what is allocated on it and what is wrong with it.
//! Not here: its type and name (inventory.rs), or who decides that it fails (operations.rs).

use super::clock::Millis;
use super::inventory::NodeType;
use std::borrow::Cow;

/// Slurm's node flags that the model uses, in the order in which slurmrestd lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeFlag {
    Reserved,
    Cloud,
    Drain,
    /// Jobs on it have ended and are being cleaned up.
    Completing,
    NotResponding,
    PoweredDown,
    Fail,
    PoweringUp,
    Maintenance,
    PoweringDown,
    Planned,
    InvalidReg,
}

impl NodeFlag {
    pub const ALL: [Self; 12] = [
        Self::Reserved,
        Self::Cloud,
        Self::Drain,
        Self::Completing,
        Self::NotResponding,
        Self::PoweredDown,
        Self::Fail,
        Self::PoweringUp,
        Self::Maintenance,
        Self::PoweringDown,
        Self::Planned,
        Self::InvalidReg,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Self::Reserved => "RESERVED",
            Self::Cloud => "CLOUD",
            Self::Drain => "DRAIN",
            Self::Completing => "COMPLETING",
            Self::NotResponding => "NOT_RESPONDING",
            Self::PoweredDown => "POWERED_DOWN",
            Self::Fail => "FAIL",
            Self::PoweringUp => "POWERING_UP",
            Self::Maintenance => "MAINTENANCE",
            Self::PoweringDown => "POWERING_DOWN",
            Self::Planned => "PLANNED",
            Self::InvalidReg => "INVALID_REG",
        }
    }

    fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// The base state, which follows from health and allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeBase {
    Down,
    Idle,
    Allocated,
    Mixed,
}

impl NodeBase {
    pub const ALL: [Self; 4] = [Self::Down, Self::Idle, Self::Allocated, Self::Mixed];

    pub fn word(self) -> &'static str {
        match self {
            Self::Down => "DOWN",
            Self::Idle => "IDLE",
            Self::Allocated => "ALLOCATED",
            Self::Mixed => "MIXED",
        }
    }
}

/// Why an administrator or slurmctld took the node out.
#[derive(Clone, Debug)]
pub struct Reason {
    pub text: Cow<'static, str>,
    pub set_by: &'static str,
    pub since: Millis,
}

#[derive(Clone, Debug)]
pub struct Node {
    pub down: bool,
    flags: u16,
    pub reason: Option<Reason>,
    /// One bit per allocated core.
    pub cores: u128,
    /// One bit per allocated GPU.
    pub gpus: u8,
    pub allocated_memory_mb: u32,
    /// When the last job on it must have ended by its time limit; only an estimate for planning.
    pub busy_until: Millis,
    /// When the job for which it is planned is to start.
    pub planned_for: Millis,
    /// The id of the reservation that holds it now.
    pub reservation: Option<u32>,
    /// When the next reservation takes it; 0: none.
    pub(super) reserved_from: Millis,
    /// Jobs that are being cleaned up on it.
    pub(super) completing: u16,
    /// When the model's own repair is due; anything planned for another time is void.
    pub(super) repaired_at: Millis,
    /// When it will be up, or off, while its power changes.
    pub(super) power_changes: Millis,
    /// Energy used up to `energy_at`, in joules.
    joules: f64,
    energy_at: Millis,
    pub last_busy: Millis,
    pub boot_time: Millis,
    pub slurmd_start: Millis,
}

impl Node {
    pub fn new(boot_time: Millis, slurmd_start: Millis) -> Self {
        Self {
            down: false,
            flags: 0,
            reason: None,
            cores: 0,
            gpus: 0,
            allocated_memory_mb: 0,
            busy_until: 0,
            planned_for: 0,
            reservation: None,
            reserved_from: 0,
            completing: 0,
            power_changes: 0,
            repaired_at: 0,
            joules: 0.0,
            energy_at: slurmd_start,
            last_busy: slurmd_start,
            boot_time,
            slurmd_start,
        }
    }

    pub fn has(&self, flag: NodeFlag) -> bool {
        self.flags & flag.bit() != 0
    }

    pub fn set(&mut self, flag: NodeFlag, on: bool) {
        if on {
            self.flags |= flag.bit();
        } else {
            self.flags &= !flag.bit();
        }
    }

    pub fn flags(&self) -> impl Iterator<Item = NodeFlag> + '_ {
        NodeFlag::ALL.into_iter().filter(|flag| self.has(*flag))
    }

    pub fn base(&self, kind: &NodeType) -> NodeBase {
        match self.allocated_cpus() {
            _ if self.down => NodeBase::Down,
            0 => NodeBase::Idle,
            cpus if cpus >= kind.cpus => NodeBase::Allocated,
            _ => NodeBase::Mixed,
        }
    }

    pub fn allocated_cpus(&self) -> u16 {
        self.cores.count_ones() as u16
    }

    pub fn allocated_gpus(&self) -> u8 {
        self.gpus.count_ones() as u8
    }

    /// Whether the scheduler may put a job here at all that is not in a reservation.
    pub fn is_usable(&self) -> bool {
        self.is_usable_in(None)
    }

    /// The same for a job in this reservation.
    pub fn is_usable_in(&self, reservation: Option<u32>) -> bool {
        const CLOSED: u16 = (1 << NodeFlag::Drain as u16)
            | (1 << NodeFlag::NotResponding as u16)
            | (1 << NodeFlag::Fail as u16)
            | (1 << NodeFlag::PoweringDown as u16)
            | (1 << NodeFlag::InvalidReg as u16);
        !self.down && self.flags & CLOSED == 0 && self.reservation == reservation
    }

    /// Whether it is off, or on its way there or back.
    pub fn is_without_power(&self) -> bool {
        [NodeFlag::PoweredDown, NodeFlag::PoweringUp, NodeFlag::PoweringDown]
            .iter()
            .any(|flag| self.has(*flag))
    }

    /// Whether slurmd answers; only then does slurmctld know load, free memory and version.
    pub fn is_responding(&self) -> bool {
        !self.down && !self.has(NodeFlag::NotResponding) && !self.is_without_power()
    }

    /// What it draws now.
    pub fn watts(&self, kind: &NodeType) -> u32 {
        if !self.is_responding() {
            return 0;
        }
        let busy = u32::from(self.allocated_cpus()) * kind.watts_per_cpu;
        kind.idle_watts + busy + u32::from(self.allocated_gpus()) * kind.watts_per_gpu
    }

    /// What it has used since its slurmd started counting.
    pub fn joules(&self, kind: &NodeType, now: Millis) -> u64 {
        (self.joules + self.joules_since(kind, now)) as u64
    }

    fn joules_since(&self, kind: &NodeType, now: Millis) -> f64 {
        f64::from(self.watts(kind)) * now.saturating_sub(self.energy_at) as f64 / 1_000.0
    }

    /// It has booted, and slurmd counts energy from zero.
    pub(super) fn restart(&mut self, now: Millis) {
        self.boot_time = now;
        self.slurmd_start = now;
        self.last_busy = now;
        (self.joules, self.energy_at) = (0.0, now);
    }

    /// One more job is being cleaned up on it, or one less.
    pub(super) fn change_completing(&mut self, more: bool) {
        self.completing = if more { self.completing + 1 } else { self.completing - 1 };
        self.set(NodeFlag::Completing, self.completing > 0);
    }

    /// Has to be called before anything changes that changes its power.
    pub(super) fn meter(&mut self, kind: &NodeType, now: Millis) {
        self.joules += self.joules_since(kind, now);
        self.energy_at = now;
    }

    pub fn free_cpus(&self, kind: &NodeType) -> u16 {
        kind.cpus - self.allocated_cpus()
    }

    pub fn free_gpus(&self, kind: &NodeType) -> u8 {
        kind.gpus - self.allocated_gpus()
    }

    pub fn free_memory_mb(&self, kind: &NodeType) -> u32 {
        kind.memory_mb - self.allocated_memory_mb
    }

    /// Takes `count` free cores, spread over both sockets as slurmctld does. The caller checked that they fit.
    pub fn take_cores(&mut self, kind: &NodeType, count: u16) -> u128 {
        let half = u32::from(kind.cpus / 2);
        let socket: u128 = (1 << half) - 1;
        let free = [!self.cores & socket, (!self.cores >> half) & socket];
        let room = [free[0].count_ones() as u16, free[1].count_ones() as u16];
        let mut first = count.div_ceil(2).min(room[0]);
        let second = (count - first).min(room[1]);
        first = count - second;
        let taken = lowest_bits(free[0], first) | (lowest_bits(free[1], second) << half);
        self.cores |= taken;
        taken
    }

    /// Takes `count` free GPUs, lowest index first.
    pub fn take_gpus(&mut self, kind: &NodeType, count: u8) -> u8 {
        let present = ((1u16 << kind.gpus) - 1) as u8;
        let taken = lowest_bits(u128::from(!self.gpus & present), u16::from(count)) as u8;
        self.gpus |= taken;
        taken
    }
}

fn lowest_bits(mut from: u128, count: u16) -> u128 {
    let mut taken = 0;
    for _ in 0..count {
        let bit = from & from.wrapping_neg();
        taken |= bit;
        from ^= bit;
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::super::inventory::{CPU, GPU, NODE_TYPES};
    use super::*;

    #[test]
    fn cores_are_spread_over_the_sockets_and_never_taken_twice() {
        let kind = &NODE_TYPES[CPU];
        let mut node = Node::new(0, 0);
        assert_eq!(node.take_cores(kind, 4), 0b11 | (0b11 << 32));
        assert_eq!(node.take_cores(kind, 60).count_ones(), 60);
        assert_eq!(node.base(kind), NodeBase::Allocated);
        assert_eq!(node.cores.count_ones(), 64);
    }

    #[test]
    fn gpus_are_taken_from_the_lowest_index() {
        let kind = &NODE_TYPES[GPU];
        let mut node = Node::new(0, 0);
        assert_eq!(node.take_gpus(kind, 2), 0b11);
        assert_eq!(node.take_gpus(kind, 4), 0b11_1100);
        assert_eq!(node.free_gpus(kind), 2);
    }

    #[test]
    fn a_drained_node_takes_no_job_but_still_answers() {
        let mut node = Node::new(0, 0);
        node.set(NodeFlag::Drain, true);
        assert!(!node.is_usable() && node.is_responding());
        assert_eq!(node.flags().collect::<Vec<_>>(), [NodeFlag::Drain]);
    }
}
