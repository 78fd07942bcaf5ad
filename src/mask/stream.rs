//! Secrets hidden in bytes that come piece by piece: nothing is held back but what may be the beginning of a secret.
//! The pieces give the same bytes as the whole would.

use super::Masker;

/// Hides secrets in a stream, across the borders of its pieces.
#[derive(Debug)]
pub struct MaskStream {
    masker: Masker,
    held: Held,
}

/// What is held back. No part of it is ever shown in debug output.
#[derive(Default)]
struct Held {
    bytes: Vec<u8>,
    /// How far from their start they belong to a secret whose mask is out already.
    covered: Option<usize>,
}

impl MaskStream {
    pub fn new(masker: Masker) -> MaskStream {
        MaskStream { masker, held: Held::default() }
    }

    /// Takes the next bytes; what of all so far can be shown.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.held.bytes.extend_from_slice(bytes);
        let safe = self.masker.beginning(&self.held.bytes);
        self.release(safe, false)
    }

    /// What was held back: nothing follows that could make a secret of it.
    pub fn finish(mut self) -> Vec<u8> {
        self.release(self.held.bytes.len(), true)
    }

    /// Lets go of the first `count` bytes, from none of which a secret can begin that is not whole yet.
    fn release(&mut self, count: usize, ends: bool) -> Vec<u8> {
        let Held { bytes, covered } = &mut self.held;
        let mut out = Vec::with_capacity(count);
        let mut hidden = covered.take();
        for span in self.masker.spans(bytes, ends).into_iter().take_while(|span| span.start < count) {
            match hidden {
                Some(end) if span.start <= end => hidden = Some(end.max(span.end)),
                _ => {
                    out.extend_from_slice(&bytes[hidden.unwrap_or(0)..span.start]);
                    out.extend_from_slice(&self.masker.mask());
                    hidden = Some(span.end);
                }
            }
        }
        out.extend_from_slice(bytes.get(hidden.unwrap_or(0)..count).unwrap_or_default());
        *covered = hidden.and_then(|end| end.checked_sub(count));
        bytes.drain(..count);
        out
    }
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.bytes.len())
    }
}
