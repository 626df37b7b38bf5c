//! What a client needs to know of a running CA: where it is, and whom to trust.

use std::net::SocketAddr;

use mock_ca::Ca;
use scep::certificate::Fingerprint;
use scep::key_usage::KeyUsage;

/// One fact a line, its name first; certificates by their SHA-256 fingerprints.
pub(super) fn lines(ca: &Ca, bound: SocketAddr) -> Vec<String> {
    let page = |name, path| fact(name, &format!("http://{bound}{path}"));
    let urls = ca.paths().into_iter().map(|path| page("url", path));
    let admin = ca.admin_path().map(|path| page("admin", path));
    urls.chain(admin).chain(certificates(ca)).collect()
}

fn certificates(ca: &Ca) -> Vec<String> {
    let describe = |certificate: &_| {
        let role = match KeyUsage::of(certificate) {
            _ if ca.ca_certificate() == certificate => "ca",
            Some(usage) if usage.contains(KeyUsage::KEY_ENCIPHERMENT) => "ra-encryption",
            _ => "ra-signing",
        };
        let fingerprint = Fingerprint::of(certificate);
        let fingerprint = fingerprint.map(|it| it.to_string()).unwrap_or_default();
        let subject = scep::name::to_text(certificate.subject_name());
        fact(role, &format!("SHA-256 {fingerprint}  {subject}"))
    };
    ca.certificates().iter().map(|certificate| describe(certificate)).collect()
}

/// A fact on a line.
pub(super) fn fact(name: &str, value: &str) -> String {
    format!("{name:<14} {value}")
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use mock_ca::{PersonalityName, Settings};

    use super::*;

    fn names(personality: PersonalityName) -> Vec<String> {
        let ca = Ca::open(Settings::new("pki", personality), SystemTime::now()).unwrap();
        let lines = lines(&ca, "127.0.0.1:8080".parse().unwrap());
        lines.iter().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
    }

    #[test]
    fn every_address_and_every_certificate_is_told() {
        assert_eq!(names(PersonalityName::Linux), ["url", "ca"]);
        assert_eq!(names(PersonalityName::Rfc8894), ["url", "ca"]);
        let ndes = names(PersonalityName::Ndes);
        assert_eq!(ndes, ["url", "url", "url", "admin", "ra-signing", "ra-encryption", "ca"]);
    }
}
