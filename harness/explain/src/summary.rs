//! Several recordings, each with its verdict, as plain data.

use serde::Serialize;

use crate::{
    explanation::{AtFault, VERSION, Verdict},
    text::verdict_line,
};

/// The verdicts about several recordings.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// Version of this format; that of an explanation.
    pub version: u32,
    /// The recordings in the order of their folders.
    pub recordings: Vec<Summarised>,
}

/// A recording and its verdict.
#[derive(Debug, Clone, Serialize)]
pub struct Summarised {
    /// Path of the folder.
    pub recording: String,
    /// Who is wrong; none if there is no message, or if the recording cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Why it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Summary {
    /// The summary of these recordings.
    pub fn of(recordings: Vec<Summarised>) -> Self {
        Self { version: VERSION, recordings }
    }

    /// The recording to look at first: one with something wrong, or else the first with a verdict.
    pub fn first(&self) -> Option<&Summarised> {
        let wrong = self.recordings.iter().find(|it| it.is_wrong());
        wrong.or_else(|| self.recordings.iter().find(|it| it.verdict.is_some()))
    }
}

impl Summarised {
    /// True if something is wrong in it.
    pub fn is_wrong(&self) -> bool {
        self.verdict.as_ref().is_some_and(Verdict::is_wrong)
    }

    /// The recording and its verdict in a line.
    pub fn line(&self) -> String {
        let said = match (&self.verdict, &self.error) {
            (Some(verdict), _) => verdict_line(verdict),
            (None, Some(_)) => "cannot be read".to_owned(),
            (None, None) => "no message was saved".to_owned(),
        };
        format!("{}  {said}", self.recording)
    }
}

impl Verdict {
    /// True if something is wrong, whoever made it.
    pub fn is_wrong(&self) -> bool {
        match self.at_fault {
            AtFault::Nobody | AtFault::Unknown => false,
            AtFault::Server | AtFault::Client | AtFault::Both | AtFault::Sender => true,
        }
    }
}
