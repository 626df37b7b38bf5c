//! Whether a PKI shows what a client needs.

mod requests;

use std::fmt::Display;

use families::Need;
use scep::capabilities::{Capabilities, Capability};
use scep::clock;
use scep::http::{CA_CERTIFICATE, CA_RA_CERTIFICATES};
use scep::key_usage::KeyUsage;

use crate::capability::{has_blank_line, misspelt};
use crate::certificate::Facts;
use crate::probe::Probe;
use crate::registration::no_registration;
use crate::seen::Seen;

/// The result for one need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NeedOutcome {
    /// The PKI shows it.
    Met,
    /// The PKI shows something else, in words.
    Unmet(String),
    /// The PKI does not show whether it is so, in words.
    NotSeen(String),
}

/// What the needs of all clients are compared with.
pub(crate) struct NeedChecker<'a> {
    seen: &'a Seen,
    listed: Option<Capabilities>,
    list: String,
    chain: &'a [Facts],
    /// The certificate that Sceplab's client would encipher to.
    recipient: Option<usize>,
    /// Why there is no such certificate, if some came.
    unusable: Option<String>,
}

impl<'a> NeedChecker<'a> {
    pub(crate) fn new(seen: &'a Seen, chain: &'a [Facts]) -> Self {
        let chosen = seen.ca_certificates().map(|all| all.choose(seen.at));
        let unusable =
            chosen.as_ref().and_then(|chosen| chosen.as_ref().err()).map(ToString::to_string);
        let recipient = chosen
            .and_then(Result::ok)
            .and_then(|chosen| chain.iter().position(|one| one.certificate == chosen.recipient));
        let list = seen.list().unwrap_or_default();
        Self { seen, listed: seen.listed(), list, chain, recipient, unusable }
    }

    /// The place of the certificate that requests are enciphered to, from 1.
    pub(crate) fn recipient(&self) -> Option<usize> {
        self.recipient.map(|index| index + 1)
    }

    /// True if there are certificates to compare with: without any, nobody can enrol.
    pub(crate) fn has_certificates(&self) -> bool {
        !self.chain.is_empty()
    }

    pub(crate) fn check(&self, need: Need) -> NeedOutcome {
        match need {
            // The URL that was asked is one of HTTP.
            Need::Nothing(_) | Need::PlainHttp => NeedOutcome::Met,
            Need::PathSuffix(suffix) => self.path(suffix),
            Need::AnyIdentifier(_) if self.seen.name.is_some() => NeedOutcome::Met,
            Need::AnyIdentifier(identifier) => self.same(&Probe::with_identifier(identifier)),
            Need::NoIdentifier if self.seen.name.is_none() => NeedOutcome::Met,
            Need::NoIdentifier => {
                self.same(&[Probe::CapabilitiesUnnamed, Probe::CertificatesUnnamed])
            }
            Need::Http10 => self.same(&[Probe::Http10]),
            Need::NotRedirected => self.not_redirected(),
            Need::CapabilitiesAnswered => self.of_list(|| unless(self.no_capabilities())),
            Need::ExactCase | Need::NoBlankLines | Need::LfAlone | Need::ShortList(_) => {
                self.of_list(|| self.text(need))
            }
            Need::Post => self.of_list(|| self.offers(Capability::PostPkiOperation)),
            Need::Renewal => self.of_list(|| self.offers(Capability::Renewal)),
            Need::Digest(digests) => {
                self.of_list(|| self.one_of(digests, Capabilities::offers_digest))
            }
            Need::Cipher(ciphers) => {
                self.of_list(|| self.one_of(ciphers, Capabilities::offers_cipher))
            }
            Need::SingleDes => self.of_list(|| self.single_des()),
            Need::Get | Need::IssuesAtOnce => not_seen(need),
            _ if self.chain.is_empty() => {
                NeedOutcome::NotSeen("no certificate could be read".to_owned())
            }
            Need::ContentType => self.content_type(false),
            Need::BareContentType => self.content_type(true),
            _ => self.certificates(need),
        }
    }

    /// What the certificates show.
    fn certificates(&self, need: Need) -> NeedOutcome {
        match need {
            Need::RootAmongSeveral | Need::RaInList if self.seen.is_alone() => NeedOutcome::Met,
            Need::Root | Need::RootAmongSeveral => self.root(),
            Need::RaInList => unless(no_registration(self.chain)),
            Need::RaIssuer => self.ra_issuer(),
            Need::KeyEncipherment => self.ra_names(KeyUsage::KEY_ENCIPHERMENT, "keyEncipherment"),
            Need::DigitalSignature => {
                self.ra_names(KeyUsage::DIGITAL_SIGNATURE, "digitalSignature")
            }
            Need::CaFlag => self.ca_flag(),
            Need::RsaRecipient => self.rsa_recipient(),
            Need::UsableRecipient => unless(self.unusable.clone()),
            Need::RsaAlone => unless(self.first(|one| !one.is_rsa(), |one| one.key.clone())),
            Need::EndsBefore(moment) => self.ends_before(moment),
            _ => NeedOutcome::Met,
        }
    }

    fn text(&self, need: Need) -> NeedOutcome {
        unless(match need {
            Need::ExactCase => misspelt(&self.list).first().map(|word| {
                format!("the list has `{word}`, which is not the spelling of RFC 8894 §3.5.2")
            }),
            Need::NoBlankLines => {
                has_blank_line(&self.list).then(|| "the list has a blank line".to_owned())
            }
            Need::LfAlone => {
                self.list.contains('\r').then(|| "the lines of the list end in CRLF".to_owned())
            }
            Need::ShortList(longest) => {
                let length = self.list.len();
                (length > longest).then(|| format!("the list has {length} bytes"))
            }
            _ => None,
        })
    }

    fn offers(&self, capability: Capability) -> NeedOutcome {
        let listed = self.listed.as_ref();
        if listed.is_some_and(|listed| listed.has(capability)) {
            return NeedOutcome::Met;
        }
        NeedOutcome::Unmet(format!("`{capability}` is not listed"))
    }

    /// No capability says that single DES is taken, but one names the standard that forbids it.
    fn single_des(&self) -> NeedOutcome {
        if self.listed.as_ref().is_some_and(|listed| listed.has(Capability::ScepStandard)) {
            return NeedOutcome::Unmet(format!(
                "`{}` is listed, and RFC 8894 §2.9 forbids single DES; whether it is taken all the same is seen only when a message is sent",
                Capability::ScepStandard
            ));
        }
        not_seen(Need::SingleDes)
    }

    fn one_of<T: Copy + Display>(
        &self,
        wanted: &[T],
        offers: impl Fn(&Capabilities, T) -> bool,
    ) -> NeedOutcome {
        let listed = self.listed.clone().unwrap_or_default();
        if wanted.iter().any(|one| offers(&listed, *one)) {
            return NeedOutcome::Met;
        }
        let names: Vec<String> = wanted.iter().map(ToString::to_string).collect();
        NeedOutcome::Unmet(match names.as_slice() {
            [one] => format!("{one} is not listed"),
            several => format!("none of {} is listed", several.join(", ")),
        })
    }

    fn content_type(&self, is_bare: bool) -> NeedOutcome {
        let Ok(response) = &self.seen.certificates else {
            return NeedOutcome::NotSeen("GetCACert was not answered".to_owned());
        };
        let fitting = if self.seen.is_alone() { CA_CERTIFICATE } else { CA_RA_CERTIFICATES };
        let Some(came) = response.content_type.as_deref() else {
            return NeedOutcome::Unmet(format!(
                "the certificates have no content type, and `{fitting}` fits"
            ));
        };
        let compared = if is_bare { came } else { came.split(';').next().unwrap_or(came).trim() };
        if compared.eq_ignore_ascii_case(fitting) {
            return NeedOutcome::Met;
        }
        NeedOutcome::Unmet(format!("the content type is `{came}`, and `{fitting}` fits what came"))
    }

    fn root(&self) -> NeedOutcome {
        let is_root = |one: &Facts| one.is_ca() && one.subject == one.issuer;
        if self.chain.iter().any(is_root) {
            return NeedOutcome::Met;
        }
        NeedOutcome::Unmet("no root is among the certificates".to_owned())
    }

    fn registration(&self) -> impl Iterator<Item = &Facts> {
        self.chain.iter().filter(|one| !one.is_ca())
    }

    fn ra_issuer(&self) -> NeedOutcome {
        let orphan = self.registration().find(|one| one.issued_by.is_empty());
        // A certificate alone is taken for the CA's.
        unless(
            orphan
                .filter(|_| self.chain.len() > 1)
                .map(|one| format!("{} is issued by no certificate that came", one.named())),
        )
    }

    /// Met if there is no RA, or one that names this use of its key.
    fn ra_names(&self, usage: KeyUsage, name: &str) -> NeedOutcome {
        let mut all = self.registration().peekable();
        let none = all.peek().is_none();
        if none || all.any(|one| one.names(usage)) {
            return NeedOutcome::Met;
        }
        NeedOutcome::Unmet(format!("no RA names {name}"))
    }

    fn ca_flag(&self) -> NeedOutcome {
        if self.chain.iter().any(|one| one.extensions.has_ca_flag) {
            return NeedOutcome::Met;
        }
        NeedOutcome::Unmet("no certificate has the basic constraint CA".to_owned())
    }

    fn rsa_recipient(&self) -> NeedOutcome {
        let Some(recipient) = self.recipient.and_then(|index| self.chain.get(index)) else {
            return NeedOutcome::NotSeen(
                "it is not clear which certificate requests are enciphered to".to_owned(),
            );
        };
        unless((!recipient.is_rsa()).then(|| {
            format!(
                "requests are enciphered to {}, whose key is {}",
                recipient.named(),
                recipient.key
            )
        }))
    }

    fn ends_before(&self, moment: &str) -> NeedOutcome {
        let Ok(latest) = clock::moment(moment) else {
            return NeedOutcome::NotSeen(format!("`{moment}` is no moment"));
        };
        let is_late = |one: &Facts| one.end().is_some_and(|end| end >= latest);
        unless(self.first(is_late, |one| format!("valid until {}", one.not_after)))
    }

    /// The first certificate for which `holds`, in words.
    fn first(
        &self,
        holds: impl Fn(&Facts) -> bool,
        what: impl Fn(&Facts) -> String,
    ) -> Option<String> {
        let found = self.chain.iter().find(|one| holds(one))?;
        Some(format!("{} is {}", found.named(), what(found)))
    }
}

fn unless(unmet: Option<String>) -> NeedOutcome {
    unmet.map_or(NeedOutcome::Met, NeedOutcome::Unmet)
}

fn not_seen(need: Need) -> NeedOutcome {
    let words = match need {
        Need::Get => "whether messages are taken by GET is seen only when one is sent",
        Need::SingleDes => {
            "no capability says whether single DES is taken, which RFC 8894 §2.9 forbids"
        }
        _ => "whether requests wait for a person is seen only when one is sent",
    };
    NeedOutcome::NotSeen(words.to_owned())
}
