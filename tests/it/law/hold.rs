//! How a law is held against random cases, whatever they are made of: seeds shared out to tests that run side by side, and
//! a broken case made small before it is shown.

/// Something other than what the case must give came out.
pub struct Difference(pub String);

/// Made from a seed, with what it must give.
pub trait Case: Clone {
    fn of(seed: u64) -> Self;

    /// Cases that leave something of it out, as far as it can be told what they must give.
    fn smaller(&self) -> impl Iterator<Item = Self>;

    /// Runs it at several widths.
    fn compare(&self) -> Result<(), Difference>;
}

pub fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

pub fn seeds(count: u64) -> impl Iterator<Item = u64> {
    let first = number("DECO_LAW_SEED").unwrap_or(1);
    (0..count).map(move |n| first.wrapping_add(n))
}

/// Every so-many-th of the cases holds the law, counted from `share`.
pub fn holds<C: Case>(cases: u64, (share, shares): (u64, u64)) {
    let count = number("DECO_LAW_CASES").unwrap_or(cases);
    for seed in seeds(count).filter(|seed| seed % shares == share) {
        let case = C::of(seed);
        if let Err(difference) = case.compare() {
            let Difference(smallest) = smallest(case, difference);
            panic!("the law is broken: {smallest}");
        }
    }
}

/// A test for each share of the cases.
#[macro_export]
macro_rules! shares {
    ($case:ty, $cases:expr, $of:literal: $($name:ident $share:literal)*) => {
        $(#[test]
        fn $name() {
            $crate::law::hold::holds::<$case>($cases, ($share, $of));
        })*
    };
}

/// The last of ever smaller cases that still differ.
fn smallest<C: Case>(mut case: C, mut found: Difference) -> Difference {
    // a smaller case may be wrong in a way of its own; such a difference would mislead
    let is_refused = |difference: &Difference| difference.0.contains("code Some(2)");
    let was_refused = is_refused(&found);
    loop {
        let differs = |smaller: C| {
            let difference = smaller.compare().err()?;
            (is_refused(&difference) == was_refused).then_some((smaller, difference))
        };
        let next = case.smaller().find_map(differs);
        match next {
            Some(smaller) => (case, found) = smaller,
            None => return found,
        }
    }
}
