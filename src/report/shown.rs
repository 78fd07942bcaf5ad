//! The screen of a run of which more is shown than events: what calls print, in between, and what GitHub is told, behind.
//! All of it on one thread, so that no line comes into another, nor into a fold.

use std::path::PathBuf;
use std::sync::Arc;

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
        fold: Fold,
        github: Option<Github<W>>,
        runs: PathBuf,
    ) -> Shown<W> {
        Shown { screen, live, fold, github, runs, folder: None, blocks: 0 }
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
        let heading = format!("{}{attempt}", clean(call));
        let (beginning, folded) = self.fold.begin(&heading, (block.began, block.ended), self.blocks);
        self.screen.show(&beginning);
        let missing = block.read(|text| self.screen.show(&folded.lines(text)));
        self.screen.show(&folded.end());
        if let (Some((lines, why)), Some(folder)) = (missing, &self.folder) {
            let kept = folder.display();
            self.screen.notice(&format!(
                "{heading}: {lines} lines left out here: {why}; `{kept}` has what is kept of them"
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
        if has_blocks || self.github.is_some() {
            return batch.events.iter().try_for_each(|event| self.event(event));
        }
        self.show_lines();
        batch.events.iter().for_each(|event| self.show_outputs(event));
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
