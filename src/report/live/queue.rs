//! Lines on their way to the screen, in the order in which they were printed. Bounded: who prints faster than the screen
//! takes waits for it, but for no longer than a moment; then lines are left out, and counted.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use super::{MOMENT, ROOM};
use crate::report::Wake;

/// Texts up to this length are put together.
const PIECE: usize = 16 * 1024;

#[derive(Debug, Default)]
pub(in crate::report) struct Queue {
    inside: Mutex<Inside>,
    room: Condvar,
    wake: OnceLock<Wake>,
}

#[derive(Debug, Default)]
struct Inside {
    items: VecDeque<Item>,
    /// Of the texts.
    bytes: usize,
    /// Somebody waited in vain, and nothing was taken since.
    is_stuck: bool,
    /// The screen knows that there is something.
    is_woken: bool,
    /// What belongs behind the last item.
    left_out: Option<LeftOut>,
}

/// What there is to show next.
#[derive(Debug, PartialEq)]
pub(in crate::report) enum Item {
    /// Whole lines.
    Text(String),
    LeftOut(LeftOut),
}

/// Lines that are not shown.
#[derive(Debug, Default, PartialEq)]
pub(in crate::report) struct LeftOut {
    pub lines: usize,
    /// The first call that printed some of them.
    pub call: String,
    /// Others have too.
    pub others: bool,
}

impl Queue {
    /// How the screen is told that there is something.
    pub fn attach(&self, wake: Wake) {
        let _ = self.wake.set(wake);
    }

    /// Adds whole lines of a call.
    pub fn push(&self, call: &str, text: String) {
        let inside = self.lock();
        let fits = |inside: &Inside| inside.items.is_empty() || inside.bytes + text.len() <= ROOM;
        let mut inside = if inside.is_stuck || fits(&inside) {
            inside
        } else {
            let waited = self.room.wait_timeout_while(inside, MOMENT, |inside| !fits(inside));
            waited.unwrap_or_else(PoisonError::into_inner).0
        };
        // whatever comes now is missing, also what would fit: lines that are shown have no holes
        if inside.is_stuck || !fits(&inside) {
            inside.is_stuck = true;
            return inside.leave_out(call, &text);
        }
        inside.add(text);
        if !std::mem::replace(&mut inside.is_woken, true) {
            drop(inside);
            self.wake.get().into_iter().for_each(Wake::wake);
        }
    }

    /// Takes what is first; `None`: there is nothing more, and the screen is woken when there is.
    pub fn pop(&self) -> Option<Item> {
        let mut inside = self.lock();
        inside.is_stuck = false;
        let left_out = |inside: &mut Inside| inside.left_out.take().map(Item::LeftOut);
        let item = inside.items.pop_front().or_else(|| left_out(&mut inside));
        match &item {
            Some(Item::Text(text)) => inside.bytes -= text.len(),
            Some(Item::LeftOut(_)) => {}
            None => inside.is_woken = false,
        }
        if item.is_some() {
            self.room.notify_all();
        }
        item
    }

    /// How many items there are now, or a little more.
    pub fn len(&self) -> usize {
        self.lock().items.len() + 1
    }

    /// Whoever has taken only a part is woken for the rest.
    pub fn go_on_later(&self) {
        self.wake.get().into_iter().for_each(Wake::wake);
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    fn add(&mut self, text: String) {
        self.items.extend(self.left_out.take().map(Item::LeftOut));
        self.bytes += text.len();
        match self.items.back_mut() {
            Some(Item::Text(last)) if last.len() + text.len() <= PIECE => last.push_str(&text),
            _ => self.items.push_back(Item::Text(text)),
        }
    }

    fn leave_out(&mut self, call: &str, text: &str) {
        let left =
            self.left_out.get_or_insert_with(|| LeftOut { call: call.to_owned(), ..LeftOut::default() });
        left.lines += text.matches('\n').count();
        left.others |= left.call != call;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_counted_where_it_is_missing() {
        let queue = Queue::default();
        let large = "x".repeat(ROOM - 2) + "\n";
        queue.push("t", large.clone());
        queue.push("t", "one\ntwo\n".to_owned());
        // now that nobody takes anything, it is not waited for again
        (0..1000).for_each(|_| queue.push("u", "three\n".to_owned()));
        assert_eq!(queue.pop(), Some(Item::Text(large)));
        queue.push("t", "four\n".to_owned());
        queue.push("t", "five\n".to_owned());
        let left = LeftOut { lines: 1002, call: "t".to_owned(), others: true };
        assert_eq!(queue.pop(), Some(Item::LeftOut(left)));
        assert_eq!(queue.pop(), Some(Item::Text("four\nfive\n".to_owned())));
        assert_eq!(queue.pop(), None);
    }

    #[test]
    fn who_prints_too_fast_waits_and_nothing_is_lost() {
        let queue = Queue::default();
        let line = "y".repeat(1000) + "\n";
        let count = 10 * ROOM / line.len();
        std::thread::scope(|threads| {
            threads.spawn(|| (0..count).for_each(|_| queue.push("t", line.clone())));
            let mut seen = 0;
            while seen < count {
                match queue.pop() {
                    Some(Item::Text(text)) => seen += text.matches('\n').count(),
                    Some(item) => panic!("{item:?}"),
                    None => std::thread::yield_now(),
                }
                assert!(queue.lock().bytes <= ROOM);
            }
        });
        assert_eq!(queue.pop(), None);
    }
}
