//! What families of SCEP clients are known to need of a PKI: data, each fact with its public source. What is not in the table is unknown.

#![forbid(unsafe_code)]

mod demand;
mod source;
mod subject;
mod table;

pub use self::demand::{Consequence, Demand, Need};
pub use self::source::Source;
pub use self::subject::Subject;

scep::named! {
    /// The name of a family of clients that send requests of one shape.
    FamilyName, "client" {
        /// Windows: the client in its device management, and that behind `IX509SCEPEnrollment`.
        Windows = "windows";
        /// The SCEP payload of Apple's systems.
        Apple = "apple";
        /// Routers and switches of Cisco.
        CiscoIos = "cisco-ios";
        /// Firewalls of Cisco.
        CiscoAsa = "cisco-asa";
        /// Routers and firewalls of Juniper.
        Junos = "junos";
        /// Firewalls of Palo Alto Networks.
        PanOs = "pan-os";
        /// Firewalls of Fortinet.
        FortiOs = "fortios";
        /// Sensors of Aruba.
        Aruba = "aruba";
        /// `pki --scep` of strongSwan.
        StrongSwan = "strongswan";
        /// certnanny's `sscep`.
        Sscep = "sscep";
        /// micromdm's `scepclient`.
        ScepClient = "scepclient";
        /// The Java library of that name.
        Jscep = "jscep";
        /// `scep-submit` of certmonger.
        Certmonger = "certmonger";
        /// The client of this project.
        Sceplab = "sceplab";
    }
}

impl FamilyName {
    /// What is known of the family.
    pub fn family(self) -> &'static Family {
        table::of(self)
    }
}

/// A family of clients.
#[derive(Debug)]
pub struct Family {
    /// The name on the command line and in reports.
    pub name: FamilyName,
    /// The products, in words.
    pub title: &'static str,
    /// Everything that is known, one fact after the other.
    pub demands: &'static [Demand],
}

impl Family {
    /// What is known about a subject.
    pub fn about(&self, subject: Subject) -> impl Iterator<Item = &'static Demand> {
        self.demands.iter().filter(move |demand| demand.need.subject() == subject)
    }

    /// The subjects about which nothing is known.
    pub fn unknown(&self) -> impl Iterator<Item = Subject> {
        let is_unknown = |subject: &Subject| self.about(*subject).next().is_none();
        Subject::ALL.iter().copied().filter(is_unknown)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::Path;

    use super::*;

    fn families() -> impl Iterator<Item = &'static Family> {
        FamilyName::ALL.iter().map(|name| name.family())
    }

    #[test]
    fn each_name_has_its_family() {
        for name in FamilyName::ALL {
            assert_eq!(name.family().name, *name);
        }
        let titles: HashSet<_> = families().map(|family| family.title).collect();
        assert_eq!(titles.len(), FamilyName::ALL.len());
    }

    #[test]
    fn each_fact_is_a_sentence_with_a_source() {
        for family in families() {
            assert!(!family.demands.is_empty(), "{} has no fact", family.name);
            for demand in family.demands {
                let what = format!("{}: {}", family.name, demand.fact);
                assert!(!demand.sources.is_empty(), "no source: {what}");
                assert!(demand.fact.ends_with('.'), "no sentence: {what}");
                for source in demand.sources {
                    source.assert_named(&what);
                }
            }
        }
    }

    #[test]
    fn consequence_is_named_unless_nothing_is_needed() {
        for family in families() {
            for demand in family.demands {
                let is_nothing = matches!(demand.need, Need::Nothing(_));
                let what = format!("{}: {}", family.name, demand.fact);
                assert_eq!(demand.otherwise.is_none(), is_nothing, "{what}");
            }
        }
    }

    #[test]
    fn no_need_is_in_a_family_twice() {
        for family in families() {
            let needs: HashSet<_> = family.demands.iter().map(|one| one.need.to_string()).collect();
            let needed = family.demands.iter().filter(|one| !matches!(one.need, Need::Nothing(_)));
            let count = needed.count();
            let named = needs.iter().filter(|words| *words != &Need::NOTHING.to_string()).count();
            assert_eq!(named, count, "{}", family.name);
        }
    }

    #[test]
    fn own_source_files_exist() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
        for demand in families().flat_map(|family| family.demands) {
            for source in demand.sources {
                if let Source::Own(file) = source {
                    assert!(root.join(file).is_file(), "{file}");
                }
            }
        }
    }
}
