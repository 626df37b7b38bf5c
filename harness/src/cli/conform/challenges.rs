//! Where challenge passwords for a real PKI come from.

use std::fmt;
use std::fs;
use std::path::PathBuf;

use clap::Args;

use crate::drivers::live_pki::{Challenges, NdesAdmin, ScepUrl};
use crate::lab::Secret;

/// Where a challenge password may stand that the process list does not show.
const VARIABLE: &str = "SCEPLAB_CHALLENGE";

/// Challenge passwords, or who gives them out.
#[derive(Clone, Args)]
pub(in crate::cli) struct ChallengeArguments {
    /// A challenge password: one serves for all requests, of several each serves once.
    /// Given here, it stands in the process list; `SCEPLAB_CHALLENGE` and --challenge-file do not tell it
    #[arg(long, value_name = "PASSWORD")]
    challenge: Vec<String>,
    /// A file with challenge passwords, one a line
    #[arg(long, value_name = "FILE")]
    challenge_file: Option<PathBuf>,
    /// The `mscep_admin` page of an NDES, from which a password is fetched for each request
    #[arg(long, value_name = "URL", requires = "admin_user", conflicts_with_all = ["challenge", "challenge_file"])]
    ndes_admin: Option<ScepUrl>,
    /// Who may see that page
    #[arg(long, value_name = "NAME", requires_all = ["ndes_admin", "admin_password_file"])]
    admin_user: Option<String>,
    /// A file whose first line is that user's password
    #[arg(long, value_name = "FILE", requires = "admin_user")]
    admin_password_file: Option<PathBuf>,
}

impl fmt::Debug for ChallengeArguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChallengeArguments")
            .field("ndes_admin", &self.ndes_admin)
            .finish_non_exhaustive()
    }
}

/// What the arguments come to.
pub(in crate::cli) enum Given {
    /// These passwords.
    Passwords(Vec<Secret>),
    /// Those that a page gives out.
    Ndes(NdesAdmin),
}

impl Given {
    /// How many requests can have a password, where that is known.
    pub(in crate::cli) fn count(&self) -> Option<usize> {
        match self {
            Self::Passwords(passwords) if passwords.len() > 1 => Some(passwords.len()),
            _ => None,
        }
    }

    /// Whether there is none.
    pub(in crate::cli) fn is_none(&self) -> bool {
        matches!(self, Self::Passwords(passwords) if passwords.is_empty())
    }

    pub(in crate::cli) fn into_source(self) -> Challenges {
        match self {
            Self::Passwords(passwords) => Challenges::given(passwords),
            Self::Ndes(admin) => Challenges::Ndes(admin),
        }
    }
}

impl ChallengeArguments {
    /// Whether a page gives them out.
    pub(super) fn are_fetched(&self) -> bool {
        self.ndes_admin.is_some()
    }

    /// Reads the files; the error is what is wrong, and shows no password.
    pub(in crate::cli) fn read(&self) -> Result<Given, String> {
        if let (Some(url), Some(user), Some(file)) =
            (&self.ndes_admin, &self.admin_user, &self.admin_password_file)
        {
            let text = read(file)?;
            let password = text.lines().next().unwrap_or_default();
            let password = Secret::new(password);
            return Ok(Given::Ndes(NdesAdmin { url: url.clone(), user: user.clone(), password }));
        }
        let mut passwords: Vec<Secret> = self.challenge.iter().map(Secret::new).collect();
        if let Some(file) = &self.challenge_file {
            let text = read(file)?;
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            passwords.extend(lines.map(Secret::new));
        }
        if passwords.is_empty()
            && let Ok(password) = std::env::var(VARIABLE)
            && !password.is_empty()
        {
            passwords.push(Secret::new(&password));
        }
        Ok(Given::Passwords(passwords))
    }
}

fn read(file: &PathBuf) -> Result<String, String> {
    let text = fs::read_to_string(file);
    let text = text.map_err(|error| format!("`{}` cannot be read: {error}", file.display()))?;
    if text.trim().is_empty() {
        return Err(format!("`{}` holds no password", file.display()));
    }
    Ok(text)
}
