//! Labs of what is there already: the network is what it is, and the file only names what is in it.

use super::super::draft::{Draft, DraftHost};
use diagnostics::Diagnostic;
use diagnostics::yaml::Problems;

/// Notes what such a lab cannot have.
pub(super) fn check(draft: &Draft, problems: &Problems) {
    for host in &draft.hosts {
        hosts_are_as_they_are(host, problems);
    }
    for pki in &draft.pkis {
        let message = format!("the PKI `{}` is simulated, in a lab of real things", pki.name.value);
        let note = "start it with `sceplab serve`, and give its `url` here";
        problems.add(Diagnostic::at(&pki.name.place, message).note(note));
    }
}

fn hosts_are_as_they_are(host: &DraftHost, problems: &Problems) {
    let fields = [
        ("forwards", host.forwards),
        ("routes", !host.routes.is_empty()),
        ("ttl", host.ttl.is_some()),
        ("runs", host.runs.is_some()),
    ];
    for (field, _) in fields.into_iter().filter(|(_, given)| *given) {
        let message = format!("`{field}` of host `{}` changes nothing", host.name.value);
        let note = "what a lab has by SSH and by URL is there already: a host beside it has addresses alone";
        problems.add(Diagnostic::at(&host.name.place, message).note(note));
    }
}
