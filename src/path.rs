//! A place in a document: `results`, `results.north`, `results["a b"]`, `log[]`.
//! Knows how places overlap; values are read and changed at a place by `change.rs`.

use std::fmt;

use serde::{Serialize, Serializer};
use smol_str::SmolStrBuilder;

use crate::name::Name;
use crate::value::{Text, parse_index, quoted};

/// One step below a container.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Segment {
    /// A member by its text, or an array's element by its position.
    Key(Text),
    /// A new element at the end of an array; only ever the last segment.
    Append,
    /// A key that is not known yet: it may be any.
    Any,
}

/// A place in a document. Paths order by document name, then segment by segment.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Path {
    pub document: Name,
    pub segments: Vec<Segment>,
}

impl Path {
    /// The whole of a document.
    pub fn whole(document: Name) -> Path {
        Path { document, segments: Vec::new() }
    }

    /// Whether a change at one place may be seen at the other: they may be the same, or one may hold the other.
    pub fn may_overlap(&self, other: &Path) -> bool {
        self.document == other.document && segments_may_overlap(&self.segments, &other.segments)
    }

    /// Whether the other place is this one, or inside it.
    pub fn holds(&self, other: &Path) -> bool {
        self.document == other.document && other.segments.starts_with(&self.segments)
    }

    /// The keys on the way, as far as they are known.
    pub fn keys(&self) -> impl Iterator<Item = &Text> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Key(key) => Some(key),
            Segment::Append | Segment::Any => None,
        })
    }

    /// Whether every segment is known: no `Any`.
    pub fn is_known(&self) -> bool {
        !self.segments.contains(&Segment::Any)
    }

    /// Whether the path ends with `[]`.
    pub fn is_append(&self) -> bool {
        self.segments.last() == Some(&Segment::Append)
    }
}

/// As [`Path::may_overlap`], within one document.
pub fn segments_may_overlap(a: &[Segment], b: &[Segment]) -> bool {
    a.iter().zip(b).all(|pair| match pair {
        (Segment::Key(a), Segment::Key(b)) => a == b,
        // an appended element may turn out to be the one that a position names
        (Segment::Append, Segment::Key(key)) | (Segment::Key(key), Segment::Append) => is_position(key),
        _ => true,
    })
}

/// Whether a key may name an array's element: a position from 0, or from the end.
pub fn is_position(key: &str) -> bool {
    parse_index(key.strip_prefix('-').unwrap_or(key)).is_some()
}

impl Path {
    /// As it is written.
    pub fn text(&self) -> Text {
        let mut text = SmolStrBuilder::new();
        text.push_str(self.document.as_str());
        for segment in &self.segments {
            match segment {
                Segment::Append => text.push_str("[]"),
                Segment::Any => text.push_str("[*]"),
                Segment::Key(key) if Name::is_one(key) => {
                    text.push('.');
                    text.push_str(key);
                }
                Segment::Key(key) => {
                    text.push('[');
                    match parse_index(key) {
                        Some(_) => text.push_str(key),
                        None => text.push_str(&quoted(key)),
                    }
                    text.push(']');
                }
            }
        }
        text.finish()
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl Serialize for Path {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

/// A literal path, as the command line writes it: `results[0].mean`, `results["a b"]`, `results[a b]`, `log[]`.
///
/// Errors say what is wrong in words.
impl std::str::FromStr for Path {
    type Err = String;

    fn from_str(text: &str) -> Result<Path, String> {
        let end = text.find(['.', '[']).unwrap_or(text.len());
        let document = Name::new(&text[..end])?;
        let mut segments = Vec::new();
        let mut rest = &text[end..];
        while !rest.is_empty() {
            if segments.last() == Some(&Segment::Append) {
                return Err(format!("in `{text}`, `[]` must come last"));
            }
            let (segment, tail) = parse_segment(rest).ok_or_else(|| {
                format!("`{text}` is no path: write `name`, then `.member`, `[key]`, `[\"any key\"]` or `[]`")
            })?;
            segments.push(segment);
            rest = tail;
        }
        Ok(Path { document, segments })
    }
}

fn parse_segment(text: &str) -> Option<(Segment, &str)> {
    if let Some(text) = text.strip_prefix('.') {
        let end = text.find(['.', '[']).unwrap_or(text.len());
        let (key, rest) = text.split_at(end);
        return (!key.is_empty()).then(|| (Segment::Key(key.into()), rest));
    }
    let text = text.strip_prefix('[')?;
    if let Some(rest) = text.strip_prefix(']') {
        return Some((Segment::Append, rest));
    }
    if text.starts_with('"') {
        let mut stream = serde_json::Deserializer::from_str(text).into_iter::<String>();
        let key = stream.next()?.ok()?;
        let rest = text[stream.byte_offset()..].strip_prefix(']')?;
        return Some((Segment::Key(key.into()), rest));
    }
    let (key, rest) = text.split_once(']')?;
    Some((Segment::Key(key.into()), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Path {
        text.parse().unwrap()
    }

    #[test]
    fn a_literal_path_prints_as_it_reads() {
        for text in ["a", "a.b", "a[0].c", r#"a["x y"]"#, r#"a["]\""].b[]"#, "a[]"] {
            assert_eq!(path(text).to_string(), text);
        }
        assert_eq!(path("a[x y]"), path(r#"a["x y"]"#));
        assert_eq!(path(r#"a["b"]"#), path("a.b"));
        for bad in ["", "1", "a.", "a[", "a[\"x]", "a[]b", "a[][0]", "a..b", "a-b"] {
            assert!(bad.parse::<Path>().is_err(), "{bad}");
        }
    }

    #[test]
    fn places_overlap_when_one_may_hold_the_other() {
        let overlap = |a: &str, b: &str| path(a).may_overlap(&path(b));
        assert!(overlap("a", "a.b.c") && overlap("a.b.c", "a") && overlap("a[]", "a[]"));
        assert!(overlap("a[]", "a[3]") && !overlap("a[]", "a.x"));
        assert!(!overlap("a.b", "a.c") && !overlap("a", "b"));
        let any = Path {
            document: Name::new("a").unwrap(),
            segments: vec![Segment::Any, Segment::Key("x".into())],
        };
        assert!(
            any.may_overlap(&path("a.q.x"))
                && any.may_overlap(&path("a.q"))
                && !any.may_overlap(&path("a.q.y"))
        );
    }
}
