//! Values that many calls see: sent to a worker once, and hashed once. A value is known again by where it stands in memory;
//! as long as it is kept here, nothing else can stand there.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::exec::worker::Version;
use crate::name::Name;
use crate::value::Value;

/// Values of no more parts are not worth being kept.
const SMALL: usize = 16;

/// How many are kept for calls to come.
const KEPT: usize = 64;

/// The values that calls saw last.
#[derive(Debug, Default)]
pub struct Versions(Mutex<VecDeque<Arc<Known>>>);

#[derive(Debug)]
struct Known {
    value: Value,
    version: OnceLock<Arc<Version>>,
    hash: OnceLock<blake3::Hash>,
}

impl Versions {
    /// The version of a document that has this value: the same for all calls that see it.
    pub fn of(&self, document: &Name, value: &Value) -> Arc<Version> {
        let known = self.known(value, |known| known.version.get().is_none_or(|it| it.document == *document));
        known.version.get_or_init(|| Version::new(document.clone(), value.clone())).clone()
    }

    /// What the value's JSON comes to; worth it where the value is not small.
    pub fn hash(&self, value: &Value) -> blake3::Hash {
        *self.known(value, |_| true).hash.get_or_init(|| blake3::hash(value.to_json().as_bytes()))
    }

    fn known(&self, value: &Value, fits: impl Fn(&Known) -> bool) -> Arc<Known> {
        let mut kept = self.lock();
        let found = kept.iter().rev().find(|known| is_same(&known.value, value) && fits(known)).cloned();
        found.unwrap_or_else(|| {
            if kept.len() == KEPT {
                kept.pop_front();
            }
            let fresh = Known { value: value.clone(), version: OnceLock::new(), hash: OnceLock::new() };
            let fresh = Arc::new(fresh);
            kept.push_back(fresh.clone());
            fresh
        })
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Known>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a value has few parts.
pub fn is_small(value: &Value) -> bool {
    fn counts(value: &Value, left: &mut usize) -> bool {
        let Some(rest) = left.checked_sub(1) else { return false };
        *left = rest;
        match value {
            Value::Array(items) => items.iter().all(|item| counts(item, left)),
            Value::Object(members) => members.values().all(|member| counts(member, left)),
            Value::String(text) => text.len() < 1024,
            Value::Null | Value::Bool(_) | Value::Number(_) => true,
        }
    }
    counts(value, &mut SMALL.clone())
}

/// Whether two values are the same containers in memory, or the same few containers around those.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => Arc::ptr_eq(one, other),
        (Value::Object(one), Value::Object(other)) => {
            let around = || {
                one.len() == 1 && one.iter().zip(other.iter()).all(|(a, b)| a.0 == b.0 && is_same(a.1, b.1))
            };
            Arc::ptr_eq(one, other) || (one.len() == other.len() && around())
        }
        _ => false,
    }
}
