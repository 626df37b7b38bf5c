//! Where challenge passwords for a real PKI come from.

use std::path::PathBuf;

use clap::Args;

use crate::wiring::{Challenges, NdesAdmin};
use model::lab::{AdminPage, ChallengeSource, PasswordSource, Secret, password_of, passwords_in};
use model::scep_url::ScepUrl;

/// Where a challenge password may stand that the process list does not show.
const VARIABLE: &str = "SCEPLAB_CHALLENGE";

/// Challenge passwords, or who gives them out.
#[derive(Clone, Debug, Args)]
pub(crate) struct ChallengeArguments {
    /// A challenge password: one serves for all requests, of several each serves once.
    /// Given here, it stands in the process list; `SCEPLAB_CHALLENGE` and --challenge-file do not tell it
    #[arg(long, value_name = "PASSWORD")]
    challenge: Vec<Secret>,
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

/// What the arguments come to.
pub(crate) struct Given {
    pub(crate) challenges: Challenges,
    /// How many requests can have a password, where that is known.
    pub(crate) count: Option<usize>,
}

impl ChallengeArguments {
    /// Whether a page gives them out.
    pub(super) fn are_fetched(&self) -> bool {
        self.ndes_admin.is_some()
    }

    /// The option that says where passwords come from, where one does.
    pub(crate) fn given(&self) -> Option<&'static str> {
        let options = [
            ("--challenge", !self.challenge.is_empty()),
            ("--challenge-file", self.challenge_file.is_some()),
            ("--ndes-admin", self.ndes_admin.is_some()),
        ];
        options.into_iter().find_map(|(option, is_given)| is_given.then_some(option))
    }

    /// The same as a lab file would say it; nothing is read yet.
    pub(crate) fn source(&self) -> Option<ChallengeSource> {
        if let (Some(url), Some(user), Some(file)) =
            (&self.ndes_admin, &self.admin_user, &self.admin_password_file)
        {
            let (url, user) = (url.clone(), user.clone());
            let password = PasswordSource::File(file.clone());
            return Some(ChallengeSource::Ndes(AdminPage { url, user, password }));
        }
        if let Some(file) = &self.challenge_file {
            return Some(ChallengeSource::File(file.clone()));
        }
        match self.challenge.as_slice() {
            [] => None,
            [only] => Some(ChallengeSource::Static(only.clone())),
            several => Some(ChallengeSource::OneTime(several.to_vec())),
        }
    }

    /// The password in the environment.
    pub(crate) fn of_environment() -> Option<Secret> {
        password_of(VARIABLE).ok()
    }

    /// Reads the files; the error is what is wrong, and shows no password.
    pub(crate) fn read(&self) -> Result<Given, String> {
        if let (Some(url), Some(user), Some(file)) =
            (&self.ndes_admin, &self.admin_user, &self.admin_password_file)
        {
            let password = PasswordSource::File(file.clone()).read()?;
            let page = NdesAdmin::new(url.clone(), user.clone(), password);
            return Ok(Given { challenges: Challenges::Ndes(page), count: None });
        }
        let mut passwords = self.challenge.clone();
        if let Some(file) = &self.challenge_file {
            passwords.extend(passwords_in(file)?);
        }
        if passwords.is_empty() {
            passwords.extend(Self::of_environment());
        }
        let count = Some(passwords.len()).filter(|count| *count > 1);
        Ok(Given { challenges: Challenges::given(passwords), count })
    }
}
