//! The comparable form of an output: its words, with placeholders for values that change with every run.

use std::borrow::Cow;

use regex::{Captures, Regex};

/// A date as OpenSSL prints it, with the day padded by a blank.
const DATE: &str = r"[A-Z][a-z]{2} {1,2}\d{1,2} \d{2}:\d{2}:\d{2} \d{4} GMT";

/// A placeholder as wide as a date.
const DATE_MASK: &str = "<date.................>!";

/// The form of a certificate's text.
pub(super) fn certificate(text: &str) -> String {
    let serial = r"(Serial Number:|serial:) ?(?:[0-9A-Fa-f]{2}:)+[0-9A-Fa-f]{2} ";
    let folded = replace(&fold(text), DATE, "<date>");
    let folded = replace(&folded, serial, "$1 <serial> ");
    let folded = replace(&folded, r"\b(?:[0-9A-F]{2}:){19}[0-9A-F]{2}\b", "<key identifier>");
    let folded = count_bytes(&folded, r"(Modulus:) ((?:[0-9a-f]{2}: ?)+[0-9a-f]{2})( Exponent:)");
    count_bytes(&folded, r"(Signature Value:) ((?:[0-9a-f]{2}: ?)+[0-9a-f]{2})($)")
}

/// The form of a ping's output.
pub(super) fn ping(text: &str) -> String {
    let folded = replace(&fold(text), r"time=\d+\.?\d* ms", "time=<time> ms");
    replace(&folded, r"= \d+\.\d{3}/\d+\.\d{3}/\d+\.\d{3}/\d+\.\d{3} ms", "= <times> ms")
}

/// The form of a table as it was printed, without blanks at the ends of lines.
pub(super) fn table(text: &str) -> String {
    let masked = replace(text, DATE, DATE_MASK);
    masked.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// The form of a table in the documentation, with the white space that was collapsed: columns as wide as their widest
/// cell, two blanks between them.
pub(super) fn documented_table(collapsed: &str) -> String {
    let whole =
        format!(r"^(-+) (\S+) (\S+) (\S+) (\S+) (\S+) (-+) ((?:\S+ \S+ .+? {DATE} {DATE} ?)+)$");
    let row = Regex::new(&format!(r"(\S+) (\S+) (.+?) {DATE} {DATE}(?: |$)")).unwrap();
    let table = Regex::new(&whole).unwrap().captures(collapsed).expect("a table");
    let mut rows: Vec<Vec<&str>> = vec![(2..=6).map(|cell| group(&table, cell)).collect()];
    rows.extend(row.captures_iter(group(&table, 8)).map(|row| {
        let cells = (1..=3).map(|cell| group(&row, cell));
        cells.chain([DATE_MASK, DATE_MASK]).collect()
    }));
    let mut lines = aligned(&rows);
    lines.insert(1, group(&table, 7).to_owned());
    lines.insert(0, group(&table, 1).to_owned());
    lines.join("\n")
}

fn group<'a>(captures: &Captures<'a>, index: usize) -> &'a str {
    captures.get(index).expect("a group that takes part").as_str()
}

fn aligned(rows: &[Vec<&str>]) -> Vec<String> {
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let line = |row: &Vec<&str>| {
        let cells = row.iter().enumerate();
        let cells: Vec<_> = cells.map(|(n, cell)| format!("{cell:<0$}", width(n))).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

fn fold(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn replace(text: &str, pattern: &str, replacement: &str) -> String {
    Regex::new(pattern).unwrap().replace_all(text, replacement).into_owned()
}

/// Replaces bytes in hexadecimal by their number.
fn count_bytes(text: &str, pattern: &str) -> String {
    let count = |captures: &Captures<'_>| {
        let bytes = captures[2].split(':').count();
        format!("{} <{bytes} bytes>{}", &captures[1], &captures[3])
    };
    let counted: Cow<'_, str> = Regex::new(pattern).unwrap().replace_all(text, count);
    counted.into_owned()
}

#[test]
fn certificate_form_replaces_only_values_that_change() {
    let documented = crate::suite::documentation::linux().output(super::CA);
    assert_eq!(
        certificate(documented),
        "Certificate: Data: Version: 3 (0x2) Serial Number: <serial> Signature Algorithm: sha256WithRSAEncryption \
         Issuer: CN = Teldat-PKI, O = Teldat, L = Madrid, C = ES Validity Not Before: <date> Not After : <date> \
         Subject: CN = Teldat-PKI, O = Teldat, L = Madrid, C = ES Subject Public Key Info: Public Key Algorithm: \
         rsaEncryption Public-Key: (2048 bit) Modulus: <257 bytes> Exponent: 65537 (0x10001) X509v3 extensions: \
         X509v3 Subject Key Identifier: <key identifier> X509v3 Authority Key Identifier: keyid:<key identifier> \
         DirName:/CN=Teldat-PKI/O=Teldat/L=Madrid/C=ES serial: <serial> X509v3 Basic Constraints: critical CA:TRUE, \
         pathlen:0 X509v3 Key Usage: critical Digital Signature, Key Encipherment, Certificate Sign, CRL Sign \
         Signature Algorithm: sha256WithRSAEncryption Signature Value: <256 bytes>"
    );
}

#[test]
fn documented_tables_have_the_documented_widths() {
    for (documented, width, rows) in [
        (crate::suite::documentation::linux(), 97, 2),
        (crate::suite::documentation::windows(), 85, 4),
    ] {
        let table = documented_table(documented.output(super::SHOW));
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!((lines[0].len(), lines[2].len(), lines.len()), (width, width, 3 + rows));
        assert!(lines[3..].iter().all(|line| line.len() == width), "{table}");
    }
}
