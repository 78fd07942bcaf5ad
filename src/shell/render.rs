//! Puts a script together: references in the text, the values as arguments, the prelude that joins them.
//! Does not know how the places were found.

use std::fmt::Write;

use super::lexer::{Place, Slot};
use super::{Argument, Script, Segment};

/// A script that is being put together.
#[derive(Default)]
pub(super) struct Rendering {
    prefix: String,
    body: String,
    arguments: Vec<String>,
}

impl Rendering {
    /// `prefix`: what the names of our variables begin with.
    pub fn new(prefix: String) -> Rendering {
        Rendering { prefix, ..Rendering::default() }
    }

    pub fn add<'v>(
        &mut self,
        segment: &Segment,
        values: &mut impl Iterator<Item = &'v Argument>,
    ) -> Result<(), String> {
        if let Segment::Literal(text) = segment {
            self.body.push_str(text);
            return Ok(());
        }
        match (segment, values.next().ok_or("fewer values were given than the text has places")?) {
            (Segment::Pasted, Argument::One(text)) => {
                refuse_nul(text)?;
                self.body.push_str(text);
            }
            (Segment::Reference(slot), Argument::One(text)) => self.refer(slot, text)?,
            (Segment::References, Argument::One(text)) => self.refer(&Slot::default(), text)?,
            (Segment::References, Argument::Many(items)) => self.refer_to_all(items)?,
            (_, Argument::Many(_)) => {
                return Err(
                    "a list stands where one word does; `| words` makes a word of each item".to_owned()
                );
            }
            (Segment::Literal(_), _) => {}
        }
        Ok(())
    }

    fn refer_to_all(&mut self, items: &[String]) -> Result<(), String> {
        for (position, item) in items.iter().enumerate() {
            if position > 0 {
                self.body.push(' ');
            }
            self.refer(&Slot::default(), item)?;
        }
        Ok(())
    }

    fn refer(&mut self, slot: &Slot, text: &str) -> Result<(), String> {
        refuse_nul(text)?;
        let value = if slot.integer { integer(text, slot.place)? } else { text.to_owned() };
        self.arguments.push(value);
        let reference = format!("${{{}{}}}", self.prefix, self.arguments.len());
        let (before, after) = match slot.place {
            Place::Bare => ("\"", "\""),
            Place::Quoted | Place::Arithmetic => ("", ""),
            Place::Single => ("'\"", "\"'"),
        };
        self.body.push_str(before);
        self.body.push_str(&reference);
        self.body.push_str(after);
        Ok(())
    }

    pub fn finish(self) -> Script {
        let mut text = self.body;
        if !self.arguments.is_empty() {
            let at = if text.starts_with("#!") { text.find('\n').map_or(0, |end| end + 1) } else { 0 };
            text.insert_str(at, &prelude(&self.prefix, self.arguments.len()));
        }
        Script { text, arguments: self.arguments }
    }
}

/// Takes the arguments into variables and hides them from the script's own `$1`, `$@` and `$#`.
fn prelude(prefix: &str, count: usize) -> String {
    let mut text = String::new();
    for number in 1..=count {
        // writing to a String cannot fail
        let _ = write!(text, "{prefix}{number}=${{{number}}} ");
    }
    text.truncate(text.trim_end().len());
    let _ = write!(text, "; shift {count}; ");
    text
}

fn refuse_nul(text: &str) -> Result<(), String> {
    if text.contains('\0') {
        return Err("the value holds a NUL character, which no argument can carry".to_owned());
    }
    Ok(())
}

/// The value as a decimal number: never octal because of a zero in front. In an arithmetic expression a negative
/// one is put in parentheses, since `3 -${{ n }}` would make `--` of it.
fn integer(text: &str, place: Place) -> Result<String, String> {
    let number: i64 = text.parse().map_err(|_| {
        let shown = crate::value::excerpt(text, 40);
        format!("the value in an arithmetic expression must be an integer of 64 bits, not `{shown}`")
    })?;
    Ok(match place {
        // the number without its sign would not fit
        Place::Arithmetic if number == i64::MIN => format!("({}-1)", i64::MIN + 1),
        Place::Arithmetic if number < 0 => format!("({number})"),
        _ => number.to_string(),
    })
}
