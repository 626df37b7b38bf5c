//! `sceplab serve`: the mock CA as a server on a real port.

mod arguments;
mod decisions;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use mock_ca::control::Control;
use mock_ca::{Ca, Fault, OpenError, PersonalityName, Trigger};
use scep::certificate::Fingerprint;
use scep::key_usage::KeyUsage;
use tokio::net::TcpListener;

pub(super) use self::arguments::{Serve, listening_port};
use super::exit::{CommandError, Exit};
use super::output::{say, warn};
use super::stop::StopSignals;
use diagnostics::Diagnostic;

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
        let wrong_usage = |reason: String| Exit::Usage.because(reason);
        let mut settings = self.settings().map_err(wrong_usage)?;
        settings.on_log = Some(self.log_observer().map_err(|reason| Exit::Lab.because(reason))?);
        let address = self.address().map_err(wrong_usage)?;
        // A port in use is reported before keys are made, which takes a while.
        let listener = listen("--listen", address).await?;
        let control = match self.control().map_err(wrong_usage)? {
            Some(address) => Some(listen("--control", address).await?),
            None => None,
        };
        let bound = listener.local_addr().unwrap_or(address);
        let warnings = self.warnings(&settings, bound);
        let ca = Ca::open(settings, SystemTime::now()).map_err(|error| {
            let exit = match error {
                OpenError::Subject { .. } | OpenError::Fault(_) => Exit::Usage,
                _ => Exit::Lab,
            };
            exit.because(format!("cannot open the CA: {error}"))
        })?;
        for warning in warnings {
            warn(&format!("warning: {warning}"));
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
        serve(listener, control, ca, &stop).await;
        Ok(Exit::Success)
    }
}

async fn listen(option: &str, address: SocketAddr) -> Result<TcpListener, CommandError> {
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
    stop: &StopSignals,
) {
    let controlling = async {
        match control {
            Some(listener) => Control::new(Arc::clone(&ca)).serve(listener).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = controlling => {}
        () = mock_ca::serve(listener, Arc::clone(&ca), stop.clone().received(1)) => {}
        () = stop.clone().received(2) => {}
    }
}

/// The lines about a running CA that a client needs: its addresses, and its certificates with their SHA-256 fingerprints.
fn banner(ca: &Ca, bound: SocketAddr) -> Vec<String> {
    let page = |name, path| fact(name, &format!("http://{bound}{path}"));
    let urls = ca.paths().into_iter().map(|path| page("url", path));
    let admin = ca.admin_path().map(|path| page("admin", path));
    urls.chain(admin).chain(certificates(ca)).collect()
}

fn certificates(ca: &Ca) -> Vec<String> {
    let describe = |certificate: &_| {
        let role = match KeyUsage::of(certificate) {
            _ if ca.ca_certificate() == certificate => "ca",
            Some(usage) if usage.contains(KeyUsage::KEY_ENCIPHERMENT) => "ra-encryption",
            _ => "ra-signing",
        };
        let fingerprint = Fingerprint::of(certificate);
        let fingerprint = fingerprint.map(|it| it.to_string()).unwrap_or_default();
        let subject = scep::name::to_text(certificate.subject_name());
        fact(role, &format!("SHA-256 {fingerprint}  {subject}"))
    };
    ca.certificates().iter().map(|certificate| describe(certificate)).collect()
}

/// A name and its value on a line.
fn fact(name: &str, value: &str) -> String {
    format!("{name:<14} {value}")
}

/// Every fault with its description, grouped by the requests that it is possible on.
fn faults() -> Vec<String> {
    let mut lines = Vec::new();
    let mut last = Vec::new();
    for fault in Fault::ALL {
        let fitting: Vec<_> = Trigger::ALL.into_iter().filter(|it| fault.fits(*it)).collect();
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
    let able: Vec<_> = PersonalityName::ALL.into_iter().filter(|it| fault.suits(*it)).collect();
    if able.len() == PersonalityName::ALL.len() {
        return String::new();
    }
    let names: Vec<_> = able.into_iter().map(PersonalityName::as_str).collect();
    format!(" ({} alone)", names.join(", "))
}

#[cfg(test)]
mod tests {
    use mock_ca::Settings;

    use super::*;

    fn names(personality: PersonalityName) -> Vec<String> {
        let ca = Ca::open(Settings::new("pki", personality), SystemTime::now()).unwrap();
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
