//! Faults that tests plant, most of them those of the law, to see that they would be caught. In a release build none can be planted:
//! the question is answered `false` at compile time.

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// A mistake that a careless deco could make.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A reader does not wait for the last of the calls that fill what it reads.
    EdgeDropped,
    /// Results are applied in the order in which calls ended.
    CompletionOrder,
    /// A read is taken for exact one step further than it is.
    PrefixTooShort,
    /// Appended elements come in reversed order.
    AppendsReordered,
    /// Calls found while the run goes on come in the order in which they were found.
    ExpansionOrder,
    /// A reader does not wait for the calls that an expansion is yet to find.
    ExpansionNotAwaited,
    /// What a failed attempt printed is taken for the call's result, though another attempt could follow.
    FailedAttemptKept,
    /// What a call looked at of a document that calls share is not looked at for conflicts.
    ReadNotRecorded,
    /// A call sees what others of its task have changed by the time it starts.
    SnapshotTooNew,
    /// A merge takes what a call wrote for its difference from what it saw.
    SnapshotForgotten,
    /// deco's own code panics at a sync point.
    Panic,
}

/// Whether the environment plants this fault (`DECO_PLANT_FAULT`), in builds with debug assertions only.
pub fn planted(fault: Fault) -> bool {
    if !cfg!(debug_assertions) {
        return false;
    }
    static PLANTED: OnceLock<Option<Fault>> = OnceLock::new();
    *PLANTED.get_or_init(|| match std::env::var("DECO_PLANT_FAULT").ok()?.as_str() {
        "edge-dropped" => Some(Fault::EdgeDropped),
        "completion-order" => Some(Fault::CompletionOrder),
        "prefix-too-short" => Some(Fault::PrefixTooShort),
        "appends-reordered" => Some(Fault::AppendsReordered),
        "expansion-order" => Some(Fault::ExpansionOrder),
        "expansion-not-awaited" => Some(Fault::ExpansionNotAwaited),
        "failed-attempt-kept" => Some(Fault::FailedAttemptKept),
        "read-not-recorded" => Some(Fault::ReadNotRecorded),
        "snapshot-too-new" => Some(Fault::SnapshotTooNew),
        "snapshot-forgotten" => Some(Fault::SnapshotForgotten),
        "panic" => Some(Fault::Panic),
        _ => None,
    }) == Some(fault)
}

/// Whether this write of the state is the one that is to fail (`DECO_PLANT_FAULT=io:N`, the first being 1), in builds with
/// debug assertions only.
pub fn full_disk() -> io::Result<()> {
    if !cfg!(debug_assertions) {
        return Ok(());
    }
    static FAILS: OnceLock<Option<u32>> = OnceLock::new();
    static WRITES: AtomicU32 = AtomicU32::new(0);
    let fails =
        *FAILS.get_or_init(|| std::env::var("DECO_PLANT_FAULT").ok()?.strip_prefix("io:")?.parse().ok());
    let number = fails.map(|fails| (fails, WRITES.fetch_add(1, Ordering::Relaxed) + 1));
    match number {
        Some((fails, number)) if number == fails => Err(io::ErrorKind::StorageFull.into()),
        _ => Ok(()),
    }
}
