//! Profiles of this process in the format that `go tool pprof` opens: where CPU time goes, what memory is held for.
//! The heap is known only under jemalloc, which the binary brings; a process with another allocator says so.

use std::io::{BufReader, Read as _, Write as _};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use pprof::protos::Message as _;

/// Samples per second of CPU time, as Go takes them.
const FREQUENCY: i32 = 100;

/// Libraries whose frames cannot be unwound from a signal handler without a risk of deadlock.
const NOT_UNWOUND: [&str; 4] = ["libc", "libgcc", "pthread", "vdso"];

/// Which allocations a heap profile counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heap {
    /// Those that are still there.
    InUse,
    /// All since the start of the process.
    Allocated,
}

/// Why there is no profile.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProfileError {
    #[error("another CPU profile is being taken")]
    Busy,
    #[error("the allocator of this process keeps no profile")]
    NoHeapProfile,
    #[error("failed to take the CPU profile: {0}")]
    Cpu(#[from] pprof::Error),
    #[error("failed to take the heap profile: {0}")]
    Heap(String),
}

/// Takes samples for so long.
pub(super) async fn cpu(duration: Duration) -> Result<Vec<u8>, ProfileError> {
    static TAKING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _taking = TAKING.try_lock().map_err(|_| ProfileError::Busy)?;
    let guard =
        pprof::ProfilerGuardBuilder::default().frequency(FREQUENCY).blocklist(&NOT_UNWOUND).build()?;
    tokio::time::sleep(duration).await;
    // Finding names in the debug information takes a while.
    let encoded = tokio::task::spawn_blocking(move || {
        let profile = guard.report().build()?.pprof()?;
        Ok::<_, pprof::Error>(gzip(&profile.encode_to_vec()))
    });
    Ok(encoded.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?)
}

/// What was allocated by which stack, as far as it was sampled.
pub(super) async fn heap(which: Heap) -> Result<Vec<u8>, ProfileError> {
    let control = jemalloc_pprof::PROF_CTL.as_ref().ok_or(ProfileError::NoHeapProfile)?;
    let failed = |error: &dyn std::fmt::Display| ProfileError::Heap(error.to_string());
    let mut file = control.lock().await.dump().map_err(|error| failed(&error))?;
    let encoded = tokio::task::spawn_blocking(move || -> anyhow::Result<Vec<u8>> {
        let mut dump = String::new();
        file.read_to_string(&mut dump)?;
        let dump = chosen(&dump, which);
        let profile =
            pprof_util::parse_jeheap(BufReader::new(dump.as_bytes()), mappings::MAPPINGS.as_deref())?;
        Ok(profile.to_pprof((which.name(), "bytes"), ("space", "bytes"), None))
    });
    let encoded = encoded.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
    encoded.map_err(|error| failed(&error))
}

impl Heap {
    fn name(self) -> &'static str {
        match self {
            Self::InUse => "inuse_space",
            Self::Allocated => "alloc_space",
        }
    }
}

/// The dump with the wanted numbers where the reader looks for them, and without the stacks that have none.
///
/// A stack is two lines, `@ 0x1 0x2` and `  t*: CURRENT: BYTES [ALL: BYTES]` (jemalloc 5, `prof_data.c`).
fn chosen(dump: &str, which: Heap) -> String {
    let mut lines = dump.lines();
    // The sampling rate. The counts of all stacks together and those of single threads are left out.
    let mut text = lines.next().unwrap_or_default().to_owned();
    text.push('\n');
    let mut stack = "";
    for line in lines {
        if line.starts_with('@') {
            stack = line;
        } else if let Some(counts) = line.strip_prefix("  t*: ")
            && !stack.is_empty()
        {
            let (current, all) = counts.split_once(" [").unwrap_or((counts, ""));
            let wanted = match which {
                Heap::InUse => current,
                Heap::Allocated => all.trim_end_matches(']'),
            };
            if !wanted.is_empty() && !wanted.starts_with("0:") {
                text += &format!("{stack}\n  t*: {wanted} [0: 0]\n");
            }
        }
    }
    text
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("a vector takes every byte")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUMP: &str = "heap_v2/524288\n  t*: 3: 300 [9: 900]\n  t0: 3: 300 [9: 900]\n\
                        @ 0x1 0x2\n  t*: 3: 300 [7: 700]\n  t0: 3: 300 [7: 700]\n\
                        @ 0x3\n  t*: 0: 0 [2: 200]\n  t1: 0: 0 [2: 200]\n\nMAPPED_LIBRARIES:\n";

    #[test]
    fn what_is_freed_is_in_no_profile_of_what_is_held() {
        let text = chosen(DUMP, Heap::InUse);
        assert!(text.contains("@ 0x1 0x2\n  t*: 3: 300 [0: 0]\n"), "{text}");
        assert!(!text.contains("@ 0x3"), "{text}");
    }

    #[test]
    fn what_was_ever_allocated_is_in_the_profile_of_allocations() {
        let text = chosen(DUMP, Heap::Allocated);
        assert!(text.starts_with("heap_v2/524288\n"), "{text}");
        assert!(text.contains("@ 0x1 0x2\n  t*: 7: 700 [0: 0]\n@ 0x3"), "{text}");
        assert!(text.contains("@ 0x3\n  t*: 2: 200 [0: 0]\n"), "{text}");
        let profile = pprof_util::parse_jeheap(BufReader::new(text.as_bytes()), None).unwrap();
        assert_eq!(profile.stacks.len(), 2);
    }
}
