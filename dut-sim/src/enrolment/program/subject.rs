//! The configured subject, part by part, for programs that take it apart.

use openssl::x509::X509Name;
use scep::name::NameError;

/// Why a subject cannot be given to a program.
#[derive(Debug, thiserror::Error)]
pub(in crate::enrolment) enum SubjectError {
    #[error("{0}")]
    Name(#[from] NameError),
    #[error("`{program}` has no option for `{attribute_type}` in a subject")]
    Type { program: String, attribute_type: String },
    #[error("`{program}` takes one `{attribute_type}` in a subject, and several are configured")]
    Repeated { program: String, attribute_type: String },
    #[error("`{program}` cannot be given the value `{value}` in a subject")]
    Value { program: String, value: String },
}

/// One part of a subject: `CN` and its value.
pub(super) struct Part {
    pub(super) attribute_type: String,
    pub(super) value: String,
}

/// The parts of a configured name, in its order.
pub(super) fn parts(distinguished_name: &str) -> Result<Vec<Part>, SubjectError> {
    let name: X509Name = scep::name::parse(distinguished_name)?;
    let part = |entry: &openssl::x509::X509NameEntryRef| Part {
        attribute_type: entry
            .object()
            .nid()
            .short_name()
            .map_or_else(|_| entry.object().to_string(), str::to_owned),
        value: String::from_utf8_lossy(entry.data().as_slice()).into_owned(),
    };
    Ok(name.entries().map(part).collect())
}
