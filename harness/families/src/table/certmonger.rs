//! certmonger's scep-submit.

use crate::{Demand, Family, FamilyName, Need, Source, Subject};

const SUBMIT: Source = Source::Code(
    "https://github.com/haxorsebb/certmonger/blob/014f00265263a4e24407605fe5fff0a6fb62e304/src/scep.c",
);

pub(super) const CERTMONGER: Family = Family {
    name: FamilyName::Certmonger,
    title: "certmonger (scep-submit)",
    demands: &[
        Demand::none(Subject::Path, "It sends requests to the URL as it is given.", &[SUBMIT]),
        Demand::soft(
            Need::AnyIdentifier("0"),
            "It sends `message=0` with GetCACaps and GetCACert, unless another identifier is configured.",
            "it gets neither capabilities nor certificates, unless a name that the PKI knows is configured",
            &[SUBMIT],
        ),
        Demand::firm(
            Need::CapabilitiesAnswered,
            "It wants HTTP 200 for GetCACaps.",
            "it takes the CA for unreachable or refuses it",
            &[SUBMIT],
        ),
        Demand::firm(
            Need::ShortList(1024),
            "It takes a longer list of capabilities than 1024 bytes for a web page.",
            "it refuses the CA",
            &[SUBMIT],
        ),
        Demand::firm(
            Need::Get,
            "It sends messages by GET alone.",
            "its messages are refused",
            &[SUBMIT],
        ),
        Demand::firm(
            Need::BareContentType,
            "It compares the content type of GetCACert with the two that there are, and takes nothing after it, such as a charset.",
            "it ends (`Server reply was of unexpected MIME type`)",
            &[SUBMIT],
        ),
        Demand::none(Subject::Recipient, "It prefers a certificate that can encipher.", &[SUBMIT]),
        Demand::none(
            Subject::Renewal,
            "It sends a renewal as a PKCSReq; if `Renewal` is listed, the old certificate signs it.",
            &[SUBMIT],
        ),
    ],
};
