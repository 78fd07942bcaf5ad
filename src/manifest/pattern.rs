//! Calls by a part of their keys: `process[lat=0]`, `process[*,3]`. What a pattern asks of a key, and whether a text
//! has it. Knows no calls.

use std::fmt;

use crate::expr::{EvalError, Part, Scope, Template};
use crate::name::{Name, TaskName, key_part};
use crate::value::Text;

/// Whether a text has a character that a glob gives a meaning.
pub fn is_glob(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// A pattern of texts: `*` stands for any characters, `?` for one, and all others for themselves.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Glob {
    signs: Vec<Sign>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Sign {
    Any,
    One,
    Char(char),
}

impl Glob {
    pub fn new(text: &str) -> Glob {
        Glob { signs: text.chars().map(Sign::special).collect() }
    }

    /// Goes back to the last `*` alone, which is enough: what stands before it has matched as early as it can.
    pub fn matches(&self, text: &str) -> bool {
        let (mut signs, mut rest) = (self.signs.as_slice(), text.chars());
        let mut retry = None;
        loop {
            let before = rest.clone();
            match (signs.split_first(), rest.next()) {
                (Some((Sign::Any, after)), _) => {
                    (signs, rest) = (after, before.clone());
                    retry = Some((after, before));
                    continue;
                }
                (None, None) => return true,
                (Some((sign, after)), Some(c)) if sign.is(c) => {
                    signs = after;
                    continue;
                }
                _ => {}
            }
            let Some((after, mut from)) = retry.take() else { return false };
            if from.next().is_none() {
                return false;
            }
            (signs, rest) = (after, from.clone());
            retry = Some((after, from));
        }
    }
}

impl Sign {
    fn special(c: char) -> Sign {
        match c {
            '*' => Sign::Any,
            '?' => Sign::One,
            other => Sign::Char(other),
        }
    }

    fn is(self, c: char) -> bool {
        match self {
            Sign::Any | Sign::One => true,
            Sign::Char(own) => own == c,
        }
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.signs.iter().map(|sign| match sign {
            Sign::Any => '*',
            Sign::One => '?',
            Sign::Char(c) => *c,
        });
        f.write_str(&text.collect::<String>())
    }
}

/// Calls of one task, as the manifest names them: by these parts of their keys.
#[derive(Clone, Debug)]
pub struct CallPattern {
    pub task: TaskName,
    pub parts: Vec<(Column, PartPattern)>,
}

/// Which part of a key a pattern looks at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Column {
    /// By its position, from 0.
    Position(usize),
    /// The text of a variable.
    Variable(Name),
}

/// What the manifest says of a part; the templates are over the waiting call's variables.
#[derive(Clone, Debug)]
pub enum PartPattern {
    Exact(Template),
    /// The literal stretches of the template are a glob, its values are not.
    Glob(Template),
}

/// A [`CallPattern`] with its templates filled in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyPattern {
    pub exact: Vec<(Column, Text)>,
    pub globs: Vec<(Column, Glob)>,
}

impl PartPattern {
    pub fn template(&self) -> &Template {
        match self {
            PartPattern::Exact(template) | PartPattern::Glob(template) => template,
        }
    }
}

impl CallPattern {
    /// Fills the templates in.
    pub fn render(&self, scope: &dyn Scope) -> Result<KeyPattern, EvalError> {
        let mut key = KeyPattern { exact: Vec::new(), globs: Vec::new() };
        for (column, part) in &self.parts {
            match part {
                PartPattern::Exact(text) => key.exact.push((column.clone(), text.render(scope)?.into())),
                PartPattern::Glob(text) => key.globs.push((column.clone(), glob(text, scope)?)),
            }
        }
        Ok(key)
    }
}

fn glob(template: &Template, scope: &dyn Scope) -> Result<Glob, EvalError> {
    let mut signs = Vec::new();
    for part in &template.parts {
        match part {
            Part::Literal(text) => signs.extend(text.chars().map(Sign::special)),
            Part::Slot(slot) => signs.extend(slot.expression.eval(scope)?.to_text().chars().map(Sign::Char)),
        }
    }
    Ok(Glob { signs })
}

/// As an address writes it, without the task: `0,*`, `lat=0`.
impl fmt::Display for KeyPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = self.exact.iter().map(|(column, text)| (column, key_part(text).into_owned()));
        let globs = self.globs.iter().map(|(column, glob)| (column, glob.to_string()));
        let mut parts: Vec<(&Column, String)> = exact.chain(globs).collect();
        parts.sort_by_key(|(column, _)| match column {
            Column::Position(position) => *position,
            Column::Variable(_) => usize::MAX,
        });
        let written = parts.into_iter().map(|(column, text)| match column {
            Column::Position(_) => text,
            Column::Variable(name) => format!("{name}={text}"),
        });
        f.write_str(&written.collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::{Binding, Files};

    #[test]
    fn only_two_characters_of_a_glob_are_special() {
        let check = |glob: &str, text: &str, expected: bool| {
            assert_eq!(Glob::new(glob).matches(text), expected, "{glob} on {text}");
        };
        check("*", "", true);
        check("", "", true);
        check("", "a", false);
        check("a*c", "a/b/c", true);
        check("a*c", "acb", false);
        check("*ab*ab", "aabxabab", true);
        check("*ab*ab?", "abab", false);
        check("a**", "a", true);
        check("a?", "ab", true);
        check("a?", "a", false);
        check("a?", "aé", true);
        check("[a-z]{1,2}\\*", "[a-z]{1,2}\\x", true);
        check("[ab]*", "a", false);
    }

    #[test]
    fn values_in_a_glob_are_literal() {
        struct Star(Files);
        impl Scope for Star {
            fn lookup(&self, _: &str) -> Option<Binding> {
                Some(Binding::Value("*".into()))
            }
            fn files(&self) -> &Files {
                &self.0
            }
        }
        let glob = glob(&Template::parse("x${{ s }}-*").unwrap(), &Star(Files::new("/"))).unwrap();
        assert!(glob.matches("x*-1") && !glob.matches("xy-1"));
        assert_ne!(glob, Glob::new("x*-*"));
    }
}
