//! Start of a server whose state has a million certificates, and the memory that it then needs.
//!
//! The certificates are made once, in a folder that the system's temporary directory keeps until it is removed:
//! `cargo bench -p mock-ca --bench state`. Their CA has a short key, because a million signatures of a real one take a quarter of
//! an hour.

use std::{
    env, fs,
    path::{Path, PathBuf},
    time::Duration,
};

use criterion::{Criterion, criterion_group, criterion_main};
use mock_ca::{Ca, PersonalityName, Settings};
use openssl::{
    asn1::Asn1Time,
    bn::BigNum,
    hash::MessageDigest,
    pkey::{PKey, Private},
    rsa::Rsa,
    x509::{X509, X509Name, X509NameRef},
};
use rusqlite::Connection;
use scep::certificate::Fingerprint;
use scep::clock::{Clock, Stopwatch};

/// The number of certificates.
const CERTIFICATES: u32 = 1_000_000;

/// The length of the CA's key in bits.
const KEY_BITS: u32 = 512;

#[expect(clippy::print_stdout, reason = "a benchmark prints what it measures")]
fn start(criterion: &mut Criterion) {
    let folder = env::temp_dir().join(format!("mock-ca-{CERTIFICATES}-certificates"));
    if !folder.join("made").exists() {
        make(&folder);
    }
    let (before, ca) = (resident(), open(&folder));
    println!("a server with {CERTIFICATES} certificates holds {} KiB more", resident() - before);
    let started = Stopwatch::start();
    ca.revoke("F0000").expect("a certificate with this serial number");
    println!("and finds one of them and revokes it in {:?}", started.elapsed());
    drop(ca);
    undo(&folder);
    let mut group = criterion.benchmark_group("state");
    group.sample_size(10).measurement_time(Duration::from_secs(10));
    group.bench_function("start with a million certificates", |bencher| {
        bencher.iter_custom(|starts| (0..starts).map(|_| time_of_start(&folder)).sum());
    });
    group.finish();
}

fn time_of_start(folder: &Path) -> Duration {
    let started = Stopwatch::start();
    let ca = open(folder);
    let elapsed = started.elapsed();
    drop(ca);
    elapsed
}

fn open(folder: &Path) -> std::sync::Arc<Ca> {
    let mut settings = Settings::new("ca", PersonalityName::Rfc8894);
    settings.state = Some(folder.to_owned());
    Ca::open(settings, Clock::system()).expect("the state can be opened")
}

/// Makes the state: that of a new CA, with another key and with certificates.
fn make(folder: &Path) {
    let _ = fs::remove_dir_all(folder);
    drop(open(folder));
    let database = Connection::open(folder.join("state.db")).expect("a database");
    let key = PKey::from_rsa(Rsa::generate(KEY_BITS).expect("a key")).expect("a key");
    let subject = name("CN=CA");
    let ca = certificate(1, &subject, &subject, &key);
    write(folder.join("ca.key"), &key.private_key_to_pem_pkcs8().expect("PEM"));
    write(folder.join("ca.pem"), &ca.to_pem().expect("PEM"));
    let identity = "UPDATE identity SET sha256 = ? WHERE file = 'ca.pem'";
    let fingerprint = Fingerprint::of(&ca).expect("a fingerprint").to_string();
    database.execute(identity, [fingerprint]).expect("one row");
    insert_certificates(&database, &key, &subject);
    write(folder.join("made"), b"");
}

fn insert_certificates(database: &Connection, key: &PKey<Private>, issuer: &X509NameRef) {
    database.execute_batch("BEGIN").expect("a transaction");
    let mut insert = database
        .prepare(
            "INSERT INTO certificate (number, serial, subject, not_before, not_after, transaction_id, requester, request, der) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .expect("the table");
    for number in 2..CERTIFICATES + 2 {
        let subject = name(&format!("CN=device-{number}.example.com, O=Example, C=ES"));
        let device = certificate(number, &subject, issuer, key);
        let serial = BigNum::from_u32(number).and_then(|it| it.to_hex_str()).expect("digits");
        let digest = format!("{number:064x}");
        let values = (
            number,
            serial.to_string(),
            scep::name::to_text(&subject),
            "2026-01-01T00:00:00Z",
            "2036-01-01T00:00:00Z",
            &digest[24..],
            &digest,
            &digest,
            device.to_der().expect("DER"),
        );
        insert.execute(values).expect("a row");
    }
    let count = "UPDATE ca SET issued = ?, next_certificate = ?";
    database.execute(count, (CERTIFICATES, CERTIFICATES + 2)).expect("one row");
    database.execute_batch("COMMIT").expect("a commit");
}

fn certificate(
    number: u32,
    subject: &X509NameRef,
    issuer: &X509NameRef,
    key: &PKey<Private>,
) -> X509 {
    let build = || {
        let mut builder = X509::builder()?;
        builder.set_version(2)?;
        builder.set_serial_number(BigNum::from_u32(number)?.to_asn1_integer()?.as_ref())?;
        builder.set_subject_name(subject)?;
        builder.set_issuer_name(issuer)?;
        builder.set_not_before(Asn1Time::from_str("20260101000000Z")?.as_ref())?;
        builder.set_not_after(Asn1Time::from_str("20360101000000Z")?.as_ref())?;
        builder.set_pubkey(key)?;
        builder.sign(key, MessageDigest::sha256())?;
        Ok::<_, openssl::error::ErrorStack>(builder.build())
    };
    build().expect("a certificate")
}

fn name(text: &str) -> X509Name {
    scep::name::parse(text).expect("a name")
}

/// Replaces a file and keeps its mode.
fn write(path: PathBuf, content: &[u8]) {
    fs::write(path, content).expect("a file");
}

fn undo(folder: &Path) {
    let database = Connection::open(folder.join("state.db")).expect("a database");
    database
        .execute("UPDATE certificate SET revoked_at = NULL, revocation_reason = NULL WHERE revoked_at IS NOT NULL", [])
        .expect("rows");
}

/// The resident memory of this process in KiB, as Linux says it; 0 elsewhere.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse().ok()).unwrap_or_default()
}

criterion_group!(benches, start);
criterion_main!(benches);
