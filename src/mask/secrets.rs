//! The secrets of a run: which variables hold them, and every value that they had so far. What is shown is hidden by
//! all of them; what a call may not give back is told by those that it can know, whatever ended first.

use std::ffi::OsStr;
use std::sync::{PoisonError, RwLock};

use super::{Masker, can_be_hidden};

/// Variables that hold secrets, and their values.
#[derive(Debug, Default)]
pub struct Secrets {
    variables: Vec<String>,
    /// Values that every call may know.
    given: Masker,
    /// Values of all calls so far.
    known: RwLock<Masker>,
}

impl Secrets {
    /// Of the variables named, with the values that they have before the run; a variable may have several.
    pub fn new<'v>(variables: Vec<String>, values: impl IntoIterator<Item = (&'v str, &'v [u8])>) -> Secrets {
        let named = values.into_iter().filter(|(name, _)| variables.iter().any(|known| known == name));
        let given = named.fold(Masker::new(), |masker, (name, value)| masker.with(name, value));
        Secrets { known: RwLock::new(given.clone()), variables, given }
    }

    /// Whether this variable holds a secret.
    pub fn names(&self, variable: &str) -> bool {
        self.variables.iter().any(|known| known == variable)
    }

    /// From now on hides this value of a variable, if the variable holds a secret.
    pub fn learn(&self, variable: &str, value: &[u8]) {
        if !self.names(variable) || !can_be_hidden(value) || self.known().knows(value) {
            return;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        *known = known.with(variable, value);
    }

    /// Hides every secret that is known by now.
    pub fn known(&self) -> Masker {
        if self.variables.is_empty() {
            return Masker::new();
        }
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Those that were given, before the call's own are known.
    pub fn given(&self) -> &Masker {
        &self.given
    }

    /// Those that a call with this environment can know.
    pub fn of_call<'e>(&self, env: impl Iterator<Item = (&'e OsStr, &'e OsStr)>) -> Masker {
        if self.variables.is_empty() {
            return Masker::new();
        }
        let own = env.filter_map(|(name, value)| Some((name.to_str()?, value.as_encoded_bytes())));
        let own = own.filter(|(name, _)| self.names(name));
        own.fold(self.given.clone(), |masker, (name, value)| masker.with(name, value))
    }
}
