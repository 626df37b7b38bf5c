//! Cisco's routers and firewalls as clients.

use crate::{Demand, Family, FamilyName, Need, Source, Subject};

const TECHNOTE: Source = Source::Documentation(
    "https://www.cisco.com/c/en/us/support/docs/security-vpn/public-key-infrastructure-pki/116167-technote-scep-00.html",
);
/// A router's own log of its request.
const ROUTER_LOG: Source = Source::Issue("https://github.com/micromdm/scep/issues/211");
const SUFFIX_WANTED: Source = Source::Issue("https://github.com/smallstep/certificates/pull/846");
/// A server's log and the bytes of a router's request.
const OLD_ROUTER: Source = Source::Issue("https://github.com/smallstep/certificates/issues/2100");
const OLD_ROUTER_LOG: Source = Source::Issue("https://github.com/smallstep/docs/issues/364");
const RENEWAL: Source = Source::Issue("https://github.com/dogtagpki/pki/pull/3413");

pub(super) const IOS: Family = Family {
    name: FamilyName::CiscoIos,
    title: "Cisco IOS and IOS-XE",
    demands: &[
        Demand::soft(
            Need::PlainHttp,
            "Cisco describes SCEP on routers as requests and replies over HTTP.",
            "whether a release enrols over HTTPS is not described there",
            &[TECHNOTE],
        ),
        Demand::firm(
            Need::PathSuffix("/pkiclient.exe"),
            "It appends `/pkiclient.exe` to the path of `enrollment url`.",
            "it cannot fetch the CA's certificate (`Error in receiving Certificate Authority certificate`)",
            &[ROUTER_LOG, SUFFIX_WANTED],
        ),
        Demand::soft(
            Need::AnyIdentifier("TRUSTPOINT"),
            "It sends the name of the trustpoint as `message=` of GetCACert.",
            "the trustpoint must have the name of the CA",
            &[ROUTER_LOG],
        ),
        Demand::firm(
            Need::Http10,
            "Its requests are HTTP/1.0.",
            "its requests are refused",
            &[ROUTER_LOG, OLD_ROUTER_LOG],
        ),
        Demand::none(Subject::Method, "It sends messages by GET; POST is optional.", &[TECHNOTE]),
        Demand::soft(
            Need::SingleDes,
            "Old releases encipher with single DES and sign with MD5.",
            "a PKI that follows RFC 8894 §2.9 refuses their messages",
            &[OLD_ROUTER, OLD_ROUTER_LOG],
        ),
        Demand::firm(
            Need::RsaAlone,
            "SCEP there is for RSA alone.",
            "it cannot use the certificates",
            &[TECHNOTE],
        ),
        Demand::none(Subject::Renewal, "It sends a renewal as a PKCSReq.", &[RENEWAL]),
    ],
};

/// The dialog of the program that manages these firewalls.
const MANAGEMENT: Source = Source::Documentation(
    "https://docs.defenseorchestrator.com/cdfmc/r_pki_enrollment_scep_options_2.html",
);
const GUIDELINES: Source =
    Source::Documentation("https://www.easymanua.ls/cisco/asa-5515-x/manual/941771?p=944");

pub(super) const ASA: Family = Family {
    name: FamilyName::CiscoAsa,
    title: "Cisco ASA and Secure Firewall",
    demands: &[
        Demand::firm(
            Need::PlainHttp,
            "The enrolment URL is `http://CA_name:port`.",
            "its configuration takes no other address",
            &[MANAGEMENT],
        ),
        Demand::none(
            Subject::Path,
            "The path is `/cgi-bin/pkiclient.exe`, unless the URL has another one.",
            &[MANAGEMENT],
        ),
        Demand::soft(
            Need::EndsBefore("2038-01-19T03:14:08Z"),
            "Its guide tells to keep the validity of certificates below the year 2038.",
            "its guide tells not to use such certificates",
            &[GUIDELINES],
        ),
        Demand::soft(
            Need::IssuesAtOnce,
            "Its guide wants a CA that grants automatically.",
            "its guide wants a CA that grants automatically",
            &[GUIDELINES],
        ),
    ],
};
