//! Secrets in texts and bytes: found in any form that programs commonly give them, and hidden behind `***`.
//! Texts that touch or overlap several secrets are hidden as one. Knows the variables that secrets come from by
//! name, and nothing of environments, calls or events. No secret is ever in its debug output.

mod forms;
mod reading;
mod secrets;
mod stream;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use crate::value::{Text, Value};
use reading::readings;

pub use secrets::Secrets;
pub use stream::MaskStream;

/// A value of fewer characters is not hidden: it cannot be told from other text.
pub const SHORTEST: usize = 4;

/// What may stand for a hidden character, best first.
const FILLS: &[u8] = b"*#~^=_-.+:";

/// How often the character stands for a secret, whatever the secret's length.
const FILL_COUNT: usize = 3;

/// Finds and hides the secrets that it was made with. Clones are cheap.
#[derive(Clone, Default)]
pub struct Masker {
    /// Each at most half as large as the one before, so that a secret more costs little even where there are many.
    layers: Vec<Arc<Layer>>,
}

/// Some secrets, searched for at once.
struct Layer {
    /// In byte order, each once.
    forms: Vec<Form>,
    /// `None`: too large to be made; then everything is taken for a secret.
    automaton: Option<AhoCorasick>,
    longest: usize,
    /// Which bytes the forms are made of.
    used: [bool; 256],
}

/// How a secret, or a line of one, may be written.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Form {
    bytes: Vec<u8>,
    variable: Text,
}

/// Whether the value can be hidden: not if it is too short.
pub fn can_be_hidden(value: &[u8]) -> bool {
    String::from_utf8_lossy(value.trim_ascii()).chars().count() >= SHORTEST
}

impl Masker {
    /// Knows no secret.
    pub fn new() -> Masker {
        Masker::default()
    }

    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    /// Whether the value is hidden already.
    pub fn knows(&self, value: &[u8]) -> bool {
        let value = value.trim_ascii();
        let known =
            |layer: &Arc<Layer>| layer.forms.binary_search_by(|form| (*form.bytes).cmp(value)).is_ok();
        self.layers.iter().any(known)
    }

    /// One that also hides this value of a variable. A value that is empty or too short adds nothing.
    #[must_use]
    pub fn with(&self, variable: &str, value: &[u8]) -> Masker {
        if !can_be_hidden(value) || self.knows(value) {
            return self.clone();
        }
        let variable = Text::from(variable);
        let form = |bytes| Form { bytes, variable: variable.clone() };
        let mut forms: Vec<Form> = forms::of(value).into_iter().map(form).collect();
        let mut layers = self.layers.clone();
        while let Some(last) = layers.pop_if(|last| last.forms.len() < 2 * forms.len()) {
            forms.extend(last.forms.iter().cloned());
        }
        layers.push(Arc::new(Layer::new(forms)));
        Masker { layers }
    }

    /// The text with every secret hidden.
    pub fn mask_text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        as_text(text, self.hide(text.as_bytes(), &self.spans(text.as_bytes(), true)))
    }

    /// The bytes with every secret hidden.
    pub fn mask_bytes<'t>(&self, bytes: &'t [u8]) -> Cow<'t, [u8]> {
        self.hide(bytes, &self.spans(bytes, true))
    }

    /// A message with every secret hidden. Messages quote no more than the beginning of a long value, and end it with
    /// `…`: what stands there and may be the beginning of a secret is hidden too.
    pub fn mask_message<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut spans = self.spans(text.as_bytes(), true);
        if !self.is_empty() {
            let cuts = text.match_indices('…').map(|(cut, _)| self.beginning(&text.as_bytes()[..cut])..cut);
            spans.extend(cuts.filter(|span| !span.is_empty()));
            spans = merged(spans);
        }
        as_text(text, self.hide(text.as_bytes(), &spans))
    }

    /// The variable of a secret that the text contains.
    pub fn find_in_text(&self, text: &str) -> Option<&str> {
        if self.is_empty() {
            return None;
        }
        let first = |bytes: &[u8]| self.layers.iter().find_map(|layer| layer.first(bytes));
        let read = || readings(text.as_bytes(), true).iter().find_map(|reading| first(&reading.bytes));
        first(text.as_bytes()).or_else(read)
    }

    /// The variable of a secret that a text, a number or a key of the value contains.
    pub fn find_in(&self, value: &Value) -> Option<&str> {
        if self.is_empty() {
            return None;
        }
        match value {
            Value::Null | Value::Bool(_) => None,
            Value::Number(number) => self.find_in_text(number.as_str()),
            Value::String(text) => self.find_in_text(text),
            Value::Array(items) => items.iter().find_map(|item| self.find_in(item)),
            Value::Object(members) => {
                members.iter().find_map(|(key, value)| self.find_in_text(key).or_else(|| self.find_in(value)))
            }
        }
    }

    /// Where secrets stand, in order; those that touch are one. `ends`: nothing follows the bytes.
    fn spans(&self, bytes: &[u8], ends: bool) -> Vec<Range<usize>> {
        if self.is_empty() {
            return Vec::new();
        }
        let mut spans = self.plain_spans(bytes);
        for reading in readings(bytes, ends) {
            spans.extend(self.plain_spans(&reading.bytes).into_iter().map(|span| reading.source(span)));
        }
        merged(spans)
    }

    fn plain_spans(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        self.layers.iter().flat_map(|layer| layer.spans(bytes)).collect()
    }

    fn hide<'t>(&self, bytes: &'t [u8], spans: &[Range<usize>]) -> Cow<'t, [u8]> {
        if spans.is_empty() {
            return Cow::Borrowed(bytes);
        }
        let mut hidden = Vec::with_capacity(bytes.len());
        let mut at = 0;
        for span in spans {
            hidden.extend_from_slice(&bytes[at..span.start]);
            hidden.extend_from_slice(&self.mask());
            at = span.end;
        }
        hidden.extend_from_slice(&bytes[at..]);
        Cow::Owned(hidden)
    }

    /// What stands for a secret: of a character that is in none of them, so that it never completes another.
    fn mask(&self) -> [u8; FILL_COUNT] {
        let is_used = |byte: u8| self.layers.iter().any(|layer| layer.used[usize::from(byte)]);
        [FILLS.iter().copied().find(|&byte| !is_used(byte)).unwrap_or(b'*'); FILL_COUNT]
    }

    /// Where the end of `bytes` starts that may be the beginning of a secret, in front of all escapes that it is in;
    /// their length if it is none.
    fn beginning(&self, bytes: &[u8]) -> usize {
        if self.is_empty() {
            return bytes.len();
        }
        let readings = readings(bytes, false);
        let read = readings.iter().map(|reading| {
            let begins = self.plain_beginning(&reading.bytes);
            let begins = (begins < reading.bytes.len()).then(|| reading.source(begins..begins + 1).start);
            begins.into_iter().chain(reading.cut()).min().unwrap_or(bytes.len())
        });
        let mut beginning = read.chain([self.plain_beginning(bytes)]).min().unwrap_or(bytes.len());
        while let Some(outer) =
            readings.iter().map(|reading| reading.outside(beginning)).find(|&outer| outer < beginning)
        {
            beginning = outer;
        }
        beginning
    }

    fn plain_beginning(&self, bytes: &[u8]) -> usize {
        let longest = self.layers.iter().map(|layer| layer.longest).max().unwrap_or(0);
        let first = bytes.len().saturating_sub(longest.saturating_sub(1));
        let begins = |&start: &usize| self.layers.iter().any(|layer| layer.begins_with(&bytes[start..]));
        (first..bytes.len()).find(begins).unwrap_or(bytes.len())
    }
}

impl Layer {
    fn new(mut forms: Vec<Form>) -> Layer {
        forms.sort_unstable();
        forms.dedup_by(|later, first| later.bytes == first.bytes);
        let mut builder = AhoCorasick::builder();
        // a DFA of a long key in all its forms would take many megabytes
        builder.kind(Some(AhoCorasickKind::ContiguousNFA));
        let automaton = builder.build(forms.iter().map(|form| &form.bytes)).ok();
        let longest = forms.iter().map(|form| form.bytes.len()).max().unwrap_or(0);
        let mut used = [false; 256];
        forms.iter().flat_map(|form| &form.bytes).for_each(|&byte| used[usize::from(byte)] = true);
        Layer { forms, automaton, longest, used }
    }

    fn spans(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        let Some(automaton) = &self.automaton else {
            return std::iter::once(0..bytes.len()).filter(|all| !all.is_empty()).collect();
        };
        let mut spans: Vec<Range<usize>> = Vec::new();
        // they come by their ends, so that only the last ones can touch
        for found in automaton.find_overlapping_iter(bytes) {
            let mut start = found.start();
            while let Some(last) = spans.pop_if(|last| last.end >= start) {
                start = start.min(last.start);
            }
            spans.push(start..found.end());
        }
        spans
    }

    fn first(&self, bytes: &[u8]) -> Option<&str> {
        let form = match &self.automaton {
            Some(automaton) => self.forms.get(automaton.find(bytes)?.pattern().as_usize()),
            None => self.forms.first(),
        };
        form.map(|form| &*form.variable)
    }

    /// Whether a form begins with these bytes and goes on.
    fn begins_with(&self, bytes: &[u8]) -> bool {
        let next = self.forms.partition_point(|form| *form.bytes <= *bytes);
        self.forms.get(next).is_some_and(|form| form.bytes.starts_with(bytes))
    }
}

fn merged(mut spans: Vec<Range<usize>>) -> Vec<Range<usize>> {
    spans.sort_unstable_by_key(|span| span.start);
    spans.dedup_by(|later, first| {
        let touches = later.start <= first.end;
        if touches {
            first.end = first.end.max(later.end);
        }
        touches
    });
    spans
}

/// A secret that is no UTF-8 may have been cut out of the middle of a character.
fn as_text<'t>(text: &'t str, hidden: Cow<'t, [u8]>) -> Cow<'t, str> {
    match hidden {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

impl fmt::Debug for Masker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let forms = self.layers.iter().flat_map(|layer| &layer.forms);
        let mut variables: Vec<&str> = forms.map(|form| &*form.variable).collect();
        variables.sort_unstable();
        variables.dedup();
        f.debug_struct("Masker").field("variables", &variables).finish()
    }
}

#[cfg(test)]
mod tests;
