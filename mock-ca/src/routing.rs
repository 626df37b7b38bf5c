//! What is at which path.

use std::time::SystemTime;

use scep::http::{HttpRequest, Method};

use crate::{
    admin::{self, AdminPage},
    answer::Answer,
    pages::NdesPage,
    personality::{ErrorPages, Personality, Target},
    service::Service,
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

/// All that a CA has at its paths.
pub(crate) struct Website {
    pub(crate) service: Service,
    pub(crate) admin: AdminPage,
    /// The longest query of a request, in bytes.
    pub(crate) query_bytes: usize,
}

impl Website {
    /// Which server it looks like.
    pub(crate) fn personality(&self) -> &'static Personality {
        self.service.personality
    }

    /// Answers whatever was asked.
    pub(crate) fn answer(&self, inquiry: &Inquiry, now: SystemTime) -> Answer {
        let personality = self.personality();
        let Some(target) = personality.target(&inquiry.path) else {
            return Answer::not_found(personality);
        };
        let request = inquiry.request.as_ref();
        let takes = |request: &&HttpRequest| {
            request.method != Method::Post || self.service.offer.has_post()
        };
        let Some(request) = request.filter(takes) else {
            let status = personality.bad_method_status;
            return Answer::error(personality, status, &"the method is not served here");
        };
        if personality.limits_query && request.query.len() > self.query_bytes {
            let reason = format!("a query of {} bytes", request.query.len());
            return Answer::error(personality, 404, &reason);
        }
        if matches!(target, Target::Admin | Target::AdminSlash)
            && let Some(refusal) = self.admin.refusal(personality, inquiry.authorization.as_deref())
        {
            return refusal;
        }
        match target {
            Target::Slash | Target::AdminSlash => moved(&inquiry.path, &request.query),
            Target::Scep => self.scep(request, now),
            Target::Admin => self
                .service
                .answer_operation(request, now)
                .unwrap_or_else(|| self.admin.answer(personality)),
        }
    }

    fn scep(&self, request: &HttpRequest, now: SystemTime) -> Answer {
        self.service.answer_operation(request, now).unwrap_or_else(|| {
            let has_page = self.personality().error_pages == ErrorPages::Html;
            match (has_page, request.method) {
                (true, Method::Get) => admin::page(&NdesPage::Plain),
                _ => self.service.not_implemented(),
            }
        })
    }
}

fn moved(path: &str, query: &str) -> Answer {
    let separator = if query.is_empty() { "" } else { "?" };
    Answer::moved(format!("{path}/{separator}{query}"))
}
