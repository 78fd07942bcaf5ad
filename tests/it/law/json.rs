//! JSON as the law's model sees it: numbers are their digits, objects keep their order. Written apart from deco's own
//! values on purpose: the two must agree on bytes without sharing a line.

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// One step of a known place.
#[derive(Clone, Debug, PartialEq)]
pub enum Seg {
    Key(String),
    Append,
}

impl Json {
    pub fn int(value: i64) -> Json {
        Json::Number(value.to_string())
    }

    pub fn text(value: &str) -> Json {
        Json::Text(value.to_owned())
    }

    pub fn empty() -> Json {
        Json::Object(Vec::new())
    }

    /// The integer that stands here, if one does.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Json::Number(digits) => digits.parse().ok(),
            _ => None,
        }
    }

    /// How the value lands in a text, and as a key.
    pub fn to_text(&self) -> String {
        match self {
            Json::Text(text) => text.clone(),
            other => other.compact(),
        }
    }

    pub fn compact(&self) -> String {
        match self {
            Json::Null => "null".to_owned(),
            Json::Bool(value) => value.to_string(),
            Json::Number(digits) => digits.clone(),
            Json::Text(text) => quote(text),
            Json::Array(items) => {
                let items: Vec<String> = items.iter().map(Json::compact).collect();
                format!("[{}]", items.join(","))
            }
            Json::Object(members) => {
                let member = |(key, value): &(String, Json)| format!("{}:{}", quote(key), value.compact());
                let members: Vec<String> = members.iter().map(member).collect();
                format!("{{{}}}", members.join(","))
            }
        }
    }

    /// Two spaces a level; empty containers stay on their line.
    pub fn pretty(&self, indent: &str) -> String {
        let inner = format!("{indent}  ");
        let lines: Vec<String> = match self {
            Json::Array(items) => items.iter().map(|item| item.pretty(&inner)).collect(),
            Json::Object(members) => members
                .iter()
                .map(|(key, value)| format!("{}: {}", quote(key), value.pretty(&inner)))
                .collect(),
            _ => Vec::new(),
        };
        if lines.is_empty() {
            return self.compact();
        }
        let (open, close) = if matches!(self, Json::Array(_)) { ('[', ']') } else { ('{', '}') };
        format!("{open}\n{inner}{}\n{indent}{close}", lines.join(&format!(",\n{inner}")))
    }

    pub fn get(&self, key: &str) -> Option<&Json> {
        match self {
            Json::Object(members) => members.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            Json::Array(items) => items.get(key.parse::<usize>().ok()?),
            _ => None,
        }
    }

    pub fn at(&self, place: &[Seg]) -> Option<&Json> {
        place.iter().try_fold(self, |value, seg| match seg {
            Seg::Key(key) => value.get(key),
            Seg::Append => None,
        })
    }

    /// Does as Python would: `here[a][b] = value`, with `setdefault` on the way and `append` for `[]`.
    /// `None`: the value does not fit what stands there.
    pub fn put(&mut self, place: &[Seg], value: Json) -> Option<()> {
        let Some((first, rest)) = place.split_first() else {
            *self = value;
            return Some(());
        };
        match (&mut *self, first) {
            (Json::Array(items), Seg::Append) => {
                items.push(value);
                Some(())
            }
            (Json::Object(members), Seg::Key(key)) => {
                let at = members.iter().position(|(name, _)| name == key).unwrap_or_else(|| {
                    let container =
                        if rest.first() == Some(&Seg::Append) { Json::Array(vec![]) } else { Json::empty() };
                    members.push((key.clone(), container));
                    members.len() - 1
                });
                members[at].1.put(rest, value)
            }
            _ => None,
        }
    }
}

/// A JSON string; TOML's basic strings and Jinja's have the same escapes.
pub fn quote(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
