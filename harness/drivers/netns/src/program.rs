//! A server program as a PKI: prepared, started and watched in its host's namespace.

mod command;
mod prepare;
mod ready;

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;

use ipnet::Ipv4Net;
use process::{Output, Process};
use redact::Masker;
use tokio::sync::watch;

use self::command::Launcher;
use model::lab::{Lab, Program};
use simulated::kernel::namespace::Namespace;
use testbed::BenchError;

/// A server program that serves, until it ends by itself or is dropped.
pub(crate) struct ServerProgram {
    output: Output,
    /// How it ended, once it has.
    ended: watch::Receiver<Option<String>>,
}

impl ServerProgram {
    /// Prepares and starts what `host` of `lab` runs, in `folder`, which it makes; returns when it serves.
    ///
    /// # Errors
    /// When a program is missing or cannot be started, a command before it fails, or it ends or is not ready in time.
    pub(crate) async fn start(
        lab: &Lab,
        (host, program): (&str, &Program),
        namespace: &Namespace,
        folder: PathBuf,
    ) -> Result<Self, BenchError> {
        let broken = |reason| BenchError::Pki { name: host.to_owned(), reason };
        DirBuilder::new().mode(0o700).create(&folder).map_err(|error| {
            broken(format!("its folder `{}` cannot be made: {error}", folder.display()))
        })?;
        let launcher =
            Launcher { masker: Arc::new(Masker::new(lab.secrets())), program, namespace, folder };
        let path = launcher.find(&program.command).ok_or_else(|| missing(host, program))?;
        prepare::run(&launcher).await.map_err(broken)?;
        launch(lab, host, &launcher, &path).await.map_err(broken)
    }

    /// The newest lines of its output, newest last.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.output.lines()
    }

    /// Waits until it ends by itself; gives the reason.
    pub(crate) async fn broken(&self) -> String {
        end_of(&mut self.ended.clone()).await
    }
}

fn missing(host: &str, program: &Program) -> BenchError {
    let command = program.command.first().cloned().unwrap_or_default();
    match &program.package {
        Some(package) => {
            BenchError::NotInstalled { program: command, origin: format!("package `{package}`") }
        }
        None => BenchError::Pki {
            name: host.to_owned(),
            reason: format!("there is no program `{command}` in `PATH`"),
        },
    }
}

async fn launch(
    lab: &Lab,
    host: &str,
    launcher: &Launcher<'_>,
    path: &Path,
) -> Result<ServerProgram, String> {
    let name = launcher.shown(&launcher.program.command[..1]);
    let (process, reader) = launcher.spawn(path, &launcher.program.command)?;
    let ready = &launcher.program.ready;
    let output = Output::read(reader, &launcher.masker, ready.output.as_deref());
    let (end, mut ended) = watch::channel(None);
    tokio::spawn(attend(process, name.clone(), output.clone(), end));
    let address = lab.hosts.get(host).and_then(|host| host.addresses.first()).map(Ipv4Net::addr);
    tokio::select! {
        // Whoever has ended is not ready, even if both are true at the first look.
        biased;
        reason = end_of(&mut ended) => Err(format!("{reason}\nit was not ready yet")),
        ready = ready::wait(launcher, address, &output, &name) => ready,
    }?;
    Ok(ServerProgram { output, ended })
}

/// Waits for the end of a program, and tells of it; if nobody listens any more, ends it.
async fn attend(
    mut process: Process,
    name: String,
    output: Output,
    end: watch::Sender<Option<String>>,
) {
    let status = tokio::select! {
        status = process.wait() => status.ok(),
        () = end.closed() => return process.end().await,
    };
    output.finish().await;
    let reason = output.under(&format!("`{name}` ended by itself{}", how(status)));
    end.send_replace(Some(reason));
}

/// How a process ended, as a continuation of a sentence.
fn how(status: Option<ExitStatus>) -> String {
    match status {
        Some(status) if status.success() => {
            " (exit status: 0); a program that puts itself into the background is to be \
             started so that it does not"
                .to_owned()
        }
        Some(status) => format!(" ({status})"),
        None => String::new(),
    }
}

async fn end_of(ended: &mut watch::Receiver<Option<String>>) -> String {
    match ended.wait_for(Option::is_some).await {
        Ok(reason) => reason.clone().unwrap_or_default(),
        Err(_) => "it is attended to no more".to_owned(),
    }
}
