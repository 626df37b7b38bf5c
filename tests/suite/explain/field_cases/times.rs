//! Requests whose signingTime is not that of their exchange, or lies outside the validity of their signer's certificate.

use std::time::Duration;

use explain::explain;
use explain::explanation::{AtFault, Explanation, Severity};
use explain::item::{Content, InputItem};
use scep::attribute::FailInfo;
use scep::message::MessageBuilder;

use super::peers::{Peers, first, now, post, reply};

const HOUR: Duration = Duration::from_secs(3_600);

/// The explanation of an exchange of today after the answer to GetCACert.
fn explained(peers: &Peers, mut item: InputItem) -> Explanation {
    if let Content::Exchange(exchange) = &mut item.content {
        exchange.at = Some(now());
    }
    explain(vec![Peers::ca_certificates(&[&peers.ca]), item], &peers.knowledge())
}

/// A request that is signed an hour before the certificate of its signer begins.
fn signed_too_early(peers: &Peers) -> Vec<u8> {
    let signing_time = Some(peers.made - HOUR);
    peers.signed(MessageBuilder { signing_time, ..first(&peers.client) })
}

#[test]
fn wrong_clock_is_told_of_the_request_and_not_of_its_reply() {
    let peers = Peers::new();
    let signing_time = Some(peers.made + HOUR);
    let request = peers.signed(MessageBuilder { signing_time, ..first(&peers.client) });
    let explanation = explained(&peers, peers.refused(request, FailInfo::BadTime));
    let verdict = &explanation.verdict;
    assert_eq!(verdict.at_fault, AtFault::Client, "{verdict:?}");
    let words = "FAILURE, badTime; wrong in the request: the signingTime of the request is ";
    assert!(verdict.reason.contains(words), "{verdict:?}");
    let wrong: Vec<usize> = explanation
        .messages
        .iter()
        .filter(|part| part.all_findings().iter().any(|it| it.severity == Severity::Wrong))
        .map(|part| part.number)
        .collect();
    assert_eq!(wrong, [3], "{:#?}", explanation.messages);
}

/// RFC 5652 §11.3 leaves it to the recipient whether it takes a signingTime, so that neither end breaks a rule.
#[test]
fn time_before_the_signer_is_nobodys_mistake_and_the_probable_cause_of_a_refusal() {
    let peers = Peers::new();
    let oddity = "at its signingTime, ";
    for reason in [FailInfo::BadTime, FailInfo::BadMessageCheck] {
        let refused = peers.refused(signed_too_early(&peers), reason);
        let mut knowledge = peers.knowledge();
        knowledge.keys.clear();
        let explanation = explain(vec![refused], &knowledge);
        let verdict = &explanation.verdict;
        assert_eq!(verdict.at_fault, AtFault::Unknown, "{verdict:?}");
        assert!(verdict.reason.contains("; probably because at its signingTime, "), "{verdict:?}");
        assert!(verdict.reason.ends_with("(RFC 5652 §11.3)"), "{verdict:?}");
    }
    let granted =
        explain(vec![peers.granted(signed_too_early(&peers), "CN=device")], &peers.knowledge());
    assert_eq!(granted.verdict.at_fault, AtFault::Nobody, "{:?}", granted.verdict);
    let unusual = |next: &String| next.starts_with(&format!("unusual: {oddity}"));
    assert!(granted.verdict.next.iter().any(unusual), "{:?}", granted.verdict);
}

/// A CertRep is the answer to a request that is refused (RFC 8894 §3.3.2.2), and HTTP 500 is none.
#[test]
fn status_in_place_of_a_refusal_is_the_servers_and_its_probable_cause_is_told() {
    let peers = Peers::new();
    let words = b"signing time is outside of certificate validity".to_vec();
    let refused = post(signed_too_early(&peers), Some(reply(500, "text/plain", words)));
    let explanation = explained(&peers, refused);
    let verdict = &explanation.verdict;
    assert_eq!(verdict.at_fault, AtFault::Server, "{verdict:?}");
    let cause = "perhaps the server refuses the request because at its signingTime, ";
    assert!(verdict.next.iter().any(|next| next.starts_with(cause)), "{verdict:?}");
}
