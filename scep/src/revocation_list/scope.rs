//! What a revocation list is about, by its extensions and those of its entries (RFC 5280 §5.2, §5.3).

use der::{
    Decode,
    asn1::ObjectIdentifier,
    oid::db::rfc5280::{
        ID_CE_AUTHORITY_KEY_IDENTIFIER, ID_CE_CERTIFICATE_ISSUER, ID_CE_CRL_NUMBER,
        ID_CE_CRL_REASONS, ID_CE_DELTA_CRL_INDICATOR, ID_CE_FRESHEST_CRL, ID_CE_INVALIDITY_DATE,
        ID_CE_ISSUER_ALT_NAME, ID_CE_ISSUING_DISTRIBUTION_POINT,
    },
};
use openssl::x509::X509Ref;

use crate::{Error, ber, certificate::is_ca};

/// Why a list does not tell whether a certificate is revoked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAbout {
    /// The list has only the changes since another list.
    #[error(
        "it is a delta (deltaCRLIndicator), which has only what changed since another list; a complete one is needed (RFC 5280 §5.2.4)"
    )]
    Delta,
    /// The list has entries of other CAs.
    #[error(
        "it is indirect (indirectCRL or certificateIssuer), so that its entries may be of other CAs, which is not supported (RFC 5280 §5.2.5)"
    )]
    Indirect,
    /// The list leaves out revocations for some reasons.
    #[error(
        "it has the revocations for some reasons alone (onlySomeReasons); a complete one is needed (RFC 5280 §5.2.5)"
    )]
    SomeReasons,
    /// The list has an extension that must be understood, and is not.
    #[error(
        "its critical extension `{0}` is not supported, so nothing in it may be relied on (RFC 5280 §5.2)"
    )]
    Critical(String),
    /// The list is about other certificates than this kind.
    #[error("it is about {0} alone (RFC 5280 §5.2.5)")]
    Kind(&'static str),
    /// The list is that of other distribution points than those of the certificate.
    #[error(
        "it is the list of the distribution point `{0}` alone, which the certificate does not name (RFC 5280 §6.3.3)"
    )]
    Point(String),
    /// The list is that of a distribution point without a URL.
    #[error(
        "it is the list of one distribution point alone, whose name has no URL (such as nameRelativeToCRLIssuer), so it cannot be compared with those that the certificate names (RFC 5280 §5.2.5)"
    )]
    PointWithoutUrl,
}

/// The certificates of which a list has those that are revoked.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    /// The first reason why it is no complete list of one CA.
    partial: Option<NotAbout>,
    /// The URLs of its distribution points; `None` if the list is for all of them.
    points: Option<Vec<String>>,
    /// The certificates that it is about, if only some: of users or of CAs.
    only: Option<Only>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Only {
    Users,
    Cas,
}

impl Scope {
    /// Reads the extensions of a list in DER.
    pub(super) fn read(list: &[u8]) -> Result<Self, Error> {
        let normal = ber::normalise(list)?;
        let (_, list) = ber::split(&mut &*normal)?;
        let (_, to_be_signed) = ber::split(&mut &*list)?;
        let parts = ber::elements(to_be_signed)?;
        let mut scope = Self::default();
        if let Some(last) = parts.last().filter(|part| part.first() == Some(&EXTENSIONS)) {
            let (_, extensions) = ber::split(&mut &**last)?;
            for extension in Extension::all(extensions)? {
                scope.add(&extension)?;
            }
        }
        // The signature algorithm and the issuer are the sequences before.
        let mut sequences = parts.iter().filter(|part| part.first() == Some(&SEQUENCE));
        if let Some(entries) = sequences.nth(2) {
            let (_, entries) = ber::split(&mut &**entries)?;
            for entry in ber::elements(entries)? {
                scope.add_entry(entry)?;
            }
        }
        Ok(scope)
    }

    /// The reason why it is no complete list of one CA.
    pub(super) fn partial(&self) -> Option<&NotAbout> {
        self.partial.as_ref()
    }

    /// Checks that the list has this certificate if it is revoked.
    pub(super) fn check(&self, certificate: &X509Ref) -> Result<(), NotAbout> {
        match self.only {
            Some(Only::Users) if is_ca(certificate) => {
                return Err(NotAbout::Kind("the certificates of users"));
            }
            Some(Only::Cas) if !is_ca(certificate) => {
                return Err(NotAbout::Kind("the certificates of CAs"));
            }
            _ => {}
        }
        let Some(points) = &self.points else { return Ok(()) };
        let named = distribution_points(certificate);
        if points.iter().any(|point| named.contains(point)) {
            return Ok(());
        }
        let Some(first) = points.first() else { return Err(NotAbout::PointWithoutUrl) };
        Err(NotAbout::Point(first.escape_debug().take(SHOWN_LENGTH).collect()))
    }

    fn add(&mut self, extension: &Extension<'_>) -> Result<(), Error> {
        match extension.oid {
            ID_CE_DELTA_CRL_INDICATOR => self.refuse(NotAbout::Delta),
            ID_CE_ISSUING_DISTRIBUTION_POINT => self.add_issuing_point(extension.value)?,
            ID_CE_AUTHORITY_KEY_IDENTIFIER
            | ID_CE_ISSUER_ALT_NAME
            | ID_CE_CRL_NUMBER
            | ID_CE_FRESHEST_CRL => {}
            other if extension.critical => self.refuse(NotAbout::Critical(other.to_string())),
            _ => {}
        }
        Ok(())
    }

    /// ```text
    /// IssuingDistributionPoint ::= SEQUENCE {
    ///   distributionPoint [0] DistributionPointName OPTIONAL,
    ///   onlyContainsUserCerts [1] BOOLEAN DEFAULT FALSE,
    ///   onlyContainsCACerts [2] BOOLEAN DEFAULT FALSE,
    ///   onlySomeReasons [3] ReasonFlags OPTIONAL,
    ///   indirectCRL [4] BOOLEAN DEFAULT FALSE,
    ///   onlyContainsAttributeCerts [5] BOOLEAN DEFAULT FALSE }
    /// ```
    fn add_issuing_point(&mut self, value: &[u8]) -> Result<(), Error> {
        let normal = ber::normalise(value)?;
        let (_, parts) = ber::split(&mut &*normal)?;
        for part in ber::elements(parts)? {
            let (tag, content) = ber::split(&mut &*part)?;
            let is_set = content.iter().any(|byte| *byte != 0);
            match tag {
                0xa0 => self.points = Some(uris(content)?),
                0x81 if is_set => self.only = Some(Only::Users),
                0x82 if is_set => self.only = Some(Only::Cas),
                0x83 => self.refuse(NotAbout::SomeReasons),
                0x84 if is_set => self.refuse(NotAbout::Indirect),
                0x85 if is_set => self.refuse(NotAbout::Kind("attribute certificates")),
                _ => {}
            }
        }
        Ok(())
    }

    fn add_entry(&mut self, entry: &[u8]) -> Result<(), Error> {
        let (_, fields) = ber::split(&mut &*entry)?;
        let fields = ber::elements(fields)?;
        // After the serial number and the date.
        let Some(extensions) = fields.get(2) else { return Ok(()) };
        for extension in Extension::all(extensions)? {
            match extension.oid {
                ID_CE_CERTIFICATE_ISSUER => self.refuse(NotAbout::Indirect),
                ID_CE_CRL_REASONS | ID_CE_INVALIDITY_DATE => {}
                other if extension.critical => self.refuse(NotAbout::Critical(other.to_string())),
                _ => {}
            }
        }
        Ok(())
    }

    fn refuse(&mut self, reason: NotAbout) {
        self.partial.get_or_insert(reason);
    }
}

/// The URLs of the distribution points of the lists in which the certificate would be, in its order.
pub fn distribution_points(certificate: &X509Ref) -> Vec<String> {
    let Some(points) = certificate.crl_distribution_points() else { return Vec::new() };
    let names = points.iter().filter_map(|point| point.distpoint()?.fullname());
    names.flatten().filter_map(|name| name.uri().map(str::to_owned)).collect()
}

/// The URLs of a `DistributionPointName`.
fn uris(name: &[u8]) -> Result<Vec<String>, Error> {
    const FULL_NAME: u8 = 0xa0;
    const URI: u8 = 0x86;
    let (tag, names) = ber::split(&mut &*name)?;
    let mut uris = Vec::new();
    for name in if tag == FULL_NAME { ber::elements(names)? } else { Vec::new() } {
        let (tag, text) = ber::split(&mut &*name)?;
        if tag == URI {
            uris.push(String::from_utf8_lossy(text).into_owned());
        }
    }
    Ok(uris)
}

/// How many characters of a URL are shown.
const SHOWN_LENGTH: usize = 200;

const SEQUENCE: u8 = 0x30;
const BOOLEAN: u8 = 0x01;
/// `crlExtensions [0] EXPLICIT Extensions`
const EXTENSIONS: u8 = 0xa0;

/// ```text
/// Extension ::= SEQUENCE {
///   extnID OBJECT IDENTIFIER,
///   critical BOOLEAN DEFAULT FALSE,
///   extnValue OCTET STRING }
/// ```
struct Extension<'a> {
    oid: ObjectIdentifier,
    critical: bool,
    value: &'a [u8],
}

impl<'a> Extension<'a> {
    /// Reads `Extensions`, which is a sequence of them.
    fn all(extensions: &'a [u8]) -> Result<Vec<Self>, Error> {
        let (_, extensions) = ber::split(&mut &*extensions)?;
        ber::elements(extensions)?.into_iter().map(Self::read).collect()
    }

    fn read(extension: &'a [u8]) -> Result<Self, Error> {
        let damaged = || Error::malformed("extension of a revocation list")("it is damaged");
        let (_, fields) = ber::split(&mut &*extension)?;
        let fields = ber::elements(fields)?;
        let (first, rest) = fields.split_first().ok_or_else(damaged)?;
        let oid = ObjectIdentifier::from_der(first).map_err(|_| damaged())?;
        let (critical, value) = match rest {
            [critical, value] if critical.first() == Some(&BOOLEAN) => {
                (critical.last() != Some(&0), value)
            }
            [value] => (false, value),
            _ => return Err(damaged()),
        };
        let (_, value) = ber::split(&mut &**value)?;
        Ok(Self { oid, critical, value })
    }
}
