//! What is at which path.

use std::time::SystemTime;

use base64::{Engine, engine::general_purpose::STANDARD};
use openssl::memcmp;
use scep::http::{HttpRequest, Method};

use crate::{
    answer::Answer,
    ca::{Ca, minutes},
    pages::NdesPage,
    personality::{ErrorPages, Target},
    policy::ChallengeUnavailable,
    settings::ChallengePolicy,
};

/// A request as it came over HTTP, its body read.
pub(crate) struct Inquiry {
    /// The path, without the query.
    pub(crate) path: String,
    /// The value of the header `Authorization`.
    pub(crate) authorization: Option<String>,
    /// `None` for a method other than GET and POST.
    pub(crate) request: Option<HttpRequest>,
}

impl Ca {
    /// Answers whatever was asked.
    pub(crate) fn answer(&self, inquiry: &Inquiry, now: SystemTime) -> Answer {
        let personality = self.personality;
        let Some(target) = personality.target(&inquiry.path) else {
            return Answer::not_found(personality);
        };
        let request = inquiry.request.as_ref();
        let takes =
            |request: &&HttpRequest| request.method != Method::Post || self.offer.has_post();
        let Some(request) = request.filter(takes) else {
            let status = personality.bad_method_status;
            return Answer::error(personality, status, &"the method is not served here");
        };
        if personality.limits_query && request.query.len() > self.limits.query_bytes {
            let reason = format!("a query of {} bytes", request.query.len());
            return Answer::error(personality, 404, &reason);
        }
        if matches!(target, Target::Admin | Target::AdminSlash) && !self.is_admin(inquiry) {
            return Answer::unauthorized(personality, &self.host);
        }
        match target {
            Target::Slash | Target::AdminSlash => moved(&inquiry.path, &request.query),
            Target::Scep => self.scep(request, now),
            Target::Admin => {
                self.answer_operation(request, now).unwrap_or_else(|| self.admin_page())
            }
        }
    }

    fn scep(&self, request: &HttpRequest, now: SystemTime) -> Answer {
        self.answer_operation(request, now).unwrap_or_else(|| {
            let has_page = self.personality.error_pages == ErrorPages::Html;
            match (has_page, request.method) {
                (true, Method::Get) => ndes_page(&NdesPage::Plain),
                _ => self.not_implemented(),
            }
        })
    }

    fn is_admin(&self, inquiry: &Inquiry) -> bool {
        let Some(admin) = &self.admin else { return true };
        let expected = format!("{}:{}", admin.user, admin.password.expose());
        let given = inquiry.authorization.as_deref().and_then(basic_credentials);
        given.is_some_and(|given| {
            given.len() == expected.len() && memcmp::eq(&given, expected.as_bytes())
        })
    }

    fn admin_page(&self) -> Answer {
        if !self.admin_may_enroll {
            return ndes_page(&NdesPage::NoPermission);
        }
        let thumbprint = &self.thumbprint;
        match (self.new_challenge(), &self.challenge) {
            (Ok(password), ChallengePolicy::OneTime { lifetime, .. }) => {
                ndes_page(&NdesPage::OneTimePassword {
                    thumbprint,
                    password: password.expose(),
                    minutes: minutes(*lifetime),
                })
            }
            (Ok(password), _) => {
                ndes_page(&NdesPage::SinglePassword { thumbprint, password: password.expose() })
            }
            (Err(ChallengeUnavailable::CacheFull(at_most)), _) => {
                let mut answer = ndes_page(&NdesPage::CacheFull { at_most });
                answer.note.reason = Some("the password cache is full".to_owned());
                answer
            }
            (Err(ChallengeUnavailable::NotAskedFor), _) => {
                ndes_page(&NdesPage::NoPassword { thumbprint })
            }
            (Err(error), _) => Answer::error(self.personality, 500, &error),
        }
    }
}

fn ndes_page(page: &NdesPage<'_>) -> Answer {
    Answer::page("text/html", page.body())
}

fn moved(path: &str, query: &str) -> Answer {
    let separator = if query.is_empty() { "" } else { "?" };
    Answer::moved(format!("{path}/{separator}{query}"))
}

/// The `user:password` of HTTP Basic authentication (RFC 7617 §2).
fn basic_credentials(authorization: &str) -> Option<Vec<u8>> {
    let (scheme, credentials) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Basic").then_some(())?;
    STANDARD.decode(credentials.trim()).ok()
}
