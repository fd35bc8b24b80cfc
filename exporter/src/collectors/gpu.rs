//! What counts as a GPU: generic resources named `gpu`, by type. MIG slices and shards are not whole GPUs.
//! Typed entries and their untyped remainder are settled in the rows already.

use crate::model::job::Gpus;
use crate::model::node::Gres;
use crate::model::{Job, Jobs, Node, Nodes};

/// The value of the label `gpu_type`.
pub(crate) fn type_label(kind: &str) -> &str {
    if kind.is_empty() { "any" } else { kind }
}

/// The GPUs of a node, one entry per type.
pub(crate) fn of_node<'a>(nodes: &'a Nodes, node: &Node) -> impl Iterator<Item = &'a Gres> {
    nodes
        .gres(node)
        .iter()
        .filter(|gres| nodes.symbols.resolve(gres.name) == "gpu" && !is_mig(nodes.symbols.resolve(gres.kind)))
}

/// The GPUs of a job, one entry per type, per task.
pub(crate) fn of_job<'a>(jobs: &'a Jobs, job: &Job) -> impl Iterator<Item = &'a Gpus> {
    jobs.gpus(job).iter().filter(|gpus| !is_mig(jobs.symbols.resolve(gpus.kind)))
}

/// Whether a type names a slice of a GPU by its profile: `1g.10gb`, `a100_3g.20gb`, `nvidia_h100_1g.12gb`.
fn is_mig(kind: &str) -> bool {
    kind.split('_').any(|part| {
        part.split_once("g.").is_some_and(|(compute, memory)| {
            let memory = memory.split_once("gb").map(|(memory, _)| memory);
            is_number(compute) && memory.is_some_and(is_number)
        })
    })
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::{is_mig, type_label};

    #[test]
    fn slices_are_told_by_their_profile() {
        for kind in ["1g.10gb", "a100_3g.20gb", "nvidia_h100_80gb_hbm3_1g.12gb", "1g.10gb+me"] {
            assert!(is_mig(kind), "{kind}");
        }
        for kind in ["", "h100", "a100_80gb", "gtx.gb", "g.gb", "tesla_v100-sxm2-32gb", "big.gb"] {
            assert!(!is_mig(kind), "{kind}");
        }
    }

    #[test]
    fn untyped_gpus_are_of_any_type() {
        assert_eq!(type_label(""), "any");
        assert_eq!(type_label("h100"), "h100");
    }
}
