//! The screen of a run of which more is shown than events: what calls print, in between, and what GitHub is told, behind.
//! All of it on one thread, so that no line comes into another, nor into a fold.

use std::path::PathBuf;
use std::sync::Arc;

use anstyle::Style;

use super::fold::Fold;
use super::github::{Github, without_commands};
use super::lines::clean;
use super::live::{Block, Item, LeftOut};
use super::{Batch, Live, Reporter, Wake};
use crate::event::{Event, EventKind};

pub(super) struct Shown<W> {
    /// Who shows the rest.
    screen: Box<dyn Reporter>,
    live: Option<Arc<Live>>,
    fold: Fold,
    /// How the name of a call is written where nobody folds.
    name: Style,
    github: Option<Github<W>>,
    /// Where the folders of the runs are.
    runs: PathBuf,
    /// Where that of this run is, once it has begun.
    folder: Option<PathBuf>,
    /// How many outputs were shown as a whole.
    blocks: usize,
}

impl<W: std::io::Write + Send> Shown<W> {
    pub fn new(
        screen: Box<dyn Reporter>,
        live: Option<Arc<Live>>,
        (fold, name): (Fold, Style),
        github: Option<Github<W>>,
        runs: PathBuf,
    ) -> Shown<W> {
        Shown { screen, live, fold, name, github, runs, folder: None, blocks: 0 }
    }

    /// Shows the lines that have come, once the run has begun.
    fn show_lines(&mut self) {
        let Shown { screen, live, github, folder, .. } = self;
        let (Some(live), Some(folder)) = (live, folder) else { return };
        live.take(|item| match item {
            Item::Text(text) if github.is_some() => screen.show(&without_commands(&text)),
            Item::Text(text) => screen.show(&text),
            Item::LeftOut(LeftOut { lines, call, others }) => {
                let others = if others { " and other calls" } else { "" };
                let lines = if lines == 1 { "1 line".to_owned() } else { format!("{lines} lines") };
                let kept = folder.display();
                screen.notice(&format!(
                    "{lines} of {call}{others} left out here, since standard error is too slow; `{kept}` has what is kept of them"
                ));
            }
        });
    }

    /// Shows the whole output of an attempt that is now told of.
    fn show_block(&mut self, call: &str, is_last: bool, block: Block) {
        let attempt =
            if is_last && block.attempt == 1 { String::new() } else { format!(" attempt {}", block.attempt) };
        self.blocks += 1;
        let name = if self.fold == Fold::Nobody { self.name } else { Style::new() };
        let heading = format!("{name}{}{name:#}{attempt}", clean(call));
        let (beginning, folded) = self.fold.begin(&heading, (block.began, block.ended), self.blocks);
        self.screen.show(&beginning);
        let missing = block.read(|text| self.screen.show(&folded.lines(text)));
        self.screen.show(&folded.end());
        if let (Some((lines, why)), Some(folder)) = (missing, &self.folder) {
            let kept = folder.display();
            let call = clean(call);
            self.screen.notice(&format!(
                "{call}{attempt}: {lines} lines left out here: {why}; `{kept}` has what is kept of them"
            ));
        }
    }

    fn show_outputs(&mut self, event: &Event) {
        let (call, attempt, is_last) = match &event.kind {
            EventKind::RunStarted { run, .. } => {
                self.folder = Some(self.runs.join(run));
                return;
            }
            EventKind::AttemptFailed { call, attempt, .. } => (call, *attempt, false),
            EventKind::CallEnded { call, .. } => (call, u32::MAX, true),
            _ => return,
        };
        let blocks = self.live.as_ref().map(|live| live.blocks(call, attempt)).unwrap_or_default();
        blocks.into_iter().for_each(|block| self.show_block(call, is_last, block));
    }

    fn tell_github(&mut self, event: &Event) -> Result<(), String> {
        let Some(github) = &mut self.github else { return Ok(()) };
        // nobody else would show it
        github.event(event).inspect_err(|words| self.screen.notice(words))
    }
}

impl<W: std::io::Write + Send> Reporter for Shown<W> {
    fn begin(&mut self, wake: Wake) {
        self.live.iter().for_each(|live| live.attach(wake.clone()));
    }

    fn event(&mut self, event: &Event) -> Result<(), String> {
        // a call's lines come before its end
        self.show_lines();
        self.show_outputs(event);
        self.screen.event(event)?;
        self.tell_github(event)
    }

    fn batch(&mut self, batch: &Batch) -> Result<(), String> {
        let has_blocks = self.live.as_ref().is_some_and(|live| live.has_blocks());
        if has_blocks || self.github.is_some() || self.folder.is_none() {
            return batch.events.iter().try_for_each(|event| self.event(event));
        }
        self.show_lines();
        self.screen.batch(batch)
    }

    fn notice(&mut self, text: &str) {
        self.screen.notice(text);
    }

    fn show(&mut self, text: &str) {
        self.screen.show(text);
    }

    fn idle(&mut self) -> Result<(), String> {
        self.show_lines();
        self.screen.idle()
    }

    fn patience(&self) -> Option<std::time::Duration> {
        self.screen.patience()
    }

    fn finish(&mut self) -> Result<(), String> {
        self.show_lines();
        self.screen.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::mask::Masker;
    use crate::outcome::Stream;
    use crate::report::Logs;

    /// Writes down what it is given to show.
    struct Tape(Arc<Mutex<Vec<String>>>);

    impl Tape {
        fn note(&self, text: String) {
            self.0.lock().unwrap().push(text);
        }
    }

    impl Reporter for Tape {
        fn event(&mut self, event: &Event) -> Result<(), String> {
            let name = match &event.kind {
                EventKind::RunStarted { .. } => "begin",
                EventKind::CallEnded { .. } => "end",
                _ => "else",
            };
            self.note(name.to_owned());
            Ok(())
        }

        fn show(&mut self, text: &str) {
            self.note(text.to_owned());
        }
    }

    fn batch() -> Batch {
        let lines = [
            r#"{"ms":0,"event":"run-started","schema":1,"deco":"0","run":"R","manifest":"m","started":"2026-01-01T00:00:00Z","resumed":false,"whole":true,"jobs":1,"calls":1,"unexpanded":0,"syncs":0}"#,
            r#"{"ms":1,"event":"call-ended","call":"t","outcome":"succeeded","took_ms":1,"changes":[],"stdout_tail":"","stderr_tail":""}"#,
        ];
        Batch::new(lines.iter().map(|line| Event::parse(line.as_bytes()).unwrap()).collect())
    }

    #[test]
    fn what_a_call_prints_comes_between_the_beginning_and_its_end() {
        for (logs, expected) in [
            (Logs::Stream, &["begin", "one\n", "end"][..]),
            (Logs::Group, &["begin", "t printed:\n", "    one\n", "", "end"]),
        ] {
            let live = Live::new(None, logs, Style::new(), std::env::temp_dir()).unwrap();
            let told = Arc::<Mutex<Vec<String>>>::default();
            let tape = Box::new(Tape(told.clone()));
            let mut shown = Shown::<Vec<u8>>::new(
                tape,
                Some(live.clone()),
                (Fold::Nobody, Style::new()),
                None,
                PathBuf::from("runs"),
            );
            let mut voice = live.voice(("t", 1), 1, Masker::new());
            voice.hear(Stream::Stdout, b"one\n");
            voice.end();
            // nothing is shown of a run that has not begun
            shown.idle().unwrap();
            shown.batch(&batch()).unwrap();
            assert_eq!(*told.lock().unwrap(), expected);
        }
    }
}
