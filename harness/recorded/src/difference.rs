//! What is other than in the recording, for those who rely on the answers.

use scep::named;
use serde::Serialize;

named! {
    /// What a difference is about.
    About, "kind of difference" {
        /// A key of the recorded server is not known, and another one takes its place.
        Keys = "keys";
        /// Dates: they were moved, or they mean another thing today.
        Dates = "dates";
        /// A request is other than the recorded one in what matters.
        Request = "request";
        /// A request came more often than it was recorded, or never was.
        Order = "order";
        /// A part of an answer is not known, or cannot be made again.
        Answer = "answer";
    }
}

/// Something that is other than in the recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What it is about.
    pub about: About,
    /// The difference in a sentence.
    pub what: String,
}

impl Difference {
    pub(crate) fn new(about: About, what: impl Into<String>) -> Self {
        Self { about, what: what.into() }
    }
}

/// Differences, each once, with the number of times that it occurred.
#[derive(Clone, Debug, Default)]
pub struct Differences {
    all: Vec<(Difference, u64)>,
    /// The number of those that were too many to be kept.
    left_out: u64,
}

impl Differences {
    /// The most that are kept, because peers can cause any number.
    const MOST: usize = 500;

    pub(crate) fn add(&mut self, difference: Difference) {
        if let Some((_, count)) = self.all.iter_mut().find(|(known, _)| *known == difference) {
            *count += 1;
        } else if self.all.len() < Self::MOST {
            self.all.push((difference, 1));
        } else {
            self.left_out += 1;
        }
    }

    /// The differences in the order in which they first occurred, with their numbers.
    pub fn all(&self) -> &[(Difference, u64)] {
        &self.all
    }

    /// The differences in lines: what each is about, the difference, and how often it occurred if that is more than once.
    pub fn lines(&self) -> Vec<String> {
        let line = |(Difference { about, what }, count): &(Difference, u64)| {
            let times = if *count > 1 { format!(" ({count} times)") } else { String::new() };
            format!("{about}: {what}{times}")
        };
        let further = match self.left_out {
            0 => None,
            left_out => Some(format!("and {left_out} more, which are not listed")),
        };
        self.all.iter().map(line).chain(further).collect()
    }

    /// The number of differences that were too many to be kept.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }
}
