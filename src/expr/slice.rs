//! `x[start:stop:step]` over arrays and texts, as in Python. Knows nothing of expressions.

use crate::value::Value;

/// The bounds as given; `None`: left out, or null.
#[derive(Clone, Copy, Debug, Default)]
pub struct Slice {
    pub start: Option<i128>,
    pub stop: Option<i128>,
    pub step: Option<i128>,
}

impl Slice {
    /// The part of an array, or of a text by its characters.
    pub fn of(self, value: &Value) -> Result<Value, String> {
        match value {
            Value::Array(items) => {
                let part = self.indices(items.len())?.into_iter();
                Ok(Value::array(part.filter_map(|index| items.get(index).cloned()).collect()))
            }
            Value::String(text) => {
                let chars: Vec<char> = text.chars().collect();
                let part = self.indices(chars.len())?.into_iter();
                Ok(part.filter_map(|index| chars.get(index)).collect::<String>().into())
            }
            other => Err(format!("only a list or a text can be sliced, not {}", other.kind())),
        }
    }

    fn indices(self, len: usize) -> Result<Vec<usize>, String> {
        let len = i128::try_from(len).unwrap_or(i128::MAX);
        let step = self.step.unwrap_or(1);
        if step == 0 {
            return Err("a slice's step cannot be 0".to_owned());
        }
        let (low, high) = if step > 0 { (0, len) } else { (-1, len - 1) };
        let clamp =
            |bound: i128| if bound < 0 { (bound.saturating_add(len)).max(low) } else { bound.min(high) };
        let (first, last) = if step > 0 { (low, high) } else { (high, low) };
        let (mut at, stop) = (self.start.map_or(first, clamp), self.stop.map_or(last, clamp));
        let mut indices = Vec::new();
        while if step > 0 { at < stop } else { at > stop } {
            indices.extend(usize::try_from(at));
            at = at.saturating_add(step);
        }
        Ok(indices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bounds: (Option<i128>, Option<i128>, Option<i128>), expected: &str) {
        let (start, stop, step) = bounds;
        let sliced = Slice { start, stop, step }.of(&Value::from("abécd"));
        assert_eq!(sliced, Ok(Value::from(expected)), "{bounds:?}");
    }

    #[test]
    fn bounds_are_those_of_python() {
        check((None, None, None), "abécd");
        check((Some(1), Some(-1), None), "béc");
        check((Some(-2), None, None), "cd");
        check((None, None, Some(-1)), "dcéba");
        check((Some(3), Some(0), Some(-2)), "cb");
        check((Some(9), None, None), "");
        check((Some(i128::MIN), Some(i128::MAX), Some(2)), "aéd");
        check((None, None, Some(i128::MIN)), "d");
        check((None, None, Some(i128::MAX)), "a");
        assert!(Slice { step: Some(0), ..Slice::default() }.of(&Value::from("a")).is_err());
        assert!(Slice::default().of(&Value::Null).is_err());
    }
}
