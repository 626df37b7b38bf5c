//! What the configuration says about a certificate request, and what the CA receives.

use openssl::hash::MessageDigest;

use super::toy_ca::Answer;
use super::{DOCUMENTED, Lab};

const CSR: &str = "set system certificate scep csr CSR";

/// The documented configuration with these lines about its request.
fn with(lines: &[&str]) -> String {
    let more: String = lines.iter().flat_map(|line| [CSR, " ", *line, "\n"]).collect();
    format!("{DOCUMENTED}{more}")
}

#[tokio::test]
async fn key_size_names_and_identifier_reach_the_ca() {
    let lab = Lab::new(Answer::Issue);
    let lines = with(&[
        "key-size 1024",
        "ca-identifier 'My CA'",
        "alternative-names dns r1.example.com",
        "alternative-names dns r2.example.com",
        "alternative-names ip 192.0.2.1",
        "alternative-names email noc@example.com",
        "alternative-names uri urn:device:1",
    ]);
    lab.device.replace_configuration(&lines).await.unwrap();
    lab.shows("usercert Valid").await;
    let csr = lab.ca.csrs().pop().unwrap();
    assert_eq!(csr.public_key().unwrap().bits(), 1024);
    let text = String::from_utf8(csr.to_text().unwrap()).unwrap();
    let names = "DNS:r1.example.com, DNS:r2.example.com, email:noc@example.com, IP Address:192.0.2.1, URI:urn:device:1";
    assert!(text.contains(names), "{text}");
    assert_eq!(lab.ca.identifiers(), vec![Some("My CA".to_owned()); 2]);
    // This CA issues without the names, and the operator is told.
    let log = lab.device.protocol_log().join("\n");
    let missing = "CSR: warning: the certificate lacks the alternative name `DNS:r1.example.com`, which was asked for";
    assert!(log.contains(missing), "{log}");
    let shown = lab.output("show running").await;
    assert!(
        shown.contains("\nset system certificate scep csr CSR ca-identifier 'My CA'\n"),
        "{shown}"
    );
    assert!(shown.contains("CSR alternative-names dns r2.example.com\n"), "{shown}");
}

#[tokio::test]
async fn ca_with_another_fingerprint_is_refused_before_it_gets_the_password() {
    for (digest, octets) in [(MessageDigest::sha256(), 32), (MessageDigest::sha1(), 20)] {
        let lab = Lab::new(Answer::Issue);
        let wrong = "01".repeat(octets);
        let lines = with(&[&format!("ca-fingerprint {wrong}")]);
        lab.device.replace_configuration(&lines).await.unwrap();
        let came = lab.ca.fingerprint(digest);
        lab.shows(&format!(
            "no CA certificate has the configured fingerprint {wrong}; that of `CN = Toy-PKI, O = Toy` is {came}"
        ))
        .await;
        assert_eq!(lab.ca.requests(), ["/scep GetCACaps", "/scep GetCACert"]);
        let right = format!("{CSR} ca-fingerprint {came}");
        lab.device.modify_configuration(&right).await.unwrap();
        lab.shows("usercert Valid").await;
    }
}

#[tokio::test]
async fn renewed_certificate_has_a_new_key_or_the_same() {
    for (lines, same) in
        [(&[][..], false), (&["renew-key new"], false), (&["renew-key same"], true)]
    {
        let lab = Lab::new(Answer::Issue);
        lab.device.replace_configuration(&with(lines)).await.unwrap();
        lab.shows("usercert Valid").await;
        assert_eq!(lab.output("pki scep renew CSR").await, "The renewal of `CSR` has begun");
        while lab.output("pki scep show CSR").await.contains("renewal") {
            tokio::task::yield_now().await;
        }
        let [first, second] = &lab.ca.csrs()[..] else { panic!("{:?}", lab.ca.requests()) };
        let (first, second) = (first.public_key().unwrap(), second.public_key().unwrap());
        assert_eq!(first.public_eq(&second), same, "{lines:?}");
    }
}

#[tokio::test]
async fn wrong_values_are_refused_with_what_is_right() {
    let lab = Lab::new(Answer::Issue);
    for (line, words) in [
        ("key-size 512", "`512` is none of 1024, 2048, 3072, 4096"),
        ("ca-fingerprint abcd", "those of SHA-256 have 64 hexadecimal digits, those of SHA-1 40"),
        ("alternative-names ip 10.0.0.1/24", "`10.0.0.1/24` is not an address of IPv4 or IPv6"),
        ("alternative-names dns a..b", "`a..b` is not a DNS name"),
        ("alternative-names", "is a node of others"),
        ("renew-key old", "`old` is none of new, same"),
    ] {
        let error = lab.device.modify_configuration(&format!("{CSR} {line}")).await.unwrap_err();
        assert!(error.message.contains(words), "{line}: {error}");
    }
}
