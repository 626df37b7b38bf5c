//! Writes the seeds that are made by code into `fuzz/seeds`, and with the folder of captures as its argument those that are taken from
//! them. `fuzz/README.md` says which are which.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a program that is run by hand")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use fuzz::fixtures::{
    CA, CHALLENGE, DEVICE, enrol, entropy, get, now, request_message, transaction_id,
};
use mock_ca::{Ca, DistributionPoint, PersonalityName, RevocationReason, Settings};
use openssl::{
    asn1::{Asn1Object, Asn1OctetString, Asn1Time},
    hash::MessageDigest,
    x509::{X509Crl, X509CrlBuilder, X509Extension, X509RevokedBuilder},
};
use scep::{
    algorithm::{Cipher, KeyTransport},
    attribute::{FailInfo, MessageType, Nonce, PkiStatus, TransactionId},
    body::{IssuerAndSerial, IssuerAndSubject},
    certs_only, danger, envelope,
    message::{Message, MessageBuilder},
    name,
    request::{ChallengeString, CsrBuilder, dns_names},
    secret::Secret,
};

/// The requests that are captured, by the names of their programs.
const CLIENTS: [(&str, &str); 4] = [
    ("sscep-0.10.0", "04"),
    ("scepclient-2.1.0", "03"),
    ("strongswan-6.0.6", "03"),
    ("sceplab", "03"),
];

fn main() {
    requests();
    replies();
    upkeep();
    odd_list();
    if let Some(folder) = std::env::args_os().nth(1) {
        captures(Path::new(&folder));
    }
}

fn write(target: &str, name: &str, parts: &[&[u8]]) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), parts.concat()).unwrap();
}

fn csr() -> Vec<u8> {
    let csr = CsrBuilder {
        subject: &name::parse("DC=com, DC=scep, CN=fuzz").unwrap(),
        key: &DEVICE.key,
        challenge_password: Some(&Secret::new(CHALLENGE)),
        challenge_string: ChallengeString::default(),
        extensions: &[dns_names(&["fuzz.example.com"]).unwrap()],
        digest: scep::algorithm::Digest::Sha256,
    };
    csr.encode().unwrap()
}

fn requests() {
    let ca = CA.certificate.subject_name();
    let serial = IssuerAndSerial::encode(&CA.certificate).unwrap();
    let bodies = [
        ("pkcs-req", MessageType::PkcsReq, csr()),
        ("renewal-req", MessageType::RenewalReq, csr()),
        ("cert-poll", MessageType::CertPoll, IssuerAndSubject::encode(ca, ca).unwrap()),
        ("get-cert", MessageType::GetCert, serial.clone()),
        ("get-crl", MessageType::GetCrl, serial),
    ];
    for (digit, (name, message_type, body)) in (b'0'..).zip(bodies) {
        let message = request_message(message_type);
        let encoded = message.encode(&body, &CA.certificate, &mut entropy).unwrap();
        write("message", &format!("{name}.der"), &[&encoded]);
        write("ber", &format!("{name}.der"), &[&danger::stream(&encoded).unwrap()]);
        write("server_open", &format!("{name}.body"), &[&[b'b', digit], &body]);
        write("server_open", &format!("{name}.mock"), &[&[b'm', digit], &body]);
    }
    let recipients = [&*DEVICE.certificate, &*CA.certificate];
    let envelope =
        envelope::seal(&csr(), &recipients, Cipher::TripleDes, KeyTransport::Oaep, &mut entropy);
    let envelope = danger::stream(&envelope.unwrap()).unwrap();
    write("server_open", "streamed.envelope", &[b"e0", &envelope]);
}

fn replies() {
    let certificates = [DEVICE.certificate.clone(), CA.certificate.clone()];
    let content = certs_only::encode(&certificates, &[]).unwrap();
    let recipients = [&*DEVICE.certificate];
    let (cipher, transport) = (Cipher::Aes256, KeyTransport::Pkcs1v15);
    let envelope = envelope::seal(&content, &recipients, cipher, transport, &mut entropy).unwrap();
    write("message", "certs-only.der", &[&content]);
    write("client_reply", "certs-only.content", &[b"c", &content]);
    write("client_reply", "certs-only.ca", &[b"g", &content]);
    write("client_reply", "one.envelope", &[b"e", &envelope]);
    write("client_reply", "words.refused", &[b"f2", "wrong challenge password\u{e9}".as_bytes()]);
    write("client_reply", "forbidden.status", &[b"s", &[101], b"not for you\r\nat all"]);
    let statuses = [PkiStatus::Success, PkiStatus::Failure, PkiStatus::Pending];
    for (name, status) in ["success", "failure", "pending"].into_iter().zip(statuses) {
        let failed = status == PkiStatus::Failure;
        let succeeded = status == PkiStatus::Success;
        let message = MessageBuilder {
            message_type: Some(MessageType::CertRep),
            transaction_id: Some(transaction_id()),
            sender_nonce: Some(Nonce::new([1; 16])),
            recipient_nonce: Some(Nonce::new([0x5a; 16])),
            pki_status: Some(status),
            fail_info: failed.then_some(FailInfo::BadTime),
            fail_info_text: failed.then(|| "too late".to_owned()),
            signing_time: Some(now()),
            content: succeeded.then(|| envelope.clone()),
            certificates: vec![CA.certificate.clone()],
            ..MessageBuilder::default()
        };
        let encoded = message.encode(&CA).unwrap();
        write("message", &format!("{name}.der"), &[&encoded]);
        write("client_reply", &format!("{name}.der"), &[&encoded]);
    }
}

/// What a mock CA gives out after enrolments: its revocation list, empty and not, its answer to GetCRL, and its next CA.
fn upkeep() {
    let mut settings = Settings::new("fuzz", PersonalityName::Rfc8894);
    settings.address = Some("ca".to_owned());
    settings.crl.distribution_point = Some(DistributionPoint::Here);
    let ca = Ca::open(settings, scep::clock::Clock::reading(now)).unwrap();
    write("client_reply", "empty.list", &[b"l", &get(&ca, "/ca-1.crl").body]);
    for id in ["1", "2", "3"] {
        enrol(&ca, TransactionId::new(id));
    }
    let issued = ca.issued().unwrap();
    for (one, reason) in
        issued.iter().zip([RevocationReason::KeyCompromise, RevocationReason::default()])
    {
        ca.revoke_for(&one.serial, reason).unwrap();
    }
    let list = get(&ca, "/ca-1.crl").body;
    let list = X509Crl::from_der(&list).unwrap();
    write("client_reply", "revoked.list", &[b"l", &list.to_der().unwrap()]);
    write("client_reply", "pem.list", &[b"l", &list.to_pem().unwrap()]);
    let content = certs_only::encode(&[], &[list]).unwrap();
    write("client_reply", "get-crl.content", &[b"q", &content]);
    let next = get(&ca, &format!("{}?operation=GetNextCACert", ca.paths()[0])).body;
    write("client_reply", "next-ca.reply", &[b"n", &next]);
    let next = Message::parse(&next).unwrap();
    write("client_reply", "next-ca.content", &[b"x", next.content().unwrap()]);
}

/// A list with the extensions that mock CAs do not use.
fn odd_list() {
    let time = |seconds| Asn1Time::from_unix(seconds).unwrap();
    let mut builder = X509CrlBuilder::new().unwrap();
    builder.set_issuer_name(CA.certificate.subject_name()).unwrap();
    builder.set_last_update(&time(1_795_000_000)).unwrap();
    builder.set_next_update(&time(1_797_000_000)).unwrap();
    let mut entry = X509RevokedBuilder::new().unwrap();
    entry.set_serial_number(DEVICE.certificate.serial_number()).unwrap();
    entry.set_revocation_date(&time(1_795_000_000)).unwrap();
    builder.add_revoked(entry.build()).unwrap();
    let url = b"http://ca/ca-1.crl";
    let name = [&[0x86, 18], &url[..]].concat();
    // All fields of an issuing distribution point.
    let point = [&[0x30, 42, 0xa0, 22, 0xa0, 20], &name[..]].concat();
    let flags =
        [0x81, 1, 0xff, 0x82, 1, 0, 0x83, 2, 6, 0x40, 0x84, 1, 0xff, 0x85, 1, 0xff, 0x82, 0];
    for (oid, is_critical, value) in [
        ("2.5.29.20", false, vec![2, 1, 7]),
        ("2.5.29.35", false, vec![0x30, 3, 0x80, 1, 1]),
        ("2.5.29.27", true, vec![2, 1, 1]),
        ("2.5.29.28", true, [&point[..], &flags].concat()),
        ("1.2.3.4", true, vec![5, 0]),
    ] {
        let oid = Asn1Object::from_str(oid).unwrap();
        let value = Asn1OctetString::new_from_bytes(&value).unwrap();
        let extension = X509Extension::new_from_der(&oid, is_critical, &value).unwrap();
        builder.append_extension(extension).unwrap();
    }
    builder.sign(&CA.key, MessageDigest::sha256()).unwrap();
    write("client_reply", "odd.list", &[b"l", &builder.build().unwrap().to_der().unwrap()]);
}

fn captures(folder: &Path) {
    for (client, number) in CLIENTS {
        let name = format!("{client}-at-rfc8894/{number}-PKIOperation-request.http");
        let request = fs::read(folder.join(name)).unwrap();
        write("http_head", &format!("{client}-pkioperation.http"), &[&request]);
        write("server_open", &format!("{client}.der"), &[&body(&request)]);
        write("message", &format!("{client}.der"), &[&body(&request)]);
    }
    for client in ["sscep-0.10.0", "scepclient-2.1.0", "strongswan-5.9.8", "sceplab"] {
        for number in ["01", "02"] {
            for operation in ["GetCACert", "GetCACaps"] {
                let name = format!("{client}-at-ndes/{number}-{operation}-request.http");
                if let Ok(request) = fs::read(folder.join(name)) {
                    let name = format!("{client}-{}.http", operation.to_lowercase());
                    write("http_head", &name, &[&request]);
                }
            }
        }
    }
    for (server, name, caps, certificates) in [
        ("linux", "sceplab-at-linux", "01", "02"),
        ("ndes", "sceplab-at-ndes", "01", "02"),
        ("step-ca-0.19", "step-ca-0.19-with-sceplab", "01", "02"),
    ] {
        let read = |number, operation| {
            body(&fs::read(folder.join(format!("{name}/{number}-{operation}-reply.http"))).unwrap())
        };
        write("client_reply", &format!("{server}.caps"), &[b"k", &read(caps, "GetCACaps")]);
        write("client_reply", &format!("{server}.ca"), &[b"g", &read(certificates, "GetCACert")]);
    }
    for (number, name) in [("03", "granted"), ("06", "refused")] {
        let file = format!("step-ca-0.19-with-sceplab/{number}-PKIOperation-reply.http");
        let reply = body(&fs::read(folder.join(file)).unwrap());
        write("client_reply", &format!("step-ca-0.19-{name}.der"), &[&reply]);
        write("message", &format!("step-ca-0.19-{name}.der"), &[&reply]);
    }
}

/// The body of a request or a response.
fn body(message: &[u8]) -> Vec<u8> {
    let end = |bytes: &[u8], mark: &[u8]| {
        bytes.windows(mark.len()).position(|window| window == mark).unwrap() + mark.len()
    };
    let (head, mut rest) = message.split_at(end(message, b"\r\n\r\n"));
    if !String::from_utf8_lossy(head).to_lowercase().contains("transfer-encoding: chunked") {
        return rest.to_vec();
    }
    let mut whole = Vec::new();
    loop {
        let (line, after) = rest.split_at(end(rest, b"\r\n"));
        let length = usize::from_str_radix(str::from_utf8(line).unwrap().trim(), 16).unwrap();
        if length == 0 {
            return whole;
        }
        whole.extend_from_slice(&after[..length]);
        rest = &after[length + 2..];
    }
}
