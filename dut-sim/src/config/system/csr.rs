//! Typed settings of the certificates to request.

use std::collections::BTreeMap;
use std::time::Duration;

use scep::algorithm::{Cipher, Digest};
use scep::certificate::Fingerprint;
use scep::key::KeyKind;
use scep::request::{AlternativeName, RequestedExtensions};
use scep::url::HttpUrl;

use super::{Reader, below, path};
use crate::config::value::{CrlSource, KeyType, RenewalKey, Rollover, TlsTrust, Value};
use crate::secret::Sealed;

/// The settings of one certificate to request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CsrSettings {
    pub(crate) endpoint: HttpUrl,
    pub(crate) recognition: Recognition,
    pub(crate) cipher: Option<Cipher>,
    pub(crate) digest: Option<Digest>,
    pub(crate) distinguished_name: String,
    pub(crate) extensions: RequestedExtensions,
    pub(crate) password: Option<Sealed>,
    /// Name of the CA, for servers with several.
    pub(crate) ca_identifier: Option<String>,
    /// The fingerprint that the CA must have.
    pub(crate) ca_fingerprint: Option<Fingerprint>,
    pub(crate) key: KeyKind,
    pub(crate) upkeep: Upkeep,
}

/// How a server of HTTPS is recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Recognition {
    /// By a CA that the device trusts.
    ByCa,
    /// By the fingerprint of its certificate, or of one that issued it.
    ByFingerprint(Fingerprint),
    /// Not at all.
    Nothing,
}

impl CsrSettings {
    /// True if the other asks for the same certificate, whatever it says about its upkeep.
    pub(crate) fn asks_for_the_same(&self, other: &Self) -> bool {
        Self { upkeep: other.upkeep.clone(), ..self.clone() } == *other
    }
}

/// What the device does about a certificate that it has. A change of these settings keeps the certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Upkeep {
    pub(crate) renewal: RenewalSettings,
    /// Where it gets revocation lists; without a source it does not check revocation.
    pub(crate) crl_check: Option<CrlSource>,
    /// How it learns of the next CA, if it does.
    pub(crate) rollover: Option<Rollover>,
}

/// When and how a certificate is renewed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RenewalSettings {
    pub(crate) key: RenewalKey,
    /// The time at which the device renews the certificate by itself; without one it waits for a command.
    pub(crate) time: Option<RenewalTime>,
    /// The longest time by which a renewal begins earlier.
    pub(crate) jitter: Duration,
}

/// The time in the life of a certificate at which it is renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RenewalTime {
    /// After this share of its life, in percent.
    Share(u8),
    /// So long before its end.
    Before(Duration),
}

/// The leaves below `alternative-names`.
const ALTERNATIVE_NAMES: [&str; 8] =
    ["dns", "email", "ip", "uri", "upn", "other", "directory", "registered-id"];

impl Reader<'_> {
    pub(super) fn csrs(&mut self) -> BTreeMap<String, CsrSettings> {
        let tag = path(&["system", "certificate", "scep", "csr"]);
        let names = self.configuration.instances(&tag);
        let settings = |name: &String| Some((name.clone(), self.csr(&below(&tag, name))?));
        names.into_iter().filter_map(settings).collect()
    }

    fn csr(&mut self, csr: &[String]) -> Option<CsrSettings> {
        let leaf = |name: &str| self.configuration.values(&below(csr, name)).first();
        let (url, distinguished_name) = match (leaf("url"), leaf("distinguished-names")) {
            (Some(Value::Url(url)), Some(Value::Text(name))) => (url, name),
            (url, name) => {
                let url = url.is_none().then_some("`url`");
                let name = name.is_none().then_some("`distinguished-names`");
                let missing: Vec<_> = url.into_iter().chain(name).collect();
                self.fault(csr, format!("a certificate request needs {}", missing.join(" and ")));
                return None;
            }
        };
        let mut settings = CsrSettings {
            endpoint: self.endpoint(csr, url),
            recognition: self.recognition(csr),
            cipher: None,
            digest: None,
            distinguished_name: distinguished_name.clone(),
            extensions: self.extensions(csr),
            password: None,
            ca_identifier: None,
            ca_fingerprint: None,
            key: self.key(csr),
            upkeep: Upkeep::default(),
        };
        for name in ["ca-fingerprint", "ca-identifier", "cipher", "digest", "encrypted-password"] {
            match leaf(name).cloned() {
                Some(Value::Fingerprint(it)) => settings.ca_fingerprint = Some(it),
                Some(Value::Text(identifier)) => settings.ca_identifier = Some(identifier),
                Some(Value::Cipher(cipher)) => settings.cipher = Some(cipher),
                Some(Value::Digest(digest)) => settings.digest = Some(digest),
                Some(Value::Sealed(password)) => settings.password = Some(password),
                _ => {}
            }
        }
        settings.upkeep = self.upkeep(csr);
        Some(settings)
    }

    fn recognition(&self, csr: &[String]) -> Recognition {
        let tls = below(csr, "tls");
        let leaf = |name: &str| self.configuration.values(&below(&tls, name)).first();
        match (leaf("fingerprint"), leaf("trust")) {
            (Some(Value::Fingerprint(it)), _) => Recognition::ByFingerprint(it.clone()),
            (_, Some(Value::TlsTrust(TlsTrust::Nothing))) => Recognition::Nothing,
            _ => Recognition::ByCa,
        }
    }

    fn alternative_names(&self, csr: &[String]) -> Vec<AlternativeName> {
        let names = below(csr, "alternative-names");
        let name = |value: &Value| match value {
            Value::AlternativeName(name) => Some(name.clone()),
            _ => None,
        };
        let of_kind = |kind: &&str| self.configuration.values(&below(&names, kind)).to_vec();
        ALTERNATIVE_NAMES.iter().flat_map(of_kind).filter_map(|value| name(&value)).collect()
    }

    fn extensions(&mut self, csr: &[String]) -> RequestedExtensions {
        let mut asked = RequestedExtensions {
            alternative_names: self.alternative_names(csr),
            ..RequestedExtensions::default()
        };
        for name in ["key-usage", "purpose", "template", "template-name"] {
            for value in self.configuration.values(&below(csr, name)) {
                match value {
                    Value::KeyUsage(usage) => {
                        let others = asked.key_usage;
                        asked.key_usage = Some(others.map_or(*usage, |others| others | *usage));
                    }
                    Value::Purpose(purpose) => asked.purposes.push(*purpose),
                    Value::Template(template) => asked.template = Some(*template),
                    Value::TemplateName(name) => asked.template_name = Some(name.clone()),
                    _ => {}
                }
            }
        }
        if let Err(error) = asked.encode() {
            self.fault(csr, format!("it asks for too much: {error}"));
        }
        asked
    }

    fn key(&mut self, csr: &[String]) -> KeyKind {
        let leaf = |name: &str| self.configuration.value_or_default(&below(csr, name));
        let kind = match leaf("key-type") {
            Some(Value::KeyType(kind)) => kind,
            _ => KeyType::default(),
        };
        let bits = match leaf("key-size") {
            Some(Value::KeySize(bits)) => bits,
            _ => 0,
        };
        let exponent = match leaf("key-exponent") {
            Some(Value::KeyExponent(exponent)) => exponent,
            _ => 0,
        };
        let is_set = |name: &&str| !self.configuration.values(&below(csr, name)).is_empty();
        let unfit = ["key-size", "key-exponent"].into_iter().find(is_set);
        if let Some(name) = unfit.filter(|_| kind != KeyType::Rsa) {
            self.fault(csr, format!("`{name}` is for an RSA key: delete it or `key-type`"));
        }
        kind.with(bits, exponent).unwrap_or_default()
    }

    fn upkeep(&mut self, csr: &[String]) -> Upkeep {
        let leaf = |name: &str| self.configuration.values(&below(csr, name)).first();
        let crl_check = match leaf("crl-check") {
            Some(Value::CrlSource(source)) => Some(*source),
            _ => None,
        };
        let rollover = match leaf("rollover") {
            Some(Value::Rollover(way)) => Some(*way),
            _ => None,
        };
        Upkeep { renewal: self.renewal(csr), crl_check, rollover }
    }

    fn renewal(&mut self, csr: &[String]) -> RenewalSettings {
        let leaf = |name: &str| self.configuration.value_or_default(&below(csr, name));
        let key = match leaf("renew-key") {
            Some(Value::RenewalKey(key)) => key,
            _ => RenewalKey::default(),
        };
        let jitter = match leaf("renew-jitter") {
            Some(Value::Duration(jitter)) => Some(jitter),
            _ => None,
        };
        let time = match (leaf("renew-at"), leaf("renew-before")) {
            (Some(_), Some(_)) => {
                self.fault(csr, "a renewal has one time: delete `renew-at` or `renew-before`");
                None
            }
            (Some(Value::Percent(share)), _) => Some(RenewalTime::Share(share)),
            (_, Some(Value::Duration(before))) => Some(RenewalTime::Before(before)),
            _ => {
                if jitter.is_some() {
                    self.fault(csr, "`renew-jitter` needs `renew-at` or `renew-before`");
                }
                None
            }
        };
        RenewalSettings { key, time, jitter: jitter.unwrap_or_default() }
    }

    /// Configured port and path take precedence over those of the URL, and those over the defaults of the table.
    fn endpoint(&self, csr: &[String], url: &HttpUrl) -> HttpUrl {
        let (port, cgi_path) = (below(csr, "port"), below(csr, "cgi-path"));
        let configured = |path| self.configuration.values(path).first();
        let default = |path| self.configuration.value_or_default(path);
        let number = |value: &Value| if let Value::Port(port) = value { Some(*port) } else { None };
        let port = configured(&port)
            .and_then(number)
            .or(url.named_port())
            .or_else(|| url.is_https().then(|| url.port()))
            .or_else(|| number(&default(&port)?));
        let path = match configured(&cgi_path).and_then(Value::as_text) {
            // Exactly one slash between them, whatever was configured.
            Some(below) => {
                format!("{}/{}", url.path().trim_end_matches('/'), below.trim_start_matches('/'))
            }
            None if url.path() != "/" => url.path().to_owned(),
            None => default(&cgi_path)
                .and_then(|value| Some(value.as_text()?.to_owned()))
                .unwrap_or_default(),
        };
        url.at(port.unwrap_or_default(), path)
    }
}

#[cfg(test)]
mod tests {
    use scep::key_usage::KeyUsage;

    use super::*;
    use crate::config::system::tests::read;

    const CSR: &str = "system certificate scep csr CSR";

    /// The settings of a request with these lines.
    fn csr(lines: &str) -> Result<CsrSettings, Vec<String>> {
        let lines = format!("url http://h; distinguished-names CN=x; {lines}");
        let lines: String = lines.split("; ").flat_map(|line| [CSR, " ", line, "\n"]).collect();
        read(lines.trim_end()).map(|mut system| system.csrs.remove("CSR").unwrap())
    }

    #[test]
    fn endpoints_are_composed_of_url_port_and_path() {
        let endpoint = |lines: &str| csr(lines).unwrap().endpoint.to_string();
        assert_eq!(
            endpoint("url http://10.215.168.1; port 8080; cgi-path /scep"),
            "http://10.215.168.1:8080/scep"
        );
        assert_eq!(
            endpoint("url http://192.168.213.25/; cgi-path CertSrv/mscep/mscep.dll/pkiclient.exe"),
            "http://192.168.213.25/CertSrv/mscep/mscep.dll/pkiclient.exe"
        );
        assert_eq!(endpoint("url http://h:8080"), "http://h:8080/cgi-bin/pkiclient.exe");
        assert_eq!(endpoint("url http://h:8080/scep"), "http://h:8080/scep");
        assert_eq!(endpoint("url http://h:8080/a/; port 81; cgi-path /b"), "http://h:81/a/b");
    }

    #[test]
    fn names_key_and_ca_are_read() {
        let plain = csr("port 80").unwrap();
        assert_eq!((plain.key, plain.upkeep.renewal.key), (KeyKind::rsa(2048), RenewalKey::New));
        assert!(plain.extensions.alternative_names.is_empty() && plain.ca_fingerprint.is_none());
        let names = "alternative-names uri urn:x; alternative-names ip 192.0.2.1; alternative-names dns r1; alternative-names dns r2";
        let fingerprint = "ab".repeat(20);
        let all = format!(
            "{names}; key-size 3072; renew-key same; ca-identifier 'My CA'; ca-fingerprint {fingerprint}"
        );
        let csr = csr(&all).unwrap();
        let names: Vec<_> =
            csr.extensions.alternative_names.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["DNS:r1", "DNS:r2", "IP Address:192.0.2.1", "URI:urn:x"]);
        assert_eq!((csr.key, csr.upkeep.renewal.key), (KeyKind::rsa(3072), RenewalKey::Same));
        assert_eq!(csr.ca_identifier.as_deref(), Some("My CA"));
        assert_eq!(csr.ca_fingerprint.unwrap().to_string(), fingerprint);
    }

    #[test]
    fn revocation_and_rollover_are_upkeep_and_keep_the_certificate() {
        let plain = csr("port 80").unwrap();
        assert_eq!((plain.upkeep.crl_check, plain.upkeep.rollover), (None, None));
        let kept = csr("port 80; crl-check cdp; rollover get-next-ca; renew-at 80").unwrap();
        assert_eq!(kept.upkeep.crl_check, Some(CrlSource::DistributionPoint));
        assert_eq!(kept.upkeep.rollover, Some(Rollover::GetNextCa));
        assert!(kept.asks_for_the_same(&plain));
        assert!(!kept.asks_for_the_same(&csr("port 81").unwrap()));
    }

    #[test]
    fn renewal_has_one_time() {
        let day = Duration::from_secs(86_400);
        let renewal = |lines: &str| csr(lines).map(|csr| csr.upkeep.renewal);
        let at = renewal("renew-at 80; renew-jitter 1d").unwrap();
        assert_eq!((at.time, at.jitter), (Some(RenewalTime::Share(80)), day));
        let before = renewal("renew-before 30d").unwrap();
        let time = Some(RenewalTime::Before(30 * day));
        assert_eq!((before.time, before.jitter), (time, Duration::ZERO));
        let fault = |lines: &str| renewal(lines).unwrap_err().join("; ");
        assert_eq!(
            fault("renew-at 80; renew-before 30d"),
            format!("{CSR}: a renewal has one time: delete `renew-at` or `renew-before`")
        );
        assert_eq!(
            fault("renew-jitter 1h"),
            format!("{CSR}: `renew-jitter` needs `renew-at` or `renew-before`")
        );
    }

    #[test]
    fn usages_purposes_templates_and_the_key_are_read_together() {
        let asked = csr("key-usage digitalSignature; key-usage keyAgreement; purpose clientAuth; template-name User; key-type p384")
            .unwrap();
        let usage = KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_AGREEMENT;
        assert_eq!(asked.extensions.key_usage, Some(usage));
        assert_eq!((asked.extensions.encode().unwrap().len(), asked.key), (3, KeyKind::P384));
        let odd = csr("key-size 1024; key-exponent 3").unwrap();
        assert_eq!(odd.key, KeyKind::rsa_with(1024, 3).unwrap());
        let errors = csr("key-type ed25519; key-size 2048").unwrap_err();
        assert!(errors[0].contains("`key-size` is for an RSA key"), "{errors:?}");
    }
}
