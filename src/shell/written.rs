//! A command as a person would write it: each value in its place, quoted where it must be. For people to read, and to paste
//! where it is whole; what runs is made elsewhere.

use std::borrow::Cow;

use super::lexer::Place;
use super::{Argument, Segment, ShellText};
use crate::value::excerpt;

/// So many characters are shown of a command.
const LONGEST: usize = 1000;

impl ShellText {
    /// The text with these values, one for each `Piece::Value` in order.
    pub fn written(&self, values: &[Argument]) -> String {
        let mut out = String::new();
        let mut values = values.iter();
        for segment in &self.segments {
            let place = match segment {
                Segment::Literal(text) => {
                    out.push_str(text);
                    continue;
                }
                Segment::Reference(slot) => slot.place,
                Segment::References => Place::Bare,
                Segment::Pasted => Place::Arithmetic,
            };
            match values.next() {
                Some(Argument::One(text)) => out.push_str(&at(place, text)),
                Some(Argument::Many(items)) => out.push_str(&words(items)),
                None => {}
            }
            if out.len() > 4 * LONGEST {
                break;
            }
        }
        excerpt(&out, LONGEST)
    }
}

/// Words of a command, each quoted where it must be.
pub fn words<S: AsRef<str>>(words: &[S]) -> String {
    let mut out = String::new();
    for word in words {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&quoted(word.as_ref()));
        if out.len() > 4 * LONGEST {
            break;
        }
    }
    excerpt(&out, LONGEST)
}

/// A word that a shell takes as it is.
pub fn quoted(text: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./+:@%,=".contains(&byte) || byte > 127;
    if !text.is_empty() && text.bytes().all(is_plain) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
}

fn at(place: Place, text: &str) -> Cow<'_, str> {
    match place {
        Place::Bare => quoted(text),
        Place::Quoted if text.contains(['"', '$', '`', '\\']) => Cow::Owned(format!("\"{}\"", quoted(text))),
        Place::Single if text.contains('\'') => Cow::Owned(text.replace('\'', r"'\''")),
        Place::Quoted | Place::Single | Place::Arithmetic => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::Landing;
    use crate::shell::Piece;

    #[test]
    fn values_stand_quoted_for_their_places() {
        let text = |before, after, value: &str| {
            let pieces = [Piece::Literal(before), Piece::Value(Landing::Word), Piece::Literal(after)];
            ShellText::compile(&pieces).unwrap().written(&[Argument::One(value.to_owned())])
        };
        assert_eq!(text("echo ", "!", "plain/word-1.0"), "echo plain/word-1.0!");
        assert_eq!(text("echo ", "", ""), "echo ''");
        assert_eq!(text("echo ", "", "it's"), r"echo 'it'\''s'");
        assert_eq!(text("echo \"a ", "\"", "b c"), "echo \"a b c\"");
        assert_eq!(text("echo \"a ", "\"", "$b"), "echo \"a \"'$b'\"\"");
        assert_eq!(text("echo 'a ", "'", "it's"), r"echo 'a it'\''s'");
        assert_eq!(text("echo $((1 + ", "))", "3"), "echo $((1 + 3))");
        assert_eq!(words(&["ls", "a b", "-l"]), "ls 'a b' -l");
    }

    #[test]
    fn a_long_command_is_shown_by_its_beginning() {
        let long = "x".repeat(100_000);
        assert_eq!(words(&[&long, &long, &long]).chars().count(), LONGEST + 1);
    }
}
