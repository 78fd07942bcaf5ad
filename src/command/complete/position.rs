//! Where in deco's command line the cursor stands: behind which options and values, and what may come there. Reads the command
//! line as clap does, but takes whatever it finds: it is not written to its end.

use clap::{Arg, Command};

/// What the words before the cursor come to.
#[derive(Clone)]
pub struct Position<'c> {
    /// The command whose options and values may follow.
    pub command: &'c Command,
    /// Options and values so far.
    given: Vec<(&'c Arg, String)>,
    /// An option that still lacks its value.
    expects: Option<&'c Arg>,
    /// Values that stood alone.
    values: usize,
    /// Whether `--` has ended the options.
    ended: bool,
}

/// What may stand under the cursor.
#[derive(Debug)]
pub enum Wanted<'c> {
    Verb,
    Option,
    /// A value, behind what of the word is none: `--task=`, `-t`.
    Value {
        of: &'c Arg,
        before: String,
    },
    Nothing,
}

impl<'c> Position<'c> {
    pub fn behind(root: &'c Command, words: &[String]) -> Position<'c> {
        let mut position =
            Position { command: root, given: Vec::new(), expects: None, values: 0, ended: false };
        words.iter().for_each(|word| position.take(word));
        position
    }

    /// The values given for an option or a place, by its name in `Cli`.
    pub fn given<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a str> {
        self.given.iter().filter(move |(arg, _)| arg.get_id() == id).map(|(_, value)| value.as_str())
    }

    pub fn is_given(&self, arg: &Arg) -> bool {
        self.given.iter().any(|(given, _)| given.get_id() == arg.get_id())
    }

    /// Goes on behind a further word.
    pub fn take(&mut self, word: &str) {
        if let Some(option) = self.expects.take() {
            return self.given.push((option, word.to_owned()));
        }
        if self.takes_options() && word.len() > 1 && word.starts_with('-') {
            return match word.strip_prefix("--") {
                Some("") => self.ended = true,
                Some(long) => self.take_long(long),
                None => self.take_shorts(word),
            };
        }
        match self.command.find_subcommand(word) {
            Some(verb) => self.command = verb,
            None => {
                self.given.extend(self.next_value().map(|of| (of, word.to_owned())));
                self.values += 1;
            }
        }
    }

    fn take_long(&mut self, text: &str) {
        let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
        let Some(option) = self.long(name) else { return };
        match value {
            None if needs_value(option) => self.expects = Some(option),
            _ => self.given.push((option, value.unwrap_or_default().to_owned())),
        }
    }

    fn take_shorts(&mut self, word: &str) {
        for (at, letter) in word.char_indices().skip(1) {
            let Some(option) = self.short(letter) else { return };
            let rest = &word[at + letter.len_utf8()..];
            match needs_value(option) {
                false => self.given.push((option, String::new())),
                true if rest.is_empty() => self.expects = Some(option),
                true => self.given.push((option, rest.to_owned())),
            }
            if needs_value(option) {
                return;
            }
        }
    }

    pub fn wanted(&self, typed: &str) -> Wanted<'c> {
        if let Some(of) = self.expects {
            return Wanted::Value { of, before: String::new() };
        }
        if self.takes_options() && typed.starts_with('-') {
            return self.attached(typed).unwrap_or(Wanted::Option);
        }
        if self.command.has_subcommands() {
            return Wanted::Verb;
        }
        self.next_value().map_or(Wanted::Nothing, |of| Wanted::Value { of, before: String::new() })
    }

    /// The value that stands in one word with its option.
    fn attached(&self, typed: &str) -> Option<Wanted<'c>> {
        let value = |of: &'c Arg, end: usize| Wanted::Value { of, before: typed[..end].to_owned() };
        if let Some(long) = typed.strip_prefix("--") {
            let (name, _) = long.split_once('=')?;
            return self.long(name).filter(|of| takes_value(of)).map(|of| value(of, name.len() + 3));
        }
        for (at, letter) in typed.char_indices().skip(1) {
            let option = self.short(letter)?;
            let end = at + letter.len_utf8();
            if needs_value(option) && end < typed.len() {
                return Some(value(option, end));
            }
        }
        None
    }

    /// Where a program's own words begin, deco's options have ended.
    fn takes_options(&self) -> bool {
        let is_others = |arg: &Arg| arg.is_trailing_var_arg_set() && self.values > 0;
        !self.ended && !self.command.get_positionals().any(is_others)
    }

    fn next_value(&self) -> Option<&'c Arg> {
        let last = self.command.get_positionals().last();
        let many = last.filter(|arg| arg.get_num_args().is_some_and(|range| range.max_values() > 1));
        self.command.get_positionals().nth(self.values).or(many)
    }

    fn long(&self, name: &str) -> Option<&'c Arg> {
        self.command.get_arguments().find(|arg| arg.get_long() == Some(name))
    }

    fn short(&self, letter: char) -> Option<&'c Arg> {
        self.command.get_arguments().find(|arg| arg.get_short() == Some(letter))
    }
}

fn takes_value(arg: &Arg) -> bool {
    arg.get_num_args().is_some_and(|range| range.takes_values())
}

/// Whether the value may be a word of its own.
fn needs_value(arg: &Arg) -> bool {
    takes_value(arg) && !arg.is_require_equals_set()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::CommandFactory;

    #[track_caller]
    fn check(line: &str, expected: &str) {
        let mut deco = Cli::command();
        deco.build();
        let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let typed = words.pop().unwrap();
        let found = match Position::behind(&deco, &words).wanted(&typed) {
            Wanted::Verb => "verb".to_owned(),
            Wanted::Option => "option".to_owned(),
            Wanted::Nothing => "nothing".to_owned(),
            Wanted::Value { of, before } => format!("{before}<{}>", of.get_id()),
        };
        assert_eq!(found, expected, "{line}");
    }

    #[test]
    fn the_words_before_tell_what_may_come() {
        for (line, expected) in [
            ("", "verb"),
            ("ru", "verb"),
            ("-", "option"),
            ("run ", "<manifest>"),
            ("run m.toml ", "nothing"),
            ("run -", "option"),
            ("run --ta", "option"),
            ("run -t ", "<task>"),
            ("run -t x -t y", "<task>"),
            ("run --task x ", "<manifest>"),
            ("run --task=", "--task=<task>"),
            ("run -tce", "-t<task>"),
            ("run -kt", "option"),
            ("run -kt ", "<task>"),
            ("run -ktce", "-kt<task>"),
            ("run --keep-going=", "option"),
            ("run --resume ", "<manifest>"),
            ("run --resume=", "--resume=<resume>"),
            ("run -- -", "<manifest>"),
            ("run -x -t ", "<task>"),
            ("log a b c", "<addresses>"),
            ("log --run ", "<run>"),
            ("explain ", "<address>"),
            ("explain a ", "<manifest>"),
            ("map -j 3 --", "option"),
            ("map -j 3 echo --", "<words>"),
            ("help ru", "verb"),
        ] {
            check(line, expected);
        }
    }

    #[test]
    fn what_was_given_is_known() {
        let mut deco = Cli::command();
        deco.build();
        let words = ["run", "-C", "a b", "-kj2", "--set=x=1", "--set", "y=2", "m.toml"].map(str::to_owned);
        let position = Position::behind(&deco, &words);
        let given = |id| position.given(id).collect::<Vec<_>>();
        assert_eq!(given("directory"), ["a b"]);
        assert_eq!(given("jobs"), ["2"]);
        assert_eq!(given("set"), ["x=1", "y=2"]);
        assert_eq!(given("manifest"), ["m.toml"]);
    }
}
