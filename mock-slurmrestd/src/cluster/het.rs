//! Heterogeneous jobs: components with requests of their own that wait, start and are cancelled together.
//! Not here: the scheduling of one component (scheduler.rs).

use super::Cluster;
use super::clock::Millis;
use super::inventory::CPU;
use super::job::{ArrayRole, Het, JobState, Outcome, Request, StateReason};
use super::lifecycle::Obstacle;
use super::places::Search;
use rand::RngExt;

pub(super) const MOST_COMPONENTS: u8 = 3;

impl Cluster {
    /// Submits a job of two or three components: the request and smaller helpers. Returns the leader's index.
    pub(super) fn submit_het(&mut self, request: &Request, at: Millis) -> usize {
        let components = self.rng.random_range(2..=MOST_COMPONENTS);
        let leader = self.next_id + 1;
        let helper = Request {
            nodes: 1,
            cpus_per_node: request.cpus_per_node.min(4),
            gpus_per_node: 0,
            gpu_model_named: false,
            kind: CPU as u8,
            constraint: None,
            required_node: None,
            licenses: None,
            reservation: None,
            second_partition: None,
            ..request.clone()
        };
        // One component cannot be put back and held without the others.
        let outcome = match request.outcome {
            Outcome::SpecialExit => Outcome::Success,
            outcome => outcome,
        };
        let helper = Request { outcome, ..helper };
        let first = Request { outcome, second_partition: None, reservation: None, ..request.clone() };
        let index = self.submit_component(first, Het { leader, offset: 0, components }, at);
        for offset in 1..components {
            self.submit_component(helper.clone(), Het { leader, offset, components }, at);
        }
        index
    }

    fn submit_component(&mut self, request: Request, het: Het, at: Millis) -> usize {
        self.submit_as(request, ArrayRole::None, Some(het), Obstacle::None, at)
    }

    /// Indices of the components of a job that is still listed, itself included; just itself when it is alone.
    pub(super) fn components(&self, index: usize) -> Vec<usize> {
        match self.jobs[index].het {
            None => vec![index],
            Some(het) => het.ids().filter_map(|id| self.index_of(id)).collect(),
        }
    }

    /// Nodes for all components at once, each with its partition; none may share a node with another.
    pub(super) fn places_of_het(&mut self, index: usize) -> Option<Vec<(usize, usize, Vec<u32>)>> {
        let mut taken: Vec<u32> = Vec::new();
        let mut places = Vec::new();
        for component in self.components(index) {
            let partition = usize::from(self.jobs[component].request.partition);
            let Search::Found(nodes) = self.places(component, partition, &taken) else { return None };
            taken.extend(&nodes);
            places.push((component, partition, nodes));
        }
        Some(places)
    }

    /// All wait for the same.
    pub(super) fn share_reason(&mut self, index: usize, reason: StateReason) {
        for component in self.components(index) {
            if component != index && self.jobs[component].state == JobState::Pending {
                self.jobs[component].reason = reason;
            }
        }
    }
}
