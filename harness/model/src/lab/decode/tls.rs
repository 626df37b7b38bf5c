//! The TLS of a simulated PKI.

use mock_ca::TlsVersion;

use super::super::values::path;
use super::super::{Tls, TlsFiles};
use super::policy::life;
use diagnostics::Diagnostic;
use diagnostics::yaml::{Fields, Node, Problems};

/// The field `tls` of a simulated PKI.
pub(super) fn tls(node: &Node, problems: &Problems) -> Option<Tls> {
    let known = ["valid-for", "least-version", "certificate", "key"];
    let fields = Fields::of(node, "TLS", &known, problems)?;
    let certificate = fields.optional_as("certificate", path);
    let key = fields.optional_as("key", path);
    let has = |field| fields.optional(field).is_some();
    if has("certificate") != has("key") {
        let message = "`certificate` and `key` belong together, and one of them is missing";
        problems.add(Diagnostic::at(fields.place(), message));
    }
    if let Some(life) = fields.optional("valid-for").filter(|_| has("certificate")) {
        let message = "`valid-for` is for a certificate that is made, and `certificate` gives one";
        problems.add(Diagnostic::at(&life.place, message));
    }
    let files = certificate.zip(key).map(|(certificate, key)| TlsFiles { certificate, key });
    Some(Tls {
        names: Vec::new(),
        valid_for: fields.optional_as("valid-for", life),
        least_version: fields.one_of("least-version", "version of TLS", TlsVersion::NAMED),
        files,
    })
}
