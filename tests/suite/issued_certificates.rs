//! Serial numbers and validities of the certificates in the documented scenarios.

use regex::Regex;
use scep::clock::Clock;
use time::macros::format_description;
use time::{Date, Duration, OffsetDateTime, PrimitiveDateTime};

use super::documented_run::{LINUX, Outputs, WINDOWS};

const SHOW: &str = "pki scep show CSR";
const USER: &str = "pki show certificate running://auth/certificates/scep/CSR/user/cert";
const CA: &str = "pki show certificate running://auth/certificates/scep/CSR/ca/ca.der";

/// Time by which a Windows CA backdates its certificates.
const TEN_MINUTES: Duration = Duration::minutes(10);

/// Validity period of a certificate.
struct Validity {
    not_before: PrimitiveDateTime,
    not_after: PrimitiveDateTime,
}

#[test]
fn first_linux_serial_number_is_two() {
    assert_eq!(serial(&LINUX[USER]), "2 (0x2)");
}

#[test]
fn windows_serial_number_has_its_request_id_twice() {
    let serial = serial(&WINDOWS[USER]);
    // The parts are: high serial, request id, eight random bytes, index of the CA's certificate, request id again.
    let layout = r"^11:00:00:14:23:(?:[0-9a-f]{2}:){8}00:00:00:00:14:23$";
    assert!(Regex::new(layout).unwrap().is_match(&serial), "{serial}");
    assert_eq!(serial.split(':').count(), 19);
}

#[test]
fn ca_serial_number_has_the_length_of_its_personality() {
    assert_eq!(serial(&LINUX[CA]).split(':').count(), 20);
    assert_eq!(serial(&WINDOWS[CA]).split(':').count(), 16);
}

#[test]
fn key_identifiers_of_ca_and_user_certificate_agree() {
    for outputs in [&*LINUX, &*WINDOWS] {
        let subject = key_identifier(&outputs[CA], "X509v3 Subject Key Identifier:");
        assert_eq!(key_identifier(&outputs[USER], "X509v3 Authority Key Identifier:"), subject);
    }
}

#[test]
fn linux_user_certificate_is_valid_for_a_year_from_now() {
    let user = validity(&LINUX, "usercert");
    assert_eq!(user.not_after - user.not_before, Duration::days(365));
    assert_is_recent(user.not_before);
}

#[test]
fn linux_ca_certificate_is_valid_for_twenty_years_of_365_days() {
    let ca = validity(&LINUX, "ca");
    assert_eq!(ca.not_after - ca.not_before, Duration::days(7300));
}

#[test]
fn windows_user_certificate_is_valid_for_two_years_and_ten_minutes() {
    let user = validity(&WINDOWS, "usercert");
    let issued = user.not_before + TEN_MINUTES;
    assert_is_recent(issued);
    assert_eq!(user.not_after, years_later(issued, 2));
}

#[test]
fn windows_ra_certificate_is_valid_for_two_years() {
    for name in ["ra", "ra-2"] {
        let ra = validity(&WINDOWS, name);
        assert_eq!(ra.not_after - ra.not_before, Duration::days(730));
    }
}

#[test]
fn windows_ca_certificate_is_valid_for_thirty_years_and_ten_minutes() {
    let ca = validity(&WINDOWS, "ca");
    assert_eq!(ca.not_after, years_later(ca.not_before + TEN_MINUTES, 30));
}

#[test]
fn table_and_certificate_texts_show_the_same_dates() {
    for outputs in [&*LINUX, &*WINDOWS] {
        for (row, text) in [("ca", &outputs[CA]), ("usercert", &outputs[USER])] {
            let shown = validity(outputs, row);
            let printed = dates(text);
            assert_eq!(printed, [shown.not_before, shown.not_after]);
        }
    }
}

fn serial(text: &str) -> String {
    let pattern = Regex::new(r"Serial Number:\s*([0-9a-f:]+|\d+ \(0x[0-9a-f]+\))\s*\n").unwrap();
    pattern.captures(text).expect("a serial number")[1].to_owned()
}

fn key_identifier(text: &str, heading: &str) -> String {
    let (_, after) = text.split_once(heading).expect("the extension");
    let after = after.trim_start();
    let line = after.lines().next().expect("a key identifier");
    line.trim().trim_start_matches("keyid:").to_owned()
}

/// The dates of a row of the table.
fn validity(outputs: &Outputs, row: &str) -> Validity {
    let line = outputs[SHOW].lines().find(|line| line.split(' ').next() == Some(row));
    let dates = dates(line.unwrap_or_else(|| panic!("no row `{row}`")));
    let [not_before, not_after] = dates.as_slice() else { panic!("two dates: {dates:?}") };
    Validity { not_before: *not_before, not_after: *not_after }
}

fn dates(text: &str) -> Vec<PrimitiveDateTime> {
    let pattern = Regex::new(r"[A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4} GMT").unwrap();
    let format = format_description!(
        "[month repr:short] [day padding:space] [hour]:[minute]:[second] [year] GMT"
    );
    pattern
        .find_iter(text)
        .map(|date| PrimitiveDateTime::parse(date.as_str(), format).unwrap())
        .collect()
}

/// The same day and time in another year; the 28th if that year has no 29th of February.
fn years_later(from: PrimitiveDateTime, years: i32) -> PrimitiveDateTime {
    let (year, month, day) = (from.year() + years, from.month(), from.day());
    let date = Date::from_calendar_date(year, month, day)
        .or_else(|_| Date::from_calendar_date(year, month, day - 1));
    from.replace_date(date.unwrap())
}

/// Fails unless the time is within the last hour, which no run of the tests exceeds.
#[track_caller]
fn assert_is_recent(issued: PrimitiveDateTime) {
    let age = OffsetDateTime::from(Clock::system().now()) - issued.assume_utc();
    assert!(age >= Duration::ZERO && age < Duration::hours(1), "issued {age} ago");
}
