//! The page that gives out challenge passwords, and the passwords themselves.

use std::{sync::Arc, time::SystemTime};

use base64::{Engine, engine::general_purpose::STANDARD};
use openssl::{error::ErrorStack, memcmp, x509::X509Ref};
use scep::secret::Secret;

use crate::{
    answer::Answer,
    pages::{self, NdesPage},
    personality::Personality,
    policy::{ChallengeUnavailable, PasswordCache},
    settings::{AdminCredentials, ChallengePolicy, Settings},
};

/// Who gives out challenge passwords, and to whom.
pub(crate) struct AdminPage {
    challenge: ChallengePolicy,
    passwords: Arc<PasswordCache>,
    /// That of the CA's certificate, which is shown beside a password.
    thumbprint: String,
    /// Who may see the page.
    credentials: Option<AdminCredentials>,
    may_enroll: bool,
    host: String,
}

impl AdminPage {
    /// The page of a CA that is to be so, with this certificate.
    pub(crate) fn new(
        settings: &Settings,
        certificate: &X509Ref,
        passwords: Arc<PasswordCache>,
    ) -> Result<Self, ErrorStack> {
        Ok(Self {
            challenge: settings.challenge.clone(),
            passwords,
            thumbprint: pages::thumbprint(certificate)?,
            credentials: settings.admin.clone(),
            may_enroll: settings.windows.admin_may_enroll,
            host: settings.windows.host.clone(),
        })
    }

    /// Whether a request needs a challenge password.
    pub(crate) fn asks_for_challenge(&self) -> bool {
        !matches!(self.challenge, ChallengePolicy::None)
    }

    /// A challenge password with which a request will pass: a new one, or the one for all.
    pub(crate) fn new_challenge(&self) -> Result<Secret, ChallengeUnavailable> {
        match &self.challenge {
            ChallengePolicy::None => Err(ChallengeUnavailable::NotAskedFor),
            ChallengePolicy::Static(password) => Ok(password.clone()),
            ChallengePolicy::OneTime { .. } => self.passwords.make(SystemTime::now()),
        }
    }

    /// What whoever may not see the page is answered; `None` for one who may.
    pub(crate) fn refusal(
        &self,
        personality: &Personality,
        authorization: Option<&str>,
    ) -> Option<Answer> {
        let admin = self.credentials.as_ref()?;
        let expected = format!("{}:{}", admin.user, admin.password.expose());
        let given = authorization.and_then(basic_credentials).unwrap_or_default();
        let is_admin = given.len() == expected.len() && memcmp::eq(&given, expected.as_bytes());
        (!is_admin).then(|| Answer::unauthorized(personality, &self.host))
    }

    /// The page, with a new password on it.
    pub(crate) fn answer(&self, personality: &Personality) -> Answer {
        if !self.may_enroll {
            return page(&NdesPage::NoPermission);
        }
        let thumbprint = &self.thumbprint;
        match (self.new_challenge(), &self.challenge) {
            (Ok(password), ChallengePolicy::OneTime { lifetime, .. }) => {
                page(&NdesPage::OneTimePassword {
                    thumbprint,
                    password: password.expose(),
                    minutes: lifetime.as_secs() / 60,
                })
            }
            (Ok(password), _) => {
                page(&NdesPage::SinglePassword { thumbprint, password: password.expose() })
            }
            (Err(ChallengeUnavailable::CacheFull(at_most)), _) => {
                let mut answer = page(&NdesPage::CacheFull { at_most });
                answer.note.reason = Some("the password cache is full".to_owned());
                answer
            }
            (Err(ChallengeUnavailable::NotAskedFor), _) => {
                page(&NdesPage::NoPassword { thumbprint })
            }
            (Err(error), _) => Answer::error(personality, 500, &error),
        }
    }
}

/// A page of NDES as an answer.
pub(crate) fn page(page: &NdesPage<'_>) -> Answer {
    Answer::page("text/html", page.body())
}

/// The `user:password` of HTTP Basic authentication (RFC 7617 §2).
fn basic_credentials(authorization: &str) -> Option<Vec<u8>> {
    let (scheme, credentials) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Basic").then_some(())?;
    STANDARD.decode(credentials.trim()).ok()
}
