//! Numbers that are lent, the lowest free one first: the slots of a run, the items of an indexed pool.
//! Does not know who has which.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The numbers from 1 to a capacity. Memory grows with what was ever lent at one time, not with the capacity.
#[derive(Clone, Debug)]
pub struct Slots {
    capacity: u32,
    /// The highest number ever lent.
    highest: u32,
    /// Numbers up to the highest that came back.
    returned: BinaryHeap<Reverse<u32>>,
}

impl Slots {
    pub fn new(capacity: u32) -> Slots {
        Slots { capacity, highest: 0, returned: BinaryHeap::new() }
    }

    pub fn capacity(&self) -> u32 {
        self.capacity
    }

    /// How many are free.
    pub fn free(&self) -> u32 {
        self.capacity - self.highest + self.returned.len() as u32
    }

    /// The lowest free number, if there is one.
    pub fn take(&mut self) -> Option<u32> {
        if let Some(Reverse(number)) = self.returned.pop() {
            return Some(number);
        }
        if self.highest == self.capacity {
            return None;
        }
        self.highest += 1;
        Some(self.highest)
    }

    /// A number that was taken is free again.
    pub fn give_back(&mut self, number: u32) {
        self.returned.push(Reverse(number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_number_is_lent() {
        let mut slots = Slots::new(3);
        assert_eq!(
            [slots.take(), slots.take(), slots.take(), slots.take()],
            [Some(1), Some(2), Some(3), None]
        );
        slots.give_back(3);
        slots.give_back(1);
        assert_eq!(slots.free(), 2);
        assert_eq!([slots.take(), slots.take(), slots.take()], [Some(1), Some(3), None]);
    }
}
