//! What people hand to `sceplab explain`.

use explain::{
    Explanation, Knowledge, explain as explained,
    item::{Content, Exchange, InputItem, Reply, Request},
    text::text,
};

use crate::{
    MAX_INPUT_BYTES,
    fixtures::{CA, CHALLENGE, DEVICE, STEP_CA, now},
};

/// Explains the data with the keys of the CA and the device: by itself, as the reply to each operation, and as a request.
///
/// # Panics
/// If the explanation is longer than a fixed multiple of the data, or shows the challenge password of the captures.
pub fn explain(data: &[u8]) {
    if data.len() > MAX_INPUT_BYTES {
        return;
    }
    let mut knowledge = Knowledge::new(now());
    knowledge.keys = vec![CA.key.clone(), DEVICE.key.clone()];
    knowledge.certificates = vec![CA.certificate.clone(), DEVICE.certificate.clone()];
    knowledge.ca = vec![CA.certificate.clone(), STEP_CA.clone()];
    knowledge.with_asn1 = true;
    check(&explained(vec![bytes(data)], &knowledge), data);
    knowledge.ca.clear();
    knowledge.with_asn1 = false;
    let operations = ["GetCACaps", "GetCACert", "GetNextCACert", "PKIOperation"];
    let conversation = operations.map(|operation| exchange(operation, data)).to_vec();
    check(&explained(conversation, &knowledge), data);
}

fn bytes(data: &[u8]) -> InputItem {
    InputItem {
        taken_for: vec!["bytes".to_owned()],
        origin: "fuzz".to_owned(),
        content: Content::Bytes(data.to_vec()),
    }
}

/// An exchange with the data in both directions.
fn exchange(operation: &str, data: &[u8]) -> InputItem {
    let exchange = Exchange {
        request: Some(Request {
            method: "POST".to_owned(),
            target: format!("/scep?operation={operation}"),
            body: data.to_vec(),
            ..Request::default()
        }),
        reply: Some(Reply { status: Some(200), body: data.to_vec(), ..Reply::default() }),
        ..Exchange::default()
    };
    InputItem { content: Content::Exchange(exchange), ..bytes(&[]) }
}

fn check(explanation: &Explanation, data: &[u8]) {
    /// The most that an explanation adds for a byte, and for a message without any.
    const FACTOR: usize = 64;
    const LEAST: usize = 256 * 1024;
    let is_theirs = data.windows(CHALLENGE.len()).any(|part| part == CHALLENGE.as_bytes());
    for all in [false, true] {
        let shown = text(explanation, all);
        assert!(shown.len() <= LEAST + FACTOR * data.len(), "{} bytes", shown.len());
        assert!(is_theirs || !shown.contains(CHALLENGE), "{shown}");
    }
}
