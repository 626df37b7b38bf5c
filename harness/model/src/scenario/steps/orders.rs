//! The steps that are orders to parts of the lab: `pki`, `reboot`, `save-config` and `link`.

use std::collections::BTreeMap;

use super::Given;
use crate::lab::Device;
use diagnostics::yaml::Node;
use diagnostics::{Diagnostic, Place};

pub use mock_ca::RevocationReason;

/// An order to a PKI.
#[derive(Debug, Clone)]
pub struct PkiStep {
    /// The PKI.
    pub pki: String,
    /// The order.
    pub order: PkiOrder,
    /// Place of the order in the file.
    pub place: Place,
}

/// What a PKI is ordered to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PkiOrder {
    /// To refuse all connections, as if its server had ended.
    Stop,
    /// To serve again, with the state that it had.
    Start,
    /// To let its next CA take the place of today's.
    RollOver,
    /// To revoke a certificate.
    Revoke {
        /// The serial number in hexadecimal; none for the certificate that was issued last.
        serial: Option<String>,
        /// The reason for the entry in the revocation list.
        reason: RevocationReason,
    },
}

/// The words of the field `do` of a `pki` step.
const ORDERS: [(&str, PkiOrder); 4] = [
    ("stop", PkiOrder::Stop),
    ("start", PkiOrder::Start),
    ("roll-over", PkiOrder::RollOver),
    ("revoke", PkiOrder::Revoke { serial: None, reason: RevocationReason::Unspecified }),
];

/// The certificate that was issued last, in the field `certificate`.
const LATEST: &str = "latest";

impl PkiStep {
    /// The fields of the step.
    pub(super) const FIELDS: &[&[&str]] = &[&["pki", "do", "certificate", "reason"]];

    /// Reads the step.
    pub(super) fn read(given: &Given<'_>) -> Option<Self> {
        let pki = given.pki();
        let node = given.fields.required("do")?;
        let names = ORDERS.map(|(name, _)| (name, name));
        let name = node.one_of("order", &names, given.problems)?;
        let (_, mut order) = ORDERS.into_iter().find(|(known, _)| *known == name)?;
        if let PkiOrder::Revoke { serial: which, reason: why } = &mut order {
            *which = given.fields.optional("certificate").and_then(|node| serial(node, given));
            *why = given.one_of("reason", RevocationReason::NAMED).unwrap_or_default();
        } else {
            given.refuse("certificate", "only `do: revoke` is about a certificate");
            given.refuse("reason", "only `do: revoke` has a reason");
        }
        Some(Self { pki: pki?, order, place: node.place.clone() })
    }

    /// A description of the action.
    pub(super) fn title(&self) -> String {
        let pki = &self.pki;
        match &self.order {
            PkiOrder::Stop => format!("stop {pki}"),
            PkiOrder::Start => format!("start {pki} again"),
            PkiOrder::RollOver => format!("let the next CA of {pki} take over"),
            PkiOrder::Revoke { serial: None, .. } => {
                format!("revoke the certificate that {pki} issued last")
            }
            PkiOrder::Revoke { serial: Some(serial), .. } => {
                format!("revoke certificate {serial} of {pki}")
            }
        }
    }
}

/// The serial number; none for `latest`.
fn serial(node: &Node, given: &Given<'_>) -> Option<String> {
    let text = node.text(given.problems)?;
    if text == LATEST {
        return None;
    }
    let is_hex = |c: char| c.is_ascii_hexdigit() || c == ':';
    if text.is_empty() || !text.chars().all(is_hex) {
        node.expected("`latest` or a serial number in hexadecimal", given.problems);
    }
    Some(text)
}

/// A restart of a device.
#[derive(Debug, Clone)]
pub struct Reboot {
    /// The device.
    pub device: String,
    /// True if its power is cut, so that it has no time to end anything.
    pub power_cut: bool,
}

impl Reboot {
    /// The fields of the step.
    pub(super) const FIELDS: &[&[&str]] = &[&["device", "power-cut"]];

    /// Reads the step.
    pub(super) fn read(given: &Given<'_>) -> Option<Self> {
        let power_cut = given.one_of("power-cut", &[("true", true), ("false", false)]);
        Some(Self { device: given.device()?, power_cut: power_cut.unwrap_or(false) })
    }

    /// A description of the action.
    pub(super) fn title(&self) -> String {
        if self.power_cut {
            format!("cut the power of {}", self.device)
        } else {
            format!("restart {}", self.device)
        }
    }
}

/// Keeps the configuration of a device for its next start.
#[derive(Debug, Clone)]
pub struct SaveConfig {
    /// The device.
    pub device: String,
}

impl SaveConfig {
    /// The fields of the step.
    pub(super) const FIELDS: &[&[&str]] = &[&["device"]];

    /// Reads the step.
    pub(super) fn read(given: &Given<'_>) -> Option<Self> {
        Some(Self { device: given.device()? })
    }

    /// A description of the action.
    pub(super) fn title(&self) -> String {
        format!("save the configuration of {}", self.device)
    }
}

/// Takes the link at an interface of a device down or up.
#[derive(Debug, Clone)]
pub struct LinkStep {
    /// The device.
    pub device: String,
    /// The interface.
    pub interface: String,
    /// True if the link carries packets afterwards.
    pub is_up: bool,
}

impl LinkStep {
    /// The fields of the step.
    pub(super) const FIELDS: &[&[&str]] = &[&["device", "do", "interface"]];

    /// Reads the step.
    pub(super) fn read(given: &Given<'_>) -> Option<Self> {
        let device = given.device();
        let order = given.fields.required("do");
        let orders = [("down", false), ("up", true)];
        let is_up = order.and_then(|node| node.one_of("order", &orders, given.problems));
        let device = device?;
        let plugged = given.lab.and_then(|lab| lab.devices.get(&device));
        let interface = interface(given, plugged);
        Some(Self { device, interface: interface?, is_up: is_up? })
    }

    /// A description of the action.
    pub(super) fn title(&self) -> String {
        let state = if self.is_up { "up" } else { "down" };
        format!("take the link at {} of {} {state}", self.interface, self.device)
    }
}

/// The interface that the step names; it may be left out if the device has only one.
fn interface(given: &Given<'_>, device: Option<&Device>) -> Option<String> {
    let field = given.fields.optional("interface");
    // The interfaces of a real device are not known.
    let known: BTreeMap<_, _> = device.map(|it| it.interfaces.clone()).unwrap_or_default();
    let choices = || known.keys().map(String::as_str);
    match (field, known.len()) {
        (None, 1) => return known.keys().next().cloned(),
        (None, _) => given.problems.add_with(|| {
            let message = "`interface` is required, such as `eth0`";
            Diagnostic::at(given.fields.place(), message).known("", "the interfaces", choices())
        }),
        (Some(node), count) => {
            let name = node.text(given.problems)?;
            if count == 0 || known.contains_key(&name) {
                return Some(name);
            }
            given.problems.add_with(|| {
                let message = format!("unknown interface `{name}`");
                Diagnostic::at(&node.place, message).known(&name, "the interfaces", choices())
            });
        }
    }
    None
}
