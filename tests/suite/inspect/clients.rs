//! The verdicts about clients at PKIs that lack something.

use super::{RFC8894, inspect};
use crate::support::server::{LINUX, NDES, Server};

/// A server with this fault, the client that it troubles, the verdict, and words of the reason.
const TROUBLES: [(&str, &str, &str, &str, &str); 21] = [
    (
        "linux",
        "GetCACaps, do: caps-none",
        "apple",
        "fails",
        "none of SHA-1, SHA-256, SHA-512 is listed",
    ),
    ("linux", "GetCACaps, do: caps-none", "sscep", "may fail", "it enciphers with single DES"),
    (
        "linux",
        "GetCACaps, do: caps-none",
        "scepclient",
        "may fail",
        "`POSTPKIOperation` is not listed",
    ),
    (
        "linux",
        "GetCACaps, do: caps-none",
        "strongswan",
        "fails",
        "none of SHA-256, SHA-384, SHA-512, SHA-224, SHA-1 is listed",
    ),
    ("linux", "GetCACaps, do: caps-weak", "strongswan", "may fail", "AES-128 is not listed"),
    (
        "linux",
        "GetCACaps, do: caps-lower-case",
        "jscep",
        "may fail",
        "is not the spelling of RFC 8894",
    ),
    (
        "linux",
        "GetCACaps, do: caps-blank-lines",
        "strongswan",
        "may fail",
        "the list has a blank line",
    ),
    ("linux", "GetCACaps, do: caps-crlf", "apple", "may fail", "the lines of the list end in CRLF"),
    (
        "linux",
        "GetCACaps, do: http-status 404",
        "certmonger",
        "fails",
        "GetCACaps was answered HTTP 404",
    ),
    (
        "linux",
        "GetCACert, do: wrong-content-type",
        "sscep",
        "fails",
        "`application/x-x509-ca-cert` fits",
    ),
    (
        "linux",
        "GetCACert, do: no-content-type",
        "jscep",
        "fails",
        "the certificates have no content type",
    ),
    (
        "ndes",
        "GetCACert, do: ca-content-type-swapped",
        "certmonger",
        "fails",
        "`application/x-x509-ca-ra-cert` fits",
    ),
    (
        "ndes",
        "GetCACert, do: ca-missing",
        "apple",
        "fails",
        "no certificate is issued by another one that came",
    ),
    ("ndes", "GetCACert, do: ca-missing", "windows", "fails", "no root is among the certificates"),
    (
        "ndes",
        "GetCACert, do: ca-missing",
        "strongswan",
        "fails",
        "no root is among the certificates",
    ),
    (
        "ndes",
        "GetCACert, do: ca-subordinate",
        "windows",
        "fails",
        "no root is among the certificates",
    ),
    (
        "ndes",
        "GetCACert, do: ra-foreign",
        "jscep",
        "fails",
        "is issued by no certificate that came",
    ),
    (
        "ndes",
        "GetCACert, do: ca-missing",
        "jscep",
        "fails",
        "no certificate has the basic constraint CA",
    ),
    ("linux", "GetCACert, do: ca-expired", "sceplab", "fails", "expired on "),
    (
        "linux",
        "GetCACert, do: http-status 503",
        "windows",
        "unknown",
        "no certificate could be read",
    ),
    ("linux", "GetCACaps, do: caps-weak", "sceplab", "no trouble known", "no trouble known"),
];

#[test]
fn trouble_has_its_reason_and_a_source() {
    for (personality, fault, client, verdict, words) in TROUBLES {
        let server = Server::start(&[personality, "--fault", &format!("on: {fault}")]);
        let path = if personality == "ndes" { NDES } else { LINUX };
        let shown = inspect(&server, path, &["--client", client]);
        assert_eq!(shown.code, Some(0), "{fault}: {shown:?}");
        let (_, told) = shown.stdout.split_once("\nClients\n").unwrap();
        let heading = told.lines().next().unwrap();
        assert!(heading.contains(client) && heading.contains(verdict), "{fault}: {told}");
        assert!(told.contains(words), "{fault}: `{words}` is not in {told}");
        let has_source =
            told.contains("[its source: https://") || told.contains("[a report: https://");
        let has_source = has_source || told.contains("[documentation: https://");
        let is_own = client == "sceplab" || verdict == "unknown";
        assert!(has_source || is_own, "{fault}: {told}");
    }
}

/// Without the fault, none of these troubles is there.
#[test]
fn faultless_pki_has_none_of_these_troubles() {
    for (personality, path) in [("linux", LINUX), ("ndes", NDES)] {
        let server = Server::start(&[personality]);
        for (_, _, client, _, words) in TROUBLES
            .iter()
            .filter(|(of, fault, ..)| *of == personality && !fault.contains("caps-weak"))
        {
            let shown = inspect(&server, path, &["--client", client]);
            assert!(!shown.stdout.contains(words), "{personality}: {shown:?}");
        }
    }
}

#[test]
fn errors_that_are_alike_show_nothing_of_a_path() {
    let server = Server::start(&["linux", "--fault", "on: GetCACaps, do: http-status 404"]);
    let shown = inspect(&server, LINUX, &["--client", "cisco-ios", "--verbose"]);
    let told = "with `/pkiclient.exe` after it and the plain request were both answered HTTP 404";
    assert!(shown.stdout.contains(told), "{shown:?}");
    assert!(!shown.stdout.contains("fits, path"), "{shown:?}");
}

/// RFC 8894 §2.9 demands three algorithms and methods; renewals are not among them.
#[test]
fn list_without_renewal_lacks_nothing() {
    let words = "AES,POSTPKIOperation,SHA-256";
    let server = Server::start(&["linux", "--capabilities", words]);
    let shown = inspect(&server, LINUX, &["--client", "sceplab"]);
    assert!(shown.stdout.contains("AES-128-CBC"), "{shown:?}");
    assert!(!shown.stdout.contains("GetCACaps does not list"), "{shown:?}");
}

#[test]
fn remark_says_what_stands_out() {
    for (personality, path, fault, words) in [
        ("linux", LINUX, "GetCACert, do: ca-expired", "expired on "),
        (
            "linux",
            LINUX,
            "GetCACert, do: ca-without-key-usage",
            "does not name digitalSignature, which RFC 8894 §2.1.2 demands",
        ),
        ("ndes", NDES, "GetCACert, do: ra-expired", "expired on "),
        ("ndes", NDES, "GetCACert, do: ca-missing", "no certificate says that it is a CA's"),
        (
            "rfc8894",
            RFC8894,
            "GetCACaps, do: caps-lower-case",
            "RFC 8894 §3.5.2 demands its exact case",
        ),
        ("linux", LINUX, "GetCACert, do: http-status 503", "GetCACert was answered HTTP 503"),
        (
            "linux",
            LINUX,
            "PKIOperation, do: http-status 405",
            "a POST of an empty message was answered HTTP 405",
        ),
    ] {
        let server = Server::start(&[personality, "--fault", &format!("on: {fault}")]);
        let shown = inspect(&server, path, &["--client", "sceplab"]);
        assert_eq!(shown.code, Some(0), "{fault}: {shown:?}");
        let (_, told) = shown.stdout.split_once("\nWhat stands out\n").unwrap_or_default();
        assert!(told.contains(words), "{fault}: `{words}` is not in {}", shown.stdout);
    }
}

/// Nothing is enrolled, and no password is used up.
#[test]
fn inspection_changes_nothing_at_the_pki() {
    let server = Server::start(&["ndes", "--challenge", "one"]);
    let shown = inspect(&server, NDES, &[]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    let (_, log, _) = server.interrupt();
    let requests =
        log.lines().filter(|line| line.contains("GetCA") || line.contains("PKIOperation"));
    assert!(requests.clone().count() > 5, "{log}");
    assert!(!log.contains("mscep_admin "), "{log}");
    assert!(!log.contains("PKCSReq"), "{log}");
}
