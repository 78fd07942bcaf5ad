//! A call of a function that is not ours, `process(lat, lon, data=rows)`: its name, and each argument as an expression.
//! Knows nothing of what the function is.

use minijinja::machinery::ast;

use super::lower::Lowering;
use super::{Expression, ParseError, syntax};
use crate::value::Text;

/// The function's name, which may have dots, and its arguments.
#[derive(Clone, Debug)]
pub struct CallText {
    pub function: String,
    /// By name where they are given so.
    pub arguments: Vec<(Option<String>, Expression)>,
}

impl CallText {
    /// Parses what stands in `text` from `start` on; spans are into the whole text.
    pub fn parse(text: &str, start: usize) -> Result<CallText, ParseError> {
        let tree = syntax::parse(text, start..text.len())?;
        let ast::Expr::Call(call) = &tree else { return Err(no_call(text, start)) };
        if let ast::Expr::Const(_) = &call.expr {
            return Err(a_constant(text, start));
        }
        if !is_name(&call.expr) {
            return Err(no_call(text, start));
        }
        let shared = Text::from(text);
        let lowering = Lowering { text: &shared, offset: start };
        let compiled = |expr: &ast::Expr<'_>| Ok(Expression::compiled(shared.clone(), lowering.node(expr)?));
        let mut arguments: Vec<(Option<String>, Expression)> = Vec::new();
        for argument in &call.args {
            let (name, value) = match argument {
                ast::CallArg::Pos(expr) => (None, compiled(expr)?),
                ast::CallArg::Kwarg(name, expr) => (Some((*name).to_owned()), compiled(expr)?),
                ast::CallArg::PosSplat(expr) | ast::CallArg::KwargSplat(expr) => {
                    let span = compiled(expr)?.node.span;
                    return Err(ParseError::new("arguments are written one by one, without `*`", span));
                }
            };
            if name.is_some() && arguments.iter().any(|(known, _)| *known == name) {
                let message = format!("the argument `{}` is given twice", name.unwrap_or_default());
                return Err(ParseError::new(message, value.node.span));
            }
            arguments.push((name, value));
        }
        let function = text[start..].split('(').next().unwrap_or_default().trim().to_owned();
        Ok(CallText { function, arguments })
    }
}

fn is_name(callee: &ast::Expr<'_>) -> bool {
    match callee {
        ast::Expr::Var(_) => true,
        ast::Expr::GetAttr(member) => is_name(&member.expr),
        _ => false,
    }
}

/// A word that stands for a value, or a value as such.
fn a_constant(text: &str, start: usize) -> ParseError {
    let end = text[start..].find('(').map_or(text.len(), |length| start + length);
    let message = format!("`{}` is a value in expressions, and names no function", text[start..end].trim());
    ParseError::new(message, start..end)
        .help("give the function another name, as by `nothing = none` in its file")
}

fn no_call(text: &str, start: usize) -> ParseError {
    ParseError::new("one call of one function stands here, and nothing behind it", start..text.len())
        .help("what comes of the result is said in `fills`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Vec<String>, String> {
        let call = CallText::parse(text, 0).map_err(|error| error.message)?;
        let shown = call.arguments.iter().map(|(name, value)| {
            let by_reference = if value.sole_reference().is_some() { "&" } else { "" };
            let name = name.as_ref().map(|name| format!("{name}=")).unwrap_or_default();
            format!("{name}{by_reference}{}", value.source())
        });
        Ok(std::iter::once(call.function.clone()).chain(shown).collect())
    }

    #[test]
    fn a_call_is_a_name_and_expressions() {
        assert_eq!(parsed("f()").unwrap(), ["f"]);
        assert_eq!(
            parsed("Grid.at(lat, d[lat + 1].x, n=lon * 2, all=rows)").unwrap(),
            ["Grid.at", "&lat", "&d[lat + 1].x", "n=lon * 2", "all=&rows"]
        );
        assert_eq!(
            parsed("range(3, l[-1], [a], {'k': b})").unwrap(),
            ["range", "3", "l[-1]", "[a]", "{'k': b}"]
        );
    }

    #[test]
    fn what_is_more_or_less_than_a_call_is_refused() {
        for bad in ["f(1) + 1", "f(1)(2)", "f(1).g(2)", "f", "f(x) | first"] {
            assert!(parsed(bad).unwrap_err().contains("one call of one function"), "{bad}");
        }
        assert!(parsed("f(*xs)").unwrap_err().contains("one by one"));
        assert!(parsed("f(a=1, a=2)").unwrap_err().contains("twice"));
        assert!(parsed("f(1").is_err());
        for constant in ["none", "None", "true", "False"] {
            let error = parsed(&format!("{constant}()")).unwrap_err();
            assert_eq!(error, format!("`{constant}` is a value in expressions, and names no function"));
        }
    }
}
