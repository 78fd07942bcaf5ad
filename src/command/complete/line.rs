//! A command line as bash reads it: its words without their quotes, and how to write the rest of the one under the cursor within
//! the quotes that stand open. bash tells a completion function only where it would cut the word (at `:` and `=`
//! too), so that what replaces the end of it must fit what stands before.

/// The words as they are written.
#[derive(Debug)]
pub struct Line {
    /// The last is the one under the cursor, up to there, maybe empty.
    written: Vec<String>,
    behind: Vec<String>,
}

/// Within what a character stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quotes {
    Bare,
    Single,
    Double,
}

impl Line {
    /// The cursor stands behind so many characters.
    pub fn read(text: &str, cursor: usize) -> Line {
        let mut words = vec![String::new()];
        let mut written = None;
        let (mut quotes, mut is_escaped) = (Quotes::Bare, false);
        for (at, character) in text.chars().enumerate() {
            if at == cursor {
                written = Some(words.clone());
            }
            if quotes == Quotes::Bare && !is_escaped && character.is_ascii_whitespace() {
                // a space at the cursor ends the word there, be it empty
                if at == cursor || words.last().is_some_and(|word| !word.is_empty()) {
                    words.push(String::new());
                }
                continue;
            }
            (quotes, is_escaped, _) = step(quotes, is_escaped, character);
            words.last_mut().into_iter().for_each(|word| word.push(character));
        }
        let written = written.unwrap_or_else(|| words.clone());
        Line { behind: words.split_off(written.len()), written }
    }

    /// The words before the cursor, without the program's name and what is set for it.
    pub fn words(&self) -> Vec<String> {
        let before = self.written.split_last().map_or(&[][..], |(_, before)| before);
        let own = before.iter().skip_while(|word| is_assignment(word)).skip(1);
        own.map(|word| unquoted(word).0).collect()
    }

    /// The words behind the one under the cursor.
    pub fn behind(&self) -> Vec<String> {
        self.behind.iter().filter(|word| !word.is_empty()).map(|word| unquoted(word).0).collect()
    }

    /// What is written of the word under the cursor.
    pub fn typed(&self) -> String {
        unquoted(self.last()).0
    }

    /// What to put in the place of `replaced`, the end of that word, to make `word` of it; `None`: it begins otherwise.
    pub fn reply(&self, replaced: &str, word: &str) -> Option<String> {
        let kept = self.last().strip_suffix(replaced).unwrap_or_default();
        let (kept, quotes) = unquoted(kept);
        word.strip_prefix(&*kept).map(|rest| quoted(rest, quotes))
    }

    fn last(&self) -> &str {
        self.written.last().map_or("", String::as_str)
    }
}

/// `NAME=…`, before the program.
fn is_assignment(word: &str) -> bool {
    let name = word.split_once('=').map_or("", |(name, _)| name);
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Within what the next character stands, whether it is escaped, and what this one means.
fn step(quotes: Quotes, is_escaped: bool, character: char) -> (Quotes, bool, Option<char>) {
    match (quotes, character) {
        (Quotes::Bare, _) if is_escaped => (quotes, false, Some(character)),
        (Quotes::Double, '"' | '\\' | '$' | '`') if is_escaped => (quotes, false, Some(character)),
        (Quotes::Bare | Quotes::Double, '\\') if !is_escaped => (quotes, true, None),
        (Quotes::Bare, '\'') => (Quotes::Single, false, None),
        (Quotes::Bare, '"') => (Quotes::Double, false, None),
        (Quotes::Single, '\'') | (Quotes::Double, '"') => (Quotes::Bare, false, None),
        _ => (quotes, false, Some(character)),
    }
}

/// What a word means, and within what its end stands.
fn unquoted(written: &str) -> (String, Quotes) {
    let (mut quotes, mut is_escaped) = (Quotes::Bare, false);
    let mut word = String::new();
    for character in written.chars() {
        let (next, escapes, meant) = step(quotes, is_escaped, character);
        // within double quotes a backslash stands for itself before most
        if is_escaped && quotes == Quotes::Double && !matches!(character, '"' | '\\' | '$' | '`') {
            word.push('\\');
        }
        word.extend(meant);
        (quotes, is_escaped) = (next, escapes);
    }
    (word, quotes)
}

/// A text that means itself there.
fn quoted(text: &str, quotes: Quotes) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./+:@%,=".contains(c);
    let mut out = String::new();
    for character in text.chars() {
        match quotes {
            Quotes::Bare if !is_plain(character) => out.extend(['\\', character]),
            Quotes::Single if character == '\'' => out.push_str(r"'\''"),
            Quotes::Double if matches!(character, '"' | '\\' | '$' | '`') => out.extend(['\\', character]),
            _ => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, words: &[&str], typed: &str) {
        let line = Line::read(line, usize::MAX);
        assert_eq!(
            (line.words(), line.typed()),
            (words.iter().map(|&w| w.to_owned()).collect(), typed.into())
        );
    }

    #[test]
    fn words_lose_their_quotes() {
        check("deco ", &[], "");
        check("A=1 B= deco run -t ce", &["run", "-t"], "ce");
        check(
            r#"deco  run -C 'a b' "c d"/\ e -t 'x[it'\''s"#,
            &["run", "-C", "a b", "c d/ e", "-t"],
            "x[it's",
        );
        check(r#"deco run -t "a\"b\c$"#, &["run", "-t"], r#"a"b\c$"#);
        check(r"deco run -t mean\[lon\ 5", &["run", "-t"], "mean[lon 5");
    }

    #[test]
    fn words_behind_the_cursor_are_told_apart() {
        let parts = |line: &str| {
            let cursor = line.find('|').unwrap();
            let line = Line::read(&line.replace('|', ""), cursor);
            (line.words().join(" "), line.typed(), line.behind().join(" "))
        };
        let of = |words: &str, typed: &str, behind: &str| (words.into(), typed.into(), behind.into());
        assert_eq!(parts("deco run -t | m.toml"), of("run -t", "", "m.toml"));
        assert_eq!(parts("deco run -t a| 'm 1' x"), of("run -t", "a", "m 1 x"));
        assert_eq!(parts("deco run -t 'a|b' m"), of("run -t", "a", "m"));
        assert_eq!(parts("deco run -t a|"), of("run -t", "a", ""));
        assert_eq!(parts("deco run -t |ab  m "), of("run -t", "", "m"));
    }

    #[test]
    fn a_reply_fits_the_quotes_that_stand_open_and_what_bash_keeps() {
        let reply =
            |line: &str, replaced: &str, word: &str| Line::read(line, usize::MAX).reply(replaced, word);
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(reply("deco run -t me", "me", "mean[lon 5]"), some(r"mean\[lon\ 5\]"));
        assert_eq!(reply(r"deco run -t mean\[l", r"mean\[l", "mean[lon 5]"), some(r"mean\[lon\ 5\]"));
        assert_eq!(reply("deco run -t 'mean[l", "mean[l", "mean[it's]"), some(r"mean[it'\''s]"));
        assert_eq!(reply("deco run -t \"mean[l", "mean[l", "mean[\"$a\"]"), some(r#"mean[\"\$a\"]"#));
        assert_eq!(reply("deco run -t tag:sl", "sl", "tag:slow"), some("slow"));
        assert_eq!(reply("deco run --task=ta", "ta", "--task=tag"), some("tag"));
        assert_eq!(reply("deco run -t me", "", "other"), None);
    }
}
