//! Bytes as values: every format that `[load]` and `result` know, and the files that `[load]` names.
//! Errors say the line and the remedy; the caller says which file or which call.

pub mod count;
mod yaml;

use std::io;
use std::path::Path;

use super::Format;
use crate::value::{Text, Value};

/// What is wrong with the bytes, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatError {
    pub message: String,
    pub help: Option<String>,
}

/// What a file of `[load]` holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Result(Format),
    Toml,
    Yaml,
}

const EXTENSIONS: &[(&str, Kind)] = &[
    ("json", Kind::Result(Format::Json)),
    ("toml", Kind::Toml),
    ("yaml", Kind::Yaml),
    ("yml", Kind::Yaml),
    ("csv", Kind::Result(Format::Csv)),
    ("tsv", Kind::Result(Format::Tsv)),
    ("ndjson", Kind::Result(Format::Ndjson)),
    ("txt", Kind::Result(Format::Lines)),
];

/// Reads a file; its name's end says how.
pub fn load(file: &Path) -> Result<Value, FormatError> {
    let kind = kind(file)?;
    let bytes = std::fs::read(file).map_err(|error| unreadable(&error))?;
    let text = std::str::from_utf8(&bytes).map_err(|error| not_utf8(&bytes, error.valid_up_to()))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match kind {
        Kind::Result(format) => decode(format, text.as_bytes()),
        Kind::Toml => toml(text),
        Kind::Yaml => yaml::parse(text),
    }
}

fn kind(file: &Path) -> Result<Kind, FormatError> {
    let extension = file.extension().and_then(|end| end.to_str()).unwrap_or_default().to_lowercase();
    let kind = EXTENSIONS.iter().find(|(known, _)| *known == extension).map(|(_, kind)| *kind);
    kind.ok_or_else(|| FormatError {
        message: "the name's end does not say what the file holds".to_owned(),
        help: Some("a name ends with .json, .toml, .yaml, .yml, .csv, .tsv, .ndjson or .txt".to_owned()),
    })
}

/// What bytes in this format mean.
pub fn decode(format: Format, bytes: &[u8]) -> Result<Value, FormatError> {
    match format {
        Format::None => Ok(Value::Null),
        Format::Base64 => Ok(Value::from(base64::Engine::encode(&base64::prelude::BASE64_STANDARD, bytes))),
        Format::Json => Value::parse(bytes).map_err(|error| no_json(error.to_string())),
        Format::Text => text(bytes).map(|text| Value::from(text.strip_suffix('\n').unwrap_or(text))),
        Format::Lines => text(bytes).map(|text| Value::array(text.lines().map(Value::from).collect())),
        Format::Ndjson => ndjson(bytes),
        Format::Csv => table(bytes, b',', true),
        Format::Tsv => table(bytes, b'\t', false),
    }
}

fn text(bytes: &[u8]) -> Result<&str, FormatError> {
    std::str::from_utf8(bytes).map_err(|error| not_utf8(bytes, error.valid_up_to()))
}

fn not_utf8(bytes: &[u8], at: usize) -> FormatError {
    let line = 1 + bytes.iter().take(at).filter(|&&byte| byte == b'\n').count();
    FormatError {
        message: format!("line {line} is not UTF-8"),
        help: Some("convert it to UTF-8, for example with `iconv`".to_owned()),
    }
}

fn no_json(words: String) -> FormatError {
    let help =
        if words.contains("duplicate key") { "give each key once" } else { "check it with a JSON tool" };
    FormatError { message: format!("not valid JSON: {words}"), help: Some(help.to_owned()) }
}

fn ndjson(bytes: &[u8]) -> Result<Value, FormatError> {
    let mut items = Vec::new();
    for (index, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let item = Value::parse(line).map_err(|error| FormatError {
            message: format!("line {} is not valid JSON: {}", index + 1, without_line(&error.0)),
            help: Some("each line holds one whole JSON value".to_owned()),
        })?;
        items.push(item);
    }
    Ok(Value::array(items))
}

/// A JSON parser's words about a text of one line.
fn without_line(words: &str) -> String {
    words.replace(" at line 1 column", " at column")
}

/// Rows as objects by the names of the first row, all texts.
fn table(bytes: &[u8], delimiter: u8, quotes: bool) -> Result<Value, FormatError> {
    let mut rows =
        csv::ReaderBuilder::new().delimiter(delimiter).quoting(quotes).flexible(true).from_reader(bytes);
    let header = rows.headers().map_err(|error| csv_words(&error))?.clone();
    let names: Vec<Text> = header.iter().map(Text::from).collect();
    check_header(&names)?;
    let mut items = Vec::new();
    for row in rows.records() {
        let row = row.map_err(|error| csv_words(&error))?;
        if row.len() != names.len() {
            let line = row.position().map_or(0, csv::Position::line);
            return Err(FormatError {
                message: format!("line {line} has {}, the header has {}", fields(row.len()), names.len()),
                help: Some(
                    "give every row as many fields as the header; quote a field that holds the separator"
                        .into(),
                ),
            });
        }
        items.push(Value::object(names.iter().cloned().zip(row.iter().map(Value::from))));
    }
    Ok(Value::array(items))
}

fn fields(count: usize) -> String {
    if count == 1 { "1 field".to_owned() } else { format!("{count} fields") }
}

fn check_header(names: &[Text]) -> Result<(), FormatError> {
    let twice = names.iter().enumerate().find(|(index, name)| names[..*index].contains(name));
    match twice {
        Some((_, name)) => Err(FormatError {
            message: format!("the header has `{name}` twice"),
            help: Some("give every column a name of its own in line 1".to_owned()),
        }),
        None => Ok(()),
    }
}

fn csv_words(error: &csv::Error) -> FormatError {
    let line = error.position().map(csv::Position::line);
    match (error.kind(), line) {
        (csv::ErrorKind::Utf8 { .. }, Some(line)) => plain(format!("line {line} is not UTF-8")),
        (_, Some(line)) => plain(format!("line {line}: {error}")),
        _ => plain(error.to_string()),
    }
}

fn toml(text: &str) -> Result<Value, FormatError> {
    let (table, errors) = toml::de::DeTable::parse_recoverable(text);
    if let Some(error) = errors.first() {
        let line =
            1 + text[..error.span().map_or(0, |span| span.start).min(text.len())].matches('\n').count();
        return Err(plain(format!("line {line} is not valid TOML: {}", error.message())));
    }
    let span = table.span();
    let node = toml::Spanned::new(span, toml::de::DeValue::Table(table.into_inner()));
    let reader = super::reader::Reader::new(text);
    let value = reader.value(&node);
    match reader.take().into_iter().next() {
        None => Ok(value),
        Some(found) => Err(FormatError { message: found.message, help: found.help }),
    }
}

/// Why a file cannot be read.
pub fn unreadable(error: &io::Error) -> FormatError {
    let (message, help) = match error.kind() {
        io::ErrorKind::NotFound => ("there is no such file", "paths are relative to the manifest's folder"),
        io::ErrorKind::PermissionDenied => ("permission denied", "let the file be read, or name another"),
        io::ErrorKind::IsADirectory => ("it is a folder", "name a file"),
        _ => return plain(error.to_string()),
    };
    FormatError { message: message.to_owned(), help: Some(help.to_owned()) }
}

fn plain(message: String) -> FormatError {
    FormatError { message, help: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, content: &str, expected: Result<&str, &str>) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        std::fs::write(&file, content).unwrap();
        let got = load(&file).map(|value| value.to_json()).map_err(|error| error.message);
        match expected {
            Ok(json) => assert_eq!(got.as_deref(), Ok(json), "{name}: {content}"),
            Err(part) => {
                assert!(got.as_ref().is_err_and(|message| message.contains(part)), "{name}: {got:?}")
            }
        }
    }

    #[test]
    fn json_keeps_digits_and_order() {
        check("a.json", "{\"z\": 1.10, \"a\": []}\n", Ok(r#"{"z":1.10,"a":[]}"#));
        check("a.JSON", "\u{feff}1", Ok("1"));
        check("a.json", "NaN", Err("not valid JSON"));
    }

    #[test]
    fn lines_end_where_people_see_them_end() {
        check("a.txt", "a\n\nb", Ok(r#"["a","","b"]"#));
        check("a.txt", "a\r\nb\r\n", Ok(r#"["a","b"]"#));
        check("a.txt", "", Ok("[]"));
        check("a.ndjson", "{\"a\":1.0}\r\n\n[2]\n", Ok(r#"[{"a":1.0},[2]]"#));
        check("a.ndjson", "1\n2 3\n", Err("line 2 is not valid JSON"));
    }

    #[test]
    fn rows_are_objects_of_texts() {
        check("a.csv", "id,name\n1,\"a, b\"\n", Ok(r#"[{"id":"1","name":"a, b"}]"#));
        check("a.tsv", "id\tname\n1\t\"a\n", Ok(r#"[{"id":"1","name":"\"a"}]"#));
        check("a.csv", "id\n", Ok("[]"));
        check("a.csv", "", Ok("[]"));
        check("a.csv", "a,b\n1,2\n3\n", Err("line 3 has 1 field, the header has 2"));
        check("a.csv", "a,a\n", Err("the header has `a` twice"));
    }

    #[test]
    fn yaml_keeps_digits_and_order_and_is_of_version_1_2() {
        let list = r#"{"z":1.10,"a":[1,-2,16,"no",null,"2026-01-01"]}"#;
        check("a.yaml", "z: 1.10\na: [1, -2, 0x10, no, ~, 2026-01-01]\n", Ok(list));
        let list = r#"[123456789012345678901234567890,"0755","1.0",5]"#;
        check("a.yml", "- 123456789012345678901234567890\n- 0755\n- \"1.0\"\n- +5\n", Ok(list));
        check("a.yaml", "base: &b 2.50\ncopy: *b\n", Ok(r#"{"base":2.50,"copy":2.50}"#));
        check("a.yaml", "é: 3.00\n", Ok(r#"{"é":3.00}"#));
        check("a.yaml", "a: 1\na: 2\n", Err("line 2 has the key `a` a second time"));
        check("a.yaml", "1: a\n\"1\": b\n", Err("the key `1` "));
        check("a.yaml", "a: .nan\n", Err("not valid YAML"));
        check("a.yaml", "a: [", Err("not valid YAML"));
    }

    #[test]
    fn toml_is_as_in_data() {
        check("a.toml", "b = 1.50\na = 2026-01-01\n", Ok(r#"{"b":1.50,"a":"2026-01-01"}"#));
        check("a.toml", "a = 1\na = 2\n", Err("line 2 is not valid TOML: duplicate key"));
    }

    #[test]
    fn results_come_in_every_format() {
        let check = |format, bytes: &[u8], json: &str| {
            assert_eq!(decode(format, bytes).map(|value| value.to_json()).as_deref(), Ok(json), "{format:?}");
        };
        check(Format::Text, b"a\n\n", r#""a\n""#);
        check(Format::Text, b"a", r#""a""#);
        check(Format::Lines, b"a\nb\n", r#"["a","b"]"#);
        check(Format::Base64, b"\xff\x00", r#""/wA=""#);
        check(Format::None, b"\xff", "null");
        check(Format::Json, b" [1] ", "[1]");
        assert!(decode(Format::Text, b"\xff").is_err());
        assert!(decode(Format::Json, b"").is_err());
    }
}
