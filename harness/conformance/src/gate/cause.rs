//! The probable causes outside a server for which it refuses the plain request.

use scep::attribute::{FailInfo, PkiStatus};

use super::Password;
use results::Reply;

/// A probable cause outside the server, and what to do about it.
#[derive(Clone, Copy)]
pub(super) struct Cause {
    /// What happened.
    pub(super) message: &'static str,
    /// The probable cause.
    pub(super) probably: &'static str,
    /// The probable cause, and what to do, if the server itself speaks of the password.
    named: Option<(&'static str, &'static str)>,
    /// What to do.
    pub(super) next: &'static str,
}

/// How to give a password.
const GIVE: &str = "give it with `--challenge-file FILE` or in `SCEPLAB_CHALLENGE`; an NDES gives it out on its page: `--ndes-admin URL`";

const MISSING: Cause = Cause {
    message: "the plain request is refused without a challenge password",
    probably: "probably this server wants a challenge password, and none is given",
    named: Some(("the server speaks of a password itself, and none is given", GIVE)),
    next: GIVE,
};

const DOUBTFUL: Cause = Cause {
    message: "the plain request is refused with the challenge password that is given",
    probably: "probably the password is wrong, expired or already used; or the server does not certify this subject",
    named: Some((
        "the server speaks of the password itself: probably it is wrong, expired or already used",
        "compare the password with that of the server, or get a new one",
    )),
    next: "compare the password with that of the server, or get a new one; give a subject that it certifies with `--subject`",
};

const FETCHED: Cause = Cause {
    message: "the plain request is refused with a challenge password from `mscep_admin`",
    probably: "probably the page belongs to another server, or the server does not certify this subject",
    named: Some((
        "the server speaks of the password itself: probably the page belongs to another server",
        "compare the URLs of `--ndes-admin` and of the server",
    )),
    next: "compare the URLs of `--ndes-admin` and of the server; its event log has the reason of the refusal",
};

pub(super) const FORBIDDEN: Cause = Cause {
    message: "the server wants a login for its SCEP service",
    probably: "SCEP clients send no credentials in HTTP: probably the URL is that of another page, such as `mscep_admin`",
    named: None,
    next: "compare the path with the server's documentation",
};

const MOVED: Cause = Cause {
    message: "the server sends messages to another address",
    probably: "probably the SCEP service is there, or a login; SCEP clients follow no redirection",
    named: None,
    next: "give the address of the SCEP service itself, which begins with `http://` and needs no login",
};

const BUSY: Cause = Cause {
    message: "the server is busy or not ready",
    probably: "probably it limits the rate of requests, or has just been started",
    named: None,
    next: "try again later, with `--rate` if it limits the rate of requests",
};

pub(super) const ONCE: Cause = Cause {
    message: "the plain request is granted, and refused when it is sent again with the same challenge password",
    probably: "probably each challenge password of this server is valid once, and the one that is given is used up now",
    named: None,
    next: "give several with `--challenge-file FILE`, one per line (`--dry-run` says how many), or the page of an NDES with `--ndes-admin URL`",
};

pub(super) const SAME_NAME: Cause = Cause {
    message: "the plain request is granted, and refused when it is sent again",
    probably: "probably the server certifies no name twice, or each of its challenge passwords is valid once",
    named: None,
    next: "put `{n}` into `--subject`, which becomes a different number each time; give several passwords with `--challenge-file FILE`",
};

/// The probable cause of a refusal outside the server; `None` if it is a finding about the server.
pub(super) fn cause(reply: &Reply, password: Password) -> Option<Cause> {
    let refused = match password {
        Password::Missing => MISSING,
        Password::Given => DOUBTFUL,
        Password::Fetched => FETCHED,
    };
    match (&reply.pki_status, reply.http_status?) {
        (None, 401 | 403) => Some(FORBIDDEN),
        (None, 301..=303 | 307 | 308) => Some(MOVED),
        (None, 429 | 503) => Some(BUSY),
        // The server does not serve what its capabilities announce.
        (None, 404 | 405 | 501) => None,
        (None, 400..=599) if password == Password::Missing || names_password(reply) => {
            Some(refused)
        }
        // No password causes these.
        (Some(PkiStatus::Failure), _)
            if matches!(
                reply.fail_info,
                Some(FailInfo::BadAlg | FailInfo::BadTime | FailInfo::BadCertId)
            ) =>
        {
            None
        }
        (Some(PkiStatus::Failure), _) => Some(refused),
        _ => None,
    }
}

/// Words with which servers speak of a wrong or missing password.
const PASSWORD_WORDS: [&str; 6] =
    ["challenge", "password", "passphrase", "secret", "credential", "unauthori"];

/// True if the server speaks of the password.
fn names_password(reply: &Reply) -> bool {
    let said = reply.details.join(" ").to_lowercase();
    PASSWORD_WORDS.iter().any(|word| said.contains(word))
}

/// The probable cause, and what to do. The server's own words come first.
pub(super) fn advice(reply: &Reply, cause: Cause) -> [String; 2] {
    let has_words = reply.details.iter().any(|detail| !detail.trim().is_empty());
    let is_named = names_password(reply);
    let (probably, next) = match cause.named {
        Some(named) if is_named => named,
        _ => (cause.probably, cause.next),
    };
    let is_other = reply.pki_status == Some(PkiStatus::Failure) && has_words && !is_named;
    let words = if is_other { "the server's own words may be the reason; otherwise " } else { "" };
    [format!("{words}{probably}"), next.to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(http_status: u16, fail_info: Option<&str>, said: &str) -> Reply {
        Reply {
            http_status: Some(http_status),
            pki_status: fail_info.map(|_| PkiStatus::Failure),
            fail_info: fail_info.map(|name| name.parse().unwrap()),
            details: vec![said.to_owned()],
            ..Reply::default()
        }
    }

    #[test]
    fn refusal_points_at_the_password_unless_its_reason_is_another() {
        let message = |reply: Reply, password| cause(&reply, password).map(|cause| cause.message);
        let refused = reply(200, Some("badMessageCheck"), "");
        assert_eq!(message(refused.clone(), Password::Missing), Some(MISSING.message));
        assert_eq!(message(refused.clone(), Password::Given), Some(DOUBTFUL.message));
        assert_eq!(message(refused, Password::Fetched), Some(FETCHED.message));
        for other in ["badAlg", "badTime", "badCertId"] {
            assert_eq!(message(reply(200, Some(other), ""), Password::Missing), None, "{other}");
        }
    }

    #[test]
    fn own_words_of_the_server_come_before_the_password() {
        let said = |said| {
            let [probably, _] = advice(&reply(200, Some("badRequest"), said), MISSING);
            probably
        };
        assert_eq!(said(""), MISSING.probably);
        let named = MISSING.named.unwrap().0;
        assert_eq!(said("no challenge password in the request"), named);
        let expected =
            "the server's own words may be the reason; otherwise probably this server wants";
        assert!(said("the key is too short").starts_with(expected));
    }

    #[test]
    fn http_error_is_the_servers_unless_it_speaks_of_the_password() {
        let message = |status, said: &str, password| {
            cause(&reply(status, None, said), password).map(|cause| cause.message)
        };
        assert_eq!(message(500, "boom", Password::Given), None);
        assert_eq!(message(500, "wrong challenge", Password::Given), Some(DOUBTFUL.message));
        assert_eq!(message(500, "boom", Password::Missing), Some(MISSING.message));
        assert_eq!(message(403, "", Password::Given), Some(FORBIDDEN.message));
        assert_eq!(message(503, "", Password::Given), Some(BUSY.message));
        assert_eq!(message(302, "moved", Password::Given), Some(MOVED.message));
        assert_eq!(message(405, "", Password::Missing), None);
        assert_eq!(message(200, "a web page", Password::Missing), None);
    }
}
