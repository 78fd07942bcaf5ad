//! Reading a run's journal back. Its last line may be torn, since deco or the machine may have died while it was written:
//! it counts as not written. Anything else that is wrong is refused, since what follows could not be trusted either.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use crate::event::{Event, EventKind, SCHEMA_VERSION};

/// Goes over the events of a journal in order; returns where the next one belongs: after the last whole line.
pub fn read(path: &Path, mut visit: impl FnMut(Event)) -> Result<u64, String> {
    let words = |error: std::io::Error| format!("failed to read the journal `{}`: {error}", path.display());
    let mut lines = BufReader::with_capacity(1 << 16, File::open(path).map_err(words)?);
    let (mut line, mut end, mut number) = (Vec::new(), 0, 0);
    loop {
        line.clear();
        let length = lines.read_until(b'\n', &mut line).map_err(words)?;
        number += 1;
        let Some(whole) = line.strip_suffix(b"\n") else { return Ok(end) };
        match Event::parse(whole).and_then(known) {
            Ok(event) => visit(event),
            // a line whose blocks came to the disk in another order is torn as well
            Err(_) if lines.fill_buf().map_err(words)?.is_empty() => return Ok(end),
            Err(why) => {
                return Err(format!("the journal `{}` is broken in line {number}: {why}", path.display()));
            }
        }
        end += length as u64;
    }
}

fn known(event: Event) -> Result<Event, String> {
    match event.kind {
        EventKind::RunStarted { schema, .. } if schema > SCHEMA_VERSION => {
            Err(format!("it was written by a newer deco (schema {schema}, this one knows {SCHEMA_VERSION})"))
        }
        _ => Ok(event),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(signals: std::ops::Range<i32>) -> Vec<u8> {
        let mut lines = String::new();
        signals.for_each(|signal| {
            Event { ms: 0, kind: EventKind::Interrupted { signal } }.write_line(&mut lines);
        });
        lines.into_bytes()
    }

    fn read_bytes(bytes: &[u8]) -> Result<(usize, u64), String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let mut count = 0;
        read(file.path(), |_| count += 1).map(|end| (count, end))
    }

    #[test]
    fn a_journal_cut_anywhere_gives_its_whole_lines() {
        let whole = lines(0..3);
        for cut in 0..=whole.len() {
            let ends: Vec<usize> = (0..cut).filter(|&at| whole[at] == b'\n').map(|at| at + 1).collect();
            let expected = (ends.len(), ends.last().copied().unwrap_or(0) as u64);
            assert_eq!(read_bytes(&whole[..cut]), Ok(expected), "cut at {cut}");
        }
    }

    #[test]
    fn a_broken_middle_is_refused_with_its_line_and_a_broken_end_is_cut_off() {
        let mut broken = lines(0..2);
        broken.extend(b"\0\0\0\n");
        let end = lines(0..2).len() as u64;
        assert_eq!(read_bytes(&broken), Ok((2, end)));
        broken.extend(lines(2..3));
        let words = read_bytes(&broken).unwrap_err();
        assert!(words.contains("is broken in line 3: "), "{words}");
    }
}
