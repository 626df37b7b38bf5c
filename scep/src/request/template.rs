//! Microsoft's certificate templates, by name and by number.

use std::{fmt, str::FromStr};

use der::{Sequence, asn1::ObjectIdentifier};

/// The extension with the name of a template, a `BMPString` (`szOID_ENROLL_CERTTYPE_EXTENSION`).
pub(crate) const TEMPLATE_NAME: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.20.2");
/// The extension with the number and the version of a template (`szOID_CERTIFICATE_TEMPLATE`).
pub(crate) const TEMPLATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.21.7");

/// The name of a template, such as `User`: 1 to 64 characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TemplateName(String);

/// The number of a template with its version, written as `1.3.6.1.4.1.311.21.8.1.2:100.4`.
///
/// ```text
/// CertificateTemplateOID ::= SEQUENCE {
///     templateID           OBJECT IDENTIFIER,
///     templateMajorVersion INTEGER (0..4294967295) OPTIONAL,
///     templateMinorVersion INTEGER (0..4294967295) OPTIONAL }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Sequence)]
pub struct Template {
    oid: ObjectIdentifier,
    #[asn1(optional = "true")]
    major: Option<u32>,
    #[asn1(optional = "true")]
    minor: Option<u32>,
}

/// The error for a text that is no template, with what is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotATemplate {
    /// The name is empty or too long, or has characters that no `BMPString` has.
    #[error("the name of a template has 1 to 64 characters, and no control characters")]
    Name,
    /// The number is not of the form.
    #[error(
        "a template is its object identifier, and perhaps a colon and its version, as in `1.3.6.1.4.1.311.21.8.1.2:100.4`"
    )]
    Number,
}

impl TemplateName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TemplateName {
    type Err = NotATemplate;

    fn from_str(text: &str) -> Result<Self, NotATemplate> {
        let is_name = (1..=64).contains(&text.chars().count())
            && text.chars().all(|c| !c.is_control() && c.len_utf16() == 1);
        if is_name { Ok(Self(text.to_owned())) } else { Err(NotATemplate::Name) }
    }
}

impl fmt::Display for TemplateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Template {
    type Err = NotATemplate;

    fn from_str(text: &str) -> Result<Self, NotATemplate> {
        let (oid, version) =
            text.split_once(':').map_or((text, None), |(oid, version)| (oid, Some(version)));
        let parts = version.map(|version| {
            version.split_once('.').map_or((version, None), |(major, minor)| (major, Some(minor)))
        });
        let number = |text: &str| text.parse::<u32>().map_err(|_| NotATemplate::Number);
        Ok(Self {
            oid: ObjectIdentifier::from_str(oid).map_err(|_| NotATemplate::Number)?,
            major: parts.map(|(major, _)| number(major)).transpose()?,
            minor: parts.and_then(|(_, minor)| minor).map(number).transpose()?,
        })
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.oid.fmt(f)?;
        self.major.map_or(Ok(()), |major| write!(f, ":{major}"))?;
        self.minor.map_or(Ok(()), |minor| write!(f, ".{minor}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_read_as_they_are_written() {
        for text in ["1.3.6.1.4.1.311.21.8.1", "1.2.3:100", "1.2.3:100.4"] {
            assert_eq!(text.parse::<Template>().unwrap().to_string(), text);
        }
        for text in ["", "User", "1.2.3:", "1.2.3:x", "1.2.3:1.x", "1.2.3:-1", "1.2.3:1.2.3"] {
            assert_eq!(text.parse::<Template>(), Err(NotATemplate::Number), "{text}");
        }
        assert_eq!("WebServer".parse::<TemplateName>().unwrap().as_str(), "WebServer");
        for text in ["", "a\nb", "😀", &"x".repeat(65)] {
            assert_eq!(text.parse::<TemplateName>(), Err(NotATemplate::Name), "{text}");
        }
    }
}
