//! The environment of an attempt, in three parts, so that what all attempts share is not copied for each.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use crate::value::Text;

/// Variables by name, in an order.
pub type Variables = indexmap::IndexMap<OsString, OsString>;

/// Of equal names the later part wins, and in a part the later entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    pub inherited: Arc<Variables>,
    /// What the task says.
    pub declared: Vec<(String, OsString)>,
    /// What deco tells every call.
    pub given: Vec<(Text, OsString)>,
}

impl Environment {
    /// Every variable once.
    pub fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.inherited().chain(self.own_last())
    }

    /// The inherited variables that nothing shadows.
    pub fn inherited(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        let inherited = self.inherited.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()));
        inherited.filter(|(name, _)| !self.has_own(name))
    }

    /// What is not inherited, every variable once.
    pub fn own_last(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        let last = self.own().enumerate().filter(|(at, (name, _))| !self.is_repeated(*at, name));
        last.map(|(_, (name, value))| (OsStr::new(name), value))
    }

    /// What is not inherited; names may come again.
    pub fn own(&self) -> impl DoubleEndedIterator<Item = (&str, &OsStr)> {
        let declared = self.declared.iter().map(|(name, value)| (name.as_str(), value.as_os_str()));
        declared.chain(self.given.iter().map(|(name, value)| (&**name, value.as_os_str())))
    }

    pub fn get(&self, name: &str) -> Option<&OsStr> {
        let own = self.own().rev().find(|(known, _)| *known == name).map(|(_, value)| value);
        own.or_else(|| self.inherited.get(OsStr::new(name)).map(OsString::as_os_str))
    }

    fn has_own(&self, name: &OsStr) -> bool {
        self.own().any(|(known, _)| known.as_bytes() == name.as_bytes())
    }

    fn is_repeated(&self, at: usize, name: &str) -> bool {
        self.own().skip(at + 1).any(|(known, _)| known == name)
    }
}

#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(variables: [(&str, &str); N]) -> Environment {
        let declared = variables.iter().map(|&(name, value)| (name.to_owned(), value.into()));
        Environment { declared: declared.collect(), ..Environment::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_equal_names_the_later_wins_and_stands_once() {
        let mut env = Environment::from([("A", "declared"), ("B", "first"), ("B", "second")]);
        env.inherited = Arc::new([("A".into(), "inherited".into()), ("C".into(), "c".into())].into());
        env.given = vec![("A".into(), "given".into())];
        let mut all: Vec<_> = env.iter().map(|(name, value)| (name.to_str(), value.to_str())).collect();
        all.sort_unstable();
        let expected = [("A", "given"), ("B", "second"), ("C", "c")];
        assert_eq!(all, expected.map(|(name, value)| (Some(name), Some(value))));
        assert_eq!(env.get("B"), Some(OsStr::new("second")));
        assert_eq!(env.get("C"), Some(OsStr::new("c")));
        assert_eq!(env.get("D"), None);
    }
}
