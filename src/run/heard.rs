//! What calls print while they run, told to who looks at it. If nobody does, nothing of this is there.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;

use crate::exec::{Log, Logs, Stream};
use crate::report::{Live, Voice};

use super::Running;

/// What stands for the number of a request where there is none.
pub(super) const OF_PROCESS: u64 = 0;

/// The logs of a run, for attempts that are heard.
pub(super) struct Heard<'a> {
    running: &'a Running,
    live: &'a Arc<Live>,
    /// By the numbers of their requests. Only the thread that makes the calls looks here.
    voices: Mutex<FxHashMap<u64, Voice>>,
}

impl Running {
    /// `None`: nobody looks.
    pub(super) fn heard(&self) -> Option<Heard<'_>> {
        let live = self.setting.live.as_ref()?;
        Some(Heard { running: self, live, voices: Mutex::default() })
    }
}

impl Heard<'_> {
    /// An attempt of a call begins; its secrets have been learnt.
    pub fn begin(&self, number: u64, slot: u32, (call, attempt): (&str, u32)) {
        let voice = self.live.voice((call, attempt), slot, self.running.setting.secrets.known());
        self.voices().insert(number, voice);
    }

    /// Nothing more of it comes.
    pub fn end(&self, number: u64) {
        let voice = self.voices().remove(&number);
        voice.into_iter().for_each(Voice::end);
    }

    fn voices(&self) -> MutexGuard<'_, FxHashMap<u64, Voice>> {
        self.voices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Logs for Heard<'_> {
    fn open(&self, stream: Stream) -> Box<dyn Log> {
        self.running.open(stream)
    }

    fn is_live(&self) -> bool {
        true
    }

    fn heard(&self, number: u64, stream: Stream, bytes: &[u8]) {
        if let Some(voice) = self.voices().get_mut(&number) {
            voice.hear(stream, bytes);
        }
    }
}
