//! What a program reads out of escaped bytes: JSON's escapes, also inside a text of JSON, and percent signs. Every
//! mixture of escaped and plain characters reads the same, and each byte knows where it came from.

use std::ops::Range;
use std::rc::Rc;

/// Bytes as they are read, and how they lie in the source.
pub struct Reading {
    pub bytes: Vec<u8>,
    /// The decodings that made them, that of the source first.
    steps: Vec<Rc<Decoding>>,
}

#[derive(Default)]
struct Decoding {
    escapes: Vec<Escape>,
    /// Where an escape begins that may go on behind the end.
    cut: Option<usize>,
}

/// Where an escape stood, and what is read there.
struct Escape {
    written: Range<usize>,
    read: Range<usize>,
}

#[derive(Clone, Copy)]
enum Code {
    Json,
    Percent,
}

/// What begins with a backslash or a percent sign.
enum Unit {
    /// No escape.
    Plain,
    /// Of this length.
    Char(usize, char),
    Byte(usize, u8),
    /// The bytes end before it is clear.
    Cut,
}

/// Every way to read the bytes other than as they stand. `ends`: nothing follows them; else an escape at their end that
/// may go on is left out.
pub fn readings(bytes: &[u8], ends: bool) -> Vec<Reading> {
    let mut all = Vec::new();
    if let Some((json, outer)) = decode(bytes, Code::Json, ends) {
        let outer = Rc::new(outer);
        if let Some((nested, inner)) = decode(&json, Code::Json, ends) {
            all.push(Reading { bytes: nested, steps: vec![outer.clone(), Rc::new(inner)] });
        }
        all.push(Reading { bytes: json, steps: vec![outer] });
    }
    if let Some((bytes, decoding)) = decode(bytes, Code::Percent, ends) {
        all.push(Reading { bytes, steps: vec![Rc::new(decoding)] });
    }
    all
}

impl Reading {
    /// Where in the source the bytes of a span were written.
    pub fn source(&self, span: Range<usize>) -> Range<usize> {
        to_source(&self.steps, span)
    }

    /// Where in the source an escape begins that may go on behind its end.
    pub fn cut(&self) -> Option<usize> {
        let cuts = self.steps.iter().enumerate().filter_map(|(at, step)| {
            let cut = step.cut?;
            Some(to_source(&self.steps[..at], cut..cut + 1).start)
        });
        cuts.min()
    }

    /// The beginning of the escape that a place of the source is inside of; else the place.
    pub fn outside(&self, place: usize) -> usize {
        let escapes = self.steps.iter().enumerate().flat_map(|(at, step)| {
            step.escapes.iter().map(move |escape| to_source(&self.steps[..at], escape.written.clone()))
        });
        let around = escapes.filter(|written| written.start < place && place < written.end);
        around.map(|written| written.start).min().unwrap_or(place)
    }
}

/// Back through these decodings, the last first.
fn to_source(steps: &[Rc<Decoding>], span: Range<usize>) -> Range<usize> {
    steps.iter().rev().fold(span, |span, step| step.source(span))
}

impl Decoding {
    fn source(&self, span: Range<usize>) -> Range<usize> {
        if span.is_empty() {
            let start = self.written(span.start).start;
            return start..start;
        }
        self.written(span.start).start..self.written(span.end - 1).end
    }

    /// Where the byte that is read here was written.
    fn written(&self, read: usize) -> Range<usize> {
        let before = self.escapes.partition_point(|escape| escape.read.start <= read);
        match before.checked_sub(1).and_then(|last| self.escapes.get(last)) {
            Some(escape) if read < escape.read.end => escape.written.clone(),
            Some(escape) => {
                let at = escape.written.end + (read - escape.read.end);
                at..at + 1
            }
            None => read..read + 1,
        }
    }
}

/// The bytes with all escapes read; `None` if there are none, nor the beginning of one.
fn decode(bytes: &[u8], code: Code, ends: bool) -> Option<(Vec<u8>, Decoding)> {
    let sign = match code {
        Code::Json => b'\\',
        Code::Percent => b'%',
    };
    let mut at = bytes.iter().position(|&byte| byte == sign)?;
    let mut read = bytes[..at].to_vec();
    let mut decoding = Decoding::default();
    while let Some(&byte) = bytes.get(at) {
        let unit = if byte == sign { code.unit(&bytes[at..]) } else { Unit::Plain };
        let start = read.len();
        let length = match unit {
            Unit::Cut if !ends => {
                decoding.cut = Some(at);
                break;
            }
            Unit::Plain | Unit::Cut => {
                read.push(byte);
                at += 1;
                continue;
            }
            Unit::Byte(length, byte) => {
                read.push(byte);
                length
            }
            Unit::Char(length, c) => {
                read.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                length
            }
        };
        decoding.escapes.push(Escape { written: at..at + length, read: start..read.len() });
        at += length;
    }
    Some((read, decoding))
}

impl Code {
    fn unit(self, bytes: &[u8]) -> Unit {
        match self {
            Code::Json => json(bytes),
            Code::Percent => match (hex(bytes, 1, 2), bytes.len()) {
                (Some(byte), _) => Unit::Byte(3, byte as u8),
                (None, 1) => Unit::Cut,
                (None, 2) if bytes[1].is_ascii_hexdigit() => Unit::Cut,
                (None, _) => Unit::Plain,
            },
        }
    }
}

fn json(bytes: &[u8]) -> Unit {
    let meant = match bytes.get(1) {
        None => return Unit::Cut,
        Some(b'u') => return unicode(bytes),
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        // the last as languages other than JSON have it
        Some(&same @ (b'"' | b'\\' | b'/' | b'\'')) => char::from(same),
        Some(_) => return Unit::Plain,
    };
    Unit::Char(2, meant)
}

/// `\u0061`, or two that are one character.
fn unicode(bytes: &[u8]) -> Unit {
    let Some(first) = hex(bytes, 2, 4) else { return plain_or_cut(&bytes[2..], 4) };
    if let Some(c) = char::from_u32(first) {
        return Unit::Char(6, c);
    }
    let rest = &bytes[6..];
    let begins = rest.iter().zip(b"\\u").all(|(byte, sign)| byte == sign);
    match hex(rest, 2, 4) {
        _ if first >= 0xdc00 || !begins => Unit::Plain,
        Some(second @ 0xdc00..0xe000) => {
            let c = char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00));
            c.map_or(Unit::Plain, |c| Unit::Char(12, c))
        }
        Some(_) => Unit::Plain,
        None => plain_or_cut(rest.get(2..).unwrap_or_default(), 4),
    }
}

/// Whether fewer digits than wanted stand at the very end, so that more may follow.
fn plain_or_cut(digits: &[u8], wanted: usize) -> Unit {
    let goes_on = digits.len() < wanted && digits.iter().all(u8::is_ascii_hexdigit);
    if goes_on { Unit::Cut } else { Unit::Plain }
}

/// So many hexadecimal digits from here.
fn hex(bytes: &[u8], from: usize, count: usize) -> Option<u32> {
    let digits = bytes.get(from..from + count)?;
    digits.iter().try_fold(0, |number, &digit| Some(number * 16 + char::from(digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expected: &[&str]) {
        let read: Vec<_> =
            readings(source.as_bytes(), true).into_iter().map(|reading| reading.bytes).collect();
        let read: Vec<_> = read.iter().map(|bytes| String::from_utf8_lossy(bytes)).collect();
        assert_eq!(read, expected, "{source}");
    }

    #[test]
    fn escapes_are_read() {
        check("plain", &[]);
        check(r#"a\"b\/\n\u0041\u00e4\uD83d\uDE00\'"#, &["a\"b/\nAä😀'"]);
        check(r"\u005cn \\t", &["\n \t", r"\n \t"]);
        check("%41%c3%A4%4g%", &["Aä%4g%"]);
        check(r"\x \ud83d \udc00\ud83d \", &[r"\x \ud83d \udc00\ud83d \", r"\x \ud83d \udc00\ud83d \"]);
    }

    #[test]
    fn places_lead_back_to_the_source() {
        let source = r"ab\u0041c\\u0042d";
        for reading in readings(source.as_bytes(), true) {
            let text = String::from_utf8(reading.bytes.clone()).unwrap();
            let at = text.find('d').unwrap();
            assert_eq!(&source[reading.source(at..at + 1)], "d");
            let at = text.find('A').unwrap();
            assert_eq!(&source[reading.source(at..at + 2)], r"\u0041c");
            if let Some(at) = text.find('B') {
                assert_eq!(&source[reading.source(at..at + 1)], r"\\u0042");
                assert_eq!(reading.outside(12), 9);
            }
        }
    }

    #[test]
    fn an_escape_that_may_go_on_is_cut() {
        let check = |source: &str, expected: Option<usize>| {
            let readings = readings(source.as_bytes(), false);
            assert_eq!(readings.iter().filter_map(Reading::cut).min(), expected, "{source}");
        };
        check(r"ab\", Some(2));
        check(r"ab\u00", Some(2));
        check(r"ab\u00g", None);
        check(r"ab\ud83d", Some(2));
        check(r"ab\ud83d\u", Some(2));
        check(r"ab\ud83dx", None);
        check(r"ab\\u00", Some(2));
        check("ab%4", Some(2));
        check("ab%4g", None);
    }
}
