//! What somebody outside asks of the cluster: to submit jobs, to drain nodes and to resume them.
//! Not here: how the wish arrives (http/control.rs); a wish comes as keys and texts.

use super::Cluster;
use super::array::TaskList;
use super::clock::{Millis, SECOND};
use super::hostlist;
use super::inventory::{Inventory, NODE_TYPES};
use super::job::{ArrayRole, Dependency, DependencyKind, Outcome, Request, StateReason};
use super::license::LicenseRequest;
use super::lifecycle::Obstacle;
use super::node::{NodeFlag, Reason};
use super::stats::{Rpc, Sender};
use std::borrow::Cow;

/// So many jobs at most in one wish.
const MOST_JOBS: u32 = 100_000;
const MOST_RUN_SECONDS: f64 = 366.0 * 86_400.0;

/// Jobs that are to be submitted: `count` times the same request.
#[derive(Clone, Debug, Default)]
pub struct JobOrder {
    user: Option<String>,
    account: Option<String>,
    partition: Option<String>,
    qos: Option<String>,
    nodes: Option<u32>,
    cpus: Option<u32>,
    gpus: Option<u32>,
    gpu_model: Option<String>,
    memory_mb: Option<u32>,
    time_limit_minutes: Option<u32>,
    run_seconds: Option<f64>,
    exit_code: u8,
    array: Option<String>,
    dependency: Option<String>,
    licenses: Option<String>,
    reservation: Option<String>,
    hold: bool,
    count: Option<u32>,
}

impl JobOrder {
    pub const KEYS: &str = "user, account, partition (batch or batch,all), qos, nodes, cpus (in all), gpus and memory_mb (per \
        node), gpu_model, time_limit_minutes, run_seconds, exit_code, array (1-9:2,20%2), dependency (afterok:12), \
        licenses (matlab:2), reservation, hold, count";

    /// Sets one key.
    ///
    /// # Errors
    /// What was expected instead.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        let text = || Some(value.to_owned());
        match key {
            "user" => self.user = text(),
            "account" => self.account = text(),
            "partition" => self.partition = text(),
            "qos" => self.qos = text(),
            "nodes" => self.nodes = Some(number(key, value, 1, u32::MAX)?),
            "cpus" => self.cpus = Some(number(key, value, 1, u32::MAX)?),
            "gpus" => self.gpus = Some(number(key, value, 0, 8)?),
            "gpu_model" => self.gpu_model = text(),
            "memory_mb" => self.memory_mb = Some(number(key, value, 1, u32::MAX)?),
            "time_limit_minutes" => self.time_limit_minutes = Some(number(key, value, 1, 525_600)?),
            "run_seconds" => {
                let seconds = value.parse().ok().filter(|seconds| (0.0..=MOST_RUN_SECONDS).contains(seconds));
                self.run_seconds =
                    Some(seconds.ok_or_else(|| format!("{key} {value}: expected seconds, up to a year"))?);
            }
            "exit_code" => self.exit_code = number(key, value, 0, 255)? as u8,
            "array" => self.array = text(),
            "dependency" => self.dependency = text(),
            "licenses" => self.licenses = text(),
            "reservation" => self.reservation = text(),
            "hold" => {
                self.hold = value.parse().map_err(|_| format!("{key} {value}: expected true or false"))?;
            }
            "count" => self.count = Some(number(key, value, 1, MOST_JOBS)?),
            _ => return Err(format!("unknown key {key}, expected {}", Self::KEYS)),
        }
        Ok(())
    }
}

fn number(key: &str, value: &str, least: u32, most: u32) -> Result<u32, String> {
    let number = value.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("{key} {value}: expected a whole number from {least} to {most}"))
}

impl Cluster {
    /// Submits jobs as their user would with sbatch; returns their ids.
    ///
    /// # Errors
    /// What is wrong with the wish, and what there is instead.
    pub fn order(&mut self, order: &JobOrder) -> Result<Vec<u32>, String> {
        let request = self.request_of(order)?;
        let role = match &order.array {
            None => ArrayRole::None,
            Some(text) => {
                let (tasks, limit) = text.split_once('%').unwrap_or((text, "0"));
                let limit = number("array limit", limit, 0, 1_000_000)?;
                let tasks: TaskList = tasks.parse().map_err(|error| format!("{error}"))?;
                ArrayRole::Waiting { tasks, limit, running: 0 }
            }
        };
        let count = order.count.unwrap_or(1);
        let tasks = role.tasks().saturating_mul(count);
        if let Some(limit) = self.usage.refused(&request, tasks, &self.inventory) {
            return Err(format!("{limit}: {tasks} more tasks would be too many"));
        }
        let most = self.inventory.partitions[usize::from(request.partition)].max_minutes;
        let obstacle = match &order.dependency {
            _ if request.limit_minutes > most => Obstacle::Never(StateReason::PartitionTimeLimit),
            _ if order.hold => Obstacle::HeldUntilReleased,
            None => Obstacle::None,
            Some(text) => Obstacle::Dependency(self.dependency_of(text)?),
        };
        let sender = Sender::User(request.user);
        let ids = (0..count)
            .map(|_| {
                let index = self.submit(request.clone(), role.clone(), obstacle, self.now);
                self.jobs[index].by_hand = true;
                self.jobs[index].id
            })
            .collect();
        self.stats.count(Rpc::SubmitBatch, sender, count.into());
        self.request_schedule();
        Ok(ids)
    }

    fn request_of(&self, order: &JobOrder) -> Result<Request, String> {
        let inventory = &self.inventory;
        let user = match &order.user {
            None => 0,
            Some(name) => {
                let found = inventory.users.iter().position(|user| user.name == *name);
                found
                    .ok_or_else(|| format!("user {name}: expected one such as {}", inventory.users[0].name))?
            }
        };
        let association = self.association_of(user, order.account.as_deref())?;
        let (partition, second_partition) = partitions_of(inventory, order.partition.as_deref())?;
        let nodes = order.nodes.unwrap_or(1);
        let cpus_per_node = order.cpus.unwrap_or(nodes).div_ceil(nodes);
        let gpus_per_node = order.gpus.unwrap_or(0) as u8;
        let memory_mb_per_node = order.memory_mb.unwrap_or(cpus_per_node.saturating_mul(1_024));
        let shared = &inventory.partitions[usize::from(partition)];
        let kind = shared
            .nodes
            .iter()
            .map(|node| usize::from(inventory.nodes[*node as usize].kind))
            .find(|kind| {
                let machine = &NODE_TYPES[*kind];
                u32::from(machine.cpus) >= cpus_per_node
                    && machine.gpus >= gpus_per_node
                    && machine.memory_mb >= memory_mb_per_node
                    && order.gpu_model.as_deref().is_none_or(|model| model == machine.gpu_model)
            })
            .filter(|_| shared.nodes.len() >= nodes as usize)
            .ok_or_else(|| format!("partition {}: no nodes that have so much; see /nodes", shared.name))?;
        let run_time = (order.run_seconds.unwrap_or(60.0) * SECOND as f64) as Millis;
        let usual = (run_time / (60 * SECOND) + 1) as u32;
        Ok(Request {
            user: user as u16,
            association,
            partition,
            second_partition,
            qos: qos_of(inventory, order.qos.as_deref())?,
            name: 0,
            nodes,
            cpus_per_node: cpus_per_node as u16,
            gpus_per_node,
            kind: kind as u8,
            gpu_model_named: order.gpu_model.is_some(),
            memory_mb_per_cpu: (memory_mb_per_node / cpus_per_node).max(1),
            memory_per_cpu: false,
            limit_minutes: order.time_limit_minutes.unwrap_or(usual),
            run_time,
            outcome: if order.exit_code == 0 { Outcome::Success } else { Outcome::Failure(order.exit_code) },
            constraint: None,
            required_node: None,
            licenses: order.licenses.as_deref().map(|text| self.licenses_of(text)).transpose()?,
            reservation: order.reservation.as_deref().map(|name| self.reservation_of(name)).transpose()?,
            cpu_use: 90,
            memory_use: 50,
        })
    }

    fn association_of(&self, user: usize, account: Option<&str>) -> Result<u32, String> {
        let inventory = &self.inventory;
        let person = &inventory.users[user];
        let Some(account) = account else { return Ok(person.association) };
        let own = [Some(person.association), person.second_association];
        own.into_iter()
            .flatten()
            .find(|association| inventory.account_of(*association).name == account)
            .ok_or_else(|| {
                let usual = &inventory.account_of(person.association).name;
                format!("account {account}: {} has {usual}", person.name)
            })
    }

    fn licenses_of(&self, text: &str) -> Result<LicenseRequest, String> {
        let (name, count) = text.split_once(':').unwrap_or((text, "1"));
        let at = self.licenses.iter().position(|license| license.name == name).ok_or_else(|| {
            let names: Vec<_> = self.licenses.iter().map(|license| license.name).collect();
            format!("license {name}: expected one of {}", names.join(", "))
        })?;
        let count = number("licenses", count, 1, self.licenses[at].total)?;
        Ok(LicenseRequest { license: at as u8, count: count as u16 })
    }

    fn reservation_of(&self, name: &str) -> Result<u32, String> {
        let found = self.reservations.iter().find(|reservation| reservation.name == name);
        found.map(|reservation| reservation.id).ok_or_else(|| {
            let names: Vec<_> = self.reservations.iter().map(|other| other.name.as_str()).collect();
            format!("reservation {name}: there are {}", names.join(", "))
        })
    }

    fn dependency_of(&self, text: &str) -> Result<Dependency, String> {
        let kinds = [DependencyKind::AfterOk, DependencyKind::AfterAny, DependencyKind::AfterNotOk];
        let read = || {
            let (kind, on) = text.split_once(':')?;
            let kind = kinds.into_iter().find(|known| known.word() == kind)?;
            Some((kind, on.parse::<u32>().ok()?))
        };
        let (kind, on) = read()
            .ok_or_else(|| format!("dependency {text}: expected afterok:ID, afterany:ID or afternotok:ID"))?;
        let alive = self.index_of(on).is_some_and(|index| !self.jobs[index].state.is_finished());
        if !alive {
            return Err(format!("dependency {text}: no job with this id waits or runs"));
        }
        Ok(Dependency { kind, on, failed: false })
    }

    /// Drains nodes as `scontrol update` does, until they are resumed; returns how many.
    ///
    /// # Errors
    /// When the list is no list of nodes, or names one that is not there.
    pub fn drain_nodes(&mut self, list: &str, reason: &str) -> Result<usize, String> {
        let nodes = self.nodes_of(list)?;
        for node in &nodes {
            let state = &mut self.nodes[*node as usize];
            state.set(NodeFlag::Drain, true);
            // Nobody but who resumes it will.
            state.repaired_at = 0;
            let text = Cow::Owned(reason.to_owned());
            state.reason = Some(Reason { text, set_by: "root", since: self.now });
            self.room_changes(*node);
        }
        self.stats.count(Rpc::UpdateNode, Sender::Root, nodes.len() as u64);
        Ok(nodes.len())
    }

    /// Resumes drained and dead nodes; returns how many.
    ///
    /// # Errors
    /// When the list is no list of nodes, or names one that is not there.
    pub fn resume_nodes(&mut self, list: &str) -> Result<usize, String> {
        let nodes = self.nodes_of(list)?;
        for node in &nodes {
            self.nodes[*node as usize].repaired_at = self.now;
            self.repair(*node);
        }
        Ok(nodes.len())
    }

    fn nodes_of(&self, list: &str) -> Result<Vec<u32>, String> {
        let names = hostlist::expand(list)?;
        names
            .iter()
            .map(|name| self.inventory.node(name).ok_or_else(|| format!("node {name}: there is none")))
            .collect()
    }
}

fn partitions_of(inventory: &Inventory, names: Option<&str>) -> Result<(u16, Option<u16>), String> {
    let Some(names) = names else { return Ok((0, None)) };
    let find = |name: &str| {
        inventory.partition(name).ok_or_else(|| {
            let all: Vec<_> = inventory.partitions.iter().map(|one| one.name.as_str()).collect();
            format!("partition {name}: expected one of {}", all.join(", "))
        })
    };
    match names.split_once(',') {
        None => Ok((find(names)?, None)),
        Some((first, second)) => {
            let (first, second) = (find(first)?, find(second)?);
            Ok((first, (first != second).then_some(second)))
        }
    }
}

fn qos_of(inventory: &Inventory, name: Option<&str>) -> Result<u8, String> {
    let Some(name) = name else { return Ok(super::qos::NORMAL) };
    let found = inventory.qos.iter().position(|qos| qos.name == name);
    found.map(|at| at as u8).ok_or_else(|| {
        let all: Vec<_> = inventory.qos.iter().map(|qos| qos.name).collect();
        format!("qos {name}: expected one of {}", all.join(", "))
    })
}
