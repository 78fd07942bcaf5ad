//! The operations of one call as JSON lines: what `deco set` and its like write down while the call runs, and what is read
//! when it has ended. Knows the form of a line; what the operations come to is `record.rs`.

use super::Misfit;
use super::record::Recorder;
use crate::path::Path;
use crate::value::Value;

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    Set(Path, Value),
    Append(Path, Value),
    Delete(Path),
    Get(Path),
}

impl Line {
    /// Does it to a record.
    pub fn feed(&self, recorder: &mut Recorder) -> Result<(), Misfit> {
        match self {
            Line::Set(path, value) => recorder.set(path, value),
            Line::Append(path, value) => recorder.append(path, value),
            Line::Delete(path) => recorder.delete(path),
            Line::Get(path) => {
                recorder.read(path);
                Ok(())
            }
        }
    }

    pub fn path(&self) -> &Path {
        match self {
            Line::Set(path, _) | Line::Append(path, _) | Line::Delete(path) | Line::Get(path) => path,
        }
    }

    /// The verb that writes it.
    pub fn verb(&self) -> &'static str {
        match self {
            Line::Set(..) => "set",
            Line::Append(..) => "append",
            Line::Delete(_) => "delete",
            Line::Get(_) => "get",
        }
    }

    /// The line, with its end.
    pub fn to_text(&self) -> String {
        let path = Value::from(self.path().to_string());
        let members = match self {
            Line::Set(_, value) | Line::Append(_, value) => {
                vec![(self.verb(), path), ("value", value.clone())]
            }
            Line::Delete(_) | Line::Get(_) => vec![(self.verb(), path)],
        };
        Value::object(members).to_json() + "\n"
    }
}

/// The operations of a whole file; in words if it is none.
pub fn parse(bytes: &[u8]) -> Result<Vec<Line>, String> {
    let Some(whole) = bytes.strip_suffix(b"\n") else {
        return if bytes.is_empty() { Ok(Vec::new()) } else { Err("its last line is cut off".to_owned()) };
    };
    let lines = whole.split(|&byte| byte == b'\n').enumerate();
    lines.map(|(index, line)| parse_line(line).map_err(|why| format!("line {}: {why}", index + 1))).collect()
}

fn parse_line(line: &[u8]) -> Result<Line, String> {
    let fields = Value::parse(line).map_err(|error| error.0)?;
    let path = |verb: &str| match fields.get(verb) {
        Some(Value::String(path)) => Some(path.parse::<Path>()),
        _ => None,
    };
    let value = || fields.get("value").cloned().ok_or_else(|| "it has no `value`".to_owned());
    if let Some(path) = path("set") {
        return Ok(Line::Set(path?, value()?));
    }
    if let Some(path) = path("append") {
        return Ok(Line::Append(path?, value()?));
    }
    if let Some(path) = path("delete") {
        return Ok(Line::Delete(path?));
    }
    match path("get") {
        Some(path) => Ok(Line::Get(path?)),
        None => Err("it names no operation".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_come_back_from_their_lines() {
        let path: Path = r#"d["a b"][0]"#.parse().unwrap();
        let all = [
            Line::Set(path.clone(), Value::parse(b"[1.10,\"x\\n\"]").unwrap()),
            Line::Append(path.clone(), Value::Null),
            Line::Delete(path.clone()),
            Line::Get(path),
        ];
        let text: String = all.iter().map(Line::to_text).collect();
        assert_eq!(parse(text.as_bytes()).unwrap(), all);
        assert_eq!(parse(b"").unwrap(), []);
        assert_eq!(parse(&text.as_bytes()[..text.len() - 1]).unwrap_err(), "its last line is cut off");
        assert!(parse(b"{}\n").unwrap_err().starts_with("line 1: it names no operation"));
    }
}
