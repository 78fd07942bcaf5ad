//! The environment of an attempt as `execve` takes it, kept from attempt to attempt on a thread: what is inherited is
//! written once for all attempts that shadow the same of it.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use super::environment::{Environment, Variables};
use super::spawn::Pointers;

#[derive(Default)]
pub(super) struct Block {
    strings: Pointers,
    /// How many of the strings are inherited.
    inherited: usize,
    /// Whose they are, and which names they were without.
    of: Option<(Arc<Variables>, Vec<String>)>,
}

impl Block {
    /// `Err` if a variable holds a NUL byte.
    pub fn write(&mut self, env: &Environment) -> io::Result<&Pointers> {
        if !self.holds_inherited(env) {
            self.of = None;
            self.strings.clear();
            for (name, value) in env.inherited() {
                self.strings.push(&[name.as_bytes(), b"=", value.as_bytes()])?;
            }
            self.inherited = self.strings.len();
            let names = env.own().map(|(name, _)| name.to_owned()).collect();
            self.of = Some((Arc::clone(&env.inherited), names));
        }
        self.strings.truncate(self.inherited);
        for (name, value) in env.own_last() {
            self.strings.push(&[name.as_bytes(), b"=", value.as_bytes()])?;
        }
        self.strings.seal();
        Ok(&self.strings)
    }

    fn holds_inherited(&self, env: &Environment) -> bool {
        let Some((inherited, names)) = &self.of else { return false };
        Arc::ptr_eq(inherited, &env.inherited) && env.own().map(|(name, _)| name).eq(names)
    }
}
