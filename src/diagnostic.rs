//! What is wrong with a text that a user wrote, as data: the text, the spans, the words.
//! Drawing it is `report/diagnostics.rs`.

use std::ops::Range;
use std::sync::Arc;

/// Bytes of a source text.
pub type Span = Range<usize>;

/// A text that a user wrote, and the name that messages call it by.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    pub name: String,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
}

/// A span and the words under it; the first label of a diagnostic is the place itself, others explain it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    pub span: Span,
    pub text: String,
}

/// One thing that is wrong. Messages are in lower case, names in backticks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    pub message: String,
    pub labels: Vec<Label>,
    pub help: Option<String>,
}

impl Diagnostic {
    pub fn error(message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Error, message: message.into(), labels: Vec::new(), help: None }
    }

    pub fn warning(message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(message) }
    }

    /// Adds a label; the first is the place itself.
    #[must_use]
    pub fn at(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Diagnostic {
        self.help = Some(text.into());
        self
    }

    /// Adds "did you mean …" where a known name is near to `name`.
    #[must_use]
    pub fn nearest<'a>(self, name: &str, known: impl IntoIterator<Item = &'a str>) -> Diagnostic {
        match nearest(name, known) {
            Some(near) => self.help(format!("did you mean `{near}`?")),
            None => self,
        }
    }
}

/// The known name that is nearest to `name`, if one is near enough to have been meant.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = |other: &str| strsim::damerau_levenshtein(&name.to_lowercase(), &other.to_lowercase());
    let length = name.chars().count();
    // near in most of its letters: nothing is near to a name of one letter
    let limit = (1 + length / 4).min(length.saturating_sub(1));
    known
        .into_iter()
        .map(|other| (near(other), other))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, other)| other)
}

/// All that is wrong with one source, in the order of the places.
#[derive(Clone, Debug)]
pub struct Diagnostics {
    pub source: Arc<Source>,
    pub list: Vec<Diagnostic>,
}

impl Diagnostics {
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|one| one.severity == Severity::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_near() {
        let keys = ["timeout", "tags", "retries"];
        assert_eq!(nearest("timout", keys), Some("timeout"));
        assert_eq!(nearest("Retires", keys), Some("retries"));
        assert_eq!(nearest("xyz", keys), None);
        assert_eq!(nearest("x", ["y"]), None);
    }
}
