//! What `sceplab serve` is told, and the CA that it asks for.

use std::env;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Args;
use mock_ca::{
    AdminCredentials, Approval, ChallengePolicy, FaultRule, Keys, LogObserver, PersonalityName,
    Settings,
};
use scep::capabilities::Capability;
use scep::secret::Secret;

use crate::output::say_soon;
use crate::values::one_of;
use model::lab::{PasswordSource, passwords_in};

/// Where a challenge password may stand that the process list does not show.
const CHALLENGE_VARIABLE: &str = "SCEPLAB_CHALLENGE";

/// Where it may stand where to listen, as in an image.
const LISTEN_VARIABLE: &str = "SCEPLAB_LISTEN";

/// Run the mock CA by itself
///
/// The CA is for tests: its keys are made when it starts and are gone when it ends, unless --state keeps them.
/// One line a request goes to standard output. Ctrl-C or SIGTERM stops it.
#[derive(Clone, Debug, Args)]
#[command(
    override_usage = "sceplab serve [OPTIONS] <PERSONALITY>\n       sceplab serve --list-faults"
)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub(crate) struct Serve {
    /// Whom to behave like: micromdm's scepserver, Windows' NDES, or RFC 8894 to the letter
    #[arg(value_parser = one_of(PersonalityName::ALL.map(|it| (it.as_str(), it))), required_unless_present = "list_faults")]
    personality: Option<PersonalityName>,
    /// Where to listen [default: `SCEPLAB_LISTEN`, or 127.0.0.1:8080 for linux, :8081 for ndes, :8082 for rfc8894]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// A challenge password; linux takes one for all, the others any number that serve once each.
    /// Given here, it stands in the process list; `SCEPLAB_CHALLENGE` and --challenge-file do not tell it
    #[arg(long, value_name = "PASSWORD")]
    challenge: Vec<Secret>,
    /// A file with challenge passwords, one a line
    #[arg(long, value_name = "FILE")]
    challenge_file: Option<PathBuf>,
    /// Let one challenge password serve any number of times (ndes: `UseSinglePassword`; rfc8894)
    #[arg(long)]
    single_password: bool,
    /// The CA's name, such as "DC=com, DC=scep, CN=x"
    #[arg(long, value_name = "NAME")]
    ca_subject: Option<String>,
    /// What GetCACaps names, parted by commas, instead of all that the server has; what is left out is refused:
    /// POST, Renewal, the ciphers AES and DES3, the digests of the SHA family
    #[arg(long, value_name = "KEYWORDS", value_delimiter = ',', value_parser = one_of(Capability::ALL.map(|it| (it.as_str(), it))))]
    capabilities: Option<Vec<Capability>>,
    /// Who decides about requests; manual: `approve` and `deny` on standard input
    #[arg(long, value_parser = one_of(Approval::ALL.map(|it| (it.as_str(), it))), default_value = "automatic")]
    approval: Approval,
    /// Ask for this user on the `mscep_admin` page (ndes)
    #[arg(long, value_name = "NAME", requires = "admin_password_file")]
    admin_user: Option<String>,
    /// A file whose first line is that user's password
    #[arg(long, value_name = "FILE", requires = "admin_user")]
    admin_password_file: Option<PathBuf>,
    /// Keep keys, certificates and requests in this directory across restarts
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Issue further certificates to a name that has one (linux)
    #[arg(long)]
    allow_duplicate_names: bool,
    /// Also open requests that are enciphered to the RA's signing certificate (ndes)
    ///
    /// A real NDES does not. scepclient -ca-fingerprint needs it: it knows the one certificate that is named, and
    /// both enciphers and verifies with it.
    #[arg(long)]
    open_with_signing_key: bool,
    /// Do this wrong on purpose, such as "on: PKIOperation, nth: 2, do: http-status 503"; without `nth` each time
    #[arg(long, value_name = "RULE")]
    fault: Vec<FaultRule>,
    /// List the faults there are, and end
    #[arg(long, exclusive = true)]
    pub(super) list_faults: bool,
    /// Where to listen, on loopback alone, for what the CA is to tell and to do, in JSON over HTTP:
    /// GET /issued, /requests, /pending, /faults; POST /approve, /deny, /revoke, /faults
    #[arg(long, value_name = "ADDR:PORT")]
    control: Option<SocketAddr>,
}

impl Serve {
    /// Whom to behave like; only the list of faults can do without being told.
    fn personality(&self) -> PersonalityName {
        self.personality.unwrap_or(PersonalityName::Linux)
    }

    /// Where to listen for what the CA is to tell and to do.
    pub(super) fn control(&self) -> Result<Option<SocketAddr>, String> {
        match self.control {
            Some(address) if !address.ip().is_loopback() => Err(format!(
                "`--control` listens on loopback alone, and `{address}` is not: whoever reaches it rules the CA"
            )),
            other => Ok(other),
        }
    }

    /// Where to listen.
    pub(super) fn address(&self) -> Result<SocketAddr, String> {
        if let Some(address) = self.listen {
            return Ok(address);
        }
        let port = self.personality().serving_port();
        Ok(listening_address()?.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, port).into()))
    }

    /// Whether a person decides about requests.
    pub(super) fn decides_by_hand(&self) -> bool {
        self.approval == Approval::Manual
    }

    /// The CA that is asked for.
    pub(super) fn settings(&self) -> Result<Settings, String> {
        let mut settings = Settings::new("pki", self.personality());
        settings.subject.clone_from(&self.ca_subject);
        settings.capabilities.clone_from(&self.capabilities);
        if !self.personality().has_next_ca()
            && self.capabilities.iter().flatten().any(|it| *it == NEXT_CA)
        {
            return Err(format!("`{}` is for `rfc8894` alone", NEXT_CA.as_str()));
        }
        settings.faults.clone_from(&self.fault);
        settings.challenge = self.challenge_policy()?;
        settings.approval = self.approval;
        settings.keys = Keys::Fresh;
        settings.state.clone_from(&self.state);
        settings.admin = self.admin()?;
        settings.allow_duplicate_names = self.allow_duplicate_names;
        if self.open_with_signing_key && self.personality() != PersonalityName::Ndes {
            return Err("`--open-with-signing-key` is for `ndes` alone".to_owned());
        }
        settings.windows.opens_with_signing_key = self.open_with_signing_key;
        settings.on_log = Some(LogObserver::new(|entry| say_soon(&entry.to_string())));
        Ok(settings)
    }

    /// What whoever starts this CA should know.
    pub(super) fn warnings(&self, settings: &Settings, bound: SocketAddr) -> Vec<String> {
        let mut warnings = vec![
            "THIS IS A TEST CA. Trust none of its certificates outside a laboratory.".to_owned(),
        ];
        if !bound.ip().is_loopback() {
            warnings.push(format!("other machines can reach it at {bound}"));
        }
        let asks = !matches!(settings.challenge, ChallengePolicy::None);
        if !asks && !self.decides_by_hand() {
            warnings.push("no challenge password: whoever asks gets a certificate".to_owned());
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
            PersonalityName::Ndes | PersonalityName::Rfc8894 => {
                Ok(ChallengePolicy::one_time(passwords))
            }
        }
    }

    fn challenges(&self) -> Result<Vec<Secret>, String> {
        if self.challenge.iter().any(|password| password.expose().is_empty()) {
            return Err("`--challenge` takes a password, and an empty one was given".to_owned());
        }
        let mut passwords = self.challenge.clone();
        if passwords.is_empty() {
            passwords.extend(environment(CHALLENGE_VARIABLE)?.map(Secret::new));
        }
        if let Some(path) = &self.challenge_file {
            passwords.extend(passwords_in(path)?);
        }
        Ok(passwords)
    }

    fn admin(&self) -> Result<Option<AdminCredentials>, String> {
        let (Some(user), Some(path)) = (&self.admin_user, &self.admin_password_file) else {
            return Ok(None);
        };
        if self.personality() != PersonalityName::Ndes {
            return Err("`--admin-user` is for `ndes` alone".to_owned());
        }
        let password = PasswordSource::File(path.clone()).read()?;
        Ok(Some(AdminCredentials { user: user.clone(), password }))
    }
}

/// The port that a CA listens on which is told nothing but what the environment says: 8080 where that says nothing.
pub(crate) fn listening_port() -> Result<u16, String> {
    Ok(listening_address()?.map_or(8080, |address| address.port()))
}

fn listening_address() -> Result<Option<SocketAddr>, String> {
    let Some(text) = environment(LISTEN_VARIABLE)? else { return Ok(None) };
    let address = text.parse().map_err(|_| {
        format!(
            "the environment's `{LISTEN_VARIABLE}` is `{text}`, and no address such as `0.0.0.0:8080`"
        )
    });
    address.map(Some)
}

/// Only one personality has a next CA certificate to show.
const NEXT_CA: Capability = Capability::GetNextCaCert;

fn only(what: &str, mut passwords: Vec<Secret>) -> Result<Secret, String> {
    match (passwords.len(), passwords.pop()) {
        (1, Some(password)) => Ok(password),
        (given, _) => Err(format!("{what} takes one challenge password, {given} were given")),
    }
}

/// A variable of the environment; one that is set to nothing is as good as not set.
fn environment(name: &str) -> Result<Option<String>, String> {
    let value = env::var_os(name).filter(|value| !value.is_empty());
    let text = value.map(std::ffi::OsString::into_string);
    text.transpose().map_err(|_| format!("the environment's `{name}` is not UTF-8"))
}

#[cfg(test)]
mod tests;
