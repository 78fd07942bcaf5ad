//! The environment of an attempt as `execve` takes it, kept from attempt to attempt on a thread: what attempts share is
//! written once for all that shadow the same of it.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use super::environment::{Basis, Environment};
use super::spawn::Pointers;
use crate::value::Text;

#[derive(Default)]
pub(super) struct Block {
    strings: Pointers,
    /// How many of the strings are shared.
    shared: usize,
    /// Whose they are, and which names they were without.
    of: Option<(Arc<Basis>, Vec<Text>)>,
}

impl Block {
    /// `Err` if a variable holds a NUL byte.
    pub fn write(&mut self, env: &Environment) -> io::Result<&Pointers> {
        if !self.holds_basis(env) {
            self.of = None;
            self.strings.clear();
            for (name, value) in env.from_basis() {
                self.strings.push(&[name.as_bytes(), b"=", value.as_bytes()])?;
            }
            self.shared = self.strings.len();
            let names = env.own.iter().map(|(name, _)| name.clone()).collect();
            self.of = Some((Arc::clone(&env.basis), names));
        }
        self.strings.truncate(self.shared);
        for (name, value) in env.own_last() {
            self.strings.push(&[name.as_bytes(), b"=", value.as_bytes()])?;
        }
        self.strings.seal();
        Ok(&self.strings)
    }

    fn holds_basis(&self, env: &Environment) -> bool {
        let Some((basis, names)) = &self.of else { return false };
        Arc::ptr_eq(basis, &env.basis) && env.own.iter().map(|(name, _)| name).eq(names)
    }
}
