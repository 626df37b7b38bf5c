//! `sceplab serve`: the mock CA as a server on a real port.

mod arguments;
mod certificates;
mod decisions;
mod lifetimes;
mod limits;
mod log;
mod tls;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use mock_ca::control::{Control, Mask};
use mock_ca::{Ca, ChallengePolicy, Fault, OpenError, PersonalityName, Settings, Trigger};
use openssl::x509::X509;
use scep::certificate::Fingerprint;
use scep::clock::{Clock, moment_text};
use scep::key_usage::KeyUsage;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, spawn_blocking};

pub(super) use self::arguments::{Serve, listening_port};
use super::exit::{CommandError, Exit};
use super::messages::complete;
use super::output::{self, say, warn};
use super::secrets::keep_secret;
use super::stop::{Reading, StopSignals};
use diagnostics::Diagnostic;
use model::lab::Secret;
use simulated::tapped::Tapped;

impl Serve {
    /// Serves until Ctrl-C or SIGTERM.
    ///
    /// # Errors
    /// If the options do not fit together, an address is in use, or the CA or its log cannot be opened.
    pub(super) async fn perform(&self) -> Result<Exit, CommandError> {
        if self.list_faults {
            for line in faults() {
                say(&line);
            }
            return Ok(Exit::Success);
        }
        let stop = StopSignals::listen();
        if let (Some(state), Some(copy)) = (&self.state, &self.backup) {
            return back_up(state.clone(), copy.clone(), &stop).await;
        }
        let wrong_usage = |reason: String| Exit::Usage.because(reason);
        let reading = Reading::begin(&stop);
        let mut settings = self.settings().map_err(wrong_usage)?;
        keep_secret("a challenge password", &known_challenges(&settings.challenge));
        output::hide(settings.admin.as_ref().map(|admin| &admin.password));
        settings.on_log = Some(self.log_observer().map_err(|reason| Exit::Lab.because(reason))?);
        let address = self.address().map_err(wrong_usage)?;
        // A port in use is reported before keys are made, which takes a while.
        let listener = listen("--listen", address).await?;
        let control = match self.control().map_err(wrong_usage)? {
            Some(address) => Some(listen("--control", address).await?),
            None => None,
        };
        let bound = listener.local_addr().unwrap_or(address);
        settings.address = Some(self.lifetimes.address(bound).map_err(wrong_usage)?);
        settings.tls = self.tls.settings(bound).map_err(wrong_usage)?;
        let mut warnings = self.warnings(&settings, bound);
        warnings.extend(self.tls.warnings(bound, &self.clock()));
        let connections = limits::with_files(settings.limits.connections);
        if connections < settings.limits.connections {
            warnings.push(format!(
                "the system permits few open files (`ulimit -n`), so no more than {connections} connections are open at once"
            ));
            settings.limits.connections = connections;
        }
        drop(reading);
        let messages = self.messages.begin([]).map_err(wrong_usage)?;
        let Some(ca) = open(settings, self.clock(), &stop).await? else { return Ok(Exit::Success) };
        self.tls.write_root(&ca).map_err(|reason| Exit::Lab.because(reason))?;
        let recorder = messages.as_ref().map(|folder| folder.whole("serve", ca.clock().clone()));
        let recorder = recorder.transpose().map_err(|reason| Exit::Lab.because(reason))?;
        for warning in warnings {
            warn(&format!("warning: {warning}"));
        }
        if let Some(note) = ca.state_note() {
            warn(&format!("note: {note}"));
        }
        if self.clock.is_some() {
            say(&fact("clock", &moment_text(ca.clock().now())));
        }
        for fact in banner(&ca, bound) {
            say(&fact);
        }
        if let Some(address) = control.as_ref().and_then(|it| it.local_addr().ok()) {
            say(&fact("control", &format!("http://{address}")));
        }
        if self.decides_by_hand() {
            decisions::read_from_stdin(&ca, control.is_some());
        }
        let (own, name) = (Arc::clone(&ca), ca.name().to_owned());
        let service = Tapped::new(own, recorder, name, bound.to_string());
        serve(listener, control, ca, service, &stop).await;
        Ok(complete(messages.as_ref(), Exit::Success).await)
    }
}

/// The challenge passwords that are known before the first request.
fn known_challenges(policy: &ChallengePolicy) -> Vec<Secret> {
    match policy {
        ChallengePolicy::None => Vec::new(),
        ChallengePolicy::Static(secret) => vec![secret.clone()],
        ChallengePolicy::OneTime { preset, .. } => preset.clone(),
    }
}

/// Opens the CA, unless a signal comes first: a disk may be slow, and keys take a while.
async fn open(
    settings: Settings,
    clock: Clock,
    stop: &StopSignals,
) -> Result<Option<Arc<Ca>>, CommandError> {
    let opening = spawn_blocking(move || Ca::open(settings, clock));
    let Some(opened) = unless_stopped(opening, stop).await? else { return Ok(None) };
    opened.map(Some).map_err(|error| {
        let exit = match error {
            OpenError::Subject { .. } | OpenError::Fault(_) => Exit::Usage,
            _ => Exit::Lab,
        };
        exit.because(format!("cannot open the CA: {error}"))
    })
}

/// Copies a state, unless a signal comes first.
async fn back_up(state: PathBuf, copy: PathBuf, stop: &StopSignals) -> Result<Exit, CommandError> {
    let copied = format!("copied `{}` to `{}`", state.display(), copy.display());
    let copying = spawn_blocking(move || mock_ca::back_up(&state, &copy));
    let Some(outcome) = unless_stopped(copying, stop).await? else { return Ok(Exit::Interrupted) };
    outcome.map_err(|error| Exit::Lab.because(format!("cannot copy the state: {error}")))?;
    say(&copied);
    Ok(Exit::Success)
}

/// The result of a task; `None` if a signal comes first.
async fn unless_stopped<T>(
    task: JoinHandle<T>,
    stop: &StopSignals,
) -> Result<Option<T>, CommandError> {
    tokio::select! {
        ended = task => ended.map(Some).map_err(|error| Exit::Internal.because(error.to_string())),
        () = stop.clone().received(1) => Ok(None),
    }
}

/// Listens at an address; `option` is the one that names it.
///
/// # Errors
/// If the address is in use, or not of this machine.
pub(super) async fn listen(option: &str, address: SocketAddr) -> Result<TcpListener, CommandError> {
    TcpListener::bind(address).await.map_err(|error| {
        let mut diagnostic = Diagnostic::general(format!("cannot listen on `{address}`: {error}"));
        if error.kind() == ErrorKind::AddrInUse {
            let free = SocketAddr::new(address.ip(), 0);
            diagnostic = diagnostic.note(format!(
                "another process uses this port: name another one with `{option}`, or let the system choose one: \
                 `{option} {free}`"
            ));
        }
        Exit::Lab.with(vec![diagnostic])
    })
}

/// Serves until the first signal and [`mock_ca::SHUTDOWN_TIMEOUT`] longer at most, or until the second signal.
async fn serve(
    listener: TcpListener,
    control: Option<TcpListener>,
    ca: Arc<Ca>,
    service: Tapped<Ca>,
    stop: &StopSignals,
) {
    let controlling = async {
        match control {
            Some(listener) => {
                Control::masked(Arc::clone(&ca), Mask::new(output::masked)).serve(listener).await;
            }
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = controlling => {}
        () = service.serve(listener, stop.clone().received(1)) => {}
        () = stop.clone().received(2) => {}
    }
}

/// The lines about a running CA that a client needs: its addresses, and its certificates with their SHA-256 fingerprints.
fn banner(ca: &Ca, bound: SocketAddr) -> Vec<String> {
    let page = |name, path| fact(name, &format!("{}://{bound}{path}", ca.scheme()));
    let urls = ca.paths().into_iter().map(|path| page("url", path));
    let admin = ca.admin_path().map(|path| page("admin", path));
    urls.chain(admin).chain(tls::root_line(ca)).chain(certificates(ca)).collect()
}

fn certificates(ca: &Ca) -> Vec<String> {
    let (own, issuers) = (ca.ca_certificate(), ca.issuers());
    let describe = |certificate: &X509| {
        let role = match KeyUsage::of(certificate) {
            _ if own == *certificate => "ca",
            _ if issuers.contains(certificate) => "issuer",
            Some(usage) if usage.contains(KeyUsage::KEY_ENCIPHERMENT) => "ra-encryption",
            _ => "ra-signing",
        };
        let fingerprint = Fingerprint::of(certificate);
        let fingerprint = fingerprint.map(|it| it.to_string()).unwrap_or_default();
        let subject = scep::name::to_text(certificate.subject_name());
        fact(role, &format!("SHA-256 {fingerprint}  {subject}"))
    };
    ca.certificates().iter().map(describe).collect()
}

/// A name and its value on a line.
pub(super) fn fact(name: &str, value: &str) -> String {
    format!("{name:<14} {value}")
}

/// Every fault with its description, grouped by the requests that it is possible on.
fn faults() -> Vec<String> {
    let mut lines = Vec::new();
    let mut last = Vec::new();
    for fault in Fault::ALL {
        let fitting: Vec<_> = Trigger::ALL.iter().copied().filter(|it| fault.fits(*it)).collect();
        if fitting != last {
            let names: Vec<_> = fitting.iter().map(|trigger| trigger.as_str()).collect();
            lines.extend((!lines.is_empty()).then(String::new));
            lines.push(format!("on: {}", names.join(" | ")));
            last = fitting;
        }
        let value = fault.value_name().map(|name| format!(" {name}")).unwrap_or_default();
        let name = format!("{}{value}", fault.name());
        lines.push(format!("  {name:<28}  {}{}", fault.description(), servers(*fault)));
    }
    lines
}

/// The personalities that have the fault, if not all have it.
fn servers(fault: Fault) -> String {
    let able: Vec<_> = PersonalityName::ALL.iter().copied().filter(|it| fault.suits(*it)).collect();
    if able.len() == PersonalityName::ALL.len() {
        return String::new();
    }
    let names: Vec<_> = able.into_iter().map(PersonalityName::as_str).collect();
    format!(" ({} alone)", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(personality: PersonalityName) -> Vec<String> {
        let ca = Ca::open(Settings::new("pki", personality), Clock::system()).unwrap();
        let lines = banner(&ca, "127.0.0.1:8080".parse().unwrap());
        lines.iter().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
    }

    #[test]
    fn banner_has_every_address_and_certificate() {
        assert_eq!(names(PersonalityName::Linux), ["url", "ca"]);
        assert_eq!(names(PersonalityName::Rfc8894), ["url", "ca"]);
        let ndes = names(PersonalityName::Ndes);
        assert_eq!(ndes, ["url", "url", "url", "admin", "ra-signing", "ra-encryption", "ca"]);
    }

    #[test]
    fn last_line_of_the_banner_is_the_one_that_containers_wait_for() {
        for personality in PersonalityName::ALL.iter().copied() {
            let ca = Ca::open(Settings::new("pki", personality), Clock::system()).unwrap();
            let lines = banner(&ca, "127.0.0.1:8080".parse().unwrap());
            let ready = |line: &String| line.contains("ca             SHA-256");
            let found = lines.iter().position(ready);
            assert_eq!(found, Some(lines.len() - 1), "{personality}: {lines:?}");
        }
    }

    #[test]
    fn list_of_faults_has_each_fault_once_under_its_requests() {
        let lines = faults();
        let headings = lines.iter().filter(|line| line.starts_with("on: ")).count();
        let empty = lines.iter().filter(|line| line.is_empty()).count();
        assert_eq!(lines.len() - headings - empty, Fault::ALL.len());
        assert_eq!(headings, empty + 1);
        assert!(lines.contains(&"on: GetCACaps".to_owned()));
        assert!(lines.iter().any(|line| line.ends_with("have expired. (ndes alone)")));
    }
}
