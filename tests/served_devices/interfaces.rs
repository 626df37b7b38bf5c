//! A served device may not have the machine's own interfaces.

use std::path::Path;

use crate::support::served::refused_to_serve;
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials() -> Vec<Planned> {
    let reason = || "this machine has no interface named eth0".to_owned();
    let need = Need::new("own-interface", own().is_none().then(reason));
    trials![&[&need]; interface_of_the_machine_is_rejected]
}

/// An interface of this machine with a name that a device's could have.
fn own() -> Option<String> {
    let mut names = (0..9).map(|number| format!("eth{number}"));
    names.find(|name| Path::new("/sys/class/net").join(name).exists())
}

fn interface_of_the_machine_is_rejected() {
    let machine = refused_to_serve(&["--interface", &own().unwrap()]);
    assert!(machine.contains("is an interface of the machine itself"), "{machine}");
}
