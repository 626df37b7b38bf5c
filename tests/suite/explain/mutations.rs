//! Every mutation of a request, in the saved messages of a run: who is wrong, in one line each.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use model::scenario::scep::{Carrier, Mutation};
use regex::Regex;

use super::faults::stable;
use crate::suite::sceplab::run_in;
use crate::suite::serve::Server;
use crate::support::snapshots::assert_output_of;

/// Mutations of which nobody is to blame, and why: a right peer may send them, or it does not show in the messages.
const NOT_WRONG: [(Mutation, &str); 12] = [
    (Mutation::NoContentType, "most servers take a message without it"),
    (Mutation::ExtraAttribute, "a signed attribute may be unknown"),
    (Mutation::UnsortedAttributes, "the signature is made over what was sent"),
    (Mutation::ChainOfCertificates, "a message may have further certificates"),
    (Mutation::Streamed, "BER is allowed"),
    (Mutation::UnpaddedBase64, "what is missing can be told"),
    (Mutation::UnescapedBase64, "this server reads it as it was meant"),
    (Mutation::WrappedBase64, "line breaks mean nothing"),
    (Mutation::OtherContentType, "a server need not look at the type"),
    (Mutation::NoContentTypeHeader, "a server need not look at the type"),
    (Mutation::OtherPath, "a server may answer at any path"),
    (Mutation::OtherIssuer, "only the CA knows whose certificates it has"),
];

/// Mutations with random bytes, of which the reason differs from run to run.
const RANDOM: [Mutation; 3] =
    [Mutation::Noise, Mutation::NoiseAsEnvelope, Mutation::CorruptEnvelope];

/// A scenario that sends this mutation and accepts no reply.
fn scenario(wrong: Mutation) -> String {
    let method = if wrong.carrier() == Carrier::Get { "get" } else { "post" };
    let message = if wrong.carrier() == Carrier::Lookup { "GetCert" } else { "PKCSReq" };
    format!(
        "title: T\nlab: lab.yaml\nsteps:\n- scep: {{send: GetCACert, accept: [{{http: 200}}]}}\n- scep:\n    send: {message}\n    method: {method}\n    \
         wrong: {}\n    accept: [{{http: 1}}]\n",
        wrong.as_str()
    )
}

#[test]
fn verdict_about_each_mutation_is_right() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&["rfc8894", "--state", folder.path().join("s").to_str().unwrap()]);
    let lab = format!("pki: {{ca: {{url: '{}'}}}}\n", server.url("/cgi-bin/pkiclient.exe"));
    fs::write(folder.path().join("lab.yaml"), lab).unwrap();
    let mut arguments = vec!["run".to_owned()];
    for wrong in Mutation::ALL {
        let file = format!("{}.yaml", wrong.as_str());
        fs::write(folder.path().join(&file), scenario(*wrong)).unwrap();
        arguments.push(file);
    }
    let options = ["--driver", "live", "--yes", "--save-messages", "m"];
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(options).collect();
    let ended = run_in(folder.path(), &arguments);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    let ended = run_in(folder.path(), &["explain", "m", "--state", "s"]);
    ended.assert_orderly();
    let verdicts: BTreeMap<&str, &str> = ended
        .stdout
        .lines()
        .filter_map(|line| line.strip_prefix("m/")?.split_once("  "))
        .map(|(name, verdict)| (name, verdict.trim_start()))
        .collect();
    let mut told = String::new();
    for wrong in Mutation::ALL {
        let verdict = verdicts.get(wrong.as_str()).copied().unwrap_or("no verdict");
        let not_wrong = NOT_WRONG.iter().find(|(other, _)| other == wrong);
        let expected = if not_wrong.is_some() {
            ["nothing wrong was seen: ", "cannot be told: "]
        } else {
            ["the client is wrong: "; 2]
        };
        assert!(
            expected.iter().any(|start| verdict.starts_with(start)),
            "{}: {verdict}",
            wrong.as_str()
        );
        let told_verdict = if RANDOM.contains(wrong) {
            verdict.split_once(": ").map_or(verdict, |(who, _)| who).to_owned()
        } else {
            without_numbers(verdict)
        };
        writeln!(told, "{}: {told_verdict}", wrong.as_str()).unwrap();
        if let Some((_, why)) = not_wrong {
            writeln!(told, "  {why}").unwrap();
        }
    }
    assert_output_of("../suite/explain/snapshots", "mutations", &told);
}

/// The verdict without what differs from run to run.
fn without_numbers(verdict: &str) -> String {
    let patterns = [(r"sceplab-[0-9a-f]+", "<name>"), (r"at byte \d+", "at byte <number>")];
    patterns.iter().fold(stable(verdict), |text, (pattern, name)| {
        Regex::new(pattern).unwrap().replace_all(&text, *name).into_owned()
    })
}
