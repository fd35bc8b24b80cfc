//! How much is free on which nodes, as bits, so that a search looks at 64 neighbours at a time.
//! Not here: the search (places.rs). The bits may promise too much, of memory or a reservation, never too little.

use super::clock::Millis;
use super::inventory::NodeType;
use super::job::Request;
use super::node::Node;

/// Neighbours that share a word.
pub(super) const STRETCH: usize = 64;
/// Powers of two of CPUs that are told apart: 1 to 128.
const SIZES: usize = 8;
const MOST_GPUS: usize = 8;

/// One bit per node of a stretch.
#[derive(Clone, Copy, Debug, Default)]
struct Stretch {
    /// At least 1, 2, 4 and so on CPUs are free.
    cpus: [u64; SIZES],
    /// At least 1, 2, 3 and so on GPUs are free.
    gpus: [u64; MOST_GPUS],
    /// Planned for a job that waits.
    planned: u64,
    /// The latest time for which any of them is planned.
    planned_until: Millis,
}

/// What is asked of each node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    size: usize,
    gpus: u8,
    /// Nodes that are planned for a job before this time will not do.
    until: Option<Millis>,
}

impl Wish {
    /// Of a request on nodes that are free until then.
    pub(super) fn of(request: &Request, until: Option<Millis>) -> Self {
        let size = request.cpus_per_node.max(1).ilog2() as usize;
        Self { size: size.min(SIZES - 1), gpus: request.gpus_per_node, until }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Rooms(Vec<Stretch>);

impl Rooms {
    /// Nothing is free before it is measured.
    pub(super) fn new(nodes: usize) -> Self {
        Self(vec![Stretch::default(); nodes.div_ceil(STRETCH)])
    }

    /// Has to be called whenever a node holds more or less than before, or becomes usable or unusable.
    pub(super) fn measure(&mut self, at: usize, node: &Node, kind: &NodeType) {
        // Whoever is in its reservation may use it.
        let usable = node.is_usable_in(node.reservation);
        let (cpus, gpus) = if usable { (node.free_cpus(kind), node.free_gpus(kind)) } else { (0, 0) };
        let (stretch, bit) = (&mut self.0[at / STRETCH], 1u64 << (at % STRETCH));
        let put = |word: &mut u64, on: bool| *word = if on { *word | bit } else { *word & !bit };
        for (size, word) in stretch.cpus.iter_mut().enumerate() {
            put(word, cpus >> size != 0);
        }
        if kind.gpus > 0 {
            for (before, word) in stretch.gpus.iter_mut().enumerate() {
                put(word, usize::from(gpus) > before);
            }
        }
    }

    pub(super) fn plan(&mut self, node: usize, until: Millis) {
        let stretch = &mut self.0[node / STRETCH];
        stretch.planned |= 1 << (node % STRETCH);
        stretch.planned_until = stretch.planned_until.max(until);
    }

    /// Forgets all plans; returns the nodes that had one.
    pub(super) fn take_planned(&mut self) -> Vec<usize> {
        let mut nodes = Vec::new();
        for (at, stretch) in self.0.iter_mut().enumerate() {
            nodes.extend(ones(stretch.planned).map(|bit| at * STRETCH + bit));
            (stretch.planned, stretch.planned_until) = (0, 0);
        }
        nodes
    }

    /// The nodes of a stretch that may do.
    pub(super) fn candidates(&self, stretch: usize, wish: &Wish) -> u64 {
        let stretch = &self.0[stretch];
        let mut nodes = stretch.cpus[wish.size];
        if wish.gpus > 0 {
            nodes &= stretch.gpus[usize::from(wish.gpus) - 1];
        }
        if wish.until.is_some_and(|until| until > stretch.planned_until) {
            nodes &= !stretch.planned;
        }
        nodes
    }
}

/// The positions of the bits that are set, from the lowest.
pub(super) fn ones(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = word.trailing_zeros() as usize;
        word &= word.wrapping_sub(1);
        (bit < STRETCH).then_some(bit)
    })
}

#[cfg(test)]
mod tests {
    use super::super::inventory::{CPU, GPU, NODE_TYPES};
    use super::super::job::tests::request;
    use super::super::node::NodeFlag;
    use super::*;

    fn candidates(rooms: &Rooms, cpus: u16, gpus: u8, until: Option<Millis>) -> Vec<usize> {
        let request = Request { cpus_per_node: cpus, gpus_per_node: gpus, ..request() };
        ones(rooms.candidates(1, &Wish::of(&request, until))).collect()
    }

    #[test]
    fn a_node_is_a_candidate_for_what_it_has_free_and_for_nothing_while_it_is_drained() {
        let (cpu, gpu) = (&NODE_TYPES[CPU], &NODE_TYPES[GPU]);
        let mut rooms = Rooms::new(70);
        let (mut empty, mut full) = (Node::new(0, 0), Node::new(0, 0));
        full.take_cores(cpu, 50);
        rooms.measure(66, &full, cpu);
        rooms.measure(68, &empty, cpu);
        rooms.measure(69, &empty, gpu);
        assert_eq!(candidates(&rooms, 8, 0, None), [2, 4, 5]);
        assert_eq!(candidates(&rooms, 64, 0, None), [4, 5]);
        assert_eq!(candidates(&rooms, 8, 8, None), [5]);
        empty.take_gpus(gpu, 3);
        empty.set(NodeFlag::Drain, true);
        rooms.measure(68, &empty, cpu);
        assert_eq!(candidates(&rooms, 8, 0, None), [2, 5]);
        empty.set(NodeFlag::Drain, false);
        rooms.measure(69, &empty, gpu);
        assert_eq!(candidates(&rooms, 8, 5, None), [5]);
        assert!(candidates(&rooms, 8, 6, None).is_empty());
    }

    #[test]
    fn a_planned_node_will_not_do_beyond_its_plan() {
        let mut rooms = Rooms::new(70);
        for node in [66, 67] {
            rooms.measure(node, &Node::new(0, 0), &NODE_TYPES[CPU]);
        }
        rooms.plan(67, 1_000);
        assert_eq!(candidates(&rooms, 1, 0, Some(1_001)), [2]);
        assert_eq!(candidates(&rooms, 1, 0, Some(1_000)), [2, 3]);
        assert_eq!(rooms.take_planned(), [67]);
        assert_eq!(candidates(&rooms, 1, 0, Some(1_001)), [2, 3]);
    }
}
