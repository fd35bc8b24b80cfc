//! Where a request fits now: first fit over a partition's nodes.
//! Not here: who may try (scheduler.rs), or how candidates are found (rooms.rs).

use super::Cluster;
use super::inventory::{NODE_TYPES, Span};
use super::job::Request;
use super::queue::Wall;
use super::rooms::{STRETCH, Wish, ones};

/// What came of a search.
pub(super) enum Search {
    Found(Vec<u32>),
    /// There would be room, if no reservation began before the job's end.
    Reserved,
    Full,
}

/// A bit for each of [`NODE_TYPES`].
fn kinds_that_suit(request: &Request) -> u8 {
    let suits = NODE_TYPES.iter().enumerate().filter(|(_, kind)| request.suits(kind));
    suits.map(|(at, _)| 1 << at).sum()
}

impl Cluster {
    /// Nodes for the whole request of a job in this partition, none of them among `taken`.
    pub(super) fn places(&self, index: usize, partition: usize, taken: &[u32]) -> Search {
        let job = &self.jobs[index];
        let request = &job.request;
        let planned_itself = job.planned_node.is_some();
        let would_end = self.now + request.limit();
        let wanted = request.nodes as usize;
        let wish = Wish::of(request, (!planned_itself).then_some(would_end));
        let kinds = kinds_that_suit(request);
        let spans = self.inventory.partitions[partition].spans.iter().filter(|span| span.kinds & kinds != 0);
        let candidates = |span: &Span| self.rooms.candidates(span.stretch, &wish) & span.nodes;
        // A look at each would be in vain where there are too few.
        if wanted > 1 && spans.clone().map(|span| candidates(span).count_ones()).sum::<u32>() < request.nodes
        {
            return Search::Full;
        }
        let mut found: Vec<u32> = Vec::with_capacity(wanted);
        let mut reserved = 0;
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
        for span in spans {
            if found.len() >= wanted {
                break;
            }
            for bit in ones(candidates(span)) {
                let node = (span.stretch * STRETCH + bit) as u32;
                if found.len() < wanted && request.required_node != Some(node) {
                    consider(node, &mut found);
                }
            }
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
        state.free_cpus(kind) >= request.cpus_per_node
            && state.free_gpus(kind) >= request.gpus_per_node
            && state.free_memory_mb(kind) >= request.memory_mb_per_node()
            && request.suits(kind)
    }

    /// Has to be called when a node has more or less room than before.
    pub(super) fn room_changes(&mut self, node: u32) {
        let kind = self.inventory.node_type(node);
        self.rooms.measure(node as usize, &self.nodes[node as usize], kind);
        self.queue.lower(Wall::Node(node));
    }

    pub(super) fn measure_all_rooms(&mut self) {
        for node in 0..self.nodes.len() as u32 {
            self.room_changes(node);
        }
    }
}
