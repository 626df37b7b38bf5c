//! The probable cause of a failure, and what to do next.

use regex::Regex;

/// Patterns of messages of devices and PKIs, the most specific first, with a hint for each.
const HINTS: [(&str, &str); 14] = [
    (
        r"one-time.*(used|spent|unknown)|already (been )?used|challenge password expired",
        "a one-time password is valid once: give each enrolment its own in the lab's `challenge`",
    ),
    (
        r"wrong challenge|challenge password.*(wrong|mismatch|does not match|unknown)",
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
pub(super) fn hint<'a>(newest_first: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let known: Vec<(Regex, &str)> = HINTS
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

    #[test]
    fn every_pattern_compiles() {
        for (pattern, _) in HINTS {
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
}
