//! Which clients will have trouble with a PKI, and why.

use families::{Consequence, Demand, Family, FamilyName, Need, Source, Subject};
use serde::Serialize;

use crate::needs::{NeedChecker, NeedOutcome};

scep::named! {
    /// What is known of a client at a PKI.
    Verdict, "verdict" {
        /// It will not enrol.
        Fails = "fails";
        /// It may not enrol, or not as well.
        MayFail = "may fail";
        /// Everything that is known of the client and can be seen of the PKI fits.
        NoTroubleKnown = "no trouble known";
        /// Nothing that is known of the client could be compared, or no certificate could be read.
        Unknown = "unknown";
    }
}

/// Something that a client needs and a PKI does not show.
#[derive(Debug, Serialize)]
pub struct Trouble {
    /// What it is about.
    pub subject: Subject,
    /// True if the client does not enrol for it.
    pub is_fatal: bool,
    /// What the PKI shows.
    pub shown: String,
    /// What the client does.
    pub fact: &'static str,
    /// What follows.
    pub consequence: &'static str,
    /// Where the fact is from.
    pub sources: Vec<String>,
}

/// Something that a client needs, and that cannot be seen without an enrolment.
#[derive(Debug, Serialize)]
pub struct Unseen {
    /// What it is about.
    pub subject: Subject,
    /// What the client does.
    pub fact: &'static str,
    /// Why it is not seen.
    pub reason: String,
    /// Where the fact is from.
    pub sources: Vec<String>,
}

/// Something that is known of a client, and against which nothing of the PKI speaks.
#[derive(Debug, Serialize)]
pub struct Agreed {
    /// What it is about.
    pub subject: Subject,
    /// True if the client needs something for it, and the PKI shows that.
    pub fits: bool,
    /// What the client does.
    pub fact: &'static str,
    /// Where the fact is from.
    pub sources: Vec<String>,
}

/// A client at a PKI.
#[derive(Debug, Serialize)]
pub struct ClientVerdict {
    /// The name of the family.
    pub name: FamilyName,
    /// The products, in words.
    pub title: &'static str,
    /// The verdict.
    pub verdict: Verdict,
    /// The reasons for it, the fatal ones first.
    pub troubles: Vec<Trouble>,
    /// What would be needed and is not seen.
    pub not_seen: Vec<Unseen>,
    /// What is known and fits.
    pub agreed: Vec<Agreed>,
    /// Subjects about which nothing is known of this client.
    pub unknown: Vec<Subject>,
}

/// The verdict about a family.
pub(crate) fn verdict(family: &'static Family, checker: &NeedChecker<'_>) -> ClientVerdict {
    let mut found = ClientVerdict {
        name: family.name,
        title: family.title,
        verdict: Verdict::Unknown,
        troubles: Vec::new(),
        not_seen: Vec::new(),
        agreed: Vec::new(),
        unknown: family.unknown().collect(),
    };
    let mut compared = false;
    for demand in family.demands {
        let outcome = checker.check(demand.need);
        compared |= !matches!(demand.need, Need::Nothing(_)) && outcome == NeedOutcome::Met;
        found.add(demand, outcome);
    }
    found.troubles.sort_by_key(|trouble| !trouble.is_fatal);
    found.verdict = match found.troubles.first() {
        Some(Trouble { is_fatal: true, .. }) => Verdict::Fails,
        Some(_) => Verdict::MayFail,
        None if compared && checker.has_certificates() => Verdict::NoTroubleKnown,
        None => Verdict::Unknown,
    };
    found
}

impl ClientVerdict {
    fn add(&mut self, demand: &'static Demand, outcome: NeedOutcome) {
        let (subject, fact) = (demand.need.subject(), demand.fact);
        let sources = demand.sources.iter().map(Source::to_string).collect();
        match (outcome, demand.otherwise) {
            (NeedOutcome::Unmet(shown), Some(otherwise)) => {
                let (is_fatal, consequence) = match otherwise {
                    Consequence::Fails(words) => (true, words),
                    Consequence::MayFail(words) => (false, words),
                };
                let trouble = Trouble { subject, is_fatal, shown, fact, consequence, sources };
                self.troubles.push(trouble);
            }
            (NeedOutcome::NotSeen(reason), _) => {
                self.not_seen.push(Unseen { subject, fact, reason, sources });
            }
            (_, otherwise) => {
                self.agreed.push(Agreed { subject, fits: otherwise.is_some(), fact, sources });
            }
        }
    }
}
