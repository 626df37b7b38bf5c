//! The word that was probably meant, below the refusal of a line with a misspelt one.

use std::fmt::Display;

use scep::suggestion::closest;

use super::Reply;
use crate::config::message::{PathError, Refusal};
use crate::config::schema::{Content, locate};
use crate::device::configuration_mode::VERBS;
use crate::operational::{CommandError, Next, following};

impl Reply {
    /// The refusal of a line of configuration mode.
    pub(super) fn refused_change(refusal: &Refusal) -> Self {
        let meant = match refusal {
            Refusal::Set(PathError::Unknown { good, bad })
            | Refusal::Delete(PathError::Unknown { good, bad })
            | Refusal::Show(PathError::Unknown { good, bad }) => node(good, bad),
            _ => None,
        };
        Self::refused_with(refusal, meant)
    }

    /// The refusal of a verb of configuration mode.
    pub(super) fn refused_verb(error: &CommandError) -> Self {
        let meant = match error {
            CommandError::Invalid { bad, .. } => closest(bad, VERBS.iter().map(|(verb, _)| *verb)),
            _ => None,
        };
        Self::refused_with(error, meant)
    }

    /// The refusal of a command of operational mode.
    pub(super) fn refused_command(error: &CommandError) -> Self {
        let meant = match error {
            CommandError::Invalid { good, bad } => match following(good) {
                Next::Keywords(keywords) => closest(bad, keywords.iter().map(|it| it.name)),
                _ => None,
            },
            _ => None,
        };
        Self::refused_with(error, meant)
    }

    fn refused_with(error: &dyn Display, meant: Option<&str>) -> Self {
        match meant {
            Some(meant) => Self::refused(format!("{error}\nDid you mean `{meant}`?")),
            None => Self::refused(error),
        }
    }
}

/// The node that a misspelt word below a path means.
fn node(path: &[String], word: &str) -> Option<&'static str> {
    match locate(path).ok()?.content {
        Content::Branch(nodes) => closest(word, nodes.iter().map(|node| node.name)),
        _ => None,
    }
}
