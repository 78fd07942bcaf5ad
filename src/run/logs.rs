//! Outputs that are too long for the events, in the log files of the run.

use crate::exec::{self, Finished, Log, Logged, Output, Stream};
use crate::state::logs::LogFile;

use super::Running;
use super::tell::is_shown_whole;

impl exec::Logs for Running {
    fn open(&self, stream: Stream) -> Box<dyn Log> {
        let kind = match stream {
            Stream::Stdout => "stdout",
            Stream::Stderr => "stderr",
        };
        // what the call itself can know was learnt when its environment was made
        Box::new(Writing(self.setting.logs.open(kind, self.setting.secrets.known())))
    }
}

struct Writing(LogFile);

impl Log for Writing {
    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    fn close(self: Box<Self>) -> Logged {
        let written = self.0.close();
        let (head, tail, length) = (written.head, written.tail, written.length);
        Logged { head, tail, length, name: written.name, error: written.error }
    }
}

impl Running {
    /// Writes down what the events will not show of the outputs. A result that was taken needs no log.
    pub(super) fn keep_outputs(&self, finished: &mut Finished, is_taken: bool) {
        if !is_taken {
            self.keep(&mut finished.stdout, Stream::Stdout);
        }
        self.keep(&mut finished.stderr, Stream::Stderr);
        let logs = [&finished.stdout.logged, &finished.stderr.logged].into_iter().flatten();
        if let Some(error) = logs.filter_map(|log| log.error.as_ref()).next() {
            self.scribe.notice(error);
            self.broken(error.clone());
        }
    }

    fn keep(&self, output: &mut Output, stream: Stream) {
        if output.logged.is_none() && !is_shown_whole(&output.bytes) {
            let mut log = exec::Logs::open(self, stream);
            log.write(&output.bytes);
            output.logged = Some(Box::new(log.close()));
        }
    }
}
