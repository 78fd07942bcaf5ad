//! Names in `{{ }}` without `$`: plain text here, though other tools put values there. Does not know which names stand
//! for something.

use crate::diagnostic::Span;
use crate::expr::{Part, Template};

/// What stands in `{{ }}` in the plain text of a template, trimmed, each with the span of its braces in the text.
pub fn names(template: &Template) -> Vec<(Span, &str)> {
    let mut found = Vec::new();
    let mut start = 0;
    for part in &template.parts {
        match part {
            Part::Literal(text) => {
                found.extend(braced(text).map(|(at, end, name)| (start + at..start + end, name)));
                start += text.len();
            }
            Part::Slot(slot) => start = slot.span.end,
        }
    }
    found
}

fn braced(text: &str) -> impl Iterator<Item = (usize, usize, &str)> {
    text.match_indices("{{").filter_map(|(at, _)| {
        let length = text[at..].find("}}")?;
        Some((at, at + length + 2, text[at + 2..at + length].trim()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_plain_text_have_their_places() {
        let text = "é {{ a }} ${{ b }} {{c}} {{ {{d}} }} {{";
        let template = Template::parse(text).unwrap();
        let found = names(&template).into_iter().map(|(span, name)| (&text[span], name));
        let expected = [("{{ a }}", "a"), ("{{c}}", "c"), ("{{ {{d}}", "{{d"), ("{{d}}", "d")];
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }
}
