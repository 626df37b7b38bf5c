//! The recorded conversations of real programs, each with the keys that open it.

use super::{assert_snapshot, explain};

/// The time of the recordings.
const TIME: &str = "2026-11-29T12:47:00Z";

/// The keys of a mock CA.
fn keys(personality: &str) -> Vec<String> {
    let names: &[&str] = match personality {
        "ndes" => &["ca.key", "ra-encryption.key", "ra-signing.key"],
        _ => &["ca.key"],
    };
    let arguments =
        names.iter().map(|name| ["--key".to_owned(), format!("keys/{personality}/{name}")]);
    arguments.flatten().collect()
}

/// Explains a conversation with all keys that are known, and compares the explanation with its snapshot.
fn assert_explained(conversation: &str) {
    let keys = match conversation.rsplit_once("-at-") {
        Some((_, personality)) => keys(personality),
        None => vec!["--key".to_owned(), format!("{conversation}/keys/device.key")],
    };
    let mut arguments = vec![conversation, "--all"];
    arguments.extend(keys.iter().map(String::as_str));
    let ended = explain(&arguments);
    assert!(!ended.transcript().contains("capture-challenge"), "{}", ended.transcript());
    assert_snapshot(conversation, &ended);
}

#[test]
fn sscep_is_explained() {
    for personality in ["linux", "ndes", "rfc8894"] {
        assert_explained(&format!("sscep-0.10.0-at-{personality}"));
    }
}

#[test]
fn scepclient_is_explained() {
    for personality in ["linux", "ndes", "rfc8894"] {
        assert_explained(&format!("scepclient-2.1.0-at-{personality}"));
    }
}

#[test]
fn strongswan_is_explained() {
    for version in ["5.9.8", "6.0.6"] {
        for personality in ["linux", "ndes", "rfc8894"] {
            assert_explained(&format!("strongswan-{version}-at-{personality}"));
        }
    }
}

#[test]
fn own_client_is_explained() {
    for personality in ["linux", "ndes", "rfc8894"] {
        assert_explained(&format!("sceplab-at-{personality}"));
    }
}

#[test]
fn step_ca_is_explained() {
    assert_explained("step-ca-0.19-with-sceplab");
}

#[test]
fn long_conversation_is_shown_in_short() {
    for conversation in
        ["sscep-0.10.0-at-ndes", "scepclient-2.1.0-at-rfc8894", "step-ca-0.19-with-sceplab"]
    {
        assert_snapshot(&format!("{conversation}-short"), &explain(&[conversation]));
    }
}

#[test]
fn annotated_tree_has_offsets_and_names() {
    let request = "scepclient-2.1.0-at-rfc8894/03-PKIOperation-request.http";
    let ended = explain(&[request, "--key", "keys/rfc8894/ca.key", "--asn1", "--at", TIME]);
    assert_snapshot("asn1", &ended);
}

#[test]
fn json_has_everything_and_its_version() {
    let ended =
        explain(&["step-ca-0.19-with-sceplab/06-PKIOperation-reply.http", "--json", "--at", TIME]);
    let parsed: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(parsed["version"], 1);
    assert_snapshot("json", &ended);
}
