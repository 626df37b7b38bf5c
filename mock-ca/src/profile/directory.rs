//! The names in Active Directory that a Windows enterprise CA writes into its certificates.

use openssl::{nid::Nid, x509::X509NameRef};
use scep::http::percent_encoded;

/// Where a Windows CA publishes itself: in the directory of its domain, under its own and its host's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Directory {
    ca_name: String,
    host: String,
    domain: String,
}

impl Directory {
    /// The directory of a CA with this subject, on this host: the common name is the CA's, the domain components,
    /// outermost first in the subject, are the domain's.
    pub(crate) fn of(subject: &X509NameRef, host: &str) -> Self {
        let components = values(subject, Nid::DOMAINCOMPONENT);
        let domain = match components.as_slice() {
            // What a Windows CA outside a domain writes.
            [] => "DC=UnavailableConfigDN".to_owned(),
            known => known.iter().rev().map(|dc| format!("DC={dc}")).collect::<Vec<_>>().join(","),
        };
        let ca_name = values(subject, Nid::COMMONNAME).pop().unwrap_or_default();
        Self { ca_name, host: percent_encoded(host), domain }
    }

    /// Where the revocation list is.
    pub(crate) fn revocation_list(&self) -> String {
        let Self { ca_name, host, domain } = self;
        format!(
            "ldap:///CN={ca_name},CN={host},CN=CDP,{SERVICES},{domain}\
             ?certificateRevocationList?base?objectClass=cRLDistributionPoint"
        )
    }

    /// Where the CA's certificate is.
    pub(crate) fn ca_certificate(&self) -> String {
        let Self { ca_name, domain, .. } = self;
        format!(
            "ldap:///CN={ca_name},CN=AIA,{SERVICES},{domain}\
             ?cACertificate?base?objectClass=certificationAuthority"
        )
    }
}

const SERVICES: &str = "CN=Public%20Key%20Services,CN=Services,CN=Configuration";

fn values(name: &X509NameRef, attribute: Nid) -> Vec<String> {
    name.entries_by_nid(attribute)
        .filter_map(|entry| Some(percent_encoded(&entry.data().to_string().ok()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_places_come_out() {
        let subject = scep::name::parse("DC=com, DC=scep, CN=scep-TELDATPKI-CA").unwrap();
        let directory = Directory::of(&subject, "TeldatPKI");
        assert_eq!(
            directory.revocation_list(),
            "ldap:///CN=scep-TELDATPKI-CA,CN=TeldatPKI,CN=CDP,CN=Public%20Key%20Services,CN=Services,\
             CN=Configuration,DC=scep,DC=com?certificateRevocationList?base?objectClass=cRLDistributionPoint"
        );
        assert_eq!(
            directory.ca_certificate(),
            "ldap:///CN=scep-TELDATPKI-CA,CN=AIA,CN=Public%20Key%20Services,CN=Services,\
             CN=Configuration,DC=scep,DC=com?cACertificate?base?objectClass=certificationAuthority"
        );
    }

    #[test]
    fn a_name_outside_a_domain_and_with_blanks_is_escaped() {
        let subject = scep::name::parse("CN=Test CA").unwrap();
        let place = Directory::of(&subject, "host").ca_certificate();
        assert!(place.contains("CN=Test%20CA,"), "{place}");
        assert!(place.contains("DC=UnavailableConfigDN?"), "{place}");
    }
}
