//! `sceplab replay BUNDLE --serve`: the recorded server, which answers real clients again.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use clap::Args;
use diagnostics::{counted, visible};
use recorded::{About, Differences, RecordedServer, Served, Shown, Source};
use scep::certificate::Fingerprint;
use scep::clock::Clock;
use scep::name::to_text;
use serde::Serialize;

use crate::exit::{CommandError, Exit};
use crate::output::{self, keep_stdout_for_report, log_queued, masked, say, say_report};
use crate::serve::{fact, listen};
use crate::stop::{StopSignals, interruptible};
use crate::values::listening_address;

/// The port without `--listen`.
const PORT: u16 = 8083;

/// The version of the JSON.
const VERSION: u32 = 1;

/// Options of the recorded server.
#[derive(Debug, Args)]
pub(super) struct ServeArguments {
    /// Answer real clients as the recorded server did, until Ctrl-C or SIGTERM, and list what is other than in the recording
    #[arg(long)]
    pub(super) serve: bool,
    /// With --serve, the address to listen on; port 0 takes a free port [default: 127.0.0.1:8083]
    #[arg(long, value_name = "ADDR:PORT", value_parser = listening_address, requires = "serve", conflicts_with = "at")]
    listen: Option<SocketAddr>,
}

impl ServeArguments {
    /// Serves until Ctrl-C or SIGTERM.
    ///
    /// # Errors
    /// If the address is in use.
    pub(super) async fn perform(
        &self,
        source: Source,
        as_json: bool,
        stop: &StopSignals,
    ) -> Result<Exit, CommandError> {
        if as_json {
            keep_stdout_for_report();
        }
        let address = self.listen.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, PORT).into());
        let listener = listen("--listen", address).await?;
        let bound = listener.local_addr().unwrap_or(address);
        let opening = interruptible(move || {
            RecordedServer::new(source, Clock::system(), Some(Arc::new(log)))
        });
        let server = tokio::select! {
            opened = opening => Arc::new(opened?),
            () = stop.clone().received(1) => return Ok(Exit::Interrupted),
        };
        output::hide(&server.secrets());
        say(&fact("url", &format!("http://{bound}{}", visible(server.path()))));
        for difference in server.differences().all() {
            say(&fact("other", &visible(&difference.0.what)));
        }
        // Last, because who waits for the server waits for the last line.
        server.certificates().iter().map(certificate).for_each(|line| say(&line));
        tokio::select! {
            () = mock_ca::serve(listener, Arc::clone(&server), stop.clone().received(1)) => {}
            () = stop.clone().received(2) => {}
        }
        let differences = server.differences();
        if as_json {
            say_report(&report::json::document(&Report::of(&differences)));
        } else {
            say(&in_words(&differences));
        }
        Ok(Exit::Success)
    }
}

/// A line for a request, and one for each difference.
fn log(served: &Served) {
    log_queued(&visible(&served.to_string()));
    for difference in &served.differences {
        log_queued(&format!("  other: {}", visible(&difference.what)));
    }
}

fn certificate(shown: &Shown) -> String {
    let fingerprint = Fingerprint::of(&shown.certificate).map(|it| it.to_string());
    let subject = visible(&to_text(shown.certificate.subject_name()));
    let other = if shown.is_substitute { "  (made again, with another key)" } else { "" };
    fact("certificate", &format!("SHA-256 {}  {subject}{other}", fingerprint.unwrap_or_default()))
}

/// What was other than in the recording, for people.
fn in_words(differences: &Differences) -> String {
    let all = differences.all();
    if all.is_empty() {
        return "nothing was other than in the recording".to_owned();
    }
    let heading = format!("{} from the recording:", counted(all.len(), "difference"));
    let lines = differences.lines().into_iter().map(|line| format!("  {}", visible(&line)));
    std::iter::once(heading).chain(lines).collect::<Vec<_>>().join("\n")
}

/// What was other than in the recording, for programs.
#[derive(Serialize)]
struct Report {
    version: u32,
    differences: Vec<Line>,
    left_out: u64,
}

#[derive(Serialize)]
struct Line {
    about: About,
    what: String,
    count: u64,
}

impl Report {
    fn of(differences: &Differences) -> Self {
        let lines = differences.all().iter().map(|(difference, count)| Line {
            about: difference.about,
            what: masked(&difference.what),
            count: *count,
        });
        Self { version: VERSION, differences: lines.collect(), left_out: differences.left_out() }
    }
}
