//! The environment of an attempt: what it shares with others, written once for all of them, and what is its own.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use crate::value::Text;

/// Variables by name, in an order.
pub type Variables = indexmap::IndexMap<OsString, OsString>;

/// Of equal names the later part wins, and in a part the later entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    pub basis: Arc<Basis>,
    /// What deco tells the attempt alone.
    pub own: Vec<(Text, Text)>,
}

/// What many attempts share. Here too the later part wins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Basis {
    pub inherited: Arc<Variables>,
    /// What the task says.
    pub declared: Vec<(String, OsString)>,
    /// What deco tells all of them.
    pub given: Vec<(Text, OsString)>,
}

impl Environment {
    /// Every variable once.
    pub fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.from_basis().chain(self.own_last())
    }

    /// The shared variables that none of its own shadows.
    pub fn from_basis(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.basis
            .iter()
            .filter(|(name, _)| !self.own.iter().any(|(own, _)| own.as_bytes() == name.as_bytes()))
    }

    /// Its own variables, each once.
    pub fn own_last(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        last(self.own.iter().map(|(name, value)| (name.as_str(), OsStr::new(value.as_str()))))
    }

    /// What is not inherited; names may come again.
    pub fn told(&self) -> impl DoubleEndedIterator<Item = (&str, &OsStr)> {
        let own = self.own.iter().map(|(name, value)| (name.as_str(), OsStr::new(value.as_str())));
        self.basis.told().chain(own)
    }

    pub fn get(&self, name: &str) -> Option<&OsStr> {
        let own = self
            .own
            .iter()
            .rev()
            .find(|(known, _)| known == name)
            .map(|(_, value)| OsStr::new(value.as_str()));
        own.or_else(|| self.basis.get(name))
    }
}

impl Basis {
    /// Every variable once.
    fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        let is_shadowed = |name: &OsStr| self.told().any(|(known, _)| known.as_bytes() == name.as_bytes());
        let inherited = self.inherited.iter().filter(move |(name, _)| !is_shadowed(name));
        inherited.map(|(name, value)| (name.as_os_str(), value.as_os_str())).chain(last(self.told()))
    }

    /// All names; they may come again.
    pub fn names(&self) -> impl Iterator<Item = &OsStr> {
        let inherited = self.inherited.keys().map(OsString::as_os_str);
        inherited.chain(self.told().map(|(name, _)| OsStr::new(name)))
    }

    pub fn get(&self, name: &str) -> Option<&OsStr> {
        let told = self.told().rev().find(|(known, _)| *known == name).map(|(_, value)| value);
        told.or_else(|| self.inherited.get(OsStr::new(name)).map(OsString::as_os_str))
    }

    /// What is not inherited; names may come again.
    pub fn told(&self) -> impl DoubleEndedIterator<Item = (&str, &OsStr)> + Clone {
        let declared = self.declared.iter().map(|(name, value)| (name.as_str(), value.as_os_str()));
        declared.chain(self.given.iter().map(|(name, value)| (name.as_str(), value.as_os_str())))
    }
}

/// Of entries with equal names the last one.
fn last<'v>(
    entries: impl Iterator<Item = (&'v str, &'v OsStr)> + Clone,
) -> impl Iterator<Item = (&'v OsStr, &'v OsStr)> {
    let all = entries.clone();
    let is_last = move |(at, (name, _)): &(usize, (&str, &OsStr))| {
        !all.clone().skip(at + 1).any(|(known, _)| known == *name)
    };
    entries.enumerate().filter(is_last).map(|(_, (name, value))| (OsStr::new(name), value))
}

#[cfg(test)]
impl From<Vec<(String, OsString)>> for Environment {
    fn from(declared: Vec<(String, OsString)>) -> Environment {
        Environment { basis: Arc::new(Basis { declared, ..Basis::default() }), own: Vec::new() }
    }
}

#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(variables: [(&str, &str); N]) -> Environment {
        let declared = variables.iter().map(|&(name, value)| (name.to_owned(), value.into()));
        declared.collect::<Vec<_>>().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_equal_names_the_later_wins_and_stands_once() {
        let basis = Basis {
            inherited: Arc::new([("A".into(), "inherited".into()), ("C".into(), "c".into())].into()),
            declared: vec![
                ("A".to_owned(), "declared".into()),
                ("B".to_owned(), "first".into()),
                ("B".to_owned(), "second".into()),
                ("D".to_owned(), "declared".into()),
            ],
            given: vec![("A".into(), "given".into())],
        };
        let own = vec![("D".into(), "first".into()), ("D".into(), "own".into())];
        let env = Environment { basis: Arc::new(basis), own };
        let mut all: Vec<_> = env.iter().map(|(name, value)| (name.to_str(), value.to_str())).collect();
        all.sort_unstable();
        let expected = [("A", "given"), ("B", "second"), ("C", "c"), ("D", "own")];
        assert_eq!(all, expected.map(|(name, value)| (Some(name), Some(value))));
        for (name, value) in expected {
            assert_eq!(env.get(name), Some(OsStr::new(value)));
        }
        assert_eq!(env.get("E"), None);
    }
}
