//! A throw-away cluster of a real Slurm, in a temporary folder and on loopback; it ends with the test, unless
//! `KEEP_REAL_SLURM` names a folder, where it goes on for the next run.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A node with GPUs of two types, and nodes of the future.
const MORE_CONF: &str =
    "NodeName=mix0001 NodeHostname=slurmhost NodeAddr=127.0.0.1 Port=PORT CPUs=64 Boards=1 \
SocketsPerBoard=2 CoresPerSocket=32 ThreadsPerCore=1 RealMemory=512000 Gres=gpu:a100:2,gpu:h100:2 Weight=900
NodeName=fut[0001-0002] CPUs=16 RealMemory=64000 State=FUTURE
PartitionName=mixed Nodes=mix0001 MaxTime=2-00:00:00 PriorityTier=20
PartitionName=future Nodes=fut[0001-0002]";
const MORE_GRES: &str = "NodeName=mix0001 Name=gpu Type=a100 File=/var/lib/fakegpu/gpu[0-1]
NodeName=mix0001 Name=gpu Type=h100 File=/var/lib/fakegpu/gpu[2-3]";

/// A throw-away Slurm; dropping it ends it and removes its files, unless it is kept.
pub(super) struct RealSlurm {
    suite: &'static str,
    port: u16,
    folder: Folder,
}

enum Folder {
    Temporary(tempfile::TempDir),
    Kept(PathBuf),
}

impl RealSlurm {
    /// Builds and starts it; or says why its packages cannot be had.
    pub(super) fn start(suite: &'static str, port: u16) -> Result<Self, String> {
        let folder = match std::env::var_os("KEEP_REAL_SLURM") {
            Some(kept) => Folder::Kept(Path::new(&kept).join(suite)),
            // Not below /tmp, which may be a small memory file system: the installed Slurm takes 600 MB.
            None => Folder::Temporary(
                tempfile::Builder::new().prefix("real-slurm-").tempdir_in("/var/tmp").unwrap(),
            ),
        };
        let slurm = Self { suite, port, folder };
        if slurm.script(&["status"]).output().unwrap().status.success() {
            return Ok(slurm);
        }
        // The packages come first, apart from what can go wrong with them.
        let built = slurm.script(&["build"]).output().unwrap();
        if !built.status.success() {
            return Err(String::from_utf8_lossy(&built.stderr).trim().to_owned());
        }
        // Its daemons have seconds to come up; a busy machine may need a second try.
        for last_try in [false, true] {
            let started = slurm.script(&["start"]).output().unwrap();
            if started.status.success() {
                break;
            }
            assert!(!last_try, "{suite}: {}", String::from_utf8_lossy(&started.stderr));
            slurm.script(&["stop"]).output().unwrap();
        }
        Ok(slurm)
    }

    fn script(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../ci/real-slurm.sh"));
        command
            .args(arguments)
            .env("SUITE", self.suite)
            .env("DIR", self.dir())
            .env("PORT", self.port.to_string())
            .env("NODES", "100")
            .env("LIVE", "20")
            .env("JOBS", "40")
            .env("MORE_CONF", MORE_CONF.replace("PORT", &(self.port + 150).to_string()))
            .env("MORE_GRES", MORE_GRES)
            .env("MORE_LIVE", "mix0001")
            .stdin(Stdio::null());
        command
    }

    /// What stands in front of a command that is to run inside.
    pub(super) fn prefix(&self) -> Vec<String> {
        let script = self.script(&["exec"]);
        let variables =
            script.get_envs().filter_map(|(name, value)| Some((name.to_str()?, value?.to_str()?)));
        let needed = variables.filter(|(name, _)| ["SUITE", "DIR", "PORT"].contains(name));
        let words =
            std::iter::once("env".to_owned()).chain(needed.map(|(name, value)| format!("{name}={value}")));
        let program = [script.get_program().to_str().unwrap().to_owned(), "exec".to_owned()];
        words.chain(program).collect()
    }

    pub(super) fn dir(&self) -> PathBuf {
        match &self.folder {
            Folder::Temporary(folder) => folder.path().join("slurm"),
            Folder::Kept(path) => path.clone(),
        }
    }

    /// Runs a command inside and gives its output.
    pub(super) fn run(&self, line: &str) -> String {
        let output = self.script(&["exec", "bash", "-c", line]).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

impl RealSlurm {
    /// Het jobs, arrays, reservations, drained nodes and the rest, see `scenario.sh`. A kept cluster has them already.
    pub(super) fn make_special_cases(&self) {
        if !self.run("squeue -h -t all -n array_cut -o %i").is_empty() {
            return;
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/real_slurm/scenario.sh");
        std::fs::copy(script, self.dir().join("root/tmp/scenario.sh")).unwrap();
        self.run("bash /tmp/scenario.sh");
    }
}

impl Drop for RealSlurm {
    fn drop(&mut self) {
        if let Folder::Temporary(_) = self.folder {
            let _ = self.script(&["purge"]).stderr(Stdio::null()).status();
        }
    }
}
