//! Options with the challenge passwords for a real PKI.

use std::path::PathBuf;

use clap::Args;

use crate::blanks::warn_of_blanks;
use crate::secrets::{PASSWORD, keep_secret};
use crate::values::scep_url;
use crate::wiring::{Challenges, NdesAdmin};
use model::lab::{AdminPage, ChallengeSource, PasswordSource, Secret, password_of, passwords_in};
use model::scep_url::ScepUrl;

/// Environment variable with a challenge password, which the process list does not show.
const VARIABLE: &str = "SCEPLAB_CHALLENGE";

/// Challenge passwords, or the page that gives them out.
#[derive(Clone, Debug, Args)]
pub(crate) struct ChallengeArguments {
    /// A challenge password: one is used for all requests, several are used once each.
    /// The process list shows it to other users; use `SCEPLAB_CHALLENGE` or --challenge-file if that matters
    #[arg(long, value_name = "PASSWORD", value_parser = challenge)]
    challenge: Vec<Secret>,
    /// A file with challenge passwords, one per line in UTF-8. Line ends and a byte order mark do not belong to a password, blanks do
    #[arg(long, value_name = "FILE")]
    challenge_file: Option<PathBuf>,
    /// The page `mscep_admin` of an NDES; a password is fetched there for each request
    #[arg(long, value_name = "URL", value_parser = scep_url(), requires = "admin_user", conflicts_with_all = ["challenge", "challenge_file"])]
    ndes_admin: Option<ScepUrl>,
    /// The user who logs in to the page of --ndes-admin
    #[arg(long, value_name = "NAME", requires_all = ["ndes_admin", "admin_password_file"])]
    admin_user: Option<String>,
    /// A file whose first line is that user's password
    #[arg(long, value_name = "FILE", requires = "admin_user")]
    admin_password_file: Option<PathBuf>,
}

/// Reads a challenge password.
pub(crate) fn challenge(text: &str) -> Result<Secret, String> {
    if text.is_empty() {
        return Err("the password is empty; leave the option out if there is none".to_owned());
    }
    Ok(Secret::new(text))
}

/// The source of challenge passwords that the options name.
pub(crate) struct Given {
    pub(crate) challenges: Challenges,
    /// Number of requests that can have a password, if it is limited.
    pub(crate) count: Option<usize>,
    /// All passwords that are known.
    pub(crate) secrets: Vec<Secret>,
}

impl Given {
    /// Masks the passwords from now on, and warns if one is too short for that.
    pub(crate) fn keep_secret(&self) {
        let what = match self.challenges {
            Challenges::Ndes(_) => "the password of `--admin-user`",
            _ => PASSWORD,
        };
        keep_secret(what, &self.secrets);
    }
}

impl ChallengeArguments {
    /// True if an NDES page gives out the passwords.
    pub(super) fn are_fetched(&self) -> bool {
        self.ndes_admin.is_some()
    }

    /// The addresses that a command uses with these options and this one.
    pub(crate) fn urls<'a>(&'a self, url: &'a ScepUrl) -> impl Iterator<Item = &'a ScepUrl> {
        std::iter::once(url).chain(self.page())
    }

    /// The address of the page that gives out passwords, if there is one.
    pub(crate) fn page(&self) -> Option<&ScepUrl> {
        self.ndes_admin.as_ref()
    }

    /// The given option among those that name passwords.
    pub(crate) fn given(&self) -> Option<&'static str> {
        let options = [
            ("--challenge", !self.challenge.is_empty()),
            ("--challenge-file", self.challenge_file.is_some()),
            ("--ndes-admin", self.ndes_admin.is_some()),
        ];
        options.into_iter().find_map(|(option, is_given)| is_given.then_some(option))
    }

    /// The source of passwords as in a lab file; files are not read yet.
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

    /// The password of the environment variable `SCEPLAB_CHALLENGE`.
    pub(crate) fn of_environment() -> Option<Secret> {
        password_of(VARIABLE).ok()
    }

    /// The passwords that are known before a file is read.
    pub(crate) fn known(&self) -> Vec<Secret> {
        self.challenge.iter().cloned().chain(Self::of_environment()).collect()
    }

    /// Reads the passwords, without blocking the task: a file may be a pipe. The error shows none.
    pub(crate) async fn read(&self) -> Result<Given, String> {
        let arguments = self.clone();
        let reading = tokio::task::spawn_blocking(move || arguments.read_files());
        reading.await.map_err(|error| error.to_string())?
    }

    fn read_files(&self) -> Result<Given, String> {
        if let (Some(url), Some(user), Some(file)) =
            (&self.ndes_admin, &self.admin_user, &self.admin_password_file)
        {
            let password =
                PasswordSource::File(file.clone()).read().map_err(|error| error.to_string())?;
            warn_of_blanks(&format!("in `{}`", file.display()), [&password]);
            let secrets = vec![password.clone()];
            let page = NdesAdmin::new(url.clone(), user.clone(), password);
            return Ok(Given { challenges: Challenges::Ndes(page), count: None, secrets });
        }
        let mut passwords = self.challenge.clone();
        warn_of_blanks("of `--challenge`", &passwords);
        if let Some(file) = &self.challenge_file {
            let read = passwords_in(file).map_err(|error| error.to_string())?;
            warn_of_blanks(&format!("in `{}`", file.display()), &read);
            passwords.extend(read);
        }
        if passwords.is_empty() {
            passwords.extend(Self::of_environment());
            warn_of_blanks(&format!("of `{VARIABLE}`"), &passwords);
        }
        let count = Some(passwords.len()).filter(|count| *count > 1);
        let secrets = passwords.clone();
        Ok(Given { challenges: Challenges::given(passwords), count, secrets })
    }
}
