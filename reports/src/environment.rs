//! Where and of which build a run is: machine, commit and the CPU time that the hypervisor took.
//! It never fails: what cannot be found out stays unknown.

use std::path::Path;
use std::process::{Command, Stdio};

use jiff::Timestamp;
use procfs::{Current as _, CurrentSI as _};

use crate::model::run::{Build, Machine};

const GIB: u64 = 1 << 30;
/// A file that tells a checkout of this project from any other.
const MARK_OF_CHECKOUT: &str = "reports/src/environment.rs";

/// A run's id: `20250131T120000Z-baseline-4711` (start in UTC, scenario, process id).
pub fn run_id(started: Timestamp, scenario: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    let scenario: String = scenario.chars().map(safe).collect();
    format!("{}-{scenario}-{}", started.strftime("%Y%m%dT%H%M%SZ"), std::process::id())
}

/// This machine, from `/proc`; unknown parts are empty or 0. The steal ratio is left to `StealMeter`.
pub fn machine() -> Machine {
    let info = procfs::CpuInfo::current().ok();
    let field = |name: &str| info.as_ref().and_then(|info| info.get_field(0, name)).map(str::to_owned);
    // Arm has no model name, only numbers of implementer and part.
    let cpu_model = field("model name")
        .or_else(|| Some(format!("implementer {} part {}", field("CPU implementer")?, field("CPU part")?)))
        .unwrap_or_default();
    let cpus = info.as_ref().map_or(0, |info| u32::try_from(info.num_cores()).unwrap_or(u32::MAX));
    let memory_bytes = procfs::Meminfo::current().map_or(0, |memory| memory.mem_total);
    let load = procfs::LoadAverage::current().ok();
    let architecture = std::env::consts::ARCH;
    Machine {
        fingerprint: fingerprint(&cpu_model, cpus, memory_bytes, architecture),
        cpu_model,
        cpus,
        memory_bytes,
        architecture: architecture.into(),
        kernel: std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().into(),
        load_average: load.map(|load| [load.one, load.five, load.fifteen].map(two_decimals)),
        steal_ratio: None,
    }
}

/// The kernel gives two decimals; `f32` would bring more that mean nothing.
fn two_decimals(value: f32) -> f64 {
    (f64::from(value) * 100.0).round() / 100.0
}

/// FNV-1a over what makes two machines comparable, 12 hexadecimal digits. Memory counts in whole GiB because
/// the kernel's share of it differs by a few MiB from boot to boot.
fn fingerprint(cpu_model: &str, cpus: u32, memory_bytes: u64, architecture: &str) -> String {
    let memory_gib = (memory_bytes + GIB / 2) / GIB;
    let text = format!("{cpu_model}\n{cpus}\n{memory_gib}\n{architecture}");
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{:012x}", hash >> 16)
}

/// This build: `version` as given, the profile of the calling build, and the commit of the checkout of this
/// project that the process runs in, if it does.
pub fn build(version: &str) -> Build {
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    let (commit, dirty) = std::env::current_dir().ok().and_then(|folder| checkout(&folder)).unzip();
    Build { version: version.into(), profile: profile.into(), commit, dirty: dirty.flatten() }
}

/// Commit and whether tracked files differ from it; `None` outside a checkout of this project.
fn checkout(folder: &Path) -> Option<(String, Option<bool>)> {
    let top = git(folder, &["rev-parse", "--show-toplevel"])?;
    Path::new(&top).join(MARK_OF_CHECKOUT).is_file().then_some(())?;
    let commit = git(folder, &["rev-parse", "--verify", "HEAD"])?;
    let changes = git(folder, &["status", "--porcelain", "--untracked-files=no"]);
    Some((commit, changes.map(|changes| !changes.is_empty())))
}

fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .current_dir(folder)
        // A measurement must not take the index lock from someone who works in the checkout.
        .env("GIT_OPTIONAL_LOCKS", "0")
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Share of this machine's CPU time that the hypervisor gave to others while the meter ran.
#[derive(Clone, Copy, Debug)]
pub struct StealMeter {
    start: Option<CpuTicks>,
}

#[derive(Clone, Copy, Debug)]
struct CpuTicks {
    total: u64,
    steal: u64,
}

impl StealMeter {
    /// Takes the first sample of `/proc/stat`.
    pub fn start() -> Self {
        Self { start: CpuTicks::now() }
    }

    /// The ratio since the start, 0 to 1; `None` when the kernel does not tell, or no tick has passed.
    pub fn stop(self) -> Option<f64> {
        CpuTicks::now()?.steal_ratio_since(self.start?)
    }
}

impl CpuTicks {
    fn now() -> Option<Self> {
        let cpu = procfs::KernelStats::current().ok()?.total;
        let steal = cpu.steal?;
        // Guest time is not added: the kernel counts it as user time already (proc_stat(5)).
        let waiting = cpu.iowait.unwrap_or(0) + cpu.irq.unwrap_or(0) + cpu.softirq.unwrap_or(0);
        Some(Self { total: cpu.user + cpu.nice + cpu.system + cpu.idle + waiting + steal, steal })
    }

    fn steal_ratio_since(self, start: Self) -> Option<f64> {
        // Counters of single CPUs may step back when a CPU goes offline.
        let total = self.total.checked_sub(start.total).filter(|total| *total > 0)?;
        Some(self.steal.checked_sub(start.steal)? as f64 / total as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_id_is_start_scenario_and_process() {
        let started: Timestamp = "2025-01-31T12:00:00.5Z".parse().unwrap();
        let expected = format!("20250131T120000Z-my-own-{}", std::process::id());
        assert_eq!(run_id(started, "my/own"), expected);
    }

    #[test]
    fn this_machine_is_described() {
        let machine = machine();
        assert!(machine.cpus > 0 && machine.memory_bytes > 0 && !machine.kernel.is_empty(), "{machine:?}");
        assert_eq!(machine.fingerprint.len(), 12);
        assert_eq!(machine.fingerprint, super::machine().fingerprint);
    }

    #[test]
    fn a_fingerprint_is_stable_over_releases_and_a_few_mib() {
        let of = |memory| fingerprint("AMD EPYC", 2, memory, "x86_64");
        assert_eq!(of(8 * GIB), "3511e76fb843");
        assert_eq!(of(8 * GIB - 300_000_000), of(8 * GIB));
        assert_ne!(of(16 * GIB), of(8 * GIB));
        assert_ne!(fingerprint("AMD EPYC", 4, 8 * GIB, "x86_64"), of(8 * GIB));
    }

    #[test]
    fn a_folder_outside_a_checkout_of_this_project_has_no_commit() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(checkout(folder.path()), None);
        if git(folder.path(), &["init", "-q"]).is_some() {
            assert_eq!(checkout(folder.path()), None);
        }
    }

    #[test]
    fn a_checkout_tells_its_commit_and_whether_it_was_changed() {
        let folder = tempfile::tempdir().unwrap();
        let run = |arguments: &[&str]| git(folder.path(), arguments);
        if run(&["init", "-q"]).is_none() {
            assert_eq!(checkout(folder.path()), None);
            return;
        }
        let file = folder.path().join(MARK_OF_CHECKOUT);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "one").unwrap();
        run(&["add", "."]).unwrap();
        run(&["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "one"]).unwrap();
        let (commit, dirty) = checkout(folder.path()).unwrap();
        assert_eq!((commit.len(), dirty), (40, Some(false)));
        std::fs::write(&file, "two").unwrap();
        assert_eq!(checkout(folder.path()), Some((commit, Some(true))));
    }

    #[test]
    fn the_steal_ratio_is_stolen_ticks_over_all_ticks() {
        let ticks = |total, steal| CpuTicks { total, steal };
        assert_eq!(ticks(1100, 30).steal_ratio_since(ticks(1000, 10)), Some(0.2));
        assert_eq!(ticks(1000, 10).steal_ratio_since(ticks(1000, 10)), None);
        assert_eq!(ticks(900, 10).steal_ratio_since(ticks(1000, 10)), None);
        assert!(StealMeter::start().stop().is_none_or(|ratio| (0.0..=1.0).contains(&ratio)));
    }
}
