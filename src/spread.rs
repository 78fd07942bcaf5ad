//! Work on many items, spread by rayon over the cores that this process may use. Results come in the items' order, so
//! that nobody can tell who made them. Little work stays where it is: to wake threads for it would cost more.

use std::sync::OnceLock;

use rayon::ThreadPoolBuilder;
use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};

/// `f` of each number below `count`, in order. So many as `grain` are worth a thread of their own.
pub fn map<T: Send>(count: usize, grain: usize, f: impl Fn(usize) -> T + Send + Sync) -> Vec<T> {
    if count / 2 < grain || !has_threads() {
        return (0..count).map(f).collect();
    }
    (0..count).into_par_iter().with_min_len(grain).map(f).collect()
}

/// Whether there are threads to spread over: a machine may have no second core, or give no more threads.
fn has_threads() -> bool {
    static STARTED: OnceLock<bool> = OnceLock::new();
    *STARTED.get_or_init(|| {
        let pool = ThreadPoolBuilder::new().thread_name(|number| format!("spread {number}"));
        pool.build_global().is_ok() && rayon::current_num_threads() > 1
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let squares = |count: usize| map(count, 10, |number| number * number);
        for count in [0, 1, 19, 20, 10_000] {
            assert_eq!(squares(count), (0..count).map(|number| number * number).collect::<Vec<_>>());
        }
    }
}
