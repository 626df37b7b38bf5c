//! The structures by their fields, in the names of RFC 5652, RFC 2986 and RFC 5280.

/// A field of a structure, or a structure itself.
pub(crate) struct Member {
    /// Its name.
    pub(super) name: &'static str,
    /// The tags that it may have; empty for any.
    pub(super) tags: &'static [u8],
    pub(super) shape: Shape,
    pub(super) optional: bool,
}

impl Member {
    /// Its name.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }
}

/// What a field is made of.
pub(super) enum Shape {
    /// A value, or something that is not looked into by names.
    Plain,
    /// These fields in this order.
    Fields(&'static [Member]),
    /// Any number of this one.
    Of(&'static Member),
    /// An OCTET STRING around this one.
    Around(&'static Member),
    /// Depends on the last object identifier before it.
    ByType(fn(&str) -> Option<&'static Member>),
    /// One of these, by its tag.
    Choice(&'static [Member]),
}

const SEQUENCE: &[u8] = &[0x30];
const SET: &[u8] = &[0x31];
const INTEGER: &[u8] = &[0x02];
const OID: &[u8] = &[0x06];
const OCTETS: &[u8] = &[0x04, 0x24];
const BITS: &[u8] = &[0x03, 0x23];
const BOOLEAN: &[u8] = &[0x01];
const TIME: &[u8] = &[0x17, 0x18];

const fn plain(name: &'static str, tags: &'static [u8]) -> Member {
    Member { name, tags, shape: Shape::Plain, optional: false }
}

const fn optional(member: Member) -> Member {
    Member { name: member.name, tags: member.tags, shape: member.shape, optional: true }
}

const fn fields(name: &'static str, fields: &'static [Member]) -> Member {
    Member { name, tags: SEQUENCE, shape: Shape::Fields(fields), optional: false }
}

const fn tagged(name: &'static str, tags: &'static [u8], shape: Shape) -> Member {
    Member { name, tags, shape, optional: false }
}

/// RFC 5652 §3.
pub(crate) const CONTENT_INFO: Member = fields("ContentInfo", CONTENT_INFO_FIELDS);
const CONTENT_INFO_FIELDS: &[Member] =
    &[plain("contentType", OID), optional(tagged("content", &[0xa0], Shape::ByType(content)))];

fn content(oid: &str) -> Option<&'static Member> {
    match oid {
        "1.2.840.113549.1.7.2" => Some(&SIGNED_DATA),
        "1.2.840.113549.1.7.3" => Some(&ENVELOPED_DATA),
        _ => None,
    }
}

/// RFC 5652 §5.1.
const SIGNED_DATA: Member = fields(
    "SignedData",
    &[
        plain("version", INTEGER),
        tagged("digestAlgorithms", SET, Shape::Of(&DIGEST_ALGORITHM)),
        fields(
            "encapContentInfo",
            &[
                plain("eContentType", OID),
                optional(tagged("eContent", &[0xa0], Shape::Of(&E_CONTENT))),
            ],
        ),
        optional(tagged("certificates", &[0xa0], Shape::Of(&CERTIFICATE))),
        optional(tagged("crls", &[0xa1], Shape::Of(&CERTIFICATE_LIST))),
        tagged("signerInfos", SET, Shape::Of(&SIGNER_INFO)),
    ],
);
const DIGEST_ALGORITHM: Member = fields("digestAlgorithm", ALGORITHM);
const E_CONTENT: Member = tagged("eContent", OCTETS, Shape::Around(&CONTENT_INFO));

/// RFC 5280 §4.1.1.2.
const ALGORITHM: &[Member] = &[plain("algorithm", OID), optional(plain("parameters", &[]))];

/// RFC 5652 §5.3.
const SIGNER_INFO: Member = fields(
    "signerInfo",
    &[
        plain("version", INTEGER),
        tagged("sid", &[0x30, 0x80], Shape::Choice(IDENTIFIER)),
        fields("digestAlgorithm", ALGORITHM),
        optional(tagged("signedAttrs", &[0xa0], Shape::Of(&ATTRIBUTE))),
        fields("signatureAlgorithm", ALGORITHM),
        plain("signature", OCTETS),
        optional(tagged("unsignedAttrs", &[0xa1], Shape::Of(&ATTRIBUTE))),
    ],
);
const IDENTIFIER: &[Member] = &[ISSUER_AND_SERIAL, plain("subjectKeyIdentifier", &[0x80])];

/// RFC 5652 §10.2.4; the body of a GetCert and a GetCRL.
pub(crate) const ISSUER_AND_SERIAL: Member =
    fields("issuerAndSerialNumber", &[NAME_ISSUER, plain("serialNumber", INTEGER)]);

/// RFC 8894 §3.3.3; the body of a CertPoll.
pub(crate) const ISSUER_AND_SUBJECT: Member =
    fields("issuerAndSubject", &[NAME_ISSUER, NAME_SUBJECT]);

const NAME_ISSUER: Member = tagged("issuer", SEQUENCE, Shape::Of(&RELATIVE_NAME));
const NAME_SUBJECT: Member = tagged("subject", SEQUENCE, Shape::Of(&RELATIVE_NAME));
const RELATIVE_NAME: Member = tagged("relativeDistinguishedName", SET, Shape::Of(&PAIR));
const PAIR: Member = fields("attributeTypeAndValue", &[plain("type", OID), plain("value", &[])]);

/// RFC 5652 §5.3.
const ATTRIBUTE: Member = fields(
    "attribute",
    &[plain("attrType", OID), tagged("attrValues", SET, Shape::ByType(attribute_value))],
);

fn attribute_value(oid: &str) -> Option<&'static Member> {
    match oid {
        // The extension request, and Microsoft's.
        "1.2.840.113549.1.9.14" | "1.3.6.1.4.1.311.2.1.14" => Some(&EXTENSIONS),
        _ => None,
    }
}

/// RFC 5652 §6.1.
const ENVELOPED_DATA: Member = fields(
    "EnvelopedData",
    &[
        plain("version", INTEGER),
        optional(plain("originatorInfo", &[0xa0])),
        tagged("recipientInfos", SET, Shape::Of(&RECIPIENT_INFO)),
        fields(
            "encryptedContentInfo",
            &[
                plain("contentType", OID),
                fields("contentEncryptionAlgorithm", ALGORITHM),
                optional(plain("encryptedContent", &[0x80, 0xa0])),
            ],
        ),
        optional(plain("unprotectedAttrs", &[0xa1])),
    ],
);
const RECIPIENT_INFO: Member = tagged(
    "recipientInfo",
    &[0x30, 0xa1, 0xa2, 0xa3, 0xa4],
    Shape::Choice(&[
        fields(
            "ktri",
            &[
                plain("version", INTEGER),
                tagged("rid", &[0x30, 0x80], Shape::Choice(IDENTIFIER)),
                fields("keyEncryptionAlgorithm", ALGORITHM),
                plain("encryptedKey", OCTETS),
            ],
        ),
        plain("kari", &[0xa1]),
        plain("kekri", &[0xa2]),
        plain("pwri", &[0xa3]),
        plain("ori", &[0xa4]),
    ]),
);

/// RFC 5280 §4.1.
pub(crate) const CERTIFICATE: Member = fields(
    "Certificate",
    &[
        fields(
            "tbsCertificate",
            &[
                optional(tagged("version", &[0xa0], Shape::Of(&VERSION))),
                plain("serialNumber", INTEGER),
                fields("signature", ALGORITHM),
                NAME_ISSUER,
                fields("validity", &[plain("notBefore", TIME), plain("notAfter", TIME)]),
                NAME_SUBJECT,
                PUBLIC_KEY,
                optional(plain("issuerUniqueID", &[0x81])),
                optional(plain("subjectUniqueID", &[0x82])),
                optional(tagged("extensions", &[0xa3], Shape::Of(&EXTENSIONS))),
            ],
        ),
        fields("signatureAlgorithm", ALGORITHM),
        plain("signatureValue", BITS),
    ],
);
const VERSION: Member = plain("version", INTEGER);
const PUBLIC_KEY: Member = fields(
    "subjectPublicKeyInfo",
    &[fields("algorithm", ALGORITHM), plain("subjectPublicKey", BITS)],
);
const EXTENSIONS: Member = tagged("extensions", SEQUENCE, Shape::Of(&EXTENSION));
const EXTENSION: Member = fields(
    "extension",
    &[plain("extnID", OID), optional(plain("critical", BOOLEAN)), plain("extnValue", OCTETS)],
);

/// RFC 2986 §4.
pub(crate) const CERTIFICATION_REQUEST: Member = fields(
    "CertificationRequest",
    &[
        fields(
            "certificationRequestInfo",
            &[
                plain("version", INTEGER),
                NAME_SUBJECT,
                PUBLIC_KEY,
                optional(tagged("attributes", &[0xa0], Shape::Of(&ATTRIBUTE))),
            ],
        ),
        fields("signatureAlgorithm", ALGORITHM),
        plain("signature", BITS),
    ],
);

/// RFC 5280 §5.1.
pub(crate) const CERTIFICATE_LIST: Member = fields(
    "CertificateList",
    &[
        fields(
            "tbsCertList",
            &[
                optional(plain("version", INTEGER)),
                fields("signature", ALGORITHM),
                NAME_ISSUER,
                plain("thisUpdate", TIME),
                optional(plain("nextUpdate", TIME)),
                optional(tagged("revokedCertificates", SEQUENCE, Shape::Of(&REVOKED))),
                optional(tagged("crlExtensions", &[0xa0], Shape::Of(&EXTENSIONS))),
            ],
        ),
        fields("signatureAlgorithm", ALGORITHM),
        plain("signatureValue", BITS),
    ],
);
const REVOKED: Member = fields(
    "revokedCertificate",
    &[
        plain("userCertificate", INTEGER),
        plain("revocationDate", TIME),
        optional(tagged("crlEntryExtensions", SEQUENCE, Shape::Of(&EXTENSION))),
    ],
);

/// The structure that bytes probably begin, by the tags of their first elements.
pub(crate) fn guess(bytes: &[u8]) -> Option<&'static Member> {
    let inside = |bytes: &[u8]| -> Option<Vec<u8>> {
        let length = match bytes.get(1)? {
            0..=0x80 => 2,
            long => 2 + usize::from(long & 0x7f),
        };
        (bytes[0] == 0x30).then(|| bytes.get(length..).map(<[u8]>::to_vec)).flatten()
    };
    let content = inside(bytes)?;
    if content.first() == Some(&0x06) {
        return Some(&CONTENT_INFO);
    }
    let signed = inside(&content)?;
    match signed.first()? {
        0x02 if signed.get(..3) == Some(&[2, 1, 1]) => Some(&CERTIFICATE_LIST),
        // A version up to 2, as Apple writes it, and no serial number.
        0x02 if matches!(signed.get(..4), Some([2, 1, 0..=2, 0x30])) => {
            Some(&CERTIFICATION_REQUEST)
        }
        0xa0 | 0x02 => Some(&CERTIFICATE),
        _ => None,
    }
}
