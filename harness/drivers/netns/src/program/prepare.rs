//! The commands that come before a server program.

use std::time::Duration;

use process::Output;

use super::command::Launcher;

/// How long one command may take.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs the commands in turn; the first that fails is the last.
///
/// # Errors
/// Which one failed, how, and the end of its output.
pub(super) async fn run(launcher: &Launcher<'_>) -> Result<(), String> {
    let commands = &launcher.program.prepare;
    for (index, words) in commands.iter().enumerate() {
        let which = format!("{} of {}, `{}`,", index + 1, commands.len(), launcher.shown(words));
        one(launcher, words).await.map_err(|reason| format!("prepare command {which} {reason}"))?;
    }
    Ok(())
}

async fn one(launcher: &Launcher<'_>, words: &[String]) -> Result<(), String> {
    let Some(path) = launcher.find(words) else {
        return Err("is not installed, or has no such path".to_owned());
    };
    let (mut process, reader) =
        launcher.spawn(&path, words).map_err(|reason| format!("was not carried out: {reason}"))?;
    let output = Output::read(reader, &launcher.masker, None);
    let Ok(status) = tokio::time::timeout(LIMIT, process.wait()).await else {
        process.end().await;
        return Err(output.under(&format!("did not end within {} s", LIMIT.as_secs())));
    };
    output.finish().await;
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(output.under(&format!("failed ({status})"))),
        Err(error) => Err(format!("cannot be waited for: {error}")),
    }
}
