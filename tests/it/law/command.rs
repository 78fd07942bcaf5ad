//! What the calls of the law's manifests run: a script that hashes all it is given, and the same function in Rust.
//! A call that read a wrong byte prints a wrong sum, and so do all that read it.

use super::json::Json;

/// What a call prints and how that becomes its result.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    Text,
    Json,
    Lines,
    Number,
    Ndjson,
    Csv,
    /// None to three items.
    List,
}

pub const SHAPES: [Shape; 7] =
    [Shape::Text, Shape::Json, Shape::Lines, Shape::Number, Shape::Ndjson, Shape::Csv, Shape::List];

/// `sh law.sh SHAPE WORD…`. The pause comes of the sum too: between calls by chance, for one call always the same.
pub const SCRIPT: &str = r#"
shape=$1
shift
sum=$({ printf '%s|' "$@" "${LAW_SEEN-}"; cat; } | cksum)
sum=${sum%% *}
pause=$((sum / 97 % 16))
case $pause in
[0-3]) ;;
?) sleep 0.00$pause ;;
*) sleep 0.0$pause ;;
esac
case $shape in
shaky-*)
    if [ $((sum / 7 % 3)) -eq 0 ]; then echo "sum $sum" >&2; exit 3; fi
    shape=${shape#shaky-}
    ;;
esac
case $shape in
text) printf 'v%s é "q"\n' "$sum" ;;
json) printf '{"z": %s, "m": %s, "v": [%s.50, {"w": "%s"}], "s": "é\\n\\"%s"}\n' "$sum" $((sum % 3)) "$sum" "$sum" "$sum" ;;
lines) printf 'l%s\n\nend %s\n' "$sum" "$sum" ;;
number) printf '%s00000000000000000000.10' "$sum" ;;
ndjson) printf '{"a": %s}\n[%s]\n' "$sum" "$sum" ;;
list)
    case $((sum % 4)) in
    0) echo '[]' ;;
    1) printf '[%s]' $((sum % 10)) ;;
    2) printf '["it\047s", "%s"]' $((sum % 10)) ;;
    3) printf '["b c", 1.5, %s]' $((sum % 10)) ;;
    esac
    ;;
csv) printf 'a,b\n%s,x\n"p,q",%s\n' "$sum" "$sum" ;;
esac
"#;

impl Shape {
    /// The word for `result`.
    pub fn result(self) -> &'static str {
        match self {
            Shape::Text => "text",
            Shape::Json | Shape::Number | Shape::List => "json",
            Shape::Lines => "lines",
            Shape::Ndjson => "ndjson",
            Shape::Csv => "csv",
        }
    }

    /// The word for the script.
    pub fn word(self) -> &'static str {
        match self {
            Shape::Number => "number",
            Shape::List => "list",
            _ => self.result(),
        }
    }

    /// Places that stand in a result of this shape, as an expression writes them.
    pub fn places(self) -> &'static [&'static str] {
        match self {
            Shape::Json => &[".z", ".m", ".v", ".v[0]", ".v[1].w", "[\"s\"]"],
            Shape::Lines => &["[0]", "[2]"],
            Shape::Ndjson => &["[0].a", "[1]", "[1][0]"],
            Shape::Csv => &["[0].a", "[1][\"b\"]"],
            Shape::Text | Shape::Number | Shape::List => &[],
        }
    }

    /// What the call's result is; `None`: it fails.
    pub fn result_of(self, shaky: bool, words: &[String], seen: &str, stdin: &str) -> Option<Json> {
        let mut input: String = words.iter().map(|word| format!("{word}|")).collect();
        input.push_str(seen);
        input.push('|');
        input.push_str(stdin);
        let sum = cksum(input.as_bytes());
        if shaky && (sum / 7).is_multiple_of(3) {
            return None;
        }
        Some(self.printed(sum))
    }

    fn printed(self, sum: u32) -> Json {
        let number = || Json::Number(sum.to_string());
        let object = |members: &[(&str, Json)]| {
            Json::Object(members.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
        };
        match self {
            Shape::Text => Json::Text(format!("v{sum} é \"q\"")),
            Shape::Json => object(&[
                ("z", number()),
                ("m", Json::Number((sum % 3).to_string())),
                (
                    "v",
                    Json::Array(vec![
                        Json::Number(format!("{sum}.50")),
                        object(&[("w", Json::Text(sum.to_string()))]),
                    ]),
                ),
                ("s", Json::Text(format!("é\n\"{sum}"))),
            ]),
            Shape::Lines => Json::Array(vec![
                Json::Text(format!("l{sum}")),
                Json::text(""),
                Json::Text(format!("end {sum}")),
            ]),
            Shape::Number => Json::Number(format!("{sum}00000000000000000000.10")),
            Shape::Ndjson => Json::Array(vec![object(&[("a", number())]), Json::Array(vec![number()])]),
            Shape::List => {
                let digit = (sum % 10).to_string();
                Json::Array(match sum % 4 {
                    0 => vec![],
                    1 => vec![Json::Number(digit)],
                    2 => vec![Json::text("it's"), Json::Text(digit)],
                    _ => vec![Json::text("b c"), Json::Number("1.5".to_owned()), Json::Number(digit)],
                })
            }
            Shape::Csv => Json::Array(vec![
                object(&[("a", Json::Text(sum.to_string())), ("b", Json::text("x"))]),
                object(&[("a", Json::text("p,q")), ("b", Json::Text(sum.to_string()))]),
            ]),
        }
    }
}

/// The sum of POSIX `cksum`: a CRC of the bytes and of their count, low byte first.
fn cksum(bytes: &[u8]) -> u32 {
    let step = |sum: u32, byte: u8| {
        (0..8).fold(sum ^ (u32::from(byte) << 24), |sum, _| {
            if sum & 0x8000_0000 == 0 { sum << 1 } else { (sum << 1) ^ 0x04c1_1db7 }
        })
    };
    let count = bytes.len().to_le_bytes();
    let significant = count.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    !bytes.iter().chain(&count[..significant]).fold(0, |sum, &byte| step(sum, byte))
}

#[test]
fn the_sum_is_that_of_posix() {
    assert_eq!(cksum(b""), 4294967295);
    assert_eq!(cksum(b"123456789"), 930766865);
}
