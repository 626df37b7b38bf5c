//! The option that saves what is exchanged with PKIs.

use std::path::{Path, PathBuf};

use clap::Args;
use files::overlap;

use super::exit::Exit;
use super::output::warn;
use super::stop::interruptible;
use diagnostics::{Diagnostic, Palette, render};
use model::lab::Lab;
use recording::Folder;
use testbed::DriverName;

/// The option that saves what is exchanged with PKIs.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct MessagesArgument {
    /// Save what is exchanged with PKIs in this new folder, for you alone: each message by itself, heads, times, and an index;
    /// passwords in it are not masked
    #[arg(long, value_name = "DIR")]
    save_messages: Option<PathBuf>,
}

impl MessagesArgument {
    /// Makes the folder, if messages are saved, and says what it will have, and which messages of these labs it will not; the error says
    /// what to type instead.
    pub(super) fn begin<'a>(
        &self,
        labs: impl IntoIterator<Item = &'a Lab>,
    ) -> Result<Option<Folder>, String> {
        let Some(path) = &self.save_messages else { return Ok(None) };
        let folder = Folder::begin(path).map_err(|error| error.to_string())?;
        let path = path.display();
        warn(&format!(
            "note: `{path}` gets the messages as they are on the wire, so challenge passwords, logins (`Authorization`) and keys in them are what they are; only you can read it"
        ));
        let program = labs.into_iter().find_map(|lab| lab.programs().map(|(host, _)| host).next());
        if let Some(host) = program {
            warn(&format!(
                "note: what server programs exchange is not saved, such as that of host `{host}`; `run` with `--driver netns` and `--pcap DIR` captures it"
            ));
        }
        Ok(Some(folder))
    }

    /// Checks that the folder of another option is another one; the error says what to type instead.
    pub(super) fn apart_from(&self, option: &str, other: Option<&Path>) -> Result<(), String> {
        apart(("--save-messages", self.save_messages.as_deref()), (option, other))
    }

    /// Checks that a driver can save messages; the error says what to type instead.
    pub(super) fn fits(&self, driver: DriverName) -> Result<(), String> {
        match (&self.save_messages, driver) {
            (Some(folder), DriverName::Docker) => {
                let option = format!("--save-messages {}", folder.display());
                let why =
                    "needs mock CAs that can write to this machine, and those in containers cannot";
                Err(format!("`{option}` {why}; type `{option} --driver netns`"))
            }
            _ => Ok(()),
        }
    }
}

/// Checks that the folders of two options, if both are given, are two; the error says what to type instead.
pub(super) fn apart(
    (one, own): (&str, Option<&Path>),
    (option, other): (&str, Option<&Path>),
) -> Result<(), String> {
    match (own, other) {
        (Some(own), Some(other)) if overlap(own, other) => Err(format!(
            "`{one} {}` and `{option} {}` name one folder, or one lies in the other, and each has files of its own: name two folders side by side",
            own.display(),
            other.display()
        )),
        _ => Ok(()),
    }
}

/// Warns of folders that are incomplete, and returns the exit code after that.
pub(super) async fn complete(folder: Option<&Folder>, exit: Exit) -> Exit {
    let complaints = complaints(folder).await;
    let palette = Palette::of(&std::io::stderr());
    for complaint in &complaints {
        warn(&render("warning", &Diagnostic::general(complaint.as_str()), palette));
    }
    match exit {
        Exit::Success | Exit::Failed if !complaints.is_empty() => Exit::Lab,
        exit => exit,
    }
}

/// Waits until all is saved, which a slow disk may delay, and takes the complaints about folders that are incomplete.
pub(super) async fn complaints(folder: Option<&Folder>) -> Vec<String> {
    let Some(folder) = folder.cloned() else { return Vec::new() };
    interruptible(move || folder.complaints()).await.unwrap_or_default()
}
