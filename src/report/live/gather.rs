//! Whole lines out of bytes that come in pieces. A line that does not end is broken, so that it takes no memory.

/// The most bytes of a line that are kept together.
pub(super) const LONGEST: usize = 64 * 1024;

/// A stream of which the last line is not whole yet.
#[derive(Debug, Default)]
pub(super) struct Gather {
    begun: Vec<u8>,
}

impl Gather {
    /// Takes what comes next, and hands on the lines that are whole now, without their ends.
    pub fn push(&mut self, bytes: &[u8], mut line: impl FnMut(&[u8])) {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            match piece.strip_suffix(b"\n") {
                Some(whole) if self.begun.is_empty() && whole.len() <= LONGEST => line(whole),
                Some(end) => {
                    self.add(end, &mut line);
                    line(&self.begun);
                    self.begun.clear();
                }
                None => self.add(piece, &mut line),
            }
        }
    }

    /// Whether the last line has no end.
    pub fn is_begun(&self) -> bool {
        !self.begun.is_empty()
    }

    fn add(&mut self, mut bytes: &[u8], line: &mut impl FnMut(&[u8])) {
        while self.begun.len() + bytes.len() > LONGEST {
            let (part, rest) = bytes.split_at(LONGEST - self.begun.len());
            self.begun.extend_from_slice(part);
            let end = before_half_a_character(&self.begun);
            line(&self.begun[..end]);
            self.begun.drain(..end);
            bytes = rest;
        }
        self.begun.extend_from_slice(bytes);
    }
}

/// Where bytes can be cut at their end, if they are UTF-8.
fn before_half_a_character(bytes: &[u8]) -> usize {
    let starts = bytes.iter().rposition(|byte| byte & 0b1100_0000 != 0b1000_0000);
    match starts {
        Some(start) if start > 0 && bytes.len() - start < 4 => match bytes[start] {
            0..=0x7f => bytes.len(),
            _ => start,
        },
        _ => bytes.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<Vec<u8>> {
        let (mut gather, mut lines) = (Gather::default(), Vec::new());
        pieces.iter().for_each(|piece| gather.push(piece, |line| lines.push(line.to_vec())));
        if gather.is_begun() {
            gather.push(b"\n", |line| lines.push(line.to_vec()));
        }
        lines
    }

    #[test]
    fn lines_are_whole_however_they_come() {
        assert_eq!(lines(&[b"one\ntw", b"o\n\nthr", b"ee"]), [&b"one"[..], b"two", b"", b"three"]);
        assert_eq!(lines(&[b"", b"\n"]), [b""]);
        assert!(lines(&[]).is_empty());
    }

    #[test]
    fn a_line_that_does_not_end_is_broken_between_characters() {
        let text = "é".repeat(LONGEST);
        let mut pieces: Vec<&[u8]> = text.as_bytes().chunks(1000).collect();
        pieces.insert(0, b"x");
        let broken = lines(&pieces);
        assert_eq!(broken.concat(), [b"x", text.as_bytes()].concat());
        assert!(broken.iter().all(|line| line.len() <= LONGEST && std::str::from_utf8(line).is_ok()));
        assert_eq!(broken.len(), 3);
        // no UTF-8 at all
        assert_eq!(lines(&[&vec![0x80; 3 * LONGEST]]).concat().len(), 3 * LONGEST);
    }
}
