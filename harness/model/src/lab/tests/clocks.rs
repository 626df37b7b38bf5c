//! The clocks of a lab.

use super::*;

fn lab(clock: &str, device: &str, pki: &str) -> String {
    format!(
        "{clock}
devices: {{DUT0: {{interfaces: {{eth0: 10.0.0.0/24}}{device}}}}}
hosts: {{gateway: {{addresses: [10.0.0.1/24], runs: ca}}}}
pki: {{ca: {{personality: linux{pki}}}}}
"
    )
}

#[test]
fn clocks_are_read() {
    let text = lab("clock: 2026-01-01T00:00Z", ", clock: -5y", ", clock: +10m");
    let lab = load(&text).unwrap();
    assert_eq!(lab.start, scep::clock::moment("2026-01-01T00:00:00Z").ok());
    assert_eq!(lab.devices["DUT0"].clock_ahead_ms, -5 * 365 * 86_400_000);
    assert_eq!(lab.pkis["ca"].clock_ahead_ms, 600_000);
}

/// Containers start one after the other: their clocks must not begin one after the other.
#[test]
fn clock_that_has_begun_is_the_same_for_all_parts() {
    let lab = load(&lab("clock: 2026-01-01T00:00Z", "", "")).unwrap();
    let begun = lab.begun();
    assert_eq!(begun.ahead_ms, Some(begun.ahead_of_system_ms()));
    let earlier = Lab { ahead_ms: Some(-86_400_000), ..lab };
    assert_eq!(earlier.ahead_of_system_ms(), -86_400_000);
    assert_eq!(earlier.begun().ahead_of_system_ms(), -86_400_000);
}

#[test]
fn each_wrong_clock_is_told_at_its_place() {
    const OFFSET: &str = "expected how far the clock is ahead or behind, such as `+10m` or `-5y`";
    for (clock, device, pki, message, place) in [
        ("clock: 2026-01-01", "", "", "`2026-01-01` is no moment of a clock: a moment is a date with its time, as in `2026-01-01T00:00Z` or `2026-01-01T00:00:00Z`".to_owned(), "1:8"),
        ("clock: 1949-12-31T00:00Z", "", "", "`1949-12-31T00:00Z` is no moment of a clock: a clock begins in 1970: no certificate, log or message of SCEP is older".to_owned(), "1:8"),
        ("", ", clock: 5y", "", format!("{OFFSET}, found `5y`"), "2:58"),
        ("", "", ", clock: -5 years", format!("{OFFSET}, found `-5 years`"), "4:39"),
        ("clock: 1971-01-01T00:00Z", ", clock: -2y", "", "this clock would show a time before 1970, in which every clock begins".to_owned(), "2:58"),
        ("", ", clock: -90y", "", "this clock would show a time before 1970, in which every clock begins".to_owned(), "2:58"),
        ("clock: 9999-01-01T00:00Z", "", ", clock: +2y", "this clock would show a time after the year 9999, the last that a certificate can name (RFC 5280 §4.1.2.5)".to_owned(), "4:39"),
        ("", ", clok: -5y", "", "unknown field `clok` in a device".to_owned(), "2:51"),
    ] {
        let found = load(&lab(clock, device, pki)).unwrap_err();
        assert_eq!(found.len(), 1, "{message}: {found:?}");
        assert_eq!(found[0].message, message);
        let shown = found[0].to_string();
        assert!(shown.contains(&format!("lab.yaml:{place}")), "{message}: {shown}");
    }
    let shown = load(&lab("", ", clock: -5 years", "")).unwrap_err()[0].to_string();
    assert!(shown.contains("did you mean `-1825d`?"), "{shown}");
}

#[test]
fn real_lab_has_the_time_of_day() {
    let found = load("clock: 2026-01-01T00:00Z\ndevices: {DUT0: {ssh: a@b}}\n").unwrap_err();
    let wanted = "a lab with real devices or PKIs has the time of day, and no clock of its own";
    assert_eq!(found[0].message, wanted);
    let found = load("devices: {DUT0: {ssh: a@b, clock: -5y}}\n").unwrap_err();
    assert_eq!(found[0].message, "`clock` is for simulated devices, and this one is real");
}
