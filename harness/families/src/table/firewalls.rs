//! Firewalls and routers of Juniper, Palo Alto Networks and Fortinet as clients.

use scep::algorithm::{Cipher, Digest};

use crate::{Demand, Family, FamilyName, Need, Source, Subject};

const ENROL: Source = Source::Documentation(
    "https://juniper.net/documentation/us/en/software/junos/vpn-ipsec/Other/request-security-pki-local-certificate-enroll-ca-profile.html",
);
const KEY_PAIR: Source = Source::Documentation(
    "https://juniper.net/documentation/en_US/junos12.2/topics/task/operational/digital-certificates-private-public-key-generating.html",
);
const EXAMPLE: Source = Source::Documentation(
    "https://juniper.net/documentation/software/junos-security/junos-security10.2/junos-security-swconfig-security/topic-42946.html",
);
const CA_ENROL: Source = Source::Documentation(
    "https://juniper.net/documentation/en_US/junos13.1/topics/reference/command-summary/request-security-pki-ca-certificate-enroll.html",
);
const RETRY: Source = Source::Documentation(
    "https://juniper.net/documentation/software/junos-es/junos-es93/junos-es-swcmdref/enrollment.html",
);

pub(super) const JUNOS: Family = Family {
    name: FamilyName::Junos,
    title: "Juniper Junos",
    demands: &[
        Demand::soft(
            Need::PlainHttp,
            "Juniper's examples have an enrolment URL of `http://`.",
            "whether a release enrols over HTTPS is not described there",
            &[EXAMPLE],
        ),
        Demand::firm(
            Need::Digest(&[Digest::Sha1]),
            "`scep-digest-algorithm` is MD5 or SHA-1.",
            "it has no digest that the PKI lists",
            &[ENROL],
        ),
        Demand::firm(
            Need::Cipher(&[Cipher::TripleDes]),
            "`scep-encryption-algorithm` is DES or triple DES.",
            "it has no cipher that the PKI lists",
            &[ENROL],
        ),
        Demand::firm(
            Need::RsaRecipient,
            "With SCEP it supports RSA alone.",
            "it cannot use the certificates",
            &[KEY_PAIR],
        ),
        Demand::none(
            Subject::Certificates,
            "It takes several certificates, those of RAs as well, and asks whether to load them.",
            &[CA_ENROL],
        ),
        Demand::none(
            Subject::Fingerprint,
            "It shows the SHA-1 fingerprint of each certificate that came.",
            &[CA_ENROL],
        ),
        Demand::none(
            Subject::Approval,
            "If the PKI answers PENDING it asks again, 10 times by default with 900 seconds between.",
            &[RETRY],
        ),
    ],
};

const PAN_OS_GUIDE: Source = Source::Documentation(
    "https://docs.paloaltonetworks.com/pan-os/10-1/pan-os-admin/certificate-management/obtain-certificates/deploy-certificates-using-scep",
);

/// The profile of SCEP in the vendor's provider for the manager of its firewalls.
const PAN_OS_PROFILE: Source = Source::Documentation(
    "https://registry.terraform.io/providers/paloaltonetworks/scm/1.0.6/docs/resources/scep_profile",
);
const PAN_OS_SATELLITES: Source = Source::Documentation(
    "https://docs.paloaltonetworks.com/pan-os/8-0/pan-os-admin/large-scale-vpn-lsvpn/enable-ssl-between-globalprotect-lsvpn-components/deploy-client-certificates-to-the-globalprotect-satellites-using-scep.html",
);

pub(super) const PAN_OS: Family = Family {
    name: FamilyName::PanOs,
    title: "Palo Alto Networks PAN-OS",
    demands: &[
        Demand::none(
            Subject::Transport,
            "To comply with FIPS, the URL of the server must be HTTPS.",
            &[PAN_OS_GUIDE, PAN_OS_SATELLITES],
        ),
        Demand::none(
            Subject::Identifier,
            "The profile must have a name of the CA (`ca_identity_name`).",
            &[PAN_OS_PROFILE],
        ),
        Demand::none(
            Subject::Digest,
            "The profile names the digest of the certification request; that of the messages is not described there.",
            &[PAN_OS_PROFILE],
        ),
        Demand::none(
            Subject::Key,
            "Its own key is RSA, of a size that the profile names.",
            &[PAN_OS_PROFILE],
        ),
        Demand::none(
            Subject::Fingerprint,
            "The profile may have the fingerprint of the CA's certificate.",
            &[PAN_OS_PROFILE],
        ),
    ],
};

const FORTI_OS_CA: Source = Source::Documentation(
    "https://help.fortinet.com/fos50hlp/50/FortiOS%205.0%20Help/Certificates.034.27.html",
);
const FORTI_OS_LOG: Source = Source::Documentation(
    "https://community.fortinet.com/t5/FortiGate/Technical-Tip-FortiGate-Certificate-enrollment-using-SCEP/ta-p/262267",
);
const FORTI_OS_LOCAL: Source = Source::Documentation(
    "https://docs.fortinet.com/document/fortigate/6.2.16/cli-reference/254051044",
);
const FORTI_OS_RENEWAL: Source = Source::Documentation(
    "https://community.fortinet.com/fortigate-3/technical-tip-certificate-renewal-for-certificate-template-with-scep-enrollment-deployments-219083",
);
const FORTI_OS_CA_UPDATE: Source = Source::Documentation(
    "https://docs.fortinet.com/document/fortigate/6.2.9/cli-reference/323620",
);

pub(super) const FORTI_OS: Family = Family {
    name: FamilyName::FortiOs,
    title: "Fortinet FortiOS",
    demands: &[
        Demand::none(Subject::Transport, "Its `scep-url` is HTTP or HTTPS.", &[FORTI_OS_CA]),
        Demand::none(
            Subject::Identifier,
            "`ca-identifier` is the name of the CA for a request.",
            &[FORTI_OS_LOCAL],
        ),
        Demand::soft(
            Need::ContentType,
            "Its log shows that it reads the answer to GetCACert by the content type.",
            "it may not read the certificates",
            &[FORTI_OS_LOG],
        ),
        Demand::none(
            Subject::Certificates,
            "`auto-update-days` fetches the CA's certificate again so many days before its end.",
            &[FORTI_OS_CA_UPDATE],
        ),
        Demand::none(
            Subject::Key,
            "In the vendor's example its own key is RSA with 2048 bits.",
            &[FORTI_OS_LOG],
        ),
        Demand::none(
            Subject::Renewal,
            "`auto-regenerate-days` asks for a new certificate so many days before the end; 0 is never.",
            &[FORTI_OS_LOCAL, FORTI_OS_RENEWAL],
        ),
    ],
};
