//! The extensions that a request asks for, as one description.

use der::{
    Encode,
    asn1::{Any, BmpString, ObjectIdentifier, OctetString},
    oid::AssociatedOid,
};
use x509_cert::ext::{Extension, pkix};

use super::{
    AlternativeName, Purpose, Template, TemplateName, alternative_names,
    template::{TEMPLATE, TEMPLATE_NAME},
};
use crate::{Error, key_usage::KeyUsage};

/// The most purposes of a request.
pub const MAX_PURPOSES: usize = 32;

/// What a request asks for beside its subject and its key. Each part is read from text by its `FromStr`.
///
/// # Examples
/// ```
/// use scep::request::RequestedExtensions;
///
/// let asked = RequestedExtensions {
///     alternative_names: vec!["DNS:r1.example.com".parse()?, "IP:192.0.2.1".parse()?],
///     key_usage: Some("digitalSignature, keyEncipherment".parse()?),
///     purposes: vec!["clientAuth".parse()?, "1.3.6.1.5.5.8.2.2".parse()?],
///     ..RequestedExtensions::default()
/// };
/// assert_eq!(asked.encode()?.len(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestedExtensions {
    /// The alternative names (RFC 5280 §4.2.1.6).
    pub alternative_names: Vec<AlternativeName>,
    /// The usages of the key (RFC 5280 §4.2.1.3).
    pub key_usage: Option<KeyUsage>,
    /// The purposes of the certificate (RFC 5280 §4.2.1.12).
    pub purposes: Vec<Purpose>,
    /// Microsoft's certificate template, by its name.
    pub template_name: Option<TemplateName>,
    /// Microsoft's certificate template, by its number.
    pub template: Option<Template>,
}

impl RequestedExtensions {
    /// The extensions, in the order of the fields; key usage is critical (RFC 5280 §4.2.1.3).
    ///
    /// # Errors
    /// Fails if there are too many names or purposes.
    pub fn encode(&self) -> Result<Vec<Extension>, Error> {
        let mut extensions = Vec::new();
        if !self.alternative_names.is_empty() {
            extensions.push(alternative_names(&self.alternative_names)?);
        }
        if let Some(usage) = self.key_usage {
            let extension = extension(pkix::KeyUsage::OID, usage.to_der())?;
            extensions.push(Extension { critical: true, ..extension });
        }
        if !self.purposes.is_empty() {
            extensions.push(extension(pkix::ExtendedKeyUsage::OID, self.purposes()?)?);
        }
        if let Some(name) = &self.template_name {
            let name = Any::encode_from(&BmpString::from_utf8(name.as_str())?)?;
            extensions.push(extension(TEMPLATE_NAME, name.to_der()?)?);
        }
        if let Some(template) = &self.template {
            extensions.push(extension(TEMPLATE, template.to_der()?)?);
        }
        Ok(extensions)
    }

    fn purposes(&self) -> Result<Vec<u8>, Error> {
        if self.purposes.len() > MAX_PURPOSES {
            let reason = format!("{} purposes, at most {MAX_PURPOSES}", self.purposes.len());
            return Err(Error::malformed("extKeyUsage")(reason));
        }
        let purposes: Vec<_> = self.purposes.iter().map(|purpose| purpose.0).collect();
        Ok(pkix::ExtendedKeyUsage(purposes).to_der()?)
    }
}

fn extension(extn_id: ObjectIdentifier, value: Vec<u8>) -> Result<Extension, Error> {
    Ok(Extension { extn_id, critical: false, extn_value: OctetString::new(value)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extension::{name, words};

    #[test]
    fn every_part_becomes_its_extension() {
        let asked = RequestedExtensions {
            alternative_names: vec!["UPN:a@b".parse().unwrap(), "RID:1.2.3".parse().unwrap()],
            key_usage: Some("digitalSignature,keyAgreement".parse().unwrap()),
            purposes: vec!["clientAuth".parse().unwrap(), "1.2.3.4".parse().unwrap()],
            template_name: Some("User".parse().unwrap()),
            template: Some("1.3.6.1.4.1.311.21.8.1:100.4".parse().unwrap()),
        };
        let encoded = asked.encode().unwrap();
        let shown: Vec<_> = encoded.iter().map(|it| (name(it), words(it).unwrap())).collect();
        let expected = [
            ("subjectAltName", "UPN:a@b, RID:1.2.3"),
            ("keyUsage", "digitalSignature, keyAgreement"),
            ("extKeyUsage", "clientAuth, 1.2.3.4"),
            ("certificate template name of Windows", "User"),
            ("certificate template of Windows", "1.3.6.1.4.1.311.21.8.1:100.4"),
        ];
        assert_eq!(shown, expected.map(|(name, words)| (name.to_owned(), words.to_owned())));
        assert_eq!(encoded.iter().filter(|it| it.critical).count(), 1);
    }

    #[test]
    fn too_many_parts_are_refused() {
        let names = vec!["DNS:a".parse().unwrap(); 65];
        let many = RequestedExtensions { alternative_names: names, ..Default::default() };
        assert!(many.encode().unwrap_err().to_string().contains("65 names, at most 64"));
        let purposes = vec!["clientAuth".parse().unwrap(); 33];
        let many = RequestedExtensions { purposes, ..Default::default() };
        assert!(many.encode().unwrap_err().to_string().contains("33 purposes, at most 32"));
    }
}
