//! Text for a shell into which values go by reference: the values become arguments, the text refers to them,
//! quoted for where each stands. Never pastes a value unless asked; knows nothing of templates or tasks.
//!
//! `lexer.rs` finds where each value stands; a place that it misjudges can split a word, but never run a value,
//! since nothing but a reference is ever written into the text.

mod commands;
mod direct;
mod expansion;
mod heredoc;
mod lexer;
mod quotes;
mod render;
mod reparse;
mod word;
mod written;

#[cfg(test)]
mod roundtrip;
#[cfg(test)]
mod tests;

use crate::expr::Landing;
pub use direct::Direct;
use lexer::{Lexer, Slot};
use render::Rendering;
pub use written::{quoted, words};

/// A stretch of the text as it comes: literal, or the place of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    Literal(&'a str),
    Value(Landing),
}

/// What a value is when the text is rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argument {
    One(String),
    /// For [`Landing::Words`].
    Many(Vec<String>),
}

/// A compiled text.
#[derive(Debug)]
pub struct ShellText {
    segments: Vec<Segment>,
    /// What the names of our variables begin with; it occurs nowhere in the literal text.
    prefix: String,
    cautions: Vec<Remark>,
}

#[derive(Debug)]
enum Segment {
    Literal(String),
    Reference(Slot),
    /// One reference for each item.
    References,
    Pasted,
}

/// Why a value cannot stand where it does, or a word of caution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// Which value, counted from 0.
    pub value: usize,
    pub message: String,
    pub help: String,
}

/// A rendered text: the script, and the values that it refers to as arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Begins with a prelude that takes the arguments into variables, on the first line (after a `#!` line: on
    /// the second), so that the shell's own line numbers stay.
    pub text: String,
    /// `$1` and on: to be given after `$0`. The script sees none of them.
    pub arguments: Vec<String>,
}

/// Whether this program is a shell whose text deco understands: sh, dash, bash, zsh, ksh, busybox (by file name).
pub fn is_shell(program: &str) -> bool {
    const SHELLS: [&str; 11] =
        ["sh", "dash", "ash", "bash", "rbash", "zsh", "ksh", "ksh93", "mksh", "lksh", "busybox"];
    let name = program.rsplit('/').next().unwrap_or(program);
    SHELLS.contains(&name)
}

impl ShellText {
    /// Compiles the pieces; refuses values where the shell would expand no reference.
    pub fn compile(pieces: &[Piece<'_>]) -> Result<ShellText, Vec<Remark>> {
        let mut found = Lexer::new(pieces).run();
        found.remarks.extend(in_first_line(pieces));
        found.remarks.sort_by_key(|remark| remark.value);
        found.remarks.dedup_by_key(|remark| remark.value);
        if !found.remarks.is_empty() {
            return Err(found.remarks);
        }
        found.cautions.sort_by_key(|caution| caution.value);
        found.cautions.dedup();
        let literals = pieces.iter().filter_map(Piece::literal);
        let prefix = free_prefix(literals);
        Ok(ShellText { segments: segments(pieces, &found.slots), prefix, cautions: found.cautions })
    }

    /// Words of caution: values in text that is parsed again by another program.
    pub fn cautions(&self) -> &[Remark] {
        &self.cautions
    }

    /// The script for these values, one for each `Piece::Value` in order. `Err`: a value that cannot stand there.
    pub fn render(&self, values: &[Argument]) -> Result<Script, String> {
        let mut rendering = Rendering::new(self.prefix_for(values));
        let mut values = values.iter();
        for segment in &self.segments {
            rendering.add(segment, &mut values)?;
        }
        if values.next().is_some() {
            return Err("more values were given than the text has places".to_owned());
        }
        Ok(rendering.finish())
    }

    /// The compiled prefix, or another one where a pasted value happens to hold it.
    fn prefix_for(&self, values: &[Argument]) -> String {
        let places = self.segments.iter().filter(|segment| !matches!(segment, Segment::Literal(_)));
        let pasted = places.zip(values).filter_map(|(segment, value)| match (segment, value) {
            (Segment::Pasted, Argument::One(text)) => Some(text.as_str()),
            _ => None,
        });
        if pasted.clone().all(|text| !text.contains(&self.prefix)) {
            return self.prefix.clone();
        }
        let literals = self.segments.iter().filter_map(|segment| match segment {
            Segment::Literal(text) => Some(text.as_str()),
            _ => None,
        });
        free_prefix(literals.chain(pasted))
    }
}

impl<'a> Piece<'a> {
    fn literal(&self) -> Option<&'a str> {
        match self {
            Piece::Literal(text) => Some(text),
            Piece::Value(_) => None,
        }
    }
}

/// Values in a `#!` line: there is no shell yet that could expand a reference.
fn in_first_line(pieces: &[Piece<'_>]) -> Vec<Remark> {
    let mut remarks = Vec::new();
    if !pieces.first().and_then(Piece::literal).is_some_and(|text| text.starts_with("#!")) {
        return remarks;
    }
    let mut value = 0;
    for piece in pieces {
        match piece {
            Piece::Literal(text) if text.contains('\n') => break,
            Piece::Literal(_) => {}
            Piece::Value(landing) => {
                if *landing != Landing::Raw {
                    remarks.push(Remark {
                        value,
                        message: "a value stands in the `#!` line, which no shell reads".to_owned(),
                        help: "name the interpreter itself, or use `| raw` to paste the value".to_owned(),
                    });
                }
                value += 1;
            }
        }
    }
    remarks
}

fn segments(pieces: &[Piece<'_>], slots: &[Slot]) -> Vec<Segment> {
    let mut segments = Vec::new();
    let mut literal = String::new();
    let mut slots = slots.iter();
    for piece in pieces {
        let landing = match piece {
            Piece::Literal(text) => {
                literal.push_str(text);
                continue;
            }
            Piece::Value(landing) => landing,
        };
        let slot = slots.next().copied().unwrap_or_default();
        if slot.after_dollar && literal.ends_with('$') {
            // `$` before our quote or brace would begin an expansion of its own
            literal.insert(literal.len() - 1, '\\');
        }
        segments.push(Segment::Literal(std::mem::take(&mut literal)));
        segments.push(match landing {
            Landing::Word => Segment::Reference(slot),
            Landing::Words => Segment::References,
            Landing::Raw => Segment::Pasted,
        });
    }
    segments.push(Segment::Literal(literal));
    segments
}

/// A beginning for names that occurs in none of the texts, so that no variable of the user's is met.
fn free_prefix<'a>(texts: impl Iterator<Item = &'a str> + Clone) -> String {
    let mut prefix = "_deco".to_owned();
    let mut turn = 1;
    while texts.clone().any(|text| text.contains(&prefix)) {
        turn += 1;
        prefix = format!("_deco{turn}_");
    }
    prefix
}
