//! The list of what the mock CA can do wrong on purpose.

use mock_ca::{Fault, PersonalityName, Trigger};

use crate::output::say;

/// Prints every fault with what it does, those that happen on the same requests together.
pub(super) fn list() {
    for line in lines() {
        say(&line);
    }
}

fn lines() -> Vec<String> {
    let mut lines = Vec::new();
    let mut last = Vec::new();
    for fault in Fault::ALL {
        let fitting: Vec<_> = Trigger::ALL.into_iter().filter(|it| fault.fits(*it)).collect();
        if fitting != last {
            let names: Vec<_> = fitting.iter().map(|trigger| trigger.as_str()).collect();
            lines.extend((!lines.is_empty()).then(String::new));
            lines.push(format!("on: {}", names.join(" | ")));
            last = fitting;
        }
        let value = fault.value_name().map(|name| format!(" {name}")).unwrap_or_default();
        let name = format!("{}{value}", fault.name());
        lines.push(format!("  {name:<28}  {}{}", fault.description(), servers(*fault)));
    }
    lines
}

/// Which servers can do it, where not all can.
fn servers(fault: Fault) -> String {
    let able: Vec<_> = PersonalityName::ALL.into_iter().filter(|it| fault.suits(*it)).collect();
    if able.len() == PersonalityName::ALL.len() {
        return String::new();
    }
    let names: Vec<_> = able.into_iter().map(PersonalityName::as_str).collect();
    format!(" ({} alone)", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_listed_once_under_its_requests() {
        let lines = lines();
        let headings = lines.iter().filter(|line| line.starts_with("on: ")).count();
        let empty = lines.iter().filter(|line| line.is_empty()).count();
        assert_eq!(lines.len() - headings - empty, Fault::ALL.len());
        assert_eq!(headings, empty + 1);
        assert!(lines.contains(&"on: GetCACaps".to_owned()));
        assert!(lines.iter().any(|line| line.ends_with("have expired. (ndes alone)")));
    }
}
