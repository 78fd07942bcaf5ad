//! Text for a shell into which values go by reference: the values become arguments, the text refers to them,
//! quoted for where each stands. Never pastes a value unless asked; knows nothing of templates or tasks.

use crate::expr::Landing;

/// A stretch of the text as it comes: literal, or the place of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    Literal(&'a str),
    Value(Landing),
}

/// What a value is when the text is rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argument {
    One(String),
    /// For [`Landing::Words`].
    Many(Vec<String>),
}

/// A compiled text.
#[derive(Debug)]
pub struct ShellText {}

/// Why a value cannot stand where it does, or a word of caution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// Which value, counted from 0.
    pub value: usize,
    pub message: String,
    pub help: String,
}

/// A rendered text: the script, and the values that it refers to as arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    pub text: String,
    pub arguments: Vec<String>,
}

/// Whether this program is a shell whose text deco understands: sh, dash, bash, zsh, ksh, busybox (by file name).
pub fn is_shell(_program: &str) -> bool {
    todo!()
}

impl ShellText {
    /// Compiles the pieces; refuses values where the shell would expand no reference.
    pub fn compile(_pieces: &[Piece<'_>]) -> Result<ShellText, Vec<Remark>> {
        todo!()
    }

    /// Words of caution: values in text that is parsed again by another program.
    pub fn cautions(&self) -> &[Remark] {
        todo!()
    }

    /// The script for these values, one for each `Piece::Value` in order. `Err`: a value that cannot stand there.
    pub fn render(&self, _values: &[Argument]) -> Result<Script, String> {
        todo!()
    }
}
