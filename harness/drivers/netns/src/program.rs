//! A server program as a PKI: prepared, started and watched in its host's namespace.

mod command;
mod listening;
mod prepare;

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;

use process::{Output, Process};
use redact::Masker;
use tokio::sync::watch;

use self::command::Launcher;
use model::lab::{Lab, Program};
use simulated::kernel::namespace::Namespace;
use simulated::server::Server;
use testbed::BenchError;

/// Prepares and starts what `host` of `lab` runs, in `folder`, which it makes; returns when it serves.
///
/// # Errors
/// When a program is missing or cannot be started, a command before it fails, or it ends or is not ready in time.
pub(crate) async fn start(
    lab: &Lab,
    (host, program): (&str, &Program),
    namespace: &Namespace,
    folder: PathBuf,
) -> Result<Server, BenchError> {
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
) -> Result<Server, String> {
    let name = launcher.shown(&launcher.program.command[..1]);
    let (process, reader) = launcher.spawn(path, &launcher.program.command)?;
    let ready = &launcher.program.ready;
    let output = Output::read(reader, &launcher.masker, ready.output.as_deref());
    let (end, ended) = watch::channel(None);
    tokio::spawn(attend(process, name.clone(), output.clone(), end));
    let connect = |address| listening::at(launcher.namespace, address);
    Server { output, ended }.when_ready((lab, host, &name), ready, connect).await
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
