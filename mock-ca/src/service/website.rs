//! The paths of the server: SCEP, and on a Windows server the page that gives out challenge passwords.

use std::time::SystemTime;

use base64::{Engine, engine::general_purpose::STANDARD};
use hyper::{
    body::Bytes,
    header::{AUTHORIZATION, CONTENT_TYPE, LOCATION},
    http::request::Parts,
};
use scep::{
    capabilities::Capability,
    http::{HttpRequest, Method, Operation},
    secret::Secret,
};

use super::Service;
use crate::{
    answer::Answer,
    log::LogOutcome,
    pages::{self, NdesPage},
    passwords::ChallengeUnavailable,
    personality::{ErrorPages, Target},
    settings::ChallengePolicy,
};

impl Service {
    /// Answers any HTTP request.
    pub(crate) fn answer(&self, head: &Parts, body: Bytes, now: SystemTime) -> Answer {
        let personality = self.personality;
        if let Err(error) = self.settle(now) {
            return self.internal_error(&error);
        }
        if head.method == hyper::Method::GET
            && let Some(answer) = self.answer_revocation_list(head.uri.path(), now)
        {
            return answer;
        }
        let Some(target) = personality.target(head.uri.path()) else {
            return Answer::error(personality, 404, &"no such page");
        };
        let method = match head.method {
            hyper::Method::GET => Method::Get,
            hyper::Method::POST if self.offer.has(Capability::PostPkiOperation) => Method::Post,
            _ => {
                let status = personality.bad_method_status;
                return Answer::error(
                    personality,
                    status,
                    &"this HTTP method is not supported at this path",
                );
            }
        };
        let query = head.uri.query().unwrap_or_default();
        if personality.limits_query && query.len() > self.settings.limits.query_bytes {
            let reason = format!("a query of {} bytes", query.len());
            return Answer::error(personality, 404, &reason);
        }
        let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
        let is_for_admins = matches!(target, Target::Admin | Target::AdminSlash);
        if is_for_admins && !self.is_admin(text(AUTHORIZATION)) {
            return Answer::unauthorized(personality, &self.settings.windows.host);
        }
        let content_type = text(CONTENT_TYPE).map(str::to_owned);
        let request =
            &HttpRequest { method, query: query.to_owned(), content_type, body: body.into() };
        match target {
            Target::Slash | Target::AdminSlash => moved(head.uri.path(), query),
            Target::Scep => {
                self.answer_operation(request, now).unwrap_or_else(|| self.plain_page(request))
            }
            Target::Admin => {
                self.answer_operation(request, now).unwrap_or_else(|| self.admin_page(now))
            }
        }
    }

    /// The answer at the address for devices if the request names no operation.
    fn plain_page(&self, request: &HttpRequest) -> Answer {
        if (self.personality.error_pages, request.method) == (ErrorPages::Html, Method::Get) {
            return page(&NdesPage::Plain);
        }
        let reason = Operation::from_http(request).err().map(|error| error.to_string());
        self.not_implemented(&reason.unwrap_or_default())
    }

    /// True if this Authorization header gives access to the page with challenge passwords.
    fn is_admin(&self, authorization: Option<&str>) -> bool {
        let Some(admin) = &self.settings.admin else { return true };
        let expected = Secret::new(format!("{}:{}", admin.user, admin.password.expose()));
        expected.is(&authorization.and_then(basic_credentials).unwrap_or_default())
    }

    /// The page that gives out challenge passwords, with a new password.
    fn admin_page(&self, now: SystemTime) -> Answer {
        if !self.settings.windows.admin_may_enroll {
            return page(&NdesPage::NoPermission);
        }
        let thumbprint = match pages::thumbprint(&self.authority(now).ca.certificate) {
            Ok(thumbprint) => thumbprint,
            Err(error) => return self.internal_error(&error),
        };
        let thumbprint = thumbprint.as_str();
        match (self.new_challenge(), &self.settings.challenge) {
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
            (Err(error), _) => self.internal_error(&error),
        }
    }

    /// A challenge password that authorises a request: a new one, or the fixed one.
    pub(crate) fn new_challenge(&self) -> Result<Secret, ChallengeUnavailable> {
        match &self.settings.challenge {
            ChallengePolicy::None => Err(ChallengeUnavailable::NotAskedFor),
            ChallengePolicy::Static(password) => Ok(password.clone()),
            ChallengePolicy::OneTime { .. } => self.passwords.make(self.clock.now()),
        }
    }
}

/// A redirection to the same path with a slash at the end.
fn moved(path: &str, query: &str) -> Answer {
    let separator = if query.is_empty() { "" } else { "?" };
    let (content_type, body) = pages::error(ErrorPages::Html, 301, "");
    Answer {
        status: 301,
        outcome: LogOutcome::Http(301),
        header: Some((LOCATION, format!("{path}/{separator}{query}"))),
        ..Answer::page(content_type, body)
    }
}

/// A page of NDES as an answer.
fn page(page: &NdesPage<'_>) -> Answer {
    Answer::page("text/html", page.body())
}

/// The `user:password` of HTTP Basic authentication (RFC 7617 §2).
fn basic_credentials(authorization: &str) -> Option<Vec<u8>> {
    let (scheme, credentials) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Basic").then_some(())?;
    STANDARD.decode(credentials.trim()).ok()
}
