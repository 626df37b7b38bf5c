//! The step that looks at a certificate, and compares it with what is expected.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use openssl::x509::X509;
use parking_lot::Mutex;
use results::Sent;
use scep::certificate::is_issued_by;
use scep::clock::{moment, moment_text};

use super::device::Target;
use super::pki::{ask, pki, retry};
use super::{Answer, Attempt, Attempted, Env, Miss, Stop};
use crate::shown_certificate::ShownCertificate;
use model::scenario::scep::{Condition, Expected, FactName};
use model::scenario::{CertificateFact as Fact, CertificateSource, CertificateStep};
use testbed::{Testbed, lab_time};

/// The certificates that the steps of a scenario have seen.
#[derive(Debug, Default)]
pub(crate) struct Remembered {
    /// The one that the last `certificate` step saw.
    last: Option<Known>,
    /// Those with a name.
    named: BTreeMap<String, Known>,
    /// The CA certificates that were met, by PKI.
    authorities: BTreeMap<String, Vec<X509>>,
}

/// The parts of a certificate that later ones are compared with.
#[derive(Debug, Clone)]
struct Known {
    serial: String,
    key: String,
}

impl Attempt for CertificateStep {
    /// Looks at the certificate until it is as expected.
    async fn attempt(&self, env: Env<'_>) -> Result<Attempted, Stop> {
        let remembered = &env.state.certificates;
        let compared = match &self.compared_with {
            Some(name) => remembered.named.get(name),
            None => remembered.last.as_ref(),
        };
        let former = self.pki.as_ref().and_then(|pki| remembered.authorities.get(pki));
        let look = Look { step: self, testbed: env.testbed, compared, former };
        let seen = Mutex::new(Seen::default());
        let attempted = match &self.source {
            CertificateSource::LatestOf(name) => {
                let tries = || async {
                    let latest = look.latest_of(name).await?;
                    look.judged(latest, &seen).await
                };
                let request = "show the certificate issued last".to_owned();
                retry(env.step, name, request, self.within, tries).await?
            }
            CertificateSource::Device { device, .. } => {
                let target = &Target::of(device, env.testbed)?;
                let command = self.source.command().unwrap_or_default();
                let sent = Sent::Command { device: device.clone(), command: command.clone() };
                let tries = || async {
                    let shown = target.execute(&command).await?.output;
                    let found = look.with_original(ShownCertificate::from_text(&shown)).await?;
                    let mut answer = look.judged(found, &seen).await?;
                    if answer.output.is_empty() {
                        answer.output = shown;
                    }
                    Ok(answer)
                };
                target.retry(&env, sent, self.within, tries).await?
            }
        };
        let Seen { known, authority } = seen.into_inner();
        let remembered = &mut env.state.certificates;
        if let (Some(name), Some(known)) = (&self.remembered_as, &known) {
            remembered.named.insert(name.clone(), known.clone());
        }
        remembered.last = known.or(remembered.last.take());
        if let (Some(pki), Some(authority)) = (&self.pki, authority) {
            remembered.authorities.entry(pki.clone()).or_default().push(authority);
        }
        Ok(attempted)
    }
}

/// What the last try saw.
#[derive(Debug, Default)]
struct Seen {
    known: Option<Known>,
    /// The certificate of the CA.
    authority: Option<X509>,
}

/// A step with what its certificate is compared with.
struct Look<'a> {
    step: &'a CertificateStep,
    testbed: &'a Testbed,
    compared: Option<&'a Known>,
    /// The CA certificates that earlier steps met.
    former: Option<&'a Vec<X509>>,
}

/// A certificate, and whether its PKI has revoked it.
struct Found {
    shown: ShownCertificate,
    is_revoked: Option<bool>,
}

impl Look<'_> {
    /// The certificate that a PKI issued last.
    async fn latest_of(&self, name: &str) -> Result<Option<Found>, Stop> {
        let latest = ask(name, pki(self.testbed, name)?.issued()).await?.pop();
        Ok(latest.and_then(|latest| {
            let shown = ShownCertificate::from_der(latest.der.as_deref()?)?;
            Some(Found { shown, is_revoked: Some(latest.revoked.is_some()) })
        }))
    }

    /// The certificate that a device shows, with the original, if the PKI of the step has it.
    async fn with_original(&self, shown: Option<ShownCertificate>) -> Result<Option<Found>, Stop> {
        let (Some(shown), Some(name)) = (shown.clone(), &self.step.pki) else {
            return Ok(shown.map(|shown| Found { shown, is_revoked: None }));
        };
        // A PKI that lists nothing leaves those facts open.
        let issued = pki(self.testbed, name)?.issued().await.unwrap_or_default();
        let original = issued.into_iter().rev().find(|one| one.serial == shown.serial);
        let is_revoked = original.as_ref().map(|one| one.revoked.is_some());
        let certificate = original.and_then(|one| X509::from_der(one.der.as_deref()?).ok());
        let is_it = |one: &X509| scep::name::to_text(one.issuer_name()) == shown.issuer;
        let certificate = certificate.filter(is_it);
        let is_revoked = is_revoked.filter(|_| certificate.is_some());
        Ok(Some(Found { shown: ShownCertificate { certificate, ..shown }, is_revoked }))
    }

    /// Compares a certificate with what is expected.
    async fn judged(&self, found: Option<Found>, seen: &Mutex<Seen>) -> Result<Answer, Stop> {
        let Some(found) = found else {
            return Ok(Answer {
                message: "there is no certificate yet",
                misses: vec![Miss::at(&self.step.expected.place, "no certificate came")],
                ..Answer::default()
            });
        };
        let authority = self.authority().await;
        let facts = self.facts(&found, authority.as_ref());
        let known = Known { serial: found.shown.serial.clone(), key: found.shown.key.clone() };
        *seen.lock() = Seen { known: Some(known), authority };
        let value = |fact: Fact| facts.get(&fact).map(String::as_str);
        let mut failing = self.step.expected.failing(value, |text| Some(text.to_owned()));
        let late = late_by(self.testbed);
        failing.retain(|it| !is_only_late(it.fact, &it.expected, value(it.fact), late));
        let mut output: Vec<String> =
            facts.iter().map(|(fact, value)| format!("{}: {value}", fact.name())).collect();
        output.extend(difference(&failing, value));
        let misses = failing.into_iter().map(|it| {
            let came = value(it.fact).unwrap_or("absent");
            Miss::at(&it.place, format!("expected {}, came {came}", wanted(&it.expected)))
        });
        Ok(Answer {
            output: output.join("\n"),
            misses: misses.collect(),
            message: "the certificate is not as expected",
            ..Answer::default()
        })
    }

    /// The certificate of the CA as it is now.
    async fn authority(&self) -> Option<X509> {
        let pki = self.testbed.pkis.get(self.step.pki.as_ref()?)?;
        X509::from_pem(pki.ca_certificate().await.ok()?.as_bytes()).ok()
    }

    fn facts(&self, found: &Found, authority: Option<&X509>) -> BTreeMap<Fact, String> {
        let (shown, now) = (&found.shown, self.testbed.clock.now());
        let mut facts = BTreeMap::new();
        let mut set = |fact, value: Option<String>| {
            if let Some(value) = value {
                facts.insert(fact, value);
            }
        };
        set(Fact::SerialNumber, Some(shown.serial.clone()));
        set(Fact::Subject, Some(shown.subject.clone()));
        set(Fact::Issuer, Some(shown.issuer.clone()));
        set(Fact::SignedBy, self.signed_by(shown, authority).map(str::to_owned));
        set(Fact::NotBefore, shown.not_before.map(moment_text));
        set(Fact::NotAfter, shown.not_after.map(moment_text));
        set(Fact::Validity, validity(shown, now).map(str::to_owned));
        let life = shown.not_before.zip(shown.not_after).map(|(from, to)| whole_days(from, to));
        set(Fact::Days, life.map(|days| days.to_string()));
        set(Fact::DaysLeft, shown.not_after.map(|end| whole_days(now, end).to_string()));
        set(Fact::KeyBits, shown.key_bits.map(|bits| bits.to_string()));
        if let Some(known) = self.compared {
            set(Fact::Serial, Some(same_or_other(shown.serial == known.serial)));
            let is_known = !shown.key.is_empty() && !known.key.is_empty();
            set(Fact::Key, is_known.then(|| same_or_other(shown.key == known.key)));
        }
        let yes_or_no = |it: bool| if it { "yes" } else { "no" }.to_owned();
        set(Fact::Revoked, found.is_revoked.map(yes_or_no));
        facts
    }

    fn signed_by(
        &self,
        shown: &ShownCertificate,
        authority: Option<&X509>,
    ) -> Option<&'static str> {
        let (certificate, authority) = (shown.certificate.as_ref()?, authority?);
        let is_former = |ca: &X509| is_issued_by(certificate, ca);
        Some(if is_issued_by(certificate, authority) {
            "CA"
        } else if self.former.is_some_and(|former| former.iter().any(is_former)) {
            "former CA"
        } else {
            "other"
        })
    }
}

/// The real time that has passed in a lab without a time of its own, by which its events are later than in a virtual one.
fn late_by(testbed: &Testbed) -> Duration {
    match &testbed.begun {
        Some(begun) if !lab_time::is_here() => begun.elapsed(),
        _ => Duration::ZERO,
    }
}

/// True if a moment of the certificate is one of those expected, or later by so much at most.
fn is_only_late(fact: Fact, expected: &[Expected], came: Option<&str>, by: Duration) -> bool {
    let is_moment = matches!(fact, Fact::NotBefore | Fact::NotAfter);
    let Some(came) = came.filter(|_| is_moment).and_then(|came| moment(came).ok()) else {
        return false;
    };
    expected.iter().any(|expected| match expected {
        Expected::Text(wanted) => moment(wanted)
            .is_ok_and(|wanted| came.duration_since(wanted).is_ok_and(|late| late <= by)),
        _ => false,
    })
}

/// The conditions that do not hold, one in a line each; nothing if all hold.
fn difference<'a>(
    failing: &[&Condition<Fact>],
    value: impl Fn(Fact) -> Option<&'a str>,
) -> Vec<String> {
    if failing.is_empty() {
        return Vec::new();
    }
    let line = |it: &&Condition<Fact>| {
        let came = value(it.fact).unwrap_or("absent");
        format!("  {}: expected {}, came {came}", it.fact.name(), wanted(&it.expected))
    };
    let heading = "difference:".to_owned();
    std::iter::once(heading).chain(failing.iter().map(line)).collect()
}

/// The expected values in words.
fn wanted(expected: &[Expected]) -> String {
    let one = |it: &Expected| match it {
        Expected::Text(text) => text.clone(),
        Expected::Not(text) => format!("not {text}"),
        Expected::Range(from, u64::MAX) => format!("{from} or more"),
        Expected::Range(from, to) => format!("{from} to {to}"),
        Expected::Matches(regex) => format!("/{regex}/"),
    };
    expected.iter().map(one).collect::<Vec<_>>().join(" or ")
}

fn same_or_other(is_same: bool) -> String {
    if is_same { "same" } else { "other" }.to_owned()
}

/// Whole days from one moment to another; none if that is earlier.
fn whole_days(from: SystemTime, to: SystemTime) -> u64 {
    to.duration_since(from).unwrap_or_default().as_secs() / 86_400
}

fn validity(shown: &ShownCertificate, now: SystemTime) -> Option<&'static str> {
    let (from, to) = shown.not_before.zip(shown.not_after)?;
    Some(if now < from {
        "not yet valid"
    } else if now > to {
        "expired"
    } else {
        "valid"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moment_may_be_later_by_the_real_time_that_has_passed_and_no_more() {
        let expected = [Expected::Text("2026-01-05T18:00:00Z".to_owned())];
        let is_late =
            |fact, came, seconds| is_only_late(fact, &expected, came, Duration::from_secs(seconds));
        assert!(is_late(Fact::NotBefore, Some("2026-01-05T18:00:02Z"), 2));
        assert!(is_late(Fact::NotAfter, Some("2026-01-05T18:00:02Z"), 2));
        assert!(!is_late(Fact::NotBefore, Some("2026-01-05T18:00:03Z"), 2));
        assert!(!is_late(Fact::NotBefore, Some("2026-01-05T17:59:59Z"), 2));
        assert!(!is_late(Fact::NotBefore, Some("2026-01-05T18:00:01Z"), 0));
        assert!(!is_late(Fact::NotBefore, None, 2));
        assert!(!is_late(Fact::Subject, Some("2026-01-05T18:00:01Z"), 2));
    }
}
