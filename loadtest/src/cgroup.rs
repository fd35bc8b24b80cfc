//! Control groups: what limits a process, how often the limit held it back, and a group of our own for the target.
//! Version 2, and version 1 where its controllers are mounted beside it, as on hosts that boot in hybrid mode.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use procfs::process::{MountInfo, Process};
use reports::model::run::CgroupUse;

/// The kernel's default, and the one of Kubernetes: a limit acts on a program as it does in production.
const PERIOD_MICROS: f64 = 100_000.0;
/// The kernel takes no quota below a millisecond.
pub(crate) const FEWEST_CPUS: f64 = 0.01;

/// A folder of the hierarchy that has a controller.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    /// Where the hierarchy is mounted.
    mount: PathBuf,
    folder: PathBuf,
    is_v2: bool,
}

/// The groups that a process is in.
#[derive(Clone, Debug)]
pub(crate) struct Membership {
    cpu: Option<Group>,
    memory: Option<Group>,
}

impl Membership {
    /// Of a process on this machine; without groups where the kernel has none, or they are not mounted.
    pub(crate) fn of(pid: u32) -> Self {
        let Some(process) = i32::try_from(pid).ok().and_then(|pid| Process::new(pid).ok()) else {
            return Self { cpu: None, memory: None };
        };
        let mounts = mounts();
        let groups: Vec<_> = process.cgroups().map(|groups| groups.0).unwrap_or_default();
        let group = |controller: &str| {
            let mount = Mount::with(&mounts, controller)?;
            let entry = groups.iter().find(|entry| match mount.is_v2 {
                true => entry.hierarchy == 0,
                false => entry.controllers.iter().any(|name| name == controller),
            })?;
            let folder = mount.point.join(entry.pathname.trim_start_matches('/'));
            // In a container the path may be that of the host, while the mount shows the own group only.
            let folder = if folder.is_dir() { folder } else { mount.point.clone() };
            Some(Group { mount: mount.point.clone(), folder, is_v2: mount.is_v2 })
        };
        Self { cpu: group("cpu"), memory: group("memory") }
    }

    /// The smallest limit on CPUs from here up to the root; `None` without one.
    pub(crate) fn cpu_limit(&self) -> Option<f64> {
        let cpu = self.cpu.as_ref()?;
        let folders = cpu.folder.ancestors().take_while(|folder| folder.starts_with(&cpu.mount));
        folders.filter_map(|folder| limit_of(folder, cpu.is_v2)).reduce(f64::min)
    }

    /// What the groups tell now; `None` when they tell nothing. Periods and times count from the making of the group.
    pub(crate) fn read(&self) -> Option<CgroupUse> {
        let cpu = self.cpu.as_ref()?;
        let stat = fs::read_to_string(cpu.folder.join("cpu.stat")).ok()?;
        let field =
            |name: &str| stat.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok());
        let throttled = match cpu.is_v2 {
            true => field("throttled_usec ").map(|micros| micros as f64 / 1e6),
            false => field("throttled_time ").map(|nanos| nanos as f64 / 1e9),
        };
        let memory = |v2: &str, v1: &str| {
            let memory = self.memory.as_ref()?;
            number(&memory.folder.join(if memory.is_v2 { v2 } else { v1 }))
        };
        Some(CgroupUse {
            path: cpu.folder.display().to_string(),
            cpu_limit_cores: self.cpu_limit(),
            periods: field("nr_periods "),
            throttled_periods: field("nr_throttled "),
            throttled_seconds: throttled,
            memory_current_bytes: memory("memory.current", "memory.usage_in_bytes"),
            memory_peak_bytes: memory("memory.peak", "memory.max_usage_in_bytes"),
        })
    }
}

/// The limit that one folder sets.
fn limit_of(folder: &Path, is_v2: bool) -> Option<f64> {
    if is_v2 {
        let text = fs::read_to_string(folder.join("cpu.max")).ok()?;
        let (quota, period) = text.trim().split_once(' ')?;
        return Some(quota.parse::<f64>().ok()? / period.parse::<f64>().ok()?);
    }
    // Without a limit the quota is -1.
    let quota: f64 = fs::read_to_string(folder.join("cpu.cfs_quota_us")).ok()?.trim().parse().ok()?;
    let period = number(&folder.join("cpu.cfs_period_us"))?;
    (quota > 0.0).then(|| quota / period as f64)
}

fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// A group of our own with a share of the CPUs; gone when it is dropped and empty.
#[derive(Debug)]
pub(crate) struct Pinned {
    group: Group,
}

impl Pinned {
    /// Makes a group for `cpus` CPUs.
    ///
    /// # Errors
    /// When no hierarchy has the controller `cpu`, or it may not be written to; says what is missing.
    pub(crate) fn create(cpus: f64) -> anyhow::Result<Self> {
        let missing = "no control group with the controller cpu is mounted: --target-cpus needs one below /sys/fs/cgroup";
        let mounts = mounts();
        let mount = Mount::with(&mounts, "cpu").context(missing)?;
        let folder = mount.point.join(format!("loadtest-{}", std::process::id()));
        let failed = |what: &str, path: &Path| {
            format!(
                "--target-cpus {cpus}: {}: {what}; it needs root and a writable cgroup file system",
                path.display()
            )
        };
        if mount.is_v2 {
            let control = mount.point.join("cgroup.subtree_control");
            let enabled = fs::read_to_string(&control).unwrap_or_default();
            if !enabled.split_whitespace().any(|name| name == "cpu") {
                fs::write(&control, "+cpu").with_context(|| failed("cpu cannot be enabled", &control))?;
            }
        }
        fs::create_dir(&folder).with_context(|| failed("cannot be created", &folder))?;
        // From here on it is removed again, whatever fails.
        let pinned = Self { group: Group { mount: mount.point.clone(), folder, is_v2: mount.is_v2 } };
        let quota = (cpus * PERIOD_MICROS).round();
        let settings = match mount.is_v2 {
            true => vec![("cpu.max", format!("{quota} {PERIOD_MICROS}"))],
            false => {
                vec![
                    ("cpu.cfs_period_us", PERIOD_MICROS.to_string()),
                    ("cpu.cfs_quota_us", quota.to_string()),
                ]
            }
        };
        for (file, value) in settings {
            let path = pinned.group.folder.join(file);
            fs::write(&path, &value).with_context(|| failed("cannot be written", &path))?;
        }
        Ok(pinned)
    }

    /// Puts a process with all its threads into the group.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub(crate) fn add(&self, pid: u32) -> io::Result<()> {
        fs::write(self.group.folder.join("cgroup.procs"), pid.to_string())
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir(&self.group.folder) {
            tracing::warn!(path = %self.group.folder.display(), %error, "could not remove the control group");
        }
    }
}

/// A mounted hierarchy and its controllers.
#[derive(Clone, Debug)]
struct Mount {
    point: PathBuf,
    is_v2: bool,
    controllers: Vec<String>,
}

impl Mount {
    /// The hierarchy that has the controller: a controller is in one of them only.
    fn with<'mounts>(mounts: &'mounts [Self], controller: &str) -> Option<&'mounts Self> {
        mounts.iter().find(|mount| mount.controllers.iter().any(|name| name == controller))
    }

    fn of(mount: MountInfo) -> Option<Self> {
        let point = mount.mount_point;
        match mount.fs_type.as_str() {
            "cgroup2" => {
                let controllers = fs::read_to_string(point.join("cgroup.controllers")).unwrap_or_default();
                let controllers = controllers.split_whitespace().map(Into::into).collect();
                Some(Self { point, is_v2: true, controllers })
            }
            "cgroup" => {
                Some(Self { point, is_v2: false, controllers: mount.super_options.into_keys().collect() })
            }
            _ => None,
        }
    }
}

fn mounts() -> Vec<Mount> {
    let own = Process::myself().and_then(|own| own.mountinfo());
    own.map(|mounts| mounts.0.into_iter().filter_map(Mount::of).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(folder: &Path, name: &str, text: &str) {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join(name), text).unwrap();
    }

    fn membership(root: &Path, path: &str, is_v2: bool) -> Membership {
        let group = Group { mount: root.into(), folder: root.join(path), is_v2 };
        Membership { cpu: Some(group.clone()), memory: Some(group) }
    }

    #[test]
    fn the_smallest_limit_up_to_the_root_counts() {
        let root = tempfile::tempdir().unwrap();
        let (outer, inner) = (root.path().join("a"), root.path().join("a/b"));
        file(&outer, "cpu.max", "50000 100000\n");
        file(&inner, "cpu.max", "max 100000\n");
        assert_eq!(membership(root.path(), "a/b", true).cpu_limit(), Some(0.5));
        file(&inner, "cpu.max", "20000 100000\n");
        assert_eq!(membership(root.path(), "a/b", true).cpu_limit(), Some(0.2));
        file(&outer, "cpu.cfs_quota_us", "-1\n");
        file(&outer, "cpu.cfs_period_us", "100000\n");
        assert_eq!(membership(root.path(), "a", false).cpu_limit(), None);
        file(&outer, "cpu.cfs_quota_us", "150000\n");
        assert_eq!(membership(root.path(), "a", false).cpu_limit(), Some(1.5));
    }

    #[test]
    fn both_versions_tell_the_same() {
        let root = tempfile::tempdir().unwrap();
        let v2 = root.path().join("v2");
        file(&v2, "cpu.stat", "usage_usec 9\nnr_periods 10\nnr_throttled 3\nthrottled_usec 1500000\n");
        file(&v2, "memory.current", "4096\n");
        file(&v2, "memory.peak", "8192\n");
        let v1 = root.path().join("v1");
        file(&v1, "cpu.stat", "nr_periods 10\nnr_throttled 3\nthrottled_time 1500000000\n");
        file(&v1, "memory.usage_in_bytes", "4096\n");
        file(&v1, "memory.max_usage_in_bytes", "8192\n");
        let [one, other] = [("v1", false), ("v2", true)].map(|(path, is_v2)| {
            let used = membership(root.path(), path, is_v2).read().unwrap();
            CgroupUse { path: String::new(), ..used }
        });
        assert_eq!(one, other);
        assert_eq!((one.throttled_periods, one.throttled_seconds), (Some(3), Some(1.5)));
        assert_eq!((one.memory_current_bytes, one.memory_peak_bytes), (Some(4096), Some(8192)));
    }
}
