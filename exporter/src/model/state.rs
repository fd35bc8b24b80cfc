//! State words of nodes, jobs and partitions: one base word and any number of flags.
//! Words that this build does not know are kept under their own lower-case name, never dropped.

use super::symbol::Symbol;

/// One of the known words of a table, or a word that is new to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Word {
    /// Index into the table of known words.
    Known(u8),
    /// Lower-case, in the symbols of the row's table.
    Other(Symbol),
}

/// The words of a row: the base word, and flags as bits over the table of known flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    pub base: Word,
    /// Bit n is flag n of the row kind's table. Flags that are new to us are in the table's `other_flags`.
    pub flags: u32,
}

/// Declares a table of words with a constant for each, so that code names words and rows hold numbers.
macro_rules! words {
    ($(#[$doc:meta])* $module:ident: $($constant:ident $word:literal,)*) => {
        $(#[$doc])*
        pub mod $module {
            #[allow(non_camel_case_types, clippy::upper_case_acronyms, reason = "spelt as Slurm spells them")]
            #[derive(Clone, Copy)]
            enum Index { $($constant),* }
            $(pub const $constant: u8 = Index::$constant as u8;)*
            /// Lower-case, as in labels; the order of Slurm's own lists.
            pub const WORDS: &[&str] = &[$($word),*];

            /// The index of a word, whatever its case.
            pub fn index_of(word: &str) -> Option<u8> {
                (0..).zip(WORDS).find(|(_, known)| known.eq_ignore_ascii_case(word)).map(|(index, _)| index)
            }
        }
    };
}

words! {
    /// Base states of a node (OpenAPI of v0.0.45). Exclusive: a node has exactly one.
    node_base:
    INVALID "invalid", UNKNOWN "unknown", DOWN "down", IDLE "idle", ALLOCATED "allocated", ERROR "error",
    MIXED "mixed", FUTURE "future", EXTERNAL "external",
}

words! {
    /// Flags of a node (OpenAPI of v0.0.45). Any number at once.
    node_flag:
    RESERVED "reserved", UNDRAIN "undrain", CLOUD "cloud", RESUME "resume", DRAIN "drain",
    COMPLETING "completing", NOT_RESPONDING "not_responding", POWERED_DOWN "powered_down", FAIL "fail",
    POWERING_UP "powering_up", MAINTENANCE "maintenance", REBOOT_REQUESTED "reboot_requested",
    REBOOT_CANCELED "reboot_canceled", POWERING_DOWN "powering_down", DYNAMIC_FUTURE "dynamic_future",
    REBOOT_ISSUED "reboot_issued", PLANNED "planned", INVALID_REG "invalid_reg", POWER_DOWN "power_down",
    POWER_UP "power_up", POWER_DRAIN "power_drain", POWER_DOWN_ASAP "power_down_asap",
    POWER_DOWN_FORCE "power_down_force", DYNAMIC_NORM "dynamic_norm", BLOCKED "blocked",
}

words! {
    /// Base states of a job (OpenAPI of v0.0.45). Exclusive.
    job_base:
    PENDING "pending", RUNNING "running", SUSPENDED "suspended", COMPLETED "completed",
    CANCELLED "cancelled", FAILED "failed", TIMEOUT "timeout", NODE_FAIL "node_fail", PREEMPTED "preempted",
    BOOT_FAIL "boot_fail", DEADLINE "deadline", OUT_OF_MEMORY "out_of_memory",
}

words! {
    /// Flags of a job (OpenAPI of v0.0.45). Any number at once.
    job_flag:
    LAUNCH_FAILED "launch_failed", REQUEUED "requeued", REQUEUE_HOLD "requeue_hold",
    SPECIAL_EXIT "special_exit", RESIZING "resizing", CONFIGURING "configuring", COMPLETING "completing",
    STOPPED "stopped", RECONFIG_FAIL "reconfig_fail", POWER_UP_NODE "power_up_node", REVOKED "revoked",
    REQUEUE_FED "requeue_fed", RESV_DEL_HOLD "resv_del_hold", SIGNALING "signaling", STAGE_OUT "stage_out",
    EXPEDITING "expediting",
}

// A flag is a bit of a u32.
const _: () = assert!(node_flag::WORDS.len() <= 32 && job_flag::WORDS.len() <= 32);

impl State {
    pub fn has_base(self, index: u8) -> bool {
        self.base == Word::Known(index)
    }

    pub fn has_flag(self, index: u8) -> bool {
        self.flags & (1 << index) != 0
    }

    /// Whether any of the flags in `mask` is set; see [`mask`].
    pub fn has_any(self, mask: u32) -> bool {
        self.flags & mask != 0
    }
}

/// The bits of several flags, for [`State::has_any`].
pub const fn mask(flags: &[u8]) -> u32 {
    let mut bits = 0;
    let mut index = 0;
    while index < flags.len() {
        bits |= 1 << flags[index];
        index += 1;
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_any_case_and_keep_their_index() {
        assert_eq!(node_base::index_of("IDLE"), Some(node_base::IDLE));
        assert_eq!(node_base::index_of("idle"), Some(node_base::IDLE));
        assert_eq!(node_base::index_of("SLEEPING"), None);
        assert_eq!(job_flag::WORDS[usize::from(job_flag::POWER_UP_NODE)], "power_up_node");
        assert_eq!(node_flag::WORDS[usize::from(node_flag::BLOCKED)], "blocked");
    }

    #[test]
    fn a_mask_asks_for_any_of_its_flags() {
        let state = State { base: Word::Known(node_base::IDLE), flags: mask(&[node_flag::DRAIN]) };
        assert!(state.has_flag(node_flag::DRAIN));
        assert!(state.has_any(mask(&[node_flag::FAIL, node_flag::DRAIN])));
        assert!(!state.has_any(mask(&[node_flag::FAIL])));
    }
}
