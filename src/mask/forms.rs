//! The forms in which programs write a value: as it is, quoted for a shell, in base64 at any offset; a value of several
//! lines also line by line. Escapes character by character are not known here.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// A line of a longer value is looked for by itself from this length on.
const SHORTEST_LINE: usize = 8;

/// A shorter value's base64 would be found in data that has nothing to do with it.
const SHORTEST_BASE64: usize = 8;

/// Every form of a value, without the white space around it.
pub fn of(value: &[u8]) -> BTreeSet<Vec<u8>> {
    let value = value.trim_ascii();
    let mut all = BTreeSet::new();
    for piece in [value].into_iter().chain(lines(value)) {
        all.insert(piece.to_vec());
        let text = String::from_utf8_lossy(piece);
        all.extend(texts(&text).into_iter().map(String::into_bytes));
        all.extend(base64(piece).into_iter().map(String::into_bytes));
    }
    all
}

/// The lines by which a value of several is told: not short ones, nor `-----BEGIN …-----`, which tells nothing.
fn lines(value: &[u8]) -> Vec<&[u8]> {
    if !value.contains(&b'\n') && !value.contains(&b'\r') {
        return Vec::new();
    }
    let is_frame = |line: &[u8]| line.starts_with(b"-----") && line.ends_with(b"-----");
    let lines = value.split(|&byte| byte == b'\n' || byte == b'\r').map(<[u8]>::trim_ascii);
    lines.filter(|line| line.len() >= SHORTEST_LINE && !is_frame(line)).collect()
}

/// As what quotes for a shell, and `sh -x`, prints it; as forms write its spaces.
fn texts(text: &str) -> [String; 4] {
    let quoted = |quote| text.replace('\'', quote);
    [text.to_owned(), quoted(r"'\''"), quoted(r#"'"'"'"#), text.replace(' ', "+")]
}

/// The characters of base64 that depend on these bytes alone, whatever stands before and after them: what a header
/// `Authorization: Basic …` has of the password.
fn base64(bytes: &[u8]) -> Vec<String> {
    if bytes.len() < SHORTEST_BASE64 {
        return Vec::new();
    }
    let mut all = Vec::with_capacity(6);
    for (before, skipped) in [(0, 0), (1, 2), (2, 3)] {
        let shifted = [&[0; 2][..before], bytes].concat();
        let whole = shifted.len() * 8 / 6;
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            let text = engine.encode(&shifted);
            all.extend(text.get(skipped..whole).map(str::to_owned));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, forms: &[&str]) {
        let all = of(value.as_bytes());
        for form in forms {
            assert!(all.contains(form.as_bytes()), "{form} is no form of {value:?}");
        }
    }

    #[test]
    fn a_plain_token_has_few_forms() {
        let all = of(b"abc123");
        assert_eq!(all.into_iter().collect::<Vec<_>>(), [b"abc123"]);
    }

    #[test]
    fn shells_and_forms_write_it_their_way() {
        check("p w/ü'x", &[r"p w/ü'\''x", r#"p w/ü'"'"'x"#, "p+w/ü'x"]);
    }

    #[test]
    fn base64_is_found_at_every_offset() {
        let secret = "s3cret-value";
        let all = of(secret.as_bytes());
        for user in ["", "u", "us", "usr", "user"] {
            for rest in ["", "\n", "--"] {
                let header =
                    base64::engine::general_purpose::STANDARD.encode(format!("{user}{secret}{rest}"));
                let found = all.iter().any(|form| header.contains(&*String::from_utf8_lossy(form)));
                assert!(found, "{user} {rest:?} {header}");
            }
        }
    }

    #[test]
    fn lines_that_tell_something_are_forms() {
        let key = "-----BEGIN KEY-----\r\nMIIEvgIBADANBg\r\nshort\r\nAQEFAASCBKgwgg\r\n-----END KEY-----\n";
        check(key, &["MIIEvgIBADANBg", "AQEFAASCBKgwgg", key.trim_ascii()]);
        let all = of(key.as_bytes());
        assert!(!all.contains(&b"short"[..]) && !all.contains(&b"-----BEGIN KEY-----"[..]));
    }
}
