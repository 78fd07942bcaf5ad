//! Ranges of numbers, of any length: nothing is made of one until somebody goes over it.

use super::convert::MAX_SIZE;
use crate::spread;
use crate::value::Value;

/// Numbers that are worth a thread.
const NUMBERS: usize = 32 * 1_024;

/// `range(stop)`, `range(start, stop)`, `range(start, stop, step)`: of any length while nobody walks over it.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    start: i128,
    step: i128,
    len: u128,
}

impl Range {
    pub fn new(bounds: &[Value]) -> Result<Range, String> {
        let bounds = bounds.iter().map(integer).collect::<Result<Vec<_>, _>>()?;
        let (start, stop, step) = match *bounds.as_slice() {
            [stop] => (0, stop, 1),
            [start, stop] => (start, stop, 1),
            [start, stop, step] => (start, stop, step),
            _ => return Err("`range` takes one to three numbers".to_owned()),
        };
        if step == 0 {
            return Err("`range`'s step cannot be 0".to_owned());
        }
        let ahead = if step > 0 { start < stop } else { start > stop };
        let len = if ahead { (start.abs_diff(stop) - 1) / step.unsigned_abs() + 1 } else { 0 };
        Ok(Range { start, step, len })
    }

    pub fn len(&self) -> u128 {
        self.len
    }

    /// The number at a position; a negative one counts from the end.
    pub fn get(&self, index: i128) -> Option<Value> {
        let index =
            if index < 0 { self.len.checked_sub(index.unsigned_abs())? } else { index.unsigned_abs() };
        let offset = i128::try_from(index).ok().filter(|_| index < self.len)?;
        Some(self.at(offset))
    }

    /// The number at a position that the range has: on the way to it a product may pass 128 bits, the sum does not.
    fn at(&self, offset: i128) -> Value {
        Value::from(self.start.wrapping_add(self.step.wrapping_mul(offset)))
    }

    pub fn contains(&self, item: &Value) -> bool {
        let Ok(number) = integer(item) else { return false };
        let inside = if self.step > 0 { number >= self.start } else { number <= self.start };
        let distance = number.abs_diff(self.start);
        let step = self.step.unsigned_abs();
        inside && distance.is_multiple_of(step) && distance / step < self.len
    }

    pub fn to_value(self) -> Result<Value, String> {
        let len = usize::try_from(self.len).ok().filter(|&len| len <= MAX_SIZE);
        let len = len.ok_or_else(|| format!("a range of {} numbers is too long to go over", self.len))?;
        Ok(Value::array(spread::map(len, NUMBERS, |index| self.at(index as i128))))
    }
}

fn integer(value: &Value) -> Result<i128, String> {
    let number = match value {
        Value::Number(number) => number,
        other => return Err(format!("`range` takes whole numbers, not {}", other.kind())),
    };
    number
        .as_i128()
        .ok_or_else(|| format!("`range` takes whole numbers of 128 bits, not {}", number.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(json: &str) -> Result<Range, String> {
        let Ok(Value::Array(bounds)) = Value::parse(json.as_bytes()) else { panic!("{json}") };
        Range::new(&bounds)
    }

    #[track_caller]
    fn goes(bounds: &str, expected: &str) {
        assert_eq!(range(bounds).unwrap().to_value().unwrap().to_json(), expected, "{bounds}");
    }

    #[test]
    fn a_range_goes_as_in_python() {
        goes("[3]", "[0,1,2]");
        goes("[1,3]", "[1,2]");
        goes("[0,10,4]", "[0,4,8]");
        goes("[3,0,-2]", "[3,1]");
        goes("[3,0]", "[]");
        goes("[-2]", "[]");
        let (least, half, most) = (i128::MIN, 1_i128 << 126, i128::MAX);
        goes(&format!("[{least},{most},{half}]"), &format!("[{least},-{half},0,{half}]"));
        assert!(range("[0,1,0]").is_err() && range("[1.5]").is_err() && range(r#"["3"]"#).is_err());
    }

    #[test]
    fn a_range_of_any_length_costs_nothing_until_it_is_walked() {
        let long = range(&format!("[{}]", i128::MAX)).unwrap();
        assert_eq!(long.get(5), Some(Value::from(5)));
        assert_eq!(long.get(-1), Some(Value::from(i128::MAX - 1)));
        assert!(long.contains(&Value::from(7)) && !long.contains(&Value::from(-1)));
        assert!(long.to_value().unwrap_err().contains("too long"));
        let all = range(&format!("[{},{}]", i128::MIN, i128::MAX)).unwrap();
        assert_eq!((all.len(), all.get(-1)), (u128::MAX, None));
        let odd = range("[1,10,2]").unwrap();
        let inside: Vec<i128> = (0..12).filter(|&n| odd.contains(&Value::from(n))).collect();
        assert_eq!(inside, [1, 3, 5, 7, 9]);
        assert_eq!((odd.get(4), odd.get(5), odd.get(-6)), (Some(9.into()), None, None));
    }
}
