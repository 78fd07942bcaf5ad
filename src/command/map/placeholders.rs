//! GNU parallel's replacement strings: found in a command, and made of a key. A template refers to each by a variable, so
//! that a key is never a part of the text. Does not know where keys come from.

use std::ops::Range;

use crate::expr::{Expression, Landing, Part, Slot, Template};
use crate::value::Text;

/// What of a key a replacement string stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// `{}`
    Whole,
    /// `{.}`: without the extension.
    Bare,
    /// `{/}`: behind the last slash.
    Base,
    /// `{//}`: the folder.
    Folder,
    /// `{/.}`: behind the last slash, without the extension.
    Stem,
}

impl Piece {
    const MARKS: [(&'static str, Piece); 5] = [
        ("", Piece::Whole),
        (".", Piece::Bare),
        ("/", Piece::Base),
        ("//", Piece::Folder),
        ("/.", Piece::Stem),
    ];

    /// The part of a key, as GNU parallel takes it.
    pub fn of(self, key: &Text) -> Text {
        match self {
            Piece::Whole => key.clone(),
            Piece::Bare => without_extension(key).into(),
            Piece::Base => base(key).into(),
            Piece::Folder => folder(key).into(),
            Piece::Stem => without_extension(base(key)).into(),
        }
    }

    /// The variable that holds it for a source, counted from 0.
    pub fn variable(self, source: usize) -> String {
        let number = source + 1;
        match self {
            Piece::Whole => format!("key{number}"),
            Piece::Bare => format!("key{number}_bare"),
            Piece::Base => format!("key{number}_base"),
            Piece::Folder => format!("key{number}_folder"),
            Piece::Stem => format!("key{number}_stem"),
        }
    }
}

fn base(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key)
}

fn without_extension(key: &str) -> &str {
    match key.rsplit_once('.') {
        Some((before, extension)) if !extension.is_empty() && !extension.contains('/') => before,
        _ => key,
    }
}

fn folder(key: &str) -> &str {
    let Some((before, _)) = key.trim_end_matches('/').rsplit_once('/') else {
        return if key.starts_with('/') { "/" } else { "." };
    };
    let before = before.trim_end_matches('/');
    if before.is_empty() { "/" } else { before }
}

/// A replacement string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Placeholder {
    /// `{#}`: the number of the call, from 1.
    Number,
    /// Of one source, counted from 0, or of all.
    Key(Piece, Option<usize>),
}

/// Makes templates of a command's words, and notes what they ask for.
#[derive(Debug)]
pub struct Placeholders {
    /// How many sources of keys there are.
    sources: usize,
    /// How the number of a call is asked for.
    pub number: String,
    /// What is asked for of each source, the key itself included.
    pub pieces: Vec<Vec<Piece>>,
    /// Whether the number of a call is asked for.
    pub numbered: bool,
    found: bool,
}

impl Placeholders {
    /// For so many sources; `number` is the expression of a call's number.
    pub fn new(sources: usize, number: String) -> Placeholders {
        let pieces = vec![vec![Piece::Whole]; sources];
        Placeholders { sources, number, pieces, numbered: false, found: false }
    }

    /// Shell text, with the keys at its end if they stand nowhere in it.
    pub fn shell(&mut self, text: &str) -> Result<Template, String> {
        let mut parts = self.parts(text)?;
        if !self.found {
            let text = text.trim_end();
            parts = vec![Part::Literal(format!("{text} "))];
            self.add(&mut parts, Placeholder::Key(Piece::Whole, None), text.len()..text.len())?;
        }
        Ok(Template { parts })
    }

    /// A program and its arguments, with the keys at their end if they stand nowhere in them.
    pub fn program(&mut self, words: &[String]) -> Result<Vec<Template>, String> {
        let mut templates = Vec::with_capacity(words.len() + 1);
        for word in words {
            templates.push(self.word(word)?);
        }
        if !self.found {
            templates.push(self.word("{}")?);
        }
        Ok(templates)
    }

    /// One word of a program. `{}` by itself is as many words as there are sources.
    fn word(&mut self, text: &str) -> Result<Template, String> {
        let sole = scan(text);
        let [(Placeholder::Key(piece, None), span)] = sole.as_slice() else {
            return Ok(Template { parts: self.parts(text)? });
        };
        if *span != (0..text.len()) || self.sources == 1 {
            return Ok(Template { parts: self.parts(text)? });
        }
        self.found = true;
        (0..self.sources).for_each(|source| self.ask(*piece, source));
        let names: Vec<String> = (0..self.sources).map(|source| piece.variable(source)).collect();
        Ok(Template { parts: vec![slot(&format!("[{}]", names.join(", ")), span.clone())?] })
    }

    fn parts(&mut self, text: &str) -> Result<Vec<Part>, String> {
        let mut parts = Vec::new();
        let mut at = 0;
        for (placeholder, span) in scan(text) {
            parts.push(Part::Literal(text[at..span.start].to_owned()));
            at = span.end;
            if let Placeholder::Key(_, Some(source)) = placeholder
                && source >= self.sources
            {
                return Err(self.no_such_source(&text[span]));
            }
            self.add(&mut parts, placeholder, span)?;
        }
        parts.push(Part::Literal(text[at..].to_owned()));
        parts.retain(|part| !matches!(part, Part::Literal(text) if text.is_empty()));
        Ok(parts)
    }

    fn no_such_source(&self, written: &str) -> String {
        let sources = match self.sources {
            1 => "there is 1 source of keys".to_owned(),
            count => format!("there are {count} sources of keys"),
        };
        format!("`{written}` in the command: {sources}, counted from 1")
    }

    /// A slot, or one for each source with a space between them.
    fn add(
        &mut self,
        parts: &mut Vec<Part>,
        placeholder: Placeholder,
        span: Range<usize>,
    ) -> Result<(), String> {
        self.found = true;
        let (piece, sources) = match placeholder {
            Placeholder::Number => {
                self.numbered = true;
                parts.push(slot(&self.number, span)?);
                return Ok(());
            }
            Placeholder::Key(piece, Some(source)) => (piece, source..source + 1),
            Placeholder::Key(piece, None) => (piece, 0..self.sources),
        };
        for source in sources.clone() {
            if source > sources.start {
                parts.push(Part::Literal(" ".to_owned()));
            }
            self.ask(piece, source);
            parts.push(slot(&piece.variable(source), span.clone())?);
        }
        Ok(())
    }

    fn ask(&mut self, piece: Piece, source: usize) {
        if let Some(pieces) = self.pieces.get_mut(source).filter(|pieces| !pieces.contains(&piece)) {
            pieces.push(piece);
        }
    }
}

fn slot(expression: &str, span: Range<usize>) -> Result<Part, String> {
    let expression = Expression::parse(expression).map_err(|error| error.message)?;
    Ok(Part::Slot(Slot { expression, landing: Landing::Word, span }))
}

/// The replacement strings of a text, in order.
fn scan(text: &str) -> Vec<(Placeholder, Range<usize>)> {
    let opens = text.match_indices('{');
    let found = opens.filter_map(|(open, _)| {
        let close = open + text[open..].find('}')?;
        Some((placeholder(&text[open + 1..close])?, open..close + 1))
    });
    found.collect()
}

/// What stands between braces: `#`, or the number of a source and what is wanted of its key, each of them perhaps absent.
fn placeholder(inner: &str) -> Option<Placeholder> {
    if inner == "#" {
        return Some(Placeholder::Number);
    }
    let mark = inner.trim_start_matches(|c: char| c.is_ascii_digit());
    let (_, piece) = Piece::MARKS.into_iter().find(|(known, _)| *known == mark)?;
    let digits = &inner[..inner.len() - mark.len()];
    // a source of so large a number there is not
    let source =
        || digits.parse::<usize>().ok().and_then(|number| number.checked_sub(1)).unwrap_or(usize::MAX);
    Some(Placeholder::Key(piece, (!digits.is_empty()).then(source)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_those_of_gnu_parallel() {
        for (key, expected) in [
            ("a/b.tar.gz", ["a/b.tar", "b.tar.gz", "a", "b.tar"]),
            ("b", ["b", "b", ".", "b"]),
            ("/b.c", ["/b", "b.c", "/", "b"]),
            ("a.d/b", ["a.d/b", "b", "a.d", "b"]),
            (".rc", ["", ".rc", ".", ""]),
            ("a.", ["a.", "a.", ".", "a."]),
            ("a//b", ["a//b", "b", "a", "b"]),
            ("", ["", "", ".", ""]),
            ("/", ["/", "", "/", ""]),
        ] {
            let pieces = [Piece::Bare, Piece::Base, Piece::Folder, Piece::Stem];
            assert_eq!(pieces.map(|piece| piece.of(&key.into()).to_string()), expected, "{key}");
        }
    }

    #[track_caller]
    fn check(sources: usize, text: &str, expected: &str) {
        let mut placeholders = Placeholders::new(sources, "n".to_owned());
        let parts = placeholders.shell(text).map(|template| template.parts);
        let shown = parts.map(|parts| {
            let part = |part: &Part| match part {
                Part::Literal(text) => text.clone(),
                Part::Slot(slot) => format!("<{}>", slot.expression.source()),
            };
            parts.iter().map(part).collect::<String>()
        });
        assert_eq!(shown.unwrap_or_else(|error| error), expected);
    }

    #[test]
    fn what_stands_in_braces_is_replaced_and_nothing_else() {
        check(1, "gzip -k", "gzip -k <key1>");
        check(1, "gzip -k \n", "gzip -k <key1>");
        check(1, "mv {} {.}.x", "mv <key1> <key1_bare>.x");
        check(1, "{/}{//}{/.}{#}", "<key1_base><key1_folder><key1_stem><n>");
        check(1, "awk '{print $1}' {}", "awk '{print $1}' <key1>");
        check(1, "echo ${#x} {x} {a,b} é{", "echo ${#x} {x} {a,b} é{ <key1>");
        check(2, "echo {2}{1/.} '{}'", "echo <key2><key1_stem> '<key1> <key2>'");
        check(1, "echo {2}", "`{2}` in the command: there is 1 source of keys, counted from 1");
        check(2, "echo {0}", "`{0}` in the command: there are 2 sources of keys, counted from 1");
    }
}
