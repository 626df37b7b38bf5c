//! The table, with a file for each vendor.

mod apple;
mod certmonger;
mod cisco;
mod firewalls;
mod jscep;
mod scepclient;
mod sceplab;
mod sensors;
mod sscep;
mod strongswan;
mod windows;

use crate::{Family, FamilyName};

/// The family of this name.
pub(crate) fn of(name: FamilyName) -> &'static Family {
    match name {
        FamilyName::Windows => &windows::WINDOWS,
        FamilyName::Apple => &apple::APPLE,
        FamilyName::CiscoIos => &cisco::IOS,
        FamilyName::CiscoAsa => &cisco::ASA,
        FamilyName::Junos => &firewalls::JUNOS,
        FamilyName::PanOs => &firewalls::PAN_OS,
        FamilyName::FortiOs => &firewalls::FORTI_OS,
        FamilyName::Aruba => &sensors::ARUBA,
        FamilyName::StrongSwan => &strongswan::STRONG_SWAN,
        FamilyName::Sscep => &sscep::SSCEP,
        FamilyName::ScepClient => &scepclient::SCEP_CLIENT,
        FamilyName::Jscep => &jscep::JSCEP,
        FamilyName::Certmonger => &certmonger::CERTMONGER,
        FamilyName::Sceplab => &sceplab::SCEPLAB,
    }
}
