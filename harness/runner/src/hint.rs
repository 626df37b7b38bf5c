//! The probable cause of a failure, and what to do next.

use regex::Regex;

/// The reader of a hint, who can change different things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// Has a device and its configuration in a lab.
    OfDevice,
    /// Tests a PKI or a client, without a device.
    OfPeer,
}

/// Hints for tests without a device: only what the reply itself says, because a request may be wrong on purpose.
const PEER_HINTS: [(&str, &str); 4] = [
    (
        r"one-time.*(used|spent|unknown)|already (been )?used|challenge password expired",
        "a one-time password is valid once: each enrolment needs its own",
    ),
    (
        r"wrong challenge|challenge password.*(wrong|mismatch|does not match|unknown)",
        "the PKI expects another challenge password than that of the request",
    ),
    (
        r"(no|without a?|missing) challenge",
        "the PKI wants a challenge password, and the request has none",
    ),
    (
        r"has a certificate that is still valid|already has a certificate|DN .* already exists",
        "the PKI issued a certificate to this subject before: use another name",
    ),
];

/// Patterns of messages of devices and PKIs, the most specific first, with a hint for each.
const HINTS: [(&str, &str); 23] = [
    (
        r"no TLS connection: the server speaks no TLS",
        "the server speaks plain HTTP there: write `http://` in the csr's `url`, and compare the port",
    ),
    (
        r"no TLS connection: the server's certificate does not verify",
        "the client does not recognise the server: compare the name and the dates in the message with the csr's `url` and the clock, and \
         what the client trusts (`tls trust` and `tls fingerprint` of the csr, `--tls-ca`)",
    ),
    (
        r"HTTP 30\d, moved to `https:|speaks HTTPS at this port",
        "the server speaks HTTPS there: write `https://` in the csr's `url`, and compare the port",
    ),
    (
        r"HTTP 30\d, moved to",
        "the SCEP service is at another address: compare `url`, `port` and `cgi-path` of the csr with the address in the \
         message",
    ),
    (
        r"404\.1[45]\b|query string is too long",
        "the server limits the length of a URL, and a message by GET is long: let it offer POST, or raise its limit (at IIS: \
         `maxQueryString`)",
    ),
    (
        r"belongs among the attributes of the PKCS#10 request",
        "the client puts the challenge password where it authorises nothing: it is an attribute of the certification request \
         (RFC 2985 §5.4.1), no extension, no part of the subject, and no attribute of the message around it",
    ),
    (
        r"challenge password in the request is empty",
        "the client sends an empty challenge password: set `password` or `encrypted-password` in the csr",
    ),
    (
        r"envelope is addressed to",
        "the client enciphers to another certificate than the one that opens requests: it may keep one from before the PKI was \
         renewed, or choose the wrong one of several",
    ),
    (
        r"one-time.*(used|spent|unknown)|already (been )?used|challenge password expired|challenge password that was used before",
        "a one-time password is valid once: give each enrolment its own in the lab's `challenge`",
    ),
    (
        r"wrong challenge|challenge password.*(wrong|mismatch|does not match|does not know|unknown)",
        "the PKI expects another challenge password: compare the password of the csr with \
         the lab's `challenge`",
    ),
    (
        r"(no|without a?|missing) challenge",
        "the PKI wants a challenge password and the request has none: set `password` or \
         `encrypted-password` in the csr",
    ),
    (
        r"sealed password|keyring",
        "the device cannot open the sealed password: list it in the lab's `keyring`, or set \
         `password` in clear",
    ),
    (
        r"connection refused|refused the connection",
        "nothing listens at that address and port: compare `url` and `port` of the csr with the \
         lab's `port`",
    ),
    (
        r"\b404\b|not found on this server|unknown path",
        "the server answers, but has no such path: compare `cgi-path` of the csr; it is `/scep` at \
         a linux PKI, `CertSrv/mscep/mscep.dll/pkiclient.exe` at an ndes one",
    ),
    (
        r"\b(401|403)\b",
        "the server wants credentials for this page, which SCEP clients do not send",
    ),
    (
        r"cannot be resolved|unknown host|name `[^`]*` is not known|name or service not known",
        "no host of the lab has that name: compare `url` of the csr with the lab's `hosts`",
    ),
    (
        r"no route|network is unreachable|network unreachable",
        "there is no route to it: compare the configured routes with the lab's `routes`, there and \
         back",
    ),
    (
        r"host unreachable|no route to host|timed out|100% packet loss",
        "no host answers at that address: compare it with the lab's `addresses`, and the routes \
         there and back",
    ),
    (
        // Not the table's `Pending`, because a request without any answer is also shown as pending.
        r"answered PENDING|pkiStatus[=:] ?PENDING|SCEP request pending",
        "the PKI waits for a decision: add an `approve` step, or set `approval: automatic` in the \
         lab",
    ),
    (r"badTime", "the clocks of device and PKI differ too much"),
    (
        r"the certificate `[^`]*` (expired on|is not valid before)",
        "no certificate of the PKI's own is valid at that time: compare the clocks, and the lives in the lab: between the end of a \
         CA or RA (`valid-for`) and the moment from which the next is used (`from`), there must be no gap",
    ),
    (
        r"badAlg|is configured, the CA offers|algorithm `[^`]*` is not supported",
        "the PKI does not take this algorithm: compare `cipher` and `digest` of the csr with what \
         it offers",
    ),
    (
        r"has a certificate that is still valid|already has a certificate|DN .* already exists",
        "the PKI issued a certificate to this subject before: use another name, or set \
         `allow-duplicate-names: true` in the lab",
    ),
];

/// The hint for the newest text that matches a pattern.
pub(super) fn hint<'a>(
    newest_first: impl IntoIterator<Item = &'a str>,
    reader: Reader,
) -> Option<String> {
    let hints = match reader {
        Reader::OfDevice => HINTS.as_slice(),
        Reader::OfPeer => PEER_HINTS.as_slice(),
    };
    let known: Vec<(Regex, &str)> = hints
        .iter()
        .filter_map(|(pattern, hint)| {
            let regex = regex::RegexBuilder::new(pattern).case_insensitive(true).build().ok()?;
            Some((regex, *hint))
        })
        .collect();
    newest_first.into_iter().find_map(|text| {
        known.iter().find(|(regex, _)| regex.is_match(text)).map(|(_, hint)| (*hint).to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint<'a>(newest_first: impl IntoIterator<Item = &'a str>) -> Option<String> {
        super::hint(newest_first, Reader::OfDevice)
    }

    #[test]
    fn every_pattern_compiles() {
        for (pattern, _) in HINTS.into_iter().chain(PEER_HINTS) {
            assert!(Regex::new(pattern).is_ok(), "{pattern}");
        }
    }

    #[test]
    fn newest_matching_line_decides_the_hint() {
        let log = ["retrying in 2 s", "connect to 10.0.0.1:80: connection refused", "HTTP 404"];
        assert!(hint(log).unwrap().contains("nothing listens"));
        assert!(hint(["failed: wrong challenge password"]).unwrap().contains("expects another"));
        assert_eq!(hint(["CSR: GetCACaps: 7 capabilities (AES, DES3)"]), None);
    }

    #[test]
    fn explained_refusals_have_hints() {
        for (said, words) in [
            ("GetCACert was answered HTTP 301, moved to `https://pki/scep`; …", "speaks HTTPS"),
            ("GetCACert was answered HTTP 301, moved to `/scep/`; …", "at another address"),
            ("GetCACaps: no TLS connection: the server speaks no TLS at this port", "plain HTTP"),
            (
                "no TLS connection: the server's certificate does not verify: it expired on …",
                "does not recognise",
            ),
            (
                "was answered HTTP 404: a web page with the title `404.15 - Not Found`",
                "limits the length",
            ),
            (
                "no challenge password in the request: challengePassword is in its subject, and belongs among the attributes of the PKCS#10 request in the envelope",
                "attribute",
            ),
            (
                "the envelope is addressed to the certificate 12 of the issuer `CN = a`, not to …",
                "another certificate",
            ),
            ("NDES says so of a challenge password that was used before", "valid once"),
            (
                "NDES says so of a challenge password that it does not know, or that has expired",
                "another",
            ),
            ("NDES says so of a request without a challenge password", "has none"),
        ] {
            assert!(hint([said]).unwrap().contains(words), "{said}");
        }
    }

    #[test]
    fn pending_hint_needs_a_pending_answer_of_the_ca() {
        for said in [
            "CSR: PKIOperation (PKCSReq) was answered PENDING, next poll in 0.5 s",
            "CSR: pki: SCEP request pending, polling indefinitely every 1 seconds",
            r#"CSR: scepclient: level=info pkiStatus=PENDING msg="sleeping for 30 seconds""#,
            "CSR: sscep: sscep: pkistatus: PENDING",
        ] {
            assert!(hint([said]).unwrap().contains("waits for a decision"), "{said}");
        }
        for said in [
            "ca        Pending  -  -  -\nusercert  Pending  -  -  -",
            "CSR: GetCACert: `pki` did not end in 15 s and was killed",
            "CSR: GetCACaps: no answer in 15 s, next try in 1 s",
        ] {
            assert_eq!(hint([said]), None, "{said}");
        }
    }
    #[test]
    fn hint_about_a_peer_speaks_of_no_lab_and_no_device() {
        for (_, hint) in PEER_HINTS {
            assert!(!hint.contains("lab") && !hint.contains("csr"), "{hint}");
        }
        let said = ["no challenge password in the request"];
        assert!(super::hint(said, Reader::OfPeer).unwrap().ends_with("the request has none"));
        assert_eq!(super::hint(["fail-info: badTime"], Reader::OfPeer), None);
    }
}
