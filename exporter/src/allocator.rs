//! The allocator of the binary: jemalloc, which gives memory back after a large answer and keeps heap profiles.
//! Not of the library: benchmarks count allocations with one of their own.
#![allow(unsafe_code)] // The name of the options' symbol is jemalloc's; nothing else here is unsafe.

use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// Read by jemalloc before `main`. One sample per 512 KiB costs nothing that shows. Freed pages go back within
/// five seconds: no sooner, since a poll uses the same ones again and again, and polls are further apart. `prof_accum` is what `/allocs` shows.
#[unsafe(export_name = "_rjem_malloc_conf")]
static OPTIONS: Options = Options(
    c"prof:true,prof_active:true,prof_accum:true,lg_prof_sample:19,narenas:2,background_thread:true,dirty_decay_ms:5000,muzzy_decay_ms:0"
        .as_ptr(),
);

/// A `const char *` that is never written.
#[repr(transparent)]
struct Options(*const std::ffi::c_char);

// SAFETY: it points to a constant.
unsafe impl Sync for Options {}
