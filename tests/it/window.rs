//! A terminal's window, as `deco` meets it and as a person sees it.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::num::NonZeroU16;
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// What it shows is always up to date with what was written to it.
pub struct Window {
    inside: OwnedFd,
    screen: Arc<Mutex<vt100::Parser>>,
    all: Mutex<Option<Receiver<Vec<u8>>>>,
}

impl Window {
    pub fn new(rows: u16, columns: u16) -> Window {
        let inside = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&inside).and_then(|()| unlockpt(&inside)).expect("the terminal can be opened");
        let size = [rows, columns].map(|number| NonZeroU16::new(number).expect("a size"));
        let screen = Arc::new(Mutex::new(vt100::Parser::new(size[0], size[1], 1000)));
        let window = Window { inside, screen, all: Mutex::default() };
        window.resize(rows, columns);
        window
    }

    pub fn resize(&self, rows: u16, columns: u16) {
        let size = [rows, columns].map(|number| NonZeroU16::new(number).expect("a size"));
        self.screen.lock().unwrap().set_size(size[0], size[1]);
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.inside, size).expect("a terminal has a size");
    }

    /// The side of whoever writes. From then on it is shown, until the last who writes is gone.
    pub fn terminal(&self) -> File {
        let name = ptsname(&self.inside, Vec::new()).expect("a terminal has a name");
        let name = name.into_string().expect("a name in ASCII");
        let terminal = OpenOptions::new().read(true).write(true).open(name).expect("a terminal");
        let mut written = File::from(self.inside.try_clone().expect("a descriptor"));
        let (screen, (sender, receiver)) = (Arc::clone(&self.screen), channel());
        std::thread::spawn(move || {
            let (mut all, mut part) = (Vec::new(), [0; 4096]);
            // at its end, a terminal fails
            while let Ok(length @ 1..) = written.read(&mut part) {
                all.extend(&part[..length]);
                screen.lock().unwrap().process(&part[..length]);
            }
            sender.send(all)
        });
        *self.all.lock().unwrap() = Some(receiver);
        terminal
    }

    /// All that was written, once nobody writes any more.
    pub fn all(&self) -> Receiver<Vec<u8>> {
        self.all.lock().unwrap().take().expect("a terminal that was opened")
    }

    /// Its rows without the blanks at their ends; none of the blank ones at its end.
    pub fn shows(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Where the cursor is: row and column, from 0.
    pub fn cursor(&self) -> (u16, u16) {
        self.screen.lock().unwrap().screen().cursor_position()
    }
}
