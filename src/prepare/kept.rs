//! What calls have in common that go one after the other through one slot, so that it is worked out for the first of them
//! only.

use std::mem::take;
use std::sync::Arc;

use crate::exec::Basis;
use crate::name::TaskName;

use super::fingerprint::Parts;
use super::{Commands, Common};

/// Where an attempt is made: in equal places, calls differ only by what they are themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub task: TaskName,
    /// From 1.
    pub attempt: u32,
    /// From 1.
    pub slot: u32,
    /// How many slots it takes.
    pub cpus: u32,
    /// `DECO_POOL_…` variables.
    pub pools: Vec<(String, String)>,
}

/// What the last call of a thread had that others in its place have as well.
#[derive(Debug, Default)]
pub struct Kept {
    place: Option<Place>,
    /// Of a process's environment.
    pub(super) basis: Option<Arc<Basis>>,
    /// What a process runs.
    pub(super) commands: Option<Commands>,
    /// Of a request.
    pub(super) common: Option<Arc<Common>>,
    /// Room for what a fingerprint is made of.
    pub(super) parts: Parts,
}

impl Kept {
    /// Forgets what was another place's.
    pub(super) fn turn_to(&mut self, place: &Place) {
        if self.place.as_ref() != Some(place) {
            let parts = take(&mut self.parts);
            *self = Kept { place: Some(place.clone()), parts, ..Kept::default() };
        }
    }
}
