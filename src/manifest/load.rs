//! Bytes as values: every format that `[load]` and `result` know, and the files that `[load]` names.
//! Errors say the line and the remedy; the caller says which file or which call.

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
    let bytes = std::fs::read(file).map_err(|error| plain(io_words(&error)))?;
    let text = std::str::from_utf8(&bytes).map_err(|error| not_utf8(&bytes, error.valid_up_to()))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match kind {
        Kind::Result(format) => decode(format, text.as_bytes()),
        Kind::Toml => toml(text),
        Kind::Yaml => yaml(text),
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
    FormatError { message: format!("no JSON: {words}"), help: Some(help.to_owned()) }
}

fn ndjson(bytes: &[u8]) -> Result<Value, FormatError> {
    let mut items = Vec::new();
    for (index, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let item = Value::parse(line).map_err(|error| FormatError {
            message: format!("line {} is no JSON: {}", index + 1, without_line(&error.0)),
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
        return Err(plain(format!("line {line} is no TOML: {}", error.message())));
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

fn yaml(text: &str) -> Result<Value, FormatError> {
    serde_saphyr::from_str(text).map_err(|error| plain(format!("no YAML that deco takes: {error}")))
}

fn plain(message: String) -> FormatError {
    FormatError { message, help: None }
}

/// The words for an error of the file system, without its number.
pub fn io_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        _ => error.to_string(),
    }
}
