//! Where a request fits now: first fit over a partition's nodes, passing over stretches that are known to be full.
//! Not here: who may try (scheduler.rs).

use super::Cluster;
use super::inventory::NodeType;
use super::job::Request;
use super::node::Node;

/// Neighbours that are summed up together.
pub(super) const STRETCH: usize = 64;

/// What is free at most on any node of a stretch: never less than the truth.
#[derive(Clone, Copy, Debug)]
struct Room {
    cpus: u16,
    gpus: u8,
    memory_mb: u32,
}

impl Room {
    const FULL: Self = Self { cpus: 0, gpus: 0, memory_mb: 0 };
    const UNKNOWN: Self = Self { cpus: u16::MAX, gpus: u8::MAX, memory_mb: u32::MAX };

    fn of(node: &Node, kind: &NodeType) -> Self {
        // Whoever is in the reservation may use the node.
        if !node.is_usable_in(node.reservation) {
            return Self::FULL;
        }
        Self { cpus: node.free_cpus(kind), gpus: node.free_gpus(kind), memory_mb: node.free_memory_mb(kind) }
    }

    fn or(self, other: Self) -> Self {
        Self {
            cpus: self.cpus.max(other.cpus),
            gpus: self.gpus.max(other.gpus),
            memory_mb: self.memory_mb.max(other.memory_mb),
        }
    }

    fn may_hold(self, request: &Request) -> bool {
        self.cpus >= request.cpus_per_node
            && self.gpus >= request.gpus_per_node
            && self.memory_mb >= request.memory_mb_per_node()
    }
}

/// One entry per stretch of all nodes.
#[derive(Clone, Debug)]
pub(super) struct Rooms(Vec<Room>);

impl Rooms {
    pub(super) fn new(nodes: usize) -> Self {
        Self(vec![Room::UNKNOWN; nodes.div_ceil(STRETCH)])
    }
}

/// What came of a search.
pub(super) enum Search {
    Found(Vec<u32>),
    /// There would be room, if no reservation began before the job's end.
    Reserved,
    Full,
}

impl Cluster {
    /// Nodes for the whole request of a job in this partition, none of them among `taken`.
    pub(super) fn places(&mut self, index: usize, partition: usize, taken: &[u32]) -> Search {
        let inventory = self.inventory.clone();
        let job = &self.jobs[index];
        let request = &job.request;
        let planned_itself = job.planned_node.is_some();
        let would_end = self.now + request.limit();
        let wanted = request.nodes as usize;
        let mut found: Vec<u32> = Vec::with_capacity(wanted);
        let mut reserved = 0;
        let partition = &inventory.partitions[partition];
        let mut full = Vec::new();
        let mut consider = |node: u32, found: &mut Vec<u32>| {
            let state = &self.nodes[node as usize];
            let in_the_way = !planned_itself && state.planned_for != 0 && would_end > state.planned_for;
            let fits = state.is_usable_in(request.reservation)
                && !in_the_way
                && self.has_room(node, request)
                && !taken.contains(&node);
            if fits && state.reserved_from != 0 && would_end > state.reserved_from {
                reserved += 1;
            } else if fits {
                found.push(node);
            }
        };
        if let Some(node) = request.required_node {
            consider(node, &mut found);
            if found.is_empty() {
                return if reserved > 0 { Search::Reserved } else { Search::Full };
            }
        }
        for span in &partition.spans {
            if found.len() >= wanted {
                break;
            }
            if !self.rooms.0[span.stretch].may_hold(request) {
                continue;
            }
            let before = found.len();
            for node in &partition.nodes[span.nodes.clone()] {
                if found.len() < wanted && request.required_node != Some(*node) {
                    consider(*node, &mut found);
                }
            }
            if found.len() == before {
                full.push(span.stretch);
            }
        }
        for stretch in full {
            self.measure(stretch);
        }
        if found.len() >= wanted {
            Search::Found(found)
        } else if found.len() + reserved >= wanted {
            Search::Reserved
        } else {
            Search::Full
        }
    }

    /// Whether this much is free on the node now, and it is of the right kind.
    pub(super) fn has_room(&self, node: u32, request: &Request) -> bool {
        let (state, kind) = (&self.nodes[node as usize], self.inventory.node_type(node));
        request.suits(kind)
            && state.free_cpus(kind) >= request.cpus_per_node
            && state.free_gpus(kind) >= request.gpus_per_node
            && state.free_memory_mb(kind) >= request.memory_mb_per_node()
    }

    /// Finds the truth about a stretch that was searched in vain.
    fn measure(&mut self, stretch: usize) {
        let from = stretch * STRETCH;
        let to = (from + STRETCH).min(self.nodes.len());
        let rooms = (from..to).map(|node| Room::of(&self.nodes[node], self.inventory.nodes[node].kind()));
        self.rooms.0[stretch] = rooms.fold(Room::FULL, Room::or);
    }

    /// Has to be called when a node has more room than before, or is usable again.
    pub(super) fn has_more_room(&mut self, node: u32) {
        let room = Room::of(&self.nodes[node as usize], self.inventory.node_type(node));
        let stretch = &mut self.rooms.0[node as usize / STRETCH];
        *stretch = stretch.or(room);
    }
}
