//! How many values bytes hold, told from their separators before any of them is made: a value takes many times the memory of
//! its text, so that a short text can hold too many.

use super::Format;

/// How many values there are at most, where there may be more than `many`; else some number that is not above it. A container
/// counts for itself, a member of an object for two.
pub fn values(format: Format, bytes: &[u8], many: usize) -> usize {
    match format {
        Format::None | Format::Base64 | Format::Text => 0,
        // each takes a separator
        _ if bytes.len() <= many => 0,
        Format::Lines => count(bytes, b"\n"),
        Format::Tsv => count(bytes, b"\t\n"),
        Format::Csv => outside(bytes, b",\n", None),
        Format::Json => outside(bytes, b",:[{", Some(b'\\')),
        Format::Ndjson => outside(bytes, b",:[{\n", Some(b'\\')),
    }
}

fn count(bytes: &[u8], separators: &[u8]) -> usize {
    bytes.iter().filter(|byte| separators.contains(byte)).count()
}

/// The separators that do not stand between quotes. A doubled quote closes and opens again.
fn outside(bytes: &[u8], separators: &[u8], escape: Option<u8>) -> usize {
    let (mut found, mut quoted) = (0, false);
    let mut bytes = bytes.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => quoted = !quoted,
            escaping if quoted && Some(*escaping) == escape => drop(bytes.next()),
            separator if !quoted && separators.contains(separator) => found += 1,
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_in_texts_do_not_count() {
        let count = |format, bytes: &str| values(format, bytes.as_bytes(), 1);
        assert_eq!(count(Format::Json, r#"{"a,[":[1,2],"b\\":"\",,"}"#), 1 + 2 + 1 + 1 + 1);
        assert_eq!(count(Format::Ndjson, "[1]\n[2]\n"), 4);
        assert_eq!(count(Format::Csv, "a,b\n\"x,\"\"y\",2\n"), 4);
        assert_eq!(count(Format::Tsv, "a\tb\n\"\t\n"), 4);
        assert_eq!(count(Format::Lines, "a\nb\n"), 2);
        assert_eq!(count(Format::Text, "a\nb\n"), 0);
        assert_eq!(values(Format::Json, b"[1,2]", 5), 0);
    }
}
