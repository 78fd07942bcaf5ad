//! Draws diagnostics on the text that they are about: file, line, the span underlined, a help line.
//! Knows the look; what is wrong and how to put it right comes with each diagnostic.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::diagnostic::{Diagnostic, Diagnostics, Severity, Source, Span};

/// How a drawing looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    Plain,
    /// With colours of a terminal.
    Colour,
}

/// All diagnostics, an empty line between two, ending with a line break; nothing for none.
pub fn draw(diagnostics: &Diagnostics, look: Look) -> String {
    let drawn = diagnostics.list.iter().map(|one| draw_one(&diagnostics.source, one, look));
    drawn.collect::<Vec<_>>().join("\n")
}

/// One diagnostic, ending with a line break.
pub fn draw_one(source: &Source, diagnostic: &Diagnostic, look: Look) -> String {
    let renderer = match look {
        Look::Plain => Renderer::plain(),
        Look::Colour => Renderer::styled(),
    };
    let mut drawn = renderer.term_width(120).render(&[group(source, diagnostic)]);
    drawn.push('\n');
    drawn
}

fn group<'a>(source: &'a Source, diagnostic: &'a Diagnostic) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(diagnostic.message.as_str());
    let group = match diagnostic.labels.is_empty() {
        true => title.element(Origin::path(source.name.as_str())),
        false => title.element(snippet(source, diagnostic)),
    };
    match &diagnostic.help {
        Some(help) => group.element(Level::HELP.message(help.as_str())),
        None => group,
    }
}

fn snippet<'a>(
    source: &'a Source,
    diagnostic: &'a Diagnostic,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let annotations = diagnostic.labels.iter().enumerate().map(|(index, label)| {
        let kind = if index == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
        let annotation = kind.span(within(&source.text, &label.span));
        if label.text.is_empty() { annotation } else { annotation.label(label.text.as_str()) }
    });
    Snippet::source(source.text.as_str()).path(source.name.as_str()).annotations(annotations)
}

/// The span, cut to the text and widened to whole characters.
fn within(text: &str, span: &Span) -> Span {
    let start = text.floor_char_boundary(span.start.min(text.len()));
    let end = text.ceil_char_boundary(span.end.clamp(start, text.len()));
    start..end
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn source(text: &str) -> Source {
        Source { name: "deco.toml".to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_span_is_underlined_with_its_words_and_a_remedy() {
        let diagnostic = Diagnostic::error("`x` is wrong").at(4..5, "this").help("write `y`");
        let drawn = draw_one(&source("a = x\n"), &diagnostic, Look::Plain);
        let expected = "error: `x` is wrong\n --> deco.toml:1:5\n  |\n1 | a = x\n  |     ^ this\n  |\n  = help: write `y`\n";
        assert_eq!(drawn, expected);
    }

    #[test]
    fn colour_is_only_in_the_coloured_look() {
        let diagnostics = Diagnostics {
            source: Arc::new(source("a = 1\n")),
            list: vec![Diagnostic::warning("w").at(0..1, ""), Diagnostic::error("e")],
        };
        assert!(draw(&diagnostics, Look::Colour).contains('\u{1b}'));
        let plain = draw(&diagnostics, Look::Plain);
        assert!(!plain.contains('\u{1b}') && plain.contains("warning: w") && plain.contains("error: e"));
    }

    #[test]
    fn no_span_is_too_odd_to_draw() {
        let text = "é\r\n\tü = 1";
        for start in 0..14 {
            for end in 0..14 {
                let diagnostic = Diagnostic::error("e").at(start..end, "here").at(end..start, "");
                draw_one(&source(text), &diagnostic, Look::Plain);
            }
        }
        draw_one(&source(""), &Diagnostic::error("e").at(0..0, ""), Look::Plain);
    }
}
