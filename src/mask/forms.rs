//! The forms in which programs write a value: as it is, escaped in JSON by this writer or that, percent-encoded,
//! quoted for a shell, in base64 at any offset; a value of several lines also line by line.

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
        all.extend(percent(piece).into_iter().map(String::into_bytes));
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

fn texts(text: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::from([text.to_owned()]);
    all.extend(JsonWriter::all().map(|writer| writer.write(text)));
    // JSON in a text of JSON
    let plain = JsonWriter { also: "", ascii: false, upper: false, slash: false, short: true };
    let nested: Vec<_> = all.iter().map(|form| plain.write(form)).collect();
    all.extend(nested);
    // what `sh -x` and programs that quote for a shell print
    all.extend([r"'\''", r#"'"'"'"#].map(|quote| text.replace('\'', quote)));
    all
}

/// How a program escapes a text in JSON, quotes and backslashes aside.
#[derive(Clone, Copy)]
struct JsonWriter {
    /// Characters that it writes as `\u003c` though they need not be.
    also: &'static str,
    /// What is not ASCII is escaped.
    ascii: bool,
    /// `\u003C`.
    upper: bool,
    /// `\/`.
    slash: bool,
    /// `\b` and `\f`.
    short: bool,
}

impl JsonWriter {
    /// Most; Go and PHP; Gson; .NET; each with every choice of the rest.
    fn all() -> impl Iterator<Item = JsonWriter> {
        let sets = ["", "<>&\u{2028}\u{2029}", "<>&='", "\"&'+<>`"];
        sets.into_iter().flat_map(|also| {
            (0..16).map(move |choice| {
                let chosen = |bit: u32| choice >> bit & 1 == 1;
                JsonWriter { also, ascii: chosen(0), upper: chosen(1), slash: chosen(2), short: chosen(3) }
            })
        })
    }

    fn write(self, text: &str) -> String {
        let mut out = String::with_capacity(text.len() + 2);
        text.chars().for_each(|c| self.character(c, &mut out));
        out
    }

    fn character(self, c: char, out: &mut String) {
        match c {
            _ if self.also.contains(c) => self.unicode(c, out),
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' if self.short => out.push_str("\\b"),
            '\u{c}' if self.short => out.push_str("\\f"),
            '/' if self.slash => out.push_str("\\/"),
            c if c < ' ' || (self.ascii && c > '~') => self.unicode(c, out),
            c => out.push(c),
        }
    }

    fn unicode(self, c: char, out: &mut String) {
        for unit in c.encode_utf16(&mut [0; 2]) {
            out.push_str(&if self.upper { format!("\\u{unit:04X}") } else { format!("\\u{unit:04x}") });
        }
    }
}

/// As in addresses and forms: what libraries leave as it is differs.
fn percent(bytes: &[u8]) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for plain in ["-._~", "-._~/", "-._~!*'()", "-._*"] {
        for upper in [false, true] {
            for space in ["%20", "+"] {
                all.insert(bytes.iter().map(|&byte| percent_byte(byte, plain, upper, space)).collect());
            }
        }
    }
    all
}

fn percent_byte(byte: u8, plain: &str, upper: bool, space: &str) -> String {
    match byte {
        b' ' => space.to_owned(),
        _ if byte.is_ascii_alphanumeric() || plain.as_bytes().contains(&byte) => char::from(byte).to_string(),
        _ if upper => format!("%{byte:02X}"),
        _ => format!("%{byte:02x}"),
    }
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
    fn json_is_escaped_as_programs_do() {
        check("a\"b\\c\u{1}", &[r#"a\"b\\c\u0001"#, r#"a\\\"b\\\\c\\u0001"#]);
        check("a/b\u{8}\u{1f}", &[r"a\/b\b\u001f", r"a/b\u0008\u001F", r"a\/b\u0008\u001F"]);
        check("pässword😀", &[r"p\u00e4ssword\ud83d\ude00", r"p\u00E4ssword\uD83D\uDE00"]);
        check("a<b>&c", &[r"a\u003cb\u003e\u0026c"]);
        check("q=1+2'", &[r"q\u003d1+2\u0027", r"q=1\u002B2\u0027"]);
    }

    #[test]
    fn addresses_and_shells_write_it_their_way() {
        check("p w/ü'x", &["p%20w%2F%C3%BC%27x", "p+w%2f%c3%bc%27x", "p%20w/%C3%BC%27x", r"p w/ü'\''x"]);
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
