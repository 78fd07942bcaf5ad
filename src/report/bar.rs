//! The bar itself, as a row of text: the only user of indicatif, which knows how full a bar is that has so many columns.
//! Where the row goes, and its colours, are for others.

use std::io::Result;
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

/// What a bar is made of.
#[derive(Clone, Copy)]
pub(super) struct Pieces {
    template: &'static str,
    /// What is done, where that ends unless it is seen anyway, what is still to do.
    characters: &'static str,
}

pub(super) const LINE: Pieces = Pieces { template: "{wide_bar}", characters: "━─" };
pub(super) const ASCII: Pieces = Pieces { template: "[{wide_bar}]", characters: "=> " };

impl Pieces {
    /// A bar of so many columns; `columns` counts what stands around it too.
    pub fn bar(self, done: usize, of: usize, columns: usize) -> String {
        let row = Row { columns: columns.try_into().unwrap_or(u16::MAX), text: Arc::default() };
        let style = ProgressStyle::with_template(self.template);
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars(self.characters);
        let target = ProgressDrawTarget::term_like(Box::new(row.clone()));
        // nothing of nothing is not all of it
        let bar = ProgressBar::with_draw_target(Some(of.max(1) as u64), target).with_style(style);
        bar.set_position(done as u64);
        bar.force_draw();
        row.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Such a bar in its two parts: what is done, and the rest.
    pub fn split(self, bar: &str) -> (&str, &str) {
        let rest = self.characters.chars().last().and_then(|rest| bar.find(rest));
        bar.split_at(rest.unwrap_or(bar.len()))
    }
}

/// A terminal of one row, which remembers what was drawn last.
#[derive(Clone, Debug)]
struct Row {
    columns: u16,
    text: Arc<Mutex<String>>,
}

impl TermLike for Row {
    fn width(&self) -> u16 {
        self.columns
    }

    fn write_str(&self, text: &str) -> Result<()> {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).push_str(text.trim_matches('\r'));
        Ok(())
    }

    fn write_line(&self, text: &str) -> Result<()> {
        self.write_str(text)
    }

    fn clear_line(&self) -> Result<()> {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).clear();
        Ok(())
    }

    fn move_cursor_up(&self, _rows: usize) -> Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _rows: usize) -> Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _columns: usize) -> Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _columns: usize) -> Result<()> {
        Ok(())
    }

    fn flush(&self) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_full_as_what_is_done() {
        let check = |done, of, expected: &str| assert_eq!(ASCII.bar(done, of, 12), expected);
        check(0, 0, "[          ]");
        check(0, 7, "[          ]");
        check(1, 2, "[=====>    ]");
        check(7, 7, "[==========]");
        check(9, 7, "[==========]");
        let line = LINE.bar(1, 4, 8);
        assert_eq!(LINE.split(&line), ("━━", "──────"));
        assert_eq!(LINE.split(&LINE.bar(4, 4, 4)), ("━━━━", ""));
        assert_eq!(LINE.split(&LINE.bar(0, 4, 4)), ("", "────"));
    }
}
