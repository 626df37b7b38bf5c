//! Labs that are larger than their checks can compare.

use super::errors;

fn hosts(count: usize) -> String {
    let host = |at: usize| format!("  h{at}: {{addresses: [10.{}.{}.2/24]}}\n", at / 250, at % 250);
    format!("hosts:\n{}", (0..count).map(host).collect::<String>())
}

#[test]
fn lab_has_at_most_a_thousand_hosts() {
    super::load(&hosts(1000)).unwrap();
    let wrong = errors(&hosts(1500));
    assert_eq!(wrong, ["a map has at most 1000 names here"]);
}

#[test]
fn lab_with_too_many_addresses_is_not_compared() {
    // Every address but the first is given twice.
    let addresses = vec!["10.0.0.1/24"; 50_000].join(", ");
    let wrong = errors(&format!("hosts:\n  h: {{addresses: [{addresses}]}}\n"));
    assert_eq!(wrong, ["a lab has at most 2000 addresses, interfaces and routes"]);
}

#[test]
fn lab_has_at_most_500_secrets() {
    let lab = |count: usize| {
        let passwords: Vec<String> = (0..count).map(|at| format!("password-{at}")).collect();
        let passwords = passwords.join(", ");
        format!("pki:\n  ca: {{personality: ndes, challenge: {{one-time: [{passwords}]}}}}\n")
    };
    super::load(&lab(500)).unwrap();
    let wrong = errors(&lab(501));
    assert_eq!(wrong, ["a lab file has at most 500 secrets, and this has 501"]);
}
