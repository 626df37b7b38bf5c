//! Options of `sceplab serve`, and the settings of the CA that follow from them.

use std::env;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use mock_ca::{
    AdminCredentials, Approval, ChallengePolicy, FaultRule, Keys, PersonalityName, Settings,
};
use scep::capabilities::Capability;
use scep::clock::Clock;
use scep::secret::Secret;

use super::certificates::CertificateOptions;
use super::lifetimes::LifeOptions;
use super::limits::LimitOptions;
use super::tls::TlsOptions;
use crate::blanks::warn_of_blanks;
use crate::messages::MessagesArgument;
use crate::values::{listening_address, offset, one_of, validity};
use model::lab::{PasswordSource, passwords_in};

/// Environment variable with a challenge password, which the process list does not show.
const CHALLENGE_VARIABLE: &str = "SCEPLAB_CHALLENGE";

/// Environment variable with the address to listen on, as an image sets it.
const LISTEN_VARIABLE: &str = "SCEPLAB_LISTEN";

/// Run the mock CA, a SCEP server for tests
///
/// Its keys are made when it starts and are lost when it ends, unless --state keeps them.
/// It prints its addresses and certificates, then a line for each request. Ctrl-C or SIGTERM stops it.
#[derive(Clone, Debug, Args)]
#[command(
    override_usage = "sceplab serve [OPTIONS] <PERSONALITY>\n       sceplab serve --state <DIR> --backup <DIR>\n       sceplab serve --list-faults",
    after_help = "\
Examples:
  sceplab serve linux --challenge s3cret
  sceplab serve rfc8894 --log ca.log --control 127.0.0.1:8090 &
  sceplab serve ndes --fault 'on: PKIOperation, nth: 2, do: http-status 503'

Exit codes:
  0  stopped by Ctrl-C or SIGTERM, or the copy is made
  2  wrong usage, or a file of passwords or a TLS certificate cannot be used
  3  an address is in use, the log or the state cannot be read or written,
     or saved messages are incomplete"
)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub(crate) struct Serve {
    /// The server to imitate: micromdm's scepserver (linux), Windows' NDES (ndes), or RFC 8894 to the letter (rfc8894)
    #[arg(value_parser = one_of(PersonalityName::NAMED.iter().copied()), required_unless_present_any = ["list_faults", "backup"])]
    personality: Option<PersonalityName>,
    /// The address to listen on; port 0 takes a free port [default: `SCEPLAB_LISTEN`, or 127.0.0.1:8080 for linux,
    /// :8081 for ndes, :8082 for rfc8894]
    #[arg(long, value_name = "ADDR:PORT", value_parser = listening_address)]
    listen: Option<SocketAddr>,
    /// A challenge password: for linux one for all requests, otherwise any number, each for one request.
    /// The process list shows it to other users; use `SCEPLAB_CHALLENGE` or --challenge-file if that matters
    #[arg(long, value_name = "PASSWORD")]
    challenge: Vec<Secret>,
    /// A file with challenge passwords, one per line in UTF-8. Line ends and a byte order mark do not belong to a password, blanks do
    #[arg(long, value_name = "FILE")]
    challenge_file: Option<PathBuf>,
    /// Accept one challenge password any number of times (rfc8894, and ndes, where it is `UseSinglePassword`)
    #[arg(long)]
    single_password: bool,
    /// The name of the CA, such as "DC=com, DC=scep, CN=x"
    #[arg(long, value_name = "NAME")]
    ca_subject: Option<String>,
    /// The capabilities in the reply to GetCACaps, separated by commas, instead of all; anything not listed (POST,
    /// Renewal, AES, DES3, a digest of the SHA family) is refused
    #[arg(long, value_name = "KEYWORDS", value_delimiter = ',', value_parser = one_of(Capability::NAMED.iter().copied()))]
    capabilities: Option<Vec<Capability>>,
    /// Who decides about requests: the CA (automatic), or you (manual), by `approve` and `deny` on standard input or
    /// through --control
    #[arg(long, value_parser = one_of(Approval::NAMED.iter().copied()), default_value = "automatic")]
    approval: Approval,
    /// The user who may see the page `mscep_admin` (ndes); without it the page is open
    #[arg(long, value_name = "NAME", requires = "admin_password_file")]
    admin_user: Option<String>,
    /// A file whose first line is that user's password
    #[arg(long, value_name = "FILE", requires = "admin_user")]
    admin_password_file: Option<PathBuf>,
    /// Keep keys, certificates and requests in this directory across restarts
    #[arg(long, value_name = "DIR")]
    pub(super) state: Option<PathBuf>,
    /// Copy the directory of --state to this new directory, also while a server uses it, and end
    #[arg(long, value_name = "DIR", requires = "state")]
    pub(super) backup: Option<PathBuf>,
    /// How far the CA's clock is ahead of the system's, such as +330d, or behind it, such as -5y (365 days each);
    /// --control moves it further
    #[arg(long, value_name = "OFFSET", value_parser = offset, allow_hyphen_values = true)]
    pub(super) clock: Option<i64>,
    /// How long issued certificates are valid, such as 10m or 90d [default: 365d, or two calendar years for ndes]
    #[arg(long, value_name = "DURATION", value_parser = validity)]
    valid_for: Option<Duration>,
    #[command(flatten)]
    pub(super) messages: MessagesArgument,
    #[command(flatten)]
    certificates: CertificateOptions,
    #[command(flatten)]
    pub(super) lifetimes: LifeOptions,
    #[command(flatten)]
    pub(super) tls: TlsOptions,
    /// Issue further certificates to a name that already has one (linux)
    #[arg(long)]
    allow_duplicate_names: bool,
    /// Reply in DER, even where scepserver sends BER that some clients do not read (linux)
    #[arg(long)]
    der_replies: bool,
    /// Also open requests that are enciphered to the RA's signing certificate (ndes)
    ///
    /// A real NDES does not. `scepclient -ca-fingerprint` needs it, because it enciphers and verifies with the one
    /// certificate that has this fingerprint.
    #[arg(long)]
    open_with_signing_key: bool,
    /// A deliberate error, such as "on: PKIOperation, nth: 2, do: http-status 503"; without `nth` it happens each time.
    /// May be given several times
    #[arg(long, value_name = "RULE")]
    fault: Vec<FaultRule>,
    /// List all faults, and end
    #[arg(long, exclusive = true)]
    pub(super) list_faults: bool,
    /// Append the line for each request to this file instead of printing it
    #[arg(long, value_name = "FILE")]
    pub(super) log: Option<PathBuf>,
    /// A loopback address for the control API, which reports and decides in JSON over HTTP: GET /issued, /requests,
    /// /pending, /faults, /clock, /ca, /events, /until-due; POST /approve, /deny, /revoke, /roll-over, /faults, /clock
    #[arg(long, value_name = "ADDR:PORT", value_parser = listening_address)]
    control: Option<SocketAddr>,
    #[command(flatten)]
    limits: LimitOptions,
}

impl Serve {
    /// The server to imitate; the list of faults needs none.
    fn personality(&self) -> PersonalityName {
        self.personality.unwrap_or(PersonalityName::Linux)
    }

    /// The address of the control API, if one is given; the error says that it must be on loopback.
    pub(super) fn control(&self) -> Result<Option<SocketAddr>, String> {
        match self.control {
            Some(address) if !address.ip().is_loopback() => Err(format!(
                "`--control` takes a loopback address, and `{address}` is none: other machines could control the CA"
            )),
            other => Ok(other),
        }
    }

    /// The address to listen on.
    pub(super) fn address(&self) -> Result<SocketAddr, String> {
        if let Some(address) = self.listen {
            return Ok(address);
        }
        let port = self.personality().serving_port();
        Ok(address_of_environment()?.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, port).into()))
    }

    /// The clock of the CA.
    pub(super) fn clock(&self) -> Clock {
        Clock::system().ahead_by(self.clock.unwrap_or_default())
    }

    /// True if a person decides about requests.
    pub(super) fn decides_by_hand(&self) -> bool {
        self.approval == Approval::Manual || self.lifetimes.lets_wait()
    }

    /// The settings of the CA; the error says which options do not fit together.
    pub(super) fn settings(&self) -> Result<Settings, String> {
        let mut settings = Settings::new("pki", self.personality());
        settings.subject.clone_from(&self.ca_subject);
        settings.capabilities.clone_from(&self.capabilities);
        if !self.personality().has_next_ca()
            && self.capabilities.iter().flatten().any(|it| *it == NEXT_CA)
        {
            return Err(format!("`{}` is for `rfc8894` only", NEXT_CA.as_str()));
        }
        settings.faults.clone_from(&self.fault);
        settings.challenge = self.challenge_policy()?;
        settings.approval = self.approval;
        settings.keys = Keys::Fresh;
        settings.valid_for = self.valid_for;
        self.messages.apart_from("--state", self.state.as_deref())?;
        settings.state.clone_from(&self.state);
        settings.admin = self.admin()?;
        settings.limits = self.limits.limits();
        settings.allow_duplicate_names = self.allow_duplicate_names;
        settings.replies_in_der = self.der_replies;
        if self.open_with_signing_key && self.personality() != PersonalityName::Ndes {
            return Err("`--open-with-signing-key` is for `ndes` only".to_owned());
        }
        settings.windows.opens_with_signing_key = self.open_with_signing_key;
        let new_at = self.state.is_none().then(|| self.clock().now());
        self.certificates.apply(&mut settings.hierarchy, self.personality(), new_at)?;
        self.lifetimes.apply(&mut settings)?;
        self.expect_log_apart()?;
        Ok(settings)
    }

    /// Warnings about the security of this CA.
    pub(super) fn warnings(&self, settings: &Settings, bound: SocketAddr) -> Vec<String> {
        let mut warnings = vec![
            "THIS IS A TEST CA. Trust none of its certificates outside a laboratory.".to_owned(),
        ];
        if !bound.ip().is_loopback() {
            warnings.push(format!("other machines can reach it at {bound}"));
        }
        let asks = !matches!(settings.challenge, ChallengePolicy::None);
        if !asks && !self.decides_by_hand() {
            warnings.push("no challenge password: every client gets a certificate".to_owned());
        }
        warnings
    }

    fn challenge_policy(&self) -> Result<ChallengePolicy, String> {
        let passwords = self.challenges()?;
        match self.personality() {
            PersonalityName::Linux if self.single_password => {
                Err("`--single-password` is not for `linux`".to_owned())
            }
            PersonalityName::Linux | PersonalityName::Rfc8894
                if passwords.is_empty() && !self.single_password =>
            {
                Ok(ChallengePolicy::None)
            }
            PersonalityName::Linux => Ok(ChallengePolicy::Static(only("`linux`", passwords)?)),
            _ if self.single_password => {
                Ok(ChallengePolicy::Static(only("`--single-password`", passwords)?))
            }
            _ => Ok(ChallengePolicy::one_time(passwords)),
        }
    }

    fn challenges(&self) -> Result<Vec<Secret>, String> {
        if self.challenge.iter().any(|password| password.expose().is_empty()) {
            return Err("`--challenge` takes a password, and an empty one was given".to_owned());
        }
        let mut passwords = self.challenge.clone();
        warn_of_blanks("of `--challenge`", &passwords);
        if passwords.is_empty() {
            passwords.extend(environment(CHALLENGE_VARIABLE)?.map(Secret::new));
            warn_of_blanks(&format!("of `{CHALLENGE_VARIABLE}`"), &passwords);
        }
        if let Some(path) = &self.challenge_file {
            let read = passwords_in(path).map_err(|error| error.to_string())?;
            warn_of_blanks(&format!("in `{}`", path.display()), &read);
            passwords.extend(read);
        }
        Ok(passwords)
    }

    fn admin(&self) -> Result<Option<AdminCredentials>, String> {
        let (Some(user), Some(path)) = (&self.admin_user, &self.admin_password_file) else {
            return Ok(None);
        };
        if self.personality() != PersonalityName::Ndes {
            return Err("`--admin-user` is for `ndes` only".to_owned());
        }
        let password =
            PasswordSource::File(path.clone()).read().map_err(|error| error.to_string())?;
        warn_of_blanks(&format!("in `{}`", path.display()), [&password]);
        Ok(Some(AdminCredentials { user: user.clone(), password }))
    }
}

/// The port of a CA that is started without `--listen`: the one of `SCEPLAB_LISTEN`, or 8080.
pub(crate) fn listening_port() -> Result<u16, String> {
    Ok(address_of_environment()?.map_or(8080, |address| address.port()))
}

fn address_of_environment() -> Result<Option<SocketAddr>, String> {
    let Some(text) = environment(LISTEN_VARIABLE)? else { return Ok(None) };
    let address = listening_address(&text);
    let wrong =
        |error| format!("the environment variable `{LISTEN_VARIABLE}` is `{text}`: {error}");
    address.map(Some).map_err(wrong)
}

/// The capability that only personalities with a next CA certificate have.
const NEXT_CA: Capability = Capability::GetNextCaCert;

fn only(what: &str, mut passwords: Vec<Secret>) -> Result<Secret, String> {
    match (passwords.len(), passwords.pop()) {
        (1, Some(password)) => Ok(password),
        (0, _) => Err(format!("{what} takes one challenge password, and none was given")),
        (given, _) => Err(format!("{what} takes one challenge password, and {given} were given")),
    }
}

/// An environment variable; `None` if it is not set or empty.
fn environment(name: &str) -> Result<Option<String>, String> {
    let value = env::var_os(name).filter(|value| !value.is_empty());
    let text = value.map(std::ffi::OsString::into_string);
    text.transpose().map_err(|_| format!("the environment variable `{name}` is not UTF-8"))
}

#[cfg(test)]
mod tests;
