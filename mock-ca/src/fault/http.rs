//! Faults of any answer, whatever it says.

use super::{Fault, Strikes};
use crate::{answer::Answer, log::LogOutcome, personality::Personality};

const HTML: &str = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head>\n\
                    <body><h1>Welcome to the network</h1><p>Please sign in.</p></body></html>\n";

/// The answer as the faults leave it, which notes those that happened.
pub(crate) fn distorted(
    mut answer: Answer,
    personality: &Personality,
    strikes: &Strikes<'_>,
) -> Answer {
    strikes.each(|fault| happen(fault, &mut answer, personality));
    answer.note.faults = strikes.fired();
    answer
}

fn happen(fault: Fault, answer: &mut Answer, personality: &Personality) -> bool {
    match fault {
        Fault::HttpStatus(status) => {
            let page = Answer::error(personality, status, &"a fault was asked for");
            answer.status = status;
            answer.content_type = page.content_type;
            answer.body = page.body;
            answer.outcome = LogOutcome::Http(status);
        }
        Fault::EmptyBody => answer.body.clear(),
        Fault::TruncatedBody => answer.body.truncate(answer.body.len() / 2),
        Fault::TrailingBytes => answer.body = [&answer.body[..], &[0; 16]].concat().into(),
        Fault::Delay(delay) => answer.delay = delay,
        Fault::CloseConnection => {
            answer.is_withheld = true;
            answer.outcome = LogOutcome::Cut;
        }
        Fault::HtmlPage => {
            answer.status = 200;
            answer.content_type = Some("text/html");
            answer.body = HTML.into();
            answer.outcome = LogOutcome::Http(200);
        }
        Fault::WrongContentType => answer.content_type = Some("application/octet-stream"),
        Fault::NoContentType => answer.content_type = None,
        _ => return false,
    }
    true
}
