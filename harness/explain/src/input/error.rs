//! Why an input gave no message.

use std::{error::Error, fmt};

use files::ReadError;

/// Why an input gave no message.
#[derive(Debug)]
pub enum InputError {
    /// This file or folder cannot be read.
    Unreadable(String, ReadError),
    /// A text from the command line looks like the path of a file, and there is no such file.
    NoSuchFile(String),
    /// The input from this origin exceeds a limit, which is in words.
    TooMuch(String, String),
    /// A folder of saved messages cannot be read.
    Recording(recording::ReadError),
    /// The index of a folder of saved messages is damaged, or names files that cannot be used.
    Index(recording::ReadError),
    /// A folder of saved messages has none.
    NothingSaved {
        /// The folder.
        folder: String,
        /// What was recorded: the id of a scenario, or a command.
        of: String,
    },
    /// Nothing in the input is recognised.
    Unrecognised(Box<Unrecognised>),
}

/// An input in which nothing is recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unrecognised {
    /// The file's name, `-`, or the beginning of the text.
    pub origin: String,
    /// What the input looks like, in words.
    pub looks_like: String,
    /// The forms that it was nearly taken for, and why it is none of them, in words.
    pub tried: Vec<String>,
    /// What would help.
    pub help: String,
}

impl InputError {
    /// Further lines: what the input was tried as, and what would help.
    pub fn notes(&self) -> Vec<String> {
        match self {
            Self::Unrecognised(unrecognised) => {
                let tried = unrecognised.tried.iter().map(|tried| format!("tried as {tried}"));
                tried.chain([unrecognised.help.clone()]).collect()
            }
            Self::Index(_) => vec![
                "without it nothing tells what belongs together; hand in single messages of the folder (`…-request.der`), or save them again".to_owned(),
            ],
            _ => Vec::new(),
        }
    }
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(origin, error) => write!(f, "`{origin}` cannot be read: {error}"),
            Self::NoSuchFile(text) => write!(
                f,
                "there is no file `{text}`, and the text itself is no message in any known form"
            ),
            Self::TooMuch(origin, limit) => write!(
                f,
                "`{origin}` has {limit}; hand in the part that matters, such as one message or one connection"
            ),
            Self::Recording(error) => error.fmt(f),
            Self::Index(error) => write!(f, "index.json cannot be used: {error}"),
            Self::NothingSaved { folder, of } => write!(
                f,
                "`{folder}` is a recording of `{of}` without a message: no connection was made, or nothing was sent; what `{of}` itself said tells why"
            ),
            Self::Unrecognised(unrecognised) => unrecognised.fmt(f),
        }
    }
}

impl Error for InputError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unreadable(_, error) => Some(error),
            Self::Recording(error) | Self::Index(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for Unrecognised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` has no message in it: it looks like {}", self.origin, self.looks_like)
    }
}
