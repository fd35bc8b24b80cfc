//! What users do: who submits what, how big, for how long, and when. Drawn from a seeded generator.
//! Not here: queues and nodes; a workload does not know whether the cluster is busy.

mod arrivals;
mod runtimes;
mod sizes;
pub mod swf;

use crate::cluster::array::TaskList;
use crate::cluster::clock::Millis;
use crate::cluster::inventory::{CPU, Inventory};
use crate::cluster::job::{Outcome, Request};
use crate::cluster::license::LicenseRequest;
use crate::cluster::size::Size;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Names that jobs bear.
pub const NAMES: [&str; 12] = [
    "run1", "train", "md_prod", "sweep", "assembly", "relax", "postproc", "eval", "mesh", "forecast", "fold",
    "bench",
];

/// The tasks of a drawn job array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrayShape {
    pub tasks: TaskList,
    /// At most so many tasks at a time; 0: no limit.
    pub limit: u32,
}

/// Shares of the rarer kinds of submissions, all out of 1.
const ARRAY_SHARE: f64 = 0.03;
const SECOND_ACCOUNT_SHARE: f64 = 0.3;
const TWO_PARTITIONS_SHARE: f64 = 0.05;
const CONSTRAINT_SHARE: f64 = 0.03;
pub(crate) const HELD_SHARE: f64 = 0.012;
pub(crate) const HELD_BY_ADMIN_SHARE: f64 = 0.002;
/// Requests that no node or partition can ever satisfy.
pub(crate) const IMPOSSIBLE_SHARE: f64 = 0.002;
pub(crate) const HET_SHARE: f64 = 0.004;
/// Of the jobs whose users may use a reservation.
pub(crate) const RESERVATION_SHARE: f64 = 0.3;
/// Of the jobs on one node.
pub(crate) const NODE_LIST_SHARE: f64 = 0.004;
/// What no node has.
pub(crate) const UNKNOWN_FEATURE: &str = "sapphirerapids";
pub(crate) const BEGIN_LATER_SHARE: f64 = 0.01;
pub(crate) const DEPENDENT_SHARE: f64 = 0.04;

/// A stationary mix of submissions for one cluster.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Cumulative weights of the users; the heavy ones come first (Zipf).
    users: Vec<f64>,
    pools: Vec<sizes::Pool>,
    run_time: runtimes::RunTime,
    records_per_hour: f64,
}

impl Workload {
    pub fn new(size: &Size, inventory: &Inventory) -> Self {
        let mut sum = 0.0;
        let users = (1..=inventory.ordinary_users())
            .map(|rank| {
                sum += 1.0 / (rank as f64).powf(0.7);
                sum
            })
            .collect();
        let running = f64::from(size.running_jobs().max(1));
        let tasks_per_record = 1.0 + ARRAY_SHARE * (arrivals::MEAN_ARRAY_TASKS - 1.0);
        Self {
            users,
            pools: sizes::pools(inventory, running, 1.0 - (1.0 - ARRAY_SHARE) / tasks_per_record),
            run_time: runtimes::RunTime::with_mean_hours(running / f64::from(size.jobs_per_hour.max(1))),
            records_per_hour: f64::from(size.jobs_per_hour.max(1)) / tasks_per_record,
        }
    }

    /// One submission by somebody; the tasks of arrays are small.
    pub fn request(&self, rng: &mut ChaCha8Rng, inventory: &Inventory, of_array: bool) -> Request {
        let pick = rng.random::<f64>() * self.users.last().copied().unwrap_or(1.0);
        let user = self.users.partition_point(|weight| *weight <= pick).min(self.users.len() - 1);
        let pool = sizes::pick(&self.pools, rng.random());
        let shape = pool.shape(rng, of_array);
        let partition = &inventory.partitions[usize::from(pool.partition)];
        let run_time = self.run_time.draw(rng);
        let limit_minutes = runtimes::limit_minutes(run_time, partition.max_minutes, rng);
        let person = &inventory.users[user];
        let second = person.second_association.filter(|_| rng.random_bool(SECOND_ACCOUNT_SHARE));
        Request {
            user: user as u16,
            association: second.unwrap_or(person.association),
            partition: pool.partition,
            second_partition: second_partition(inventory, pool, limit_minutes, rng),
            qos: qos(rng),
            kind: pool.kind as u8,
            name: rng.random_range(0..NAMES.len() as u8),
            nodes: shape.nodes,
            cpus_per_node: shape.cpus_per_node,
            gpus_per_node: shape.gpus_per_node,
            gpu_model_named: rng.random_bool(0.5),
            memory_mb_per_cpu: shape.memory_mb_per_cpu,
            memory_per_cpu: rng.random_bool(0.4),
            limit_minutes,
            run_time,
            outcome: outcome(rng),
            constraint: (pool.kind == CPU && rng.random_bool(CONSTRAINT_SHARE)).then_some("icelake"),
            required_node: None,
            licenses: licenses(rng),
            reservation: None,
            cpu_use: (lognormal(80.0, 0.4, rng) as u8).clamp(1, 99),
            memory_use: (lognormal(45.0, 0.7, rng) as u8).clamp(1, 98),
        }
    }

    /// Whether this submission is an array, and of which shape.
    pub fn array(&self, rng: &mut ChaCha8Rng) -> Option<ArrayShape> {
        rng.random_bool(ARRAY_SHARE).then(|| arrivals::array_shape(rng))
    }

    pub(crate) fn records_per_hour(&self) -> f64 {
        self.records_per_hour
    }

    /// The time to the next submission. `hunger` above 1 means that the queue is shorter than usual.
    pub fn interval(&self, rng: &mut ChaCha8Rng, now: Millis, hunger: f64) -> Millis {
        arrivals::interval(self.records_per_hour * hunger, now, rng)
    }
}

/// The partition of all nodes as well, for some who do not care.
fn second_partition(
    inventory: &Inventory,
    pool: &sizes::Pool,
    limit_minutes: u32,
    rng: &mut ChaCha8Rng,
) -> Option<u16> {
    let all = inventory.partition("all").filter(|all| *all != pool.partition)?;
    let fits = limit_minutes <= inventory.partitions[usize::from(all)].max_minutes;
    (rng.random_bool(TWO_PARTITIONS_SHARE) && fits).then_some(all)
}

fn licenses(rng: &mut ChaCha8Rng) -> Option<LicenseRequest> {
    let kind = rng.random_range(0..100);
    // In the order of the licenses.
    let license = match kind {
        0..3 => 0,
        3 => 1,
        4 => 2,
        _ => return None,
    };
    Some(LicenseRequest { license, count: [1, 1, 1, 2][rng.random_range(0..4)] })
}

fn qos(rng: &mut ChaCha8Rng) -> u8 {
    match rng.random_range(0..100) {
        0..80 => 0,
        80..85 => 1,
        _ => 2,
    }
}

fn outcome(rng: &mut ChaCha8Rng) -> Outcome {
    match rng.random_range(0..1000) {
        0..900 => Outcome::Success,
        900..993 => Outcome::Failure([1, 1, 1, 2, 3, 127][rng.random_range(0..6)]),
        993 => Outcome::SpecialExit,
        _ => Outcome::OutOfMemory,
    }
}

/// A draw from the lognormal distribution with this mean (not median) and this sigma, by Box and Muller.
fn lognormal(mean: f64, sigma: f64, rng: &mut ChaCha8Rng) -> f64 {
    let (first, second): (f64, f64) = (rng.random(), rng.random());
    let normal = (-2.0 * (1.0 - first).ln()).sqrt() * (std::f64::consts::TAU * second).cos();
    (mean.ln() - sigma * sigma / 2.0 + sigma * normal).exp()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn every_request_fits_its_partition() {
        for nodes in [1, 3, 20, 400] {
            let size = Size { partitions: 6, ..Size::of(nodes, 200) };
            let inventory = Inventory::new(&size, "sim", &[]);
            let workload = Workload::new(&size, &inventory);
            let mut rng = ChaCha8Rng::seed_from_u64(1);
            for number in 0..2_000 {
                let request = workload.request(&mut rng, &inventory, number % 2 == 0);
                let partition = &inventory.partitions[usize::from(request.partition)];
                let able = partition.nodes.iter().filter(|node| {
                    let kind = inventory.node_type(**node);
                    kind.cpus >= request.cpus_per_node
                        && kind.gpus >= request.gpus_per_node
                        && kind.memory_mb >= request.memory_mb_per_node()
                });
                assert!(able.count() >= request.nodes as usize, "{request:?}");
                assert!(request.limit_minutes <= partition.max_minutes);
            }
        }
    }

    #[test]
    fn the_lognormal_has_the_mean_that_was_asked_for() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mean = (0..200_000).map(|_| lognormal(50.0, 1.0, &mut rng)).sum::<f64>() / 200_000.0;
        assert!((45.0..55.0).contains(&mean), "{mean}");
    }
}
