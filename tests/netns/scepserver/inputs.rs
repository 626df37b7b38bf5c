//! Requests that the cases of conformance do not send: as clients in the field sent them, and their siblings.

mod draft;
mod encodings; // algorithms and BER
mod requests; // certification requests

use std::time::{Duration, SystemTime};

use openssl::x509::X509;
use scep::algorithm::Digest;
use scep::attribute::{Nonce, TransactionId};
use scep::clock::Clock;
use scep::danger::Distortion;
use scep::http::{HttpRequest, Method};
use scep::identity::Identity;
use scep::message::AttributeName;
use scep::name;
use scep::request::self_signed;

use self::draft::{
    BMP, Draft, IA5, KEY, MESSAGE_TYPE, NUMERIC, OCTETS, PRINTABLE, SIGNING_TIME, TELETEX,
    TRANSACTION_ID, UTF8, VISIBLE,
};
use self::encodings::encodings;
use self::requests::{names, requests};
use crate::support::der::tlv;

/// All inputs with their names.
pub(super) fn all(ca: &X509) -> Vec<(String, HttpRequest)> {
    let mut all = Vec::new();
    let mut add = |name: &str, change: &dyn Fn(&mut Draft)| {
        let name = format!("input: {name}");
        all.push((name, Draft::new(all.len(), change).request(ca)));
    };
    transaction_ids(&mut add);
    other_attributes(&mut add);
    signing_times(&mut add);
    encodings(&mut add);
    requests(&mut add);
    names(&mut add);
    all.extend(operations());
    all
}

type Add<'a> = dyn FnMut(&str, &dyn Fn(&mut Draft)) + 'a;

fn transaction_ids(add: &mut Add<'_>) {
    for (kind, tag, texts) in [
        (
            "PrintableString",
            PRINTABLE,
            &["plain", "dev_1", "dev@1", "a*b", "a&b", "", "\u{e9}"][..],
        ),
        ("UTF8String", UTF8, &["plain", "dev_1", "dev@1", "d\u{e9}v", "a\nb", ""]),
        ("IA5String", IA5, &["plain", "a*b", "dev_1"]),
        ("TeletexString", TELETEX, &["plain"]),
        ("NumericString", NUMERIC, &["123"]),
        ("VisibleString", VISIBLE, &["plain"]),
        ("BMPString", BMP, &["\0p\0l"]),
        ("OCTET STRING", OCTETS, &["plain"]),
        ("INTEGER", 2, &["\u{7}"]),
    ] {
        for text in texts {
            add(&format!("transactionID {kind} {text:?}"), &|draft| {
                draft.message.transaction_id = None;
                draft.attribute(TRANSACTION_ID, tlv(tag, &[text.as_bytes()]));
            });
        }
    }
    for length in [255, 256, 257, 3000] {
        add(&format!("transactionID of {length} characters"), &|draft| {
            draft.message.transaction_id = Some(TransactionId::new("x".repeat(length)));
        });
    }
    add("transactionID with a second value that differs", &|draft| {
        draft.attribute(TRANSACTION_ID, tlv(PRINTABLE, &[b"ZZZ"]));
    });
}

fn other_attributes(add: &mut Add<'_>) {
    for length in [0, 1, 8, 15, 17, 32, 64, 65, 1000] {
        add(&format!("senderNonce of {length} bytes"), &|draft| {
            draft.message.sender_nonce = Some(Nonce::new(vec![7; length]));
        });
    }
    for number in ["3", "17", "18", "19", "20", "21", "22", "99", "", "019", "19 "] {
        add(&format!("messageType {number:?}"), &|draft| {
            draft.message.message_type = None;
            draft.attribute(MESSAGE_TYPE, tlv(PRINTABLE, &[number.as_bytes()]));
        });
    }
    for (kind, tag) in [("UTF8String", UTF8), ("IA5String", IA5), ("OCTET STRING", OCTETS)] {
        add(&format!("messageType as {kind}"), &|draft| {
            draft.message.message_type = None;
            draft.attribute(MESSAGE_TYPE, tlv(tag, &[b"19"]));
        });
    }
    add("unknown attribute", &|draft| draft.attribute("1.3.6.1.4.1.32473.1", tlv(UTF8, &[b"x"])));
    for name in [AttributeName::ContentType, AttributeName::MessageDigest] {
        add(&format!("{name} twice"), &|draft| draft.distortions.push(Distortion::Repeat(name)));
        add(&format!("{name} of another type"), &|draft| {
            draft.distortions.push(Distortion::Retype(name));
        });
    }
}

fn signing_times(add: &mut Add<'_>) {
    let (second, day) = (Duration::from_secs(1), Duration::from_secs(86_400));
    let at = |time: SystemTime| move |draft: &mut Draft| draft.message.signing_time = Some(time);
    // `self_signed` makes certificates that are valid for a year from the given time.
    let from = Clock::system().now() - 10 * day;
    let signer = |draft: &mut Draft| {
        draft.signer = Some(self_signed(&draft.subject, &KEY, Digest::Sha256, from).unwrap());
    };
    let begin = not_before(
        &self_signed(&name::parse("CN=a").unwrap(), &KEY, Digest::Sha256, from).unwrap(),
    );
    for (when, time) in [
        ("two seconds before the signer's validity", begin - 2 * second),
        ("at the beginning of the signer's validity", begin),
        ("an hour ago", Clock::system().now() - 3600 * second),
        ("in half a year", Clock::system().now() + 180 * day),
        ("after the signer's validity", Clock::system().now() + 400 * day),
    ] {
        add(&format!("signingTime {when}"), &|draft| {
            signer(draft);
            at(time)(draft);
        });
    }
    add("signingTime that is no time", &|draft| {
        draft.attribute(SIGNING_TIME, tlv(PRINTABLE, &[b"noon"]));
    });
    add("expired signer without a signingTime", &|draft| {
        let long_ago = Clock::system().now() - 800 * day;
        draft.signer = Some(self_signed(&draft.subject, &KEY, Digest::Sha256, long_ago).unwrap());
    });
    add("expired signer with a signingTime in its validity", &|draft| {
        let long_ago = Clock::system().now() - 800 * day;
        draft.signer = Some(self_signed(&draft.subject, &KEY, Digest::Sha256, long_ago).unwrap());
        draft.message.signing_time = Some(long_ago + 100 * day);
    });
}

/// Requests without a message, or with one that is none.
fn operations() -> Vec<(String, HttpRequest)> {
    let get = |query: &str| HttpRequest {
        method: Method::Get,
        query: query.to_owned(),
        content_type: None,
        body: Vec::new(),
    };
    let post = |query: &str, body: &[u8]| HttpRequest {
        method: Method::Post,
        query: query.to_owned(),
        content_type: Some("application/x-pki-message".to_owned()),
        body: body.to_vec(),
    };
    let queries = [
        "",
        "operation=",
        "Operation=GetCACaps",
        "?operation=GetCACert",
        "operation=getcacert",
        "operation=GetCACertChain",
        "operation=GetCACaps",
        "operation=GetCACert&message=x",
        "operation=GetNextCACert",
        "operation=PKIOperation",
        "operation=PKIOperation&message=",
        "operation=PKIOperation&message=AAAA",
        "message=x&operation=GetCACert",
        "operation=GetCACert&operation=GetCACaps",
    ];
    let list = b"<?xml version=\"1.0\"?><plist><dict><key>UDID</key></dict></plist>";
    let mut all: Vec<_> = queries.map(|query| (format!("input: GET ?{query}"), get(query))).into();
    for query in ["", "operation=PKIOperation", "operation=GetCACert", "operation=GetCACaps"] {
        all.push((format!("input: POST ?{query} with a list"), post(query, list)));
        all.push((format!("input: POST ?{query} with nothing"), post(query, b"")));
    }
    all
}

/// The beginning of a certificate's validity.
fn not_before(signer: &Identity) -> SystemTime {
    let epoch = openssl::asn1::Asn1Time::from_unix(0).unwrap();
    let since = epoch.diff(signer.certificate.not_before()).unwrap();
    let seconds = u64::try_from(since.days).unwrap() * 86_400 + u64::try_from(since.secs).unwrap();
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}
