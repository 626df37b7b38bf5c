//! `sceplab inspect`: what a PKI shows before anybody enrols, and which clients will have trouble with it.

mod watch;

use std::time::Duration;

use clap::Args;
use families::{FamilyName, Need};
use scep::clock;
use tokio::select;

use self::watch::Form;
use super::access_arguments::AccessArguments;
use super::conform::discovery::{cause_of_silence, leads_to_https, no_service};
use super::exit::{CommandError, Exit};
use super::output::{masked, say, say_report};
use super::stop::StopSignals;
use super::values::{one_of, scep_url};
use ::inspect::{Asking, Inspection, Seen, ask, markdown, table, text};
use diagnostics::Diagnostic;
use model::scep_url::ScepUrl;
use report::json::{document, line};
use testbed::access::Access;

/// Show what a PKI shows before anybody enrols, and which clients will have trouble with it
///
/// Asks for capabilities and certificates, and how the server treats what some clients do. Nothing is enrolled, no password is used up,
/// and the page `mscep_admin` of an NDES is not fetched. Each trouble has its public source.
#[derive(Debug, Args)]
#[command(
    override_usage = "sceplab inspect [OPTIONS] <URL>\n       sceplab inspect --list-clients",
    after_help = "\
Examples:
  sceplab inspect http://pki.example.com/scep
  sceplab inspect http://pki.example.com/scep --client apple --client sscep --verbose
  sceplab inspect http://pki.example.com/scep --watch=5m

Exit codes:
  0  the service was shown, whatever trouble clients will have; or --watch was ended
  2  wrong usage
  3  the server cannot be reached, or does not answer as a SCEP service
  130  interrupted before the answers came"
)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub(super) struct InspectArguments {
    /// The SCEP address of the service, such as `http://pki.example.com/scep`
    #[arg(value_name = "URL", value_parser = scep_url(), required_unless_present = "list_clients")]
    url: Option<ScepUrl>,
    /// The name of the CA, for a server with several CAs
    #[arg(long, value_name = "NAME")]
    ca_identifier: Option<String>,
    /// Hold only these clients against the PKI; may be given several times
    #[arg(long, value_name = "CLIENT", value_parser = one_of(FamilyName::NAMED.iter().copied()))]
    client: Vec<FamilyName>,
    /// How long the server may take for each answer, in seconds; all together may take four times as long
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=300))]
    timeout: u64,
    #[command(flatten)]
    access: AccessArguments,
    /// Also show what is known of the clients and fits, each with its source, and what is not known
    #[arg(short, long, conflicts_with_all = ["json", "markdown"])]
    verbose: bool,
    /// Print all of it as JSON; with --watch in one line, and each change as a further line
    #[arg(long)]
    json: bool,
    /// Print a Markdown report
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
    /// Then look again and again, until Ctrl-C or until nobody reads the output, and say what changes: capabilities and certificates
    #[arg(long, value_name = "INTERVAL", value_parser = interval, num_args = 0..=1, require_equals = true, default_missing_value = "1m", conflicts_with = "markdown")]
    watch: Option<Duration>,
    /// Print the table of clients with all sources, as Markdown, and end
    #[arg(long, exclusive = true)]
    list_clients: bool,
}

/// Bounds of the time between two looks.
const INTERVALS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(86_400)];

fn interval(text: &str) -> Result<Duration, String> {
    let interval = clock::duration(text).map_err(|error| error.to_string())?;
    let [shortest, longest] = INTERVALS;
    if (shortest..=longest).contains(&interval) {
        return Ok(interval);
    }
    Err("the time between two looks is from `1s` to `1d`".to_owned())
}

impl InspectArguments {
    pub(super) async fn perform(&self) -> Result<Exit, CommandError> {
        let Some(url) = &self.url else {
            say(&table());
            return Ok(Exit::Success);
        };
        let stop = StopSignals::listen();
        let access = self.access.access([url]).await?;
        let asking = self.asking(url, &access);
        let seen = select! {
            seen = Box::pin(ask(asking)) => seen,
            () = stop.another() => return Err(Exit::Interrupted.into()),
        };
        if !seen.is_service() {
            return Err(Exit::Lab.with(vec![refused(&seen)]));
        }
        let inspection = Inspection::of(&seen, &self.client);
        if self.json && self.watch.is_some() {
            say_report(&masked(&line(&inspection)));
        } else if self.json {
            say_report(&masked(&document(&inspection)));
        } else if self.markdown {
            say_report(&masked(&markdown(&inspection)));
        } else {
            say(&text(&inspection, self.verbose));
        }
        if let Some(interval) = self.watch {
            let form = if self.json { Form::Json } else { Form::Text };
            watch::watch(asking, seen, interval, form, &stop).await;
        }
        Ok(Exit::Success)
    }

    fn asking<'a>(&'a self, url: &'a ScepUrl, access: &'a Access) -> Asking<'a> {
        let limit = Duration::from_secs(self.timeout);
        Asking { url, name: self.ca_identifier.as_deref(), limit, access }
    }
}

/// Why there is nothing to show, and the probable cause.
fn refused(seen: &Seen) -> Diagnostic {
    let url = &seen.url;
    if let (Err(reason), Err(_)) = (&seen.capabilities, &seen.certificates) {
        let message = format!("{url} does not answer, so there is nothing to show");
        let diagnostic = Diagnostic::general(message).note(reason.to_string());
        return diagnostic.note(cause_of_silence(reason));
    }
    let end = "so there is nothing to show";
    let diagnostic = no_service(url, &seen.capabilities, &seen.certificates, end);
    let answers = [&seen.capabilities, &seen.certificates].into_iter().flatten();
    if answers.into_iter().any(leads_to_https) {
        diagnostic.note(https_alone())
    } else {
        diagnostic
    }
}

/// The clients that cannot use HTTPS, or of which that is not known.
fn https_alone() -> String {
    let is_for_http = |name: &&FamilyName| {
        name.family().demands.iter().any(|demand| demand.need == Need::PlainHttp)
    };
    let names: Vec<&str> =
        FamilyName::ALL.iter().filter(is_for_http).map(|name| name.as_str()).collect();
    format!(
        "if it has none, because the service is there by HTTPS alone, these clients will or may not enrol: {}",
        names.join(", ")
    )
}
