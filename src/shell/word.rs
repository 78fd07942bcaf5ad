//! A word of shell text as the lexer leaves it: its text without quotes, and where values stand in it.
//! Knows the shapes of assignments and subscripts, not what a command does with the word.

/// Stands in a word's text for a value or an expansion, whose text is not known.
pub(super) const UNKNOWN: char = '\u{0}';

/// One word.
#[derive(Clone, Debug, Default)]
pub(super) struct Word {
    /// Without its quotes; [`UNKNOWN`] for each value and expansion.
    pub text: String,
    /// Each value that is part of the word, and where in `text`. Values in a `$( )` are words of that command.
    pub values: Vec<(usize, usize)>,
    /// Whether some of it was quoted or escaped: then it is no reserved word.
    pub quoted: bool,
}

impl Word {
    /// Whether it stands there exactly so, unquoted, as a reserved word must.
    pub fn is(&self, text: &str) -> bool {
        !self.quoted && self.text == text
    }

    /// The last part of a path: what a program is known by.
    pub fn program(&self) -> &str {
        self.text.rsplit('/').next().unwrap_or_default()
    }

    pub fn is_option(&self) -> bool {
        self.text.len() > 1 && self.text.starts_with(['-', '+'])
    }

    /// Whether what comes next would belong to a `~name` or to zsh's `=name`.
    pub fn begins_tilde(&self) -> bool {
        if self.quoted {
            return false;
        }
        let start = if self.is_assignment() { self.text.rfind(['=', ':']).map_or(0, |at| at + 1) } else { 0 };
        let rest = self.text.get(start..).unwrap_or_default();
        rest.starts_with('~') && !rest.contains('/') || self.text == "="
    }

    /// `name=…`, `name+=…`, `name[…]=…`.
    pub fn is_assignment(&self) -> bool {
        let (_, rest) = self.split_name();
        let rest = match self.subscript(false) {
            Some(subscript) => self.text.get(subscript.end + 1..).unwrap_or_default(),
            None => rest,
        };
        !self.name().is_empty() && (rest.starts_with('=') || rest.starts_with("+="))
    }

    /// The name that it begins with; empty if it begins with none.
    pub fn name(&self) -> &str {
        self.split_name().0
    }

    fn split_name(&self) -> (&str, &str) {
        if self.text.starts_with(|c: char| c.is_ascii_digit()) {
            return ("", &self.text);
        }
        let end = self.text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        self.text.split_at(end.unwrap_or(self.text.len()))
    }

    /// Where the subscript of `name[…]=` stands, or in a list of an array that of `[…]=`.
    fn subscript(&self, in_list: bool) -> Option<std::ops::Range<usize>> {
        let (name, rest) = self.split_name();
        if !rest.starts_with('[') || (name.is_empty() && !in_list) {
            return None;
        }
        let start = name.len() + 1;
        let ends = [self.text.find("]="), self.text.find("]+=")];
        let end = ends.into_iter().flatten().min()?;
        (end >= start).then_some(start..end)
    }

    /// The values in its subscript.
    pub fn subscript_values(&self, in_list: bool) -> Vec<usize> {
        let Some(range) = self.subscript(in_list) else { return Vec::new() };
        self.values.iter().filter(|(_, at)| range.contains(at)).map(|(value, _)| *value).collect()
    }

    /// The values before its `=`: in the place of a name.
    pub fn values_in_name(&self) -> impl Iterator<Item = usize> + '_ {
        let end = self.text.find('=').unwrap_or(self.text.len());
        self.values.iter().filter(move |(_, at)| *at < end).map(|(value, _)| *value)
    }
}
