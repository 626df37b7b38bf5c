//! Several recordings: each is a conversation of its own, with a verdict in one line.

use std::path::PathBuf;

use diagnostics::visible;
use explain::Knowledge;
use explain::input::{InputError, Source, items};
use explain::summary::{Summarised, Summary};

use super::{ExplainArguments, diagnostic};
use crate::exit::{CommandError, Exit};
use crate::output::{self, say, say_report};
use crate::stop::interruptible;

/// The most recordings.
const MOST: usize = 2000;

/// Explains each folder by itself, one line for each.
pub(super) async fn explain(
    arguments: &ExplainArguments,
    folders: Vec<PathBuf>,
    knowledge: Knowledge,
) -> Result<Exit, CommandError> {
    if folders.len() > MOST {
        let count = folders.len();
        let words = format!("{count} recordings are more than {MOST}: name some of them");
        return Err(Exit::Usage.because(words));
    }
    let (mut recordings, mut errors) = (Vec::new(), Vec::new());
    for folder in folders {
        let (summarised, error) = summarised(arguments, folder, knowledge.clone()).await?;
        if !arguments.json {
            say(&visible(&summarised.line()));
        }
        recordings.push(summarised);
        errors.extend(error);
    }
    let summary = Summary::of(recordings);
    if arguments.json {
        say_report(&report::json::document(&summary));
    } else if let Some(first) = summary.first() {
        let name = visible(&first.recording);
        say(&format!("\nAll messages of one: `sceplab explain {name}`"));
    }
    output::diagnostics(&errors.iter().map(diagnostic).collect::<Vec<_>>());
    Ok(match summary.recordings.iter().any(Summarised::is_wrong) {
        true => Exit::Failed,
        false if !errors.is_empty() => Exit::Usage,
        false => Exit::Success,
    })
}

async fn summarised(
    arguments: &ExplainArguments,
    folder: PathBuf,
    knowledge: Knowledge,
) -> Result<(Summarised, Option<InputError>), CommandError> {
    let recording = folder.display().to_string();
    let read = interruptible(move || {
        let items = items(vec![Source::Folder(folder)])?;
        Ok(explain::explain(items, &knowledge))
    });
    let mut summarised = Summarised { recording, verdict: None, error: None };
    match read.await? {
        Ok(mut explanation) => {
            arguments.hide_secrets(&mut explanation);
            summarised.verdict = Some(explanation.verdict);
        }
        Err(InputError::NothingSaved { .. }) => {}
        Err(error) => {
            summarised.error = Some(error.to_string());
            return Ok((summarised, Some(error)));
        }
    }
    Ok((summarised, None))
}
