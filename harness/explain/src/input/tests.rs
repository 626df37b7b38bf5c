//! Each form in which people have messages gives back the message that it was made of.

mod captures;
mod folders;
mod forms;
mod mutations;
mod tools;

use std::{fs, path::Path};

use scep::http::{HttpRequest, Method, Operation};

use crate::{
    input::items_in,
    item::{Content, Exchange, InputItem},
};

/// A PKCSReq of scepclient 2.1.0.
fn message() -> Vec<u8> {
    seed("message/scepclient-2.1.0.der")
}

/// Messages of several kinds and lengths, among them ones of less than 16 full lines, and BER.
fn messages() -> Vec<Vec<u8>> {
    let names = [
        "message/scepclient-2.1.0.der",
        "message/sceplab.der",
        "message/sscep-0.10.0.der",
        "message/strongswan-6.0.6.der",
        "message/step-ca-0.19-granted.der",
        "message/step-ca-0.19-refused.der",
        "message/certs-only.der",
        "message/get-crl.der",
        "ber/get-cert.der",
    ];
    names.into_iter().map(seed).collect()
}

/// A file that the fuzz targets have, too.
fn seed(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn read(bytes: &[u8]) -> Vec<InputItem> {
    items_in("input", bytes).unwrap_or_else(|error| panic!("{error}"))
}

/// The one item in an input.
fn one(bytes: &[u8]) -> InputItem {
    let mut items = read(bytes);
    assert_eq!(items.len(), 1, "{items:?}");
    items.pop().unwrap()
}

/// The bytes of the one item in an input, which has no HTTP around it.
fn bytes_of(input: &[u8]) -> Vec<u8> {
    match one(input).content {
        Content::Bytes(bytes) => bytes,
        Content::Exchange(exchange) => panic!("{exchange:?}"),
    }
}

fn exchange(item: &InputItem) -> &Exchange {
    match &item.content {
        Content::Exchange(exchange) => exchange,
        Content::Bytes(_) => panic!("{item:?}"),
    }
}

/// What an exchange lacks, in sentences.
pub(super) fn gaps_of(exchange: &Exchange) -> Vec<String> {
    exchange.gaps.iter().map(ToString::to_string).collect()
}

/// The message of a request as a server reads it.
fn sent(exchange: &Exchange) -> Vec<u8> {
    let request = exchange.request.as_ref().expect("a request");
    let query = request.target.split_once('?').map_or("", |(_, query)| query).to_owned();
    let method = if request.method == "POST" { Method::Post } else { Method::Get };
    let body = request.body.clone();
    match Operation::from_http(&HttpRequest { method, query, content_type: None, body }) {
        Ok(Operation::PkiOperation(message)) => message,
        other => panic!("{other:?}"),
    }
}

fn words(bytes: &[u8]) -> String {
    let error = items_in("input", bytes).expect_err("nothing in it");
    [vec![error.to_string()], error.notes()].concat().join("\n")
}
