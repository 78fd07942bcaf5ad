//! From text to minijinja's syntax tree, its errors put into words. Bounds what a tree may cost first: the parser
//! recurses on some operators without a limit of its own.

use std::ops::Range;

use minijinja::machinery::{Token, ast, parse_expr, tokenize};
use minijinja::{Error, ErrorKind};

use super::{ParseError, scan};

/// Operators, indexes and brackets that one expression may have.
const MAX_OPERATORS: usize = 250;

/// Brackets that may stand in each other.
const MAX_NESTING: usize = 50;

/// Parses `text[range]`; errors have their span in `text`.
pub fn parse(text: &str, range: Range<usize>) -> Result<ast::Expr<'_>, ParseError> {
    let source = &text[range.clone()];
    if source.trim().is_empty() {
        return Err(ParseError::new("an expression is missing here", range));
    }
    bound(source, &range)?;
    parse_expr(source).map_err(|error| explain(&error, text, &range))
}

fn bound(source: &str, range: &Range<usize>) -> Result<(), ParseError> {
    let (mut operators, mut nesting) = (0, 0usize);
    for (token, _) in tokenize(source, true, Default::default()).map_while(Result::ok) {
        operators += usize::from(deepens(&token));
        match token {
            Token::BracketOpen | Token::ParenOpen | Token::BraceOpen => nesting += 1,
            Token::BracketClose | Token::ParenClose | Token::BraceClose => {
                nesting = nesting.saturating_sub(1)
            }
            _ => {}
        }
        if operators > MAX_OPERATORS || nesting > MAX_NESTING {
            let message = format!(
                "the expression is too large: {MAX_OPERATORS} operators and {MAX_NESTING} brackets in each other are the most"
            );
            return Err(ParseError::new(message, range.clone()));
        }
    }
    Ok(())
}

/// Whether a token can make the tree deeper; what stands in a row does not.
fn deepens(token: &Token<'_>) -> bool {
    match token {
        Token::Ident(word) => matches!(*word, "not" | "if" | "is" | "and" | "or" | "in"),
        Token::Comma | Token::Colon | Token::Str(_) | Token::String(_) => false,
        Token::Int(_) | Token::Int128(_) | Token::Float(_) => false,
        Token::BracketClose | Token::ParenClose | Token::BraceClose => false,
        _ => true,
    }
}

fn explain(error: &Error, text: &str, range: &Range<usize>) -> ParseError {
    let mut span = span_of(error, text, range);
    if error.kind() == ErrorKind::BadEscape {
        span = quoted_after(text, span.end..range.end);
    }
    let found = &text[span.clone()];
    let detail = error.detail().unwrap_or_default();
    let mut explained = ParseError::new(words(error.kind(), detail, found), span.clone());
    explained.help = hint(found, &text[range.start..span.start]).map(str::to_owned);
    explained
}

/// The error's place, moved to whole characters inside the range.
fn span_of(error: &Error, text: &str, range: &Range<usize>) -> Range<usize> {
    let inner = error.range().unwrap_or(0..range.len());
    let start = text.floor_char_boundary((range.start + inner.start).min(range.end));
    let end = text.ceil_char_boundary((range.start + inner.end).min(range.end));
    start..end.max(start)
}

/// The first quoted text in the range; of a wrong escape the parser only knows what stands before it.
fn quoted_after(text: &str, range: Range<usize>) -> Range<usize> {
    let start = text[range.clone()].find(['\'', '"']).map_or(range.start, |found| range.start + found);
    let end = scan::end_of_quoted(text.as_bytes(), start).map_or(range.end, |quote| quote + 1);
    start..end.clamp(start, range.end)
}

fn words(kind: ErrorKind, detail: &str, found: &str) -> String {
    if kind == ErrorKind::BadEscape {
        return "a `\\` in a text begins no known escape".to_owned();
    }
    if let Some(expected) = detail.strip_prefix("unexpected end of input, expected ") {
        return format!("the expression ends too early: {} is missing", friendly(expected));
    }
    if let Some((_, expected)) = detail.split_once(", expected ") {
        return format!("`{found}` cannot stand here: {} was expected", friendly(expected));
    }
    match detail {
        "unexpected end of string" => "a quote is never closed".to_owned(),
        "empty subscript" => "the index is missing between `[` and `]`".to_owned(),
        "template exceeds maximum recursion limits" => "the expression is nested too deeply".to_owned(),
        "non-keyword arg after keyword arg" => "a plain argument stands after a named one".to_owned(),
        "unexpected input after expression" => format!("the expression has ended before `{found}`"),
        _ if detail.starts_with("unexpected") => format!("`{found}` cannot stand here"),
        other => other.to_owned(),
    }
}

fn friendly(expected: &str) -> &str {
    match expected {
        "expression" => "an expression",
        "identifier" => "a name",
        "identifier or integer" => "a name or a position",
        "in" => "`in`",
        token => token,
    }
}

/// What was probably meant, by what is common in other languages.
fn hint(found: &str, before: &str) -> Option<&'static str> {
    let doubled = before.trim_end().ends_with(found);
    match found.chars().next()? {
        '=' => Some("`==` compares"),
        '&' => Some("write `and`"),
        '|' if doubled => Some("write `or`"),
        '!' => Some("write `not`"),
        '?' => Some("write `a if condition else b`"),
        '$' => Some("inside `${{ }}` a name stands without `$`"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn fails(text: &str, message: &str, found: &str) {
        let error = parse(text, 0..text.len()).err().unwrap();
        assert_eq!((error.message.as_str(), &text[error.span.clone()]), (message, found), "{text}");
    }

    #[test]
    fn errors_are_in_words_and_at_their_place() {
        fails("", "an expression is missing here", "");
        fails("a +", "the expression ends too early: an expression is missing", "+");
        fails("a b", "the expression has ended before `b`", "b");
        fails("a = b", "the expression has ended before `=`", "=");
        fails("x[]", "`]` cannot stand here", "]");
        fails("f(1", "the expression ends too early: `,` is missing", "1");
        fails("a ? b", "`?` cannot stand here", "?");
        fails("a.é", "`é` cannot stand here", "é");
        fails("x | 3", "`3` cannot stand here: a name was expected", "3");
        fails(r"'\q\u12'", r"a `\` in a text begins no known escape", r"'\q\u12'");
    }

    #[test]
    fn what_other_languages_write_gets_a_hint() {
        let help = |text: &str| parse(text, 0..text.len()).err().unwrap().help;
        for (text, expected) in
            [("a = 1", "=="), ("a && b", "and"), ("a || b", "or"), ("!a", "not"), ("a?1:2", "if")]
        {
            assert!(help(text).is_some_and(|help| help.contains(expected)), "{text}");
        }
        assert_eq!(help("a b"), None);
    }

    #[test]
    fn no_text_is_too_deep_for_the_stack() {
        for (unit, close) in
            [("not ", ""), ("-", ""), ("(", ")"), ("[", "]"), ("1 if 1 else ", ""), ("a+", "")]
        {
            for count in [MAX_NESTING - 1, MAX_OPERATORS - 1, 10_000] {
                let text = format!("{}a{}", unit.repeat(count), close.repeat(count));
                let parsed = parse(&text, 0..text.len());
                assert_eq!(
                    parsed.is_ok(),
                    count < MAX_NESTING || (close.is_empty() && count < MAX_OPERATORS),
                    "{unit}"
                );
            }
        }
        let long = format!("[{}]", "1, 'a', x, ".repeat(5_000));
        assert!(parse(&long, 0..long.len()).is_ok());
    }
}
