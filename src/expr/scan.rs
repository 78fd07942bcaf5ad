//! Finds `${{ … }}` in a text. Knows of the expression only what may hide its end: quoted texts and the braces of
//! map literals.

use std::ops::Range;

use super::ParseError;

const OPEN: &str = "${{";

/// A stretch of a text, by its bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    Literal(Range<usize>),
    /// The whole slot, and the expression between its braces.
    Slot {
        whole: Range<usize>,
        inner: Range<usize>,
    },
}

/// The pieces of a text, in order; no literal is empty.
pub fn pieces(text: &str) -> Result<Vec<Piece>, ParseError> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some(open) = text[at..].find(OPEN).map(|found| at + found) {
        if at < open {
            pieces.push(Piece::Literal(at..open));
        }
        let inner = open + OPEN.len();
        let close = end(text, open)?;
        at = close + 2;
        pieces.push(Piece::Slot { whole: open..at, inner: inner..close });
    }
    if at < text.len() {
        pieces.push(Piece::Literal(at..text.len()));
    }
    Ok(pieces)
}

/// Where the `}}` stands that ends the slot beginning at `open`.
fn end(text: &str, open: usize) -> Result<usize, ParseError> {
    let bytes = text.as_bytes();
    let mut braces = 0usize;
    let mut at = open + OPEN.len();
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\'' | b'"' => at = end_of_quoted(bytes, at).ok_or_else(|| unclosed_quote(at))?,
            b'{' => braces += 1,
            b'}' if braces > 0 => braces -= 1,
            b'}' if bytes.get(at + 1) == Some(&b'}') => return Ok(at),
            _ => {}
        }
        at += 1;
    }
    Err(ParseError::new("`${{` is never closed: `}}` is missing", open..open + OPEN.len())
        .help("for the characters themselves, write `${{ '${{' }}`"))
}

/// Where the quote stands that closes the one at `start`.
pub fn end_of_quoted(bytes: &[u8], start: usize) -> Option<usize> {
    let quote = *bytes.get(start)?;
    let mut at = start + 1;
    loop {
        match *bytes.get(at)? {
            b'\\' => at += 2,
            byte if byte == quote => return Some(at),
            _ => at += 1,
        }
    }
}

fn unclosed_quote(at: usize) -> ParseError {
    ParseError::new("a quote inside `${{ }}` is never closed", at..at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(text: &str) -> Vec<&str> {
        let slot = |piece| match piece {
            Piece::Slot { inner, .. } => Some(&text[inner]),
            Piece::Literal(_) => None,
        };
        pieces(text).unwrap().into_iter().filter_map(slot).collect()
    }

    #[test]
    fn only_dollar_and_two_braces_begin_a_slot() {
        let none: [&str; 0] = [];
        for text in ["{{.State}}", "{% if %}", "${x%y}", "${#x}", "$ {{ x }}", "", "}}", "$${x}}"] {
            assert_eq!(slots(text), none, "{text}");
        }
        assert_eq!(slots("a${{ x }}b${{y}}"), [" x ", "y"]);
        assert_eq!(slots("$${{ x }}"), [" x "]);
    }

    #[test]
    fn quotes_and_map_literals_hide_the_end() {
        assert_eq!(slots(r#"${{ '}}' }}${{ "\"}}" }}"#), [" '}}' ", r#" "\"}}" "#]);
        assert_eq!(slots("${{ {'a': {'b': 1}} }}}}"), [" {'a': {'b': 1}} "]);
        assert_eq!(slots("${{ {'a': {'b': 1}}}}"), [" {'a': {'b': 1}}"]);
        assert_eq!(slots("${{ 'é\\'}}' }}"), [" 'é\\'}}' "]);
    }

    #[test]
    fn every_byte_is_in_a_piece() {
        assert_eq!(
            pieces("a${{ x }}b").unwrap(),
            [Piece::Literal(0..1), Piece::Slot { whole: 1..9, inner: 4..7 }, Piece::Literal(9..10)]
        );
    }

    #[test]
    fn what_is_never_closed_is_shown_where_it_begins() {
        assert_eq!(pieces("ab ${{ x }").unwrap_err().span, 3..6);
        assert_eq!(pieces("${{ it's }}").unwrap_err().span, 6..7);
        assert_eq!(pieces("${{ 'a\\").unwrap_err().span, 4..5);
        assert_eq!(pieces("${{ {'a': 1 }}").unwrap_err().span, 0..3);
    }
}
