//! The keys of `deco map`: what stands behind `:::` on its command line, or lines of files and of standard input, read to
//! their end. Does not know what the keys are for.

use std::io::{self, IsTerminal, Read};

use rustc_hash::FxHashMap;

use crate::value::Text;

/// The words of the command, and where the keys come from.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    pub command: Vec<String>,
    origins: Vec<Origin>,
}

/// One source of keys.
#[derive(Debug, PartialEq, Eq)]
struct Origin {
    /// Its keys stand beside those of the source before it, each with each; else within each of them.
    linked: bool,
    from: From,
}

#[derive(Debug, PartialEq, Eq)]
enum From {
    Words(Vec<String>),
    /// `-` is standard input.
    File(String),
}

/// Sources that are linked: of the same length, the columns of a table.
#[derive(Debug)]
pub struct Group {
    pub columns: Vec<Vec<Text>>,
}

impl Group {
    pub fn len(&self) -> usize {
        self.columns.first().map_or(0, Vec::len)
    }
}

impl Line {
    /// Takes the words apart; `Err`: what is wrong with them.
    pub fn parse(words: &[String]) -> Result<Line, String> {
        let is_mark = |word: &&String| matches!(word.as_str(), ":::" | ":::+" | "::::" | "::::+");
        let end = words.iter().position(|word| is_mark(&word)).unwrap_or(words.len());
        let (command, mut rest) = words.split_at(end);
        if command.first().is_none_or(|first| first.trim().is_empty()) {
            return Err("there is no command: `deco map COMMAND ::: KEY…`".to_owned());
        }
        let mut origins = Vec::new();
        while let Some((mark, after)) = rest.split_first() {
            let end = after.iter().position(|word| is_mark(&word)).unwrap_or(after.len());
            add(&mut origins, mark, &after[..end])?;
            rest = &after[end..];
        }
        if origins.is_empty() {
            origins.push(Origin { linked: false, from: From::File("-".to_owned()) });
        }
        if origins.iter().filter(|origin| origin.from == From::File("-".to_owned())).count() > 1 {
            return Err("standard input can be read only once: two sources are `-`".to_owned());
        }
        Ok(Line { command: command.to_vec(), origins })
    }

    pub fn sources(&self) -> usize {
        self.origins.len()
    }

    pub fn reads_stdin(&self) -> bool {
        self.origins.iter().any(|origin| origin.from == From::File("-".to_owned()))
    }

    /// Sources that are linked count once.
    pub fn groups(&self) -> usize {
        self.origins.iter().filter(|origin| !origin.linked).count()
    }

    /// Reads all keys; those of files end with a line, or with a NUL byte.
    pub fn read(&self, nul: bool) -> Result<Vec<Group>, String> {
        let mut groups: Vec<Group> = Vec::new();
        for origin in &self.origins {
            let keys = match &origin.from {
                From::Words(words) => words.iter().map(Text::from).collect(),
                From::File(file) => from_file(file, nul)?,
            };
            match groups.last_mut().filter(|_| origin.linked) {
                None => groups.push(Group { columns: vec![keys] }),
                Some(group) if group.len() == keys.len() => group.columns.push(keys),
                Some(group) => {
                    let (own, other) = (keys.len(), group.len());
                    return Err(format!(
                        "a source of {own} keys is linked to one of {other}: linked sources have as many keys"
                    ));
                }
            }
        }
        Ok(groups)
    }
}

fn add(origins: &mut Vec<Origin>, mark: &str, words: &[String]) -> Result<(), String> {
    let linked = mark.ends_with('+');
    if linked && origins.is_empty() {
        return Err(format!("`{mark}` links keys to those of a source before it, and there is none"));
    }
    if mark.trim_end_matches('+') == ":::" {
        origins.push(Origin { linked, from: From::Words(words.to_vec()) });
        return Ok(());
    }
    if words.is_empty() {
        return Err(format!("`{mark}` names no file; `-` is standard input"));
    }
    origins.extend(words.iter().map(|file| Origin { linked, from: From::File(file.clone()) }));
    Ok(())
}

/// Refuses what would fill one place twice.
pub fn refuse_twice(groups: &[Group]) -> Result<(), String> {
    for Group { columns } in groups {
        let rows = columns.first().map_or(0, Vec::len);
        let row = |number: usize| columns.iter().map(|column| &column[number]).collect::<Vec<_>>();
        let mut seen = FxHashMap::default();
        for number in 0..rows {
            if let Some(first) = seen.insert(row(number), number) {
                let key: Vec<&str> = row(number).iter().map(|text| text.as_str()).collect();
                return Err(format!(
                    "the key `{}` is given twice, as number {} and as number {}; with `--list` the results are an array, which takes both",
                    crate::value::excerpt(&key.join(","), 80),
                    first + 1,
                    number + 1
                ));
            }
        }
    }
    Ok(())
}

fn from_file(file: &str, nul: bool) -> Result<Vec<Text>, String> {
    let name = if file == "-" { "standard input".to_owned() } else { format!("`{file}`") };
    let mut bytes = Vec::new();
    let read = match file {
        "-" => {
            let mut stdin = io::stdin().lock();
            if stdin.is_terminal() {
                crate::command::complain(
                    "reads the keys from the terminal, one a line, until Ctrl-D; `::: KEY…` gives them behind the command",
                );
            }
            stdin.read_to_end(&mut bytes)
        }
        file => std::fs::File::open(file).and_then(|mut file| file.read_to_end(&mut bytes)),
    };
    read.map_err(|error| format!("cannot read keys from {name}: {error}"))?;
    keys(&bytes, nul).map_err(|(number, what)| format!("key {number} of {name} {what}"))
}

/// The keys in a file: each ends with a line or a NUL byte, the last one perhaps with the file.
fn keys(bytes: &[u8], nul: bool) -> Result<Vec<Text>, (usize, &'static str)> {
    let end = if nul { 0 } else { b'\n' };
    let Some(bytes) = bytes.strip_suffix(&[end]).or((!bytes.is_empty()).then_some(bytes)) else {
        return Ok(Vec::new());
    };
    let keys = bytes.split(|&byte| byte == end).zip(1..).map(|(key, number)| {
        let text = std::str::from_utf8(key).map_err(|_| (number, "is not UTF-8, which JSON has to be"))?;
        match text.contains('\0') {
            true => Err((number, "holds a NUL byte; with `-0` keys end with one")),
            false => Ok(Text::from(text)),
        }
    });
    keys.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Result<Line, String> {
        let words: Vec<String> = text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
        Line::parse(&words)
    }

    fn read(text: &str) -> Result<Vec<Vec<Vec<String>>>, String> {
        let groups = line(text)?.read(false)?;
        let column = |column: &Vec<Text>| column.iter().map(|key| key.to_string()).collect();
        Ok(groups.iter().map(|group| group.columns.iter().map(column).collect()).collect())
    }

    #[test]
    fn sources_nest_or_are_linked() {
        assert_eq!(read("x ::: a b").unwrap(), [[["a", "b"]]]);
        assert_eq!(read("x y :::").unwrap(), [[[""; 0]]]);
        assert_eq!(read("x ::: a ::: 1 :::+ 2").unwrap(), [vec![vec!["a"]], vec![vec!["1"], vec!["2"]]]);
    }

    #[test]
    fn what_is_no_command_line_is_refused() {
        assert!(line("::: a").unwrap_err().contains("no command"));
        assert!(line("x :::+ a").unwrap_err().contains("there is none"));
        assert!(line("x ::::").unwrap_err().contains("names no file"));
        assert!(line("x :::: - -").unwrap_err().contains("only once"));
        assert!(read("x ::: a b :::+ 1").unwrap_err().contains("1 keys is linked to one of 2"));
    }

    #[test]
    fn keys_end_with_lines_or_nul_bytes() {
        assert_eq!(keys(b"", false), Ok(Vec::new()));
        assert_eq!(keys(b"\n", false), Ok(vec!["".into()]));
        assert_eq!(keys(b"a b\n\nc", false), Ok(vec!["a b".into(), "".into(), "c".into()]));
        assert_eq!(keys(b"a\nb\0c\0", true), Ok(vec!["a\nb".into(), "c".into()]));
        assert_eq!(keys(b"a\nb\0", false).unwrap_err().0, 2);
        assert_eq!(keys(b"a\n\xff\n", false).unwrap_err().0, 2);
    }
}
