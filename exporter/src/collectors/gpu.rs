//! What counts as a GPU: generic resources named `gpu`, by type. MIG slices and shards are not whole GPUs.
//! Typed entries and their untyped remainder are settled in the rows already.

use crate::model::job::Gpus;
use crate::model::node::Gres;
use crate::model::tres::is_gpu_slice;
use crate::model::{Job, Jobs, Node, Nodes};

/// The value of the label `gpu_type`.
pub(crate) fn type_label(kind: &str) -> &str {
    if kind.is_empty() { "any" } else { kind }
}

/// The GPUs of a node, one entry per type.
pub(crate) fn of_node<'a>(nodes: &'a Nodes, node: &Node) -> impl Iterator<Item = &'a Gres> {
    nodes.gres(node).iter().filter(|gres| {
        nodes.symbols.resolve(gres.name) == "gpu" && !is_gpu_slice(nodes.symbols.resolve(gres.kind))
    })
}

/// The GPUs of a job, one entry per type, per task.
pub(crate) fn of_job<'a>(jobs: &'a Jobs, job: &Job) -> impl Iterator<Item = &'a Gpus> {
    jobs.gpus(job).iter().filter(|gpus| !is_gpu_slice(jobs.symbols.resolve(gpus.kind)))
}

#[cfg(test)]
mod tests {
    use super::type_label;

    #[test]
    fn untyped_gpus_are_of_any_type() {
        assert_eq!(type_label(""), "any");
        assert_eq!(type_label("h100"), "h100");
    }
}
