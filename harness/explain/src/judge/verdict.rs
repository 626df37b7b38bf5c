//! Who is wrong, in one line.

use results::requirement::End;
use scep::{
    attribute::{FailInfo, MessageType, PkiStatus},
    http::Operation,
};

use crate::{
    explanation::{AtFault, Finding, Part, Severity, Verdict},
    layer::{Facts, Inner, key_words},
    piece::Piece,
};

/// The verdict about all messages.
pub(crate) fn verdict(pieces: &[Piece], parts: &[Part]) -> Verdict {
    let all: Vec<&Finding> = parts.iter().flat_map(Part::all_findings).collect();
    let wrong: Vec<&Finding> =
        all.iter().copied().filter(|it| it.severity == Severity::Wrong).collect();
    let of = |end: Option<End>| wrong.iter().copied().find(|finding| finding.by == end);
    match (of(Some(End::Client)), of(Some(End::Server)), of(None)) {
        (Some(client), None, _) => decided(AtFault::Client, client, client.words.clone(), pieces),
        (None, Some(server), _) => decided(AtFault::Server, server, server.words.clone(), pieces),
        (Some(client), Some(server), _) => {
            let reason = format!("the client: {}; the server: {}", client.words, server.words);
            decided(AtFault::Both, client, reason, pieces)
        }
        (None, None, Some(finding)) => {
            decided(AtFault::Sender, finding, finding.words.clone(), pieces)
        }
        (None, None, None) => without_wrong(pieces, &all),
    }
}

fn decided(at_fault: AtFault, finding: &Finding, reason: String, pieces: &[Piece]) -> Verdict {
    let refused = last_reply(pieces).filter(|it| it.pki_status == Some(PkiStatus::Failure));
    let refused = refused.filter(|_| at_fault == AtFault::Client).and_then(|it| it.denial.as_ref());
    let reason = match refused {
        Some(denial) => format!("{reason}; the server refuses it with {denial}"),
        None => reason,
    };
    let next = finding.advice.iter().cloned().collect();
    Verdict { at_fault, reason, basis: finding.basis.clone(), next }
}

/// The facts of the last reply that is a CertRep.
fn last_reply(pieces: &[Piece]) -> Option<&Facts> {
    let mut replies = pieces.iter().rev().filter(|piece| piece.is(&MessageType::CertRep));
    replies.find_map(|piece| piece.facts.as_ref())
}

fn undecided(at_fault: AtFault, reason: impl Into<String>, next: Vec<String>) -> Verdict {
    Verdict { at_fault, reason: reason.into(), basis: None, next }
}

fn without_wrong(pieces: &[Piece], all: &[&Finding]) -> Verdict {
    if pieces.is_empty() {
        return undecided(AtFault::Unknown, "there is no message", Vec::new());
    }
    let odd = unusual(all);
    let verdict = match last_reply(pieces) {
        Some(reply) => of_reply(pieces, reply),
        None => without_reply(pieces),
    };
    let gaps = pieces.iter().flat_map(|piece| piece.gaps.iter().cloned());
    Verdict { next: verdict.next.into_iter().chain(gaps).chain(odd).collect(), ..verdict }
}

/// The unusual things that were seen, in words.
fn unusual(all: &[&Finding]) -> Vec<String> {
    const SHOWN: usize = 3;
    let mut odd: Vec<&str> = Vec::new();
    for finding in all.iter().filter(|it| it.severity == Severity::Odd) {
        if !odd.contains(&finding.words.as_str()) {
            odd.push(&finding.words);
        }
    }
    let shown = odd.iter().take(SHOWN).map(|words| format!("unusual: {words}"));
    let more = odd.len().saturating_sub(SHOWN);
    let more = (more > 0).then(|| format!("and {more} more, marked as odd below"));
    shown.chain(more).collect()
}

fn of_reply(pieces: &[Piece], reply: &Facts) -> Verdict {
    match &reply.pki_status {
        Some(PkiStatus::Failure) => {
            let denial = reply.denial.as_ref().map(ToString::to_string).unwrap_or_default();
            let reason = format!(
                "the server refuses the request with {denial}, and nothing that was seen breaks the protocol"
            );
            undecided(AtFault::Unknown, reason, after_refusal(pieces, reply))
        }
        Some(PkiStatus::Pending) => {
            let reason = "the request waits for a decision of the CA";
            let next = "somebody must approve it there, or the client must ask again with CertPoll";
            undecided(AtFault::Nobody, reason, vec![next.to_owned()])
        }
        _ => granted(reply),
    }
}

fn granted(reply: &Facts) -> Verdict {
    match reply.envelope.as_ref() {
        Some(opening) if opening.inner.is_some() => {
            undecided(AtFault::Nobody, "the request was granted, and the reply has what was asked for", Vec::new())
        }
        _ => undecided(
            AtFault::Nobody,
            "the request was granted; the reply was not opened",
            vec!["with the client's key (--key) the certificate in it is compared with the request, too".to_owned()],
        ),
    }
}

/// What to look at after a refusal without a reason.
fn after_refusal(pieces: &[Piece], reply: &Facts) -> Vec<String> {
    let mut next = Vec::new();
    let request = pieces
        .iter()
        .rev()
        .find(|piece| piece.sender == Some(End::Client) && piece.facts.is_some());
    let envelope = request.and_then(|it| it.facts.as_ref()).and_then(|it| it.envelope.as_ref());
    let csr = match envelope.and_then(|it| it.inner.as_ref()) {
        Some(Inner::Request(csr)) => Some(csr),
        _ => None,
    };
    match csr {
        Some(csr) if csr.challenge_password.is_none() => next.push(
            "the request has no challenge password: does this CA demand one?".to_owned(),
        ),
        Some(csr) => next.push(format!(
            "the request has a challenge password, which may be wrong, used up or expired, and asks for a key of the kind {}: compare both with the CA's rules",
            key_words(&csr.public_key)
        )),
        None if envelope.is_some_and(|it| !it.is_open) => next.push(
            "the request was not opened: with the CA's or RA's key (--key, --state) its challenge password and names can be seen".to_owned(),
        ),
        None => {}
    }
    let fail_info = reply.denial.as_ref().and_then(|it| it.fail_info.as_ref());
    next.push(match fail_info {
        Some(FailInfo::BadMessageCheck) => {
            "the signature of the request verifies here, so the server does not accept its signer or its password, or reads the message in another way; its log says more"
        }
        Some(FailInfo::BadAlg) => "the server does not take an algorithm of the request: compare cipher and digest with its settings",
        Some(FailInfo::BadTime) => "compare the clocks of the client and the server",
        Some(FailInfo::BadCertId) => "the CA does not know the certificate that the request names",
        _ => "the server's log says why; a wrong challenge password is the most common reason",
    }
    .to_owned());
    next
}

/// The verdict about a conversation without a CertRep.
fn without_reply(pieces: &[Piece]) -> Verdict {
    if pieces.iter().all(|piece| piece.is_other) {
        let reason = "what came is HTTP about something else than SCEP";
        return undecided(AtFault::Unknown, reason, Vec::new());
    }
    let is_partial = |piece: &Piece| piece.is_unjudged() && !piece.is_other;
    if let Some(at) = pieces.iter().rposition(is_partial) {
        let what = if pieces[at].bytes.is_empty() { "nothing" } else { "only a part" };
        let reason = format!("of the body of message {} {what} was handed in", at + 1);
        return undecided(AtFault::Unknown, reason, Vec::new());
    }
    let is_request = |piece: &&Piece| piece.sender == Some(End::Client) && piece.facts.is_some();
    if let Some(request) = pieces.iter().rev().find(is_request) {
        let is_open =
            request.facts.as_ref().and_then(|it| it.envelope.as_ref()).is_some_and(|it| it.is_open);
        let mut next = Vec::new();
        if !is_open {
            next.push("its envelope was not opened: with the key of its recipient, what is requested is looked at, too".to_owned());
        }
        if pieces.len() > 1 {
            next.push("there is no reply to it in what was handed in".to_owned());
            return undecided(
                AtFault::Unknown,
                "the request has no reply, and nothing wrong was seen in it",
                next,
            );
        }
        return undecided(
            AtFault::Nobody,
            "the message keeps to the standard as far as it can be seen",
            next,
        );
    }
    let asks = |piece: &Piece| {
        matches!(piece.operation(), Some(Operation::GetCaCaps(_) | Operation::GetCaCert(_)))
    };
    if pieces.iter().any(asks) {
        let reason = "the client asked for the CA's capabilities or certificates, was answered, and sent no request after that";
        let next = "the client gave up by itself, or the rest is missing: its own log says why; compare the capabilities and the certificates with what it demands";
        return undecided(AtFault::Unknown, reason, vec![next.to_owned()]);
    }
    undecided(AtFault::Nobody, "what came can be read", Vec::new())
}
