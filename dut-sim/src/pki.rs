//! Output about the device's certificates: the files below `running://auth/certificates/scep/<CSR>/`, the table of
//! `pki scep show`, and certificates as text.

pub(crate) mod crl;
pub(crate) mod text;

use std::cmp::Ordering;
use std::time::SystemTime;

use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::x509::{X509, X509Ref};
use scep::certificate::is_self_issued;
use scep::client::CaCertificates;
use scep::clock::{asn1_time, moment_text};
use scep::identity::Identity;
use scep::key_usage::KeyUsage;

use crate::enrolment::progress::{Phase, Progress};

/// URL of the folder for the certificates of all requests.
pub(crate) const ROOT: &str = "running://auth/certificates/scep/";

const USER_FILE: &str = "user/cert";
const USER_ROW: &str = "usercert";
/// The only documented status.
const VALID: &str = "Valid";
const CA_ROW: &str = "ca";
const NEXT_CA_ROW: &str = "next-ca";

const HEADER: [&str; COLUMNS] = ["Certificate", "Status", "Usage", "NotBefore", "NotAfter"];
const COLUMNS: usize = 5;
const SEPARATOR: &str = "  ";
/// Content of an empty cell.
const EMPTY: &str = "-";

/// A row of the table of certificates that the device shows.
type Row = [String; COLUMNS];

/// A stored certificate.
struct Stored<'a> {
    /// Path below the request's folder.
    file: String,
    /// Name in the table.
    row: String,
    /// Use in SCEP: its key signs replies, or requests are enciphered to it.
    usage: &'static str,
    certificate: &'a X509Ref,
}

/// Splits `running://auth/certificates/scep/<CSR>/<file>` into CSR and file.
pub(crate) fn split(url: &str) -> Option<(&str, &str)> {
    url.strip_prefix(ROOT)?.split_once('/')
}

/// Paths of a request's certificates, in the order of the table.
pub(crate) fn files(progress: &Progress, now: SystemTime) -> Vec<String> {
    stored(progress, now).into_iter().map(|each| each.file).collect()
}

/// The certificate at `file`.
pub(crate) fn find<'a>(progress: &'a Progress, file: &str, now: SystemTime) -> Option<&'a X509Ref> {
    stored(progress, now).into_iter().find(|each| each.file == file).map(|each| each.certificate)
}

/// The table of a request, and below it what an operator must know besides: an error, the moment at which the certificate is renewed if
/// that is `due`, and remarks on the revocation list and the next CA.
///
/// # Errors
/// If OpenSSL is out of memory.
pub(crate) fn show(
    progress: &Progress,
    due: Option<SystemTime>,
    now: SystemTime,
) -> Result<String, scep::Error> {
    let time = asn1_time(now)?;
    let mut rows: Vec<_> =
        stored(progress, now).iter().map(|each| each.row(&time, progress)).collect();
    let missing_row =
        |name: &str| [name, missing(&progress.phase), EMPTY, EMPTY, EMPTY].map(str::to_owned);
    if progress.ca.is_none() {
        rows.insert(0, missing_row(CA_ROW));
    }
    if !matches!(progress.phase, Phase::Issued(_)) {
        rows.push(missing_row(USER_ROW));
    }
    let subject = if progress.ca.is_none() { CA_ROW } else { USER_ROW };
    let due = due.filter(|_| progress.renewal.is_none()).map(moment_text);
    let due = due.map(|due| format!("{USER_ROW}: renewal: due {due}"));
    let next = progress.next_ca.as_ref().map(|next| moment_text(next.from));
    let remarks = [
        progress.problem().map(|reason| format!("{subject}: {reason}")),
        due,
        progress.revocation.remark(now),
        next.map(|from| format!("{NEXT_CA_ROW}: from {from} on")),
        progress.rollover_problem.as_ref().map(|reason| format!("rollover: {reason}")),
    ];
    let lines: Vec<_> = [table(&rows)].into_iter().chain(remarks.into_iter().flatten()).collect();
    Ok(lines.join("\n"))
}

impl Stored<'_> {
    /// Its row in the table.
    fn row(&self, now: &Asn1Time, progress: &Progress) -> Row {
        let (from, until) = (self.certificate.not_before(), self.certificate.not_after());
        let status = match status(self.certificate, now) {
            _ if self.row == NEXT_CA_ROW => "Next",
            _ if progress.revocation.entry(self.certificate).is_some() => "Revoked",
            VALID if progress.is_renewing() && self.row == USER_ROW => "Renewing",
            status => status,
        };
        [&self.row, status, self.usage, &from.to_string(), &until.to_string()].map(str::to_owned)
    }
}

/// Status of a stored certificate.
fn status(certificate: &X509Ref, now: &Asn1Time) -> &'static str {
    let compare = |time: &Asn1TimeRef| time.compare(now);
    match (compare(certificate.not_before()), compare(certificate.not_after())) {
        // Its dates cannot be read.
        (Err(_), _) | (_, Err(_)) => "Invalid",
        (Ok(Ordering::Greater), _) => "Not yet valid",
        (_, Ok(Ordering::Less)) => "Expired",
        _ => VALID,
    }
}

/// Status of a certificate that is not stored.
fn missing(phase: &Phase) -> &'static str {
    match phase {
        Phase::UnderWay | Phase::Pending | Phase::Issued(_) => "Pending",
        Phase::Retrying { .. } | Phase::Failed { .. } => "Failed",
    }
}

/// All stored certificates of a request: the CA's, the RA's, the next CA's, and the user's.
fn stored(progress: &Progress, now: SystemTime) -> Vec<Stored<'_>> {
    let ca = progress.ca.as_ref().map(|ca| authorities(ca, now));
    let mut all = ca.unwrap_or_default();
    if let Some(next) = &progress.next_ca {
        let (file, row) = ("ca/next-ca.der".to_owned(), NEXT_CA_ROW.to_owned());
        let certificate = next.certificates.issuer(next.from);
        let usage = usage(certificate, next.certificates.ra.is_empty());
        all.push(Stored { file, row, usage, certificate });
    }
    if let Phase::Issued(Identity { certificate, .. }) = &progress.phase {
        let (file, row) = (USER_FILE.to_owned(), USER_ROW.to_owned());
        all.push(Stored { file, row, usage: EMPTY, certificate });
    }
    all
}

/// The CA's certificates, named as by strongSwan's `pki --scepca --raout ra`: roots, then subordinate CAs, then RAs. The only
/// certificate of a CA is `ca` in any case: step-ca sends its intermediate alone.
///
/// RAs are in reverse order, because NDES sends the signing one first and the documented device shows it second.
fn authorities(certificates: &CaCertificates, now: SystemTime) -> Vec<Stored<'_>> {
    let issuer = certificates.issuer(now);
    let is_alone = certificates.ca.len() == 1;
    let (roots, subordinates): (Vec<_>, Vec<_>) =
        certificates.ca.iter().partition(|one| is_alone || is_self_issued(one));
    let named = numbered(roots, |number| first_or_numbered("ca", "ca-root", number))
        .chain(numbered(subordinates, |number| format!("ca-{number}")))
        .chain(numbered(certificates.ra.iter().rev(), |number| {
            first_or_numbered("ra", "ra", number)
        }));
    let store = |(row, certificate): (String, _)| Stored {
        file: format!("ca/{row}.der"),
        usage: usage(certificate, certificates.ra.is_empty() && std::ptr::eq(certificate, issuer)),
        row,
        certificate,
    };
    named.map(store).collect()
}

fn numbered<'a>(
    certificates: impl IntoIterator<Item = &'a X509>,
    name: impl Fn(usize) -> String,
) -> impl Iterator<Item = (String, &'a X509Ref)> {
    certificates.into_iter().enumerate().map(move |(index, one)| (name(index + 1), one.as_ref()))
}

fn first_or_numbered(first: &str, others: &str, number: usize) -> String {
    if number == 1 { first.to_owned() } else { format!("{others}-{number}") }
}

/// Usage of a certificate: both for a CA without an RA, otherwise as its keyUsage allows.
fn usage(certificate: &X509Ref, serves_for_both: bool) -> &'static str {
    let allowed = KeyUsage::of(certificate);
    let allows = |usage| serves_for_both || allowed.is_none_or(|allowed| allowed.contains(usage));
    match (allows(KeyUsage::KEY_ENCIPHERMENT), allows(KeyUsage::DIGITAL_SIGNATURE)) {
        (true, true) => "Encipherment & Signature",
        (true, false) => "Encipherment",
        (false, true) => "Signature",
        (false, false) => EMPTY,
    }
}

/// Formats the table: each column as wide as its widest cell, the header between two rules.
fn table(rows: &[Row]) -> String {
    let header = HEADER.map(str::to_owned);
    let widths: [usize; COLUMNS] = std::array::from_fn(|column| {
        rows.iter().chain([&header]).map(|row| row[column].chars().count()).max().unwrap_or(0)
    });
    let line = |row: &Row| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join(SEPARATOR).trim_end().to_owned()
    };
    let rule = "-".repeat(widths.iter().sum::<usize>() + SEPARATOR.len() * (COLUMNS - 1));
    let mut lines = vec![rule.clone(), line(&header), rule];
    lines.extend(rows.iter().map(line));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use openssl::pkey::PKey;

    use super::*;

    fn ca() -> X509 {
        X509::from_pem(include_bytes!("pki/testdata/ca.pem")).unwrap()
    }

    /// A certificate that names another issuer than itself.
    fn intermediate() -> X509 {
        let key = PKey::from_rsa(openssl::rsa::Rsa::generate(2048).unwrap()).unwrap();
        let mut builder = X509::builder().unwrap();
        builder.set_subject_name(&scep::name::parse("CN=Intermediate").unwrap()).unwrap();
        builder.set_issuer_name(&scep::name::parse("CN=Root").unwrap()).unwrap();
        builder.set_pubkey(&key).unwrap();
        builder.set_not_before(&asn1_time(now()).unwrap()).unwrap();
        builder.set_not_after(&asn1_time(now()).unwrap()).unwrap();
        builder.sign(&key, openssl::hash::MessageDigest::sha256()).unwrap();
        builder.build()
    }

    fn issued() -> Phase {
        let key = PKey::from_rsa(openssl::rsa::Rsa::generate(2048).unwrap()).unwrap();
        Phase::Issued(Identity { certificate: ca(), key })
    }

    fn now() -> SystemTime {
        scep::clock::moment("2030-01-01T00:00Z").unwrap()
    }

    fn shown(progress: &Progress) -> String {
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        show(progress, None, now())
            .unwrap()
            .lines()
            .skip(3)
            .map(words)
            .collect::<Vec<_>>()
            .join("; ")
    }

    #[test]
    fn files_are_named_as_by_strongswan() {
        let ca = CaCertificates { ca: vec![ca(), ca()], ra: vec![ca(), ca(), ca()] };
        let progress = Progress { ca: Some(ca), phase: issued(), ..Progress::default() };
        assert_eq!(
            files(&progress, now()),
            [
                "ca/ca.der",
                "ca/ca-root-2.der",
                "ca/ra.der",
                "ca/ra-2.der",
                "ca/ra-3.der",
                "user/cert"
            ]
        );
        assert!(find(&progress, "ca/ra-2.der", now()).is_some());
        assert!(find(&progress, "ca/ra-4.der", now()).is_none());
    }

    #[test]
    fn intermediate_ca_without_its_root_is_named_ca() {
        let named = |ca| {
            let ca = Some(CaCertificates { ca, ra: Vec::new() });
            files(&Progress { ca, ..Progress::default() }, now())
        };
        assert_eq!(named(vec![intermediate()]), ["ca/ca.der"]);
        assert_eq!(named(vec![intermediate(), ca()]), ["ca/ca.der", "ca/ca-1.der"]);
    }

    #[test]
    fn table_shows_the_progress_of_an_enrolment() {
        let mut progress = Progress::default();
        assert_eq!(shown(&progress), "ca Pending - - -; usercert Pending - - -");
        let reason = "GetCACert: connection refused by 10.215.168.1:8080".to_owned();
        let pause = std::time::Duration::from_secs(2);
        progress.phase = Phase::Retrying { reason, pause };
        assert_eq!(
            shown(&progress),
            "ca Failed - - -; usercert Failed - - -; \
             ca: GetCACert: connection refused by 10.215.168.1:8080, next try in 2 s"
        );
        progress.ca = Some(CaCertificates { ca: vec![ca()], ra: Vec::new() });
        progress.phase = Phase::Pending;
        let ca_row =
            "ca Valid Encipherment & Signature Nov 22 11:54:28 2026 GMT Nov 17 11:54:28 2046 GMT";
        assert_eq!(shown(&progress), format!("{ca_row}; usercert Pending - - -"));
        progress.phase = Phase::Failed { reason: "no".to_owned() };
        assert_eq!(shown(&progress), format!("{ca_row}; usercert Failed - - -; usercert: no"));
    }

    #[test]
    fn renewal_keeps_the_certificate_and_shows_its_progress() {
        let ca = CaCertificates { ca: vec![ca()], ra: Vec::new() };
        let mut progress = Progress { ca: Some(ca), phase: issued(), ..Progress::default() };
        let before = shown(&progress);
        assert!(before.contains("usercert Valid"), "{before}");
        let renewing = before.replace("usercert Valid", "usercert Renewing");
        progress.renewal = Some(Phase::UnderWay);
        assert_eq!(shown(&progress), format!("{renewing}; usercert: renewal: under way"));
        progress.renewal = Some(Phase::Pending);
        assert_eq!(
            shown(&progress),
            format!("{renewing}; usercert: renewal: the CA has not decided")
        );
        progress.renewal = Some(Phase::Failed { reason: "no".to_owned() });
        assert_eq!(shown(&progress), format!("{before}; usercert: renewal: no"));
        assert!(find(&progress, "user/cert", now()).is_some());
    }

    #[test]
    fn url_is_split_into_request_and_file() {
        assert_eq!(
            split("running://auth/certificates/scep/CSR/ca/ca.der"),
            Some(("CSR", "ca/ca.der"))
        );
        assert_eq!(split("running://auth/certificates/scep/CSR"), None);
        assert_eq!(split("/etc/passwd"), None);
    }

    fn rows(rows: &[[&str; COLUMNS]]) -> Vec<Row> {
        rows.iter().map(|row| row.map(str::to_owned)).collect()
    }

    #[test]
    fn table_for_linux_pki_is_the_documented_one() {
        let both = "Encipherment & Signature";
        let rows = rows(&[
            ["ca", "Valid", both, "Apr 16 09:19:39 2025 GMT", "Apr 11 09:19:39 2045 GMT"],
            ["usercert", "Valid", "-", "Apr 16 15:44:24 2026 GMT", "Apr 16 15:44:24 2027 GMT"],
        ]);
        let rule = "-".repeat(97);
        assert_eq!(
            table(&rows),
            format!(
                "{rule}\n\
                 Certificate  Status  Usage                     NotBefore                 NotAfter\n\
                 {rule}\n\
                 ca           Valid   Encipherment & Signature  Apr 16 09:19:39 2025 GMT  Apr 11 09:19:39 2045 GMT\n\
                 usercert     Valid   -                         Apr 16 15:44:24 2026 GMT  Apr 16 15:44:24 2027 GMT"
            )
        );
    }

    #[test]
    fn table_for_windows_pki_has_the_documented_width() {
        let rows = rows(&[
            ["ca", "Valid", "Signature", "Jan  9 09:34:41 2026 GMT", "Jan  9 09:44:41 2056 GMT"],
            ["ra", "Valid", "Encipherment", "Jan  9 09:37:26 2026 GMT", "Jan  9 09:37:26 2028 GMT"],
            ["ra-2", "Valid", "Signature", "Jan  9 09:37:25 2026 GMT", "Jan  9 09:37:25 2028 GMT"],
            ["usercert", "Valid", "-", "Apr 16 15:14:04 2026 GMT", "Apr 16 15:24:04 2028 GMT"],
        ]);
        let table = table(&rows);
        assert_eq!(table.lines().next().unwrap(), "-".repeat(85));
        assert_eq!(table.lines().count(), 7);
    }

    #[test]
    fn status_depends_on_the_current_time() {
        let at = |date: &str| status(&ca(), &Asn1Time::from_str(date).unwrap());
        assert_eq!(at("20260101000000Z"), "Not yet valid");
        assert_eq!(at("20300101000000Z"), "Valid");
        assert_eq!(at("20500101000000Z"), "Expired");
    }

    #[test]
    fn certificate_with_a_date_that_cannot_be_read_is_invalid() {
        let mut der = ca().to_der().unwrap();
        let date = der.windows(13).position(|bytes| bytes == b"261122115428Z").unwrap();
        der[date + 2..date + 4].copy_from_slice(b"99");
        let certificate = X509::from_der(&der).unwrap();
        let now = Asn1Time::from_str("20300101000000Z").unwrap();
        assert_eq!(status(&certificate, &now), "Invalid");
    }
}
