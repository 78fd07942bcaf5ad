//! What standard error can show: decided from the environment that is given, by the conventions of the field
//! (NO_COLOR, CLICOLOR, CLICOLOR_FORCE, TERM, CI, and the locale's LC_ALL, LC_CTYPE, LANG). Writes nothing.

use std::env;
use std::io::{IsTerminal, stderr};

use rustix::process::getpgrp;
use rustix::termios::{tcgetpgrp, tcgetwinsize};

/// What the user says about colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

/// What can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terminal {
    pub is_terminal: bool,
    pub color: bool,
    /// Whether a bar that redraws itself is of use unless the user asks for one.
    pub bar: bool,
    /// Whether more than ASCII can be drawn there. What calls print is shown as it is.
    pub unicode: bool,
    /// Whether GitHub Actions reads what is written.
    pub github: bool,
    /// Whether GitLab does.
    pub gitlab: bool,
}

impl Terminal {
    /// Standard error of this process.
    pub fn of_stderr(color: Color) -> Terminal {
        let variable = |name: &str| env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        Terminal::decide(color, stderr().is_terminal(), variable)
    }

    /// The height and width of the window on standard error, in characters, as far as they are known: some terminals say 0.
    pub fn size() -> (usize, usize) {
        let size = tcgetwinsize(stderr()).ok().filter(|size| size.ws_row > 0 && size.ws_col > 0);
        size.map_or((24, 80), |size| (size.ws_row.into(), size.ws_col.into()))
    }

    /// Whether a shell has given the terminal on standard error to others meanwhile, as it does for a job that `bg` lets go
    /// on, or that began with `&`.
    pub fn is_lent() -> bool {
        tcgetpgrp(stderr()).is_ok_and(|group| group != getpgrp())
    }

    /// Decides for these variables. The command line wins over NO_COLOR, that over CLICOLOR_FORCE; an empty
    /// variable is as good as none. UTF-8 is what the first of LC_ALL, LC_CTYPE and LANG says that says anything.
    pub fn decide(color: Color, is_terminal: bool, variable: impl Fn(&str) -> Option<String>) -> Terminal {
        let value = |name| variable(name).filter(|value| !value.is_empty());
        let is_on = |name| value(name).is_some_and(|value| value != "0" && value != "false");
        let able = is_terminal && value("TERM").is_some_and(|term| term != "dumb");
        let color = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto if value("NO_COLOR").is_some() => false,
            Color::Auto if is_on("CLICOLOR_FORCE") => true,
            Color::Auto => able && value("CLICOLOR").is_none_or(|value| value != "0"),
        };
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(value).unwrap_or_default();
        let locale = locale.to_ascii_lowercase();
        let unicode = locale.contains("utf-8") || locale.contains("utf8");
        let (github, gitlab) = (is_on("GITHUB_ACTIONS"), is_on("GITLAB_CI"));
        Terminal { is_terminal, color, bar: able && !is_on("CI"), unicode, github, gitlab }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_conventions_are_kept() {
        use Color::{Always, Auto, Never};
        let check = |color, is_terminal, variables: &str, expected: (bool, bool)| {
            let variable = |name: &str| {
                let mut pairs = variables.split(' ').filter_map(|pair| pair.split_once('='));
                pairs.find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
            };
            let found = Terminal::decide(color, is_terminal, variable);
            assert_eq!((found.color, found.bar), expected, "{color:?} {is_terminal} {variables}");
        };
        check(Auto, true, "TERM=xterm", (true, true));
        check(Auto, false, "TERM=xterm", (false, false));
        check(Auto, true, "TERM=dumb", (false, false));
        check(Auto, true, "", (false, false));
        check(Auto, true, "TERM=xterm NO_COLOR=1", (false, true));
        check(Auto, true, "TERM=xterm NO_COLOR=", (true, true));
        check(Auto, true, "TERM=xterm CLICOLOR=0", (false, true));
        check(Auto, false, "CLICOLOR_FORCE=1", (true, false));
        check(Auto, false, "CLICOLOR_FORCE=0", (false, false));
        check(Auto, false, "CLICOLOR_FORCE=1 NO_COLOR=1", (false, false));
        check(Auto, true, "TERM=xterm CI=true", (true, false));
        check(Auto, true, "TERM=xterm CI=false", (true, true));
        check(Always, false, "NO_COLOR=1 TERM=dumb", (true, false));
        check(Never, true, "CLICOLOR_FORCE=1 TERM=xterm", (false, true));
    }

    #[test]
    fn the_locale_tells_whether_more_than_ascii_can_be_drawn() {
        let check = |variables: &str, expected| {
            let variable = |name: &str| {
                let mut pairs = variables.split(' ').filter_map(|pair| pair.split_once('='));
                pairs.find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
            };
            assert_eq!(Terminal::decide(Color::Auto, true, variable).unicode, expected, "{variables}");
        };
        check("", false);
        check("LANG=C", false);
        check("LANG=C.UTF-8", true);
        check("LANG=de_DE.utf8", true);
        check("LANG=en_US.ISO-8859-1", false);
        check("LANG=en_US.UTF-8 LC_CTYPE=C", false);
        check("LANG=C LC_CTYPE=UTF-8", true);
        check("LANG=en_US.UTF-8 LC_CTYPE=en_US.UTF-8 LC_ALL=POSIX", false);
        check("LANG=en_US.UTF-8 LC_ALL=", true);
    }
}
