//! The commands at the `$` prompt.

use std::time::SystemTime;

use scep::clock::{meant_moment, moment, moment_text};
use time::OffsetDateTime;
use time::macros::format_description;

use super::{Device, Reply, Session, Step};
use crate::config::session::{Candidate, show};
use crate::enrolment::RequestError;
use crate::operational::{Action, find};
use crate::ping::{Ping, Screen};
use crate::pki;
use crate::pki::text::certificate_text;

impl Device {
    pub(super) async fn operate(
        &self,
        session: &mut Session,
        words: &[String],
        screen: Screen<'_>,
    ) -> Step {
        let (action, arguments) = match find(words) {
            Ok(found) => found,
            Err(error) => return Reply::refused_command(&error).stay(),
        };
        let reply = match action {
            Action::Configure => self.configure(session),
            Action::CrlShow => self.crl_show(arguments.first()),
            Action::Exit => {
                let left = session.candidate.is_none();
                return Step { left, ..Reply::done("").stay() };
            }
            Action::JournalShow => Reply::done(self.protocol_log().join("\n")),
            Action::Ping => return self.ping(session, &arguments, screen).await,
            Action::Reboot => return self.reboot(),
            Action::Save => Reply::done(self.save(session.candidate.as_ref())),
            Action::ScepClear => self.scep_clear(&arguments[0]),
            Action::ScepPoll => self.scep_poll(&arguments[0]),
            Action::ScepRenew => self.scep_renew(&arguments[0]),
            Action::ScepShow => self.scep_show(arguments.first()),
            Action::SetDate => self.set_date(&arguments.join(" ")),
            Action::ShowCertificate => self.show_certificate(&arguments[0]),
            Action::ShowDate => Reply::done(date(self.now())),
            Action::ShowLog => Reply::done(self.log_with_times()),
            Action::ShowRunning => self.show_running(),
            Action::TerminalLength => set_length(session, &arguments[0]),
            Action::TerminalWidth => Reply::done(""),
        };
        reply.stay()
    }

    fn configure(&self, session: &mut Session) -> Reply {
        if session.candidate.is_some() {
            return Reply::refused("CLI Error: this is configuration mode");
        }
        session.candidate = Some(Candidate::of(&self.state.lock().active));
        Reply::done("[edit]")
    }

    async fn ping(&self, session: &Session, arguments: &[String], screen: Screen<'_>) -> Step {
        let ping = match Ping::parse(arguments) {
            Ok(ping) => ping,
            Err(error) => return Reply::refused(error).stay(),
        };
        let report = ping.run(&self.context.network, &session.interrupted, screen).await;
        let reply = Reply { output: report.text, ok: report.answered };
        Step { shown: true, ..reply.stay() }
    }

    fn reboot(&self) -> Step {
        self.restart();
        Reply::done("The system is going down for reboot NOW!").stay()
    }

    /// Begins a renewal; `pki scep show` shows its progress below the table.
    fn scep_renew(&self, name: &str) -> Reply {
        let renewal = self.enrolments.lock().renew(name);
        self.about_request(name, renewal, "The renewal of `{}` has begun")
    }

    /// Deletes certificates and key, and enrols anew.
    fn scep_clear(&self, name: &str) -> Reply {
        let cleared = self.enrolments.lock().clear(name);
        self.about_request(name, cleared, "`{}` is cleared, and a new enrolment has begun")
    }

    /// Polls a pending request without waiting for the next poll.
    fn scep_poll(&self, name: &str) -> Reply {
        let polled = self.enrolments.lock().poll(name);
        self.about_request(name, polled, "The CA is asked about `{}`")
    }

    /// The reply to a command about a request; `{}` in the text stands for its name.
    fn about_request(&self, name: &str, done: Result<(), RequestError>, text: &str) -> Reply {
        match done {
            Ok(()) => Reply::done(text.replace("{}", name)),
            Err(RequestError::NoSuchRequest) => {
                Reply::refused(format!("CLI Error: {}", self.no_such_csr(name)))
            }
            Err(error) => Reply::refused(format!("CLI Error: `{name}`: {error}")),
        }
    }

    /// Sets the device's clock; whatever waits for a moment looks at it again.
    fn set_date(&self, text: &str) -> Reply {
        let moment = match moment(text) {
            Ok(moment) => moment,
            Err(error) => {
                let meant = meant_moment(text);
                let meant = meant.map(|it| format!("\nDid you mean `{it}`?")).unwrap_or_default();
                return Reply::refused(format!("CLI Error: `{text}`: {error}{meant}"));
            }
        };
        let before = moment_text(self.now());
        self.context.clock.set(moment);
        self.context.log(&format!("the clock is set, which showed {before}"));
        if let Err(error) = self.context.tell_programs() {
            self.context.log(&error);
        }
        self.context.wake.notify_waiters();
        self.context.clock_set.notify_waiters();
        self.context.changed();
        Reply::done(date(self.now()))
    }

    fn log_with_times(&self) -> String {
        let lines = self.context.log.lines_with_times().into_iter();
        lines
            .map(|(at, line)| format!("{}  {line}", moment_text(at)))
            .collect::<Vec<_>>()
            .join("\n")
    }

    fn scep_show(&self, name: Option<&String>) -> Reply {
        self.show_of(name, |name| self.scep_table(name))
    }

    fn crl_show(&self, name: Option<&String>) -> Reply {
        self.show_of(name, |name| {
            Some(pki::crl::show(&self.progress(name)?.revocation, self.now()))
        })
    }

    /// What there is to show about one request, or about all.
    fn show_of(&self, name: Option<&String>, shown: impl Fn(&str) -> Option<String>) -> Reply {
        if let Some(name) = name {
            return match shown(name) {
                Some(text) => Reply::done(text),
                None => Reply::refused(format!("CLI Error: {}", self.no_such_csr(name))),
            };
        }
        let names = self.csr_names();
        let of_one = |name: &String| Some(format!("{name}:\n{}", shown(name)?));
        let texts: Vec<_> = names.iter().filter_map(of_one).collect();
        if texts.is_empty() {
            return Reply::done("No certificate request is configured");
        }
        Reply::done(texts.join("\n\n"))
    }

    fn scep_table(&self, name: &str) -> Option<String> {
        let progress = self.progress(name)?;
        let due = self.enrolments.lock().renewal_due(name);
        pki::show(&progress, due, self.now()).ok()
    }

    fn no_such_csr(&self, name: &str) -> String {
        match self.csr_names() {
            names if names.is_empty() => {
                format!("no certificate request `{name}`; none is configured")
            }
            names => format!("no certificate request `{name}`; configured: {}", names.join(", ")),
        }
    }

    fn show_certificate(&self, url: &str) -> Reply {
        match self.certificate(url) {
            Ok(text) => Reply::done(text.trim_end_matches('\n')),
            Err(reason) => Reply::refused(format!("CLI Error: {reason}")),
        }
    }

    fn certificate(&self, url: &str) -> Result<String, String> {
        let (name, file) = pki::split(url).ok_or_else(|| {
            let root = pki::ROOT;
            format!("`{url}` is not the URL of a certificate; those begin with `{root}`")
        })?;
        let progress = self.progress(name).ok_or_else(|| self.no_such_csr(name))?;
        let certificate = pki::find(&progress, file, self.now()).ok_or_else(|| {
            let files = pki::files(&progress, self.now());
            if files.is_empty() {
                format!("no file `{url}`; `{name}` has no files yet")
            } else {
                format!("no file `{url}`; `{name}` has {}", files.join(", "))
            }
        })?;
        certificate_text(certificate).map_err(|error| error.to_string())
    }

    fn show_running(&self) -> Reply {
        let state = self.state.lock();
        let mut lines = vec![
            concat!("# Sceplab device version v", env!("CARGO_PKG_VERSION")).to_owned(),
            format!("# {}", date(self.now())),
        ];
        if state.active != state.saved {
            lines.push("# Warning: Configuration has not been saved".to_owned());
        }
        let configuration = show(&state.active, &[]).unwrap_or_default();
        lines.extend(configuration.lines().map(str::to_owned));
        Reply::done(lines.join("\n"))
    }

    /// The URLs of all stored certificates.
    pub(super) fn certificate_urls(&self) -> Vec<String> {
        let files = |name: String| {
            let files = self.progress(&name).map(|progress| pki::files(&progress, self.now()));
            let url = move |file| format!("{}{name}/{file}", pki::ROOT);
            files.unwrap_or_default().into_iter().map(url)
        };
        self.csr_names().into_iter().flat_map(files).collect()
    }
}

/// Sets how many lines of an output a terminal shows at once.
fn set_length(session: &mut Session, lines: &str) -> Reply {
    match lines.parse() {
        Ok(lines) => {
            session.terminal_length = Some(lines);
            Reply::done("")
        }
        Err(_) => Reply::refused(format!("CLI Error: `{lines}` is no number of lines")),
    }
}

/// The date as documented for `show date`: `Tue 05 May 2026 02:00:55 +00:00`.
fn date(now: SystemTime) -> String {
    let format = format_description!(
        "[weekday repr:short] [day] [month repr:short] [year] [hour]:[minute]:[second] +00:00"
    );
    OffsetDateTime::from(now).format(format).unwrap_or_default()
}
