//! The table of `pki scep show`.

use std::cmp::Ordering;
use std::fmt;

use openssl::asn1::Asn1Time;
use openssl::x509::X509Ref;

const HEADER: [&str; COLUMNS] = ["Certificate", "Status", "Usage", "NotBefore", "NotAfter"];
const COLUMNS: usize = 5;
const SEPARATOR: &str = "  ";
/// Stands where there is nothing to say.
const NOTHING: &str = "-";

/// How it stands with a certificate; only `Valid` is documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// It is there and its time is now.
    Valid,
    /// It is being asked for, or waits for somebody's approval.
    Pending,
    /// Its time is over.
    Expired,
    /// Its time is still to come.
    NotYetValid,
    /// The last attempt to get it failed.
    Failed,
}

impl Status {
    /// How it stands with `certificate` at `now`.
    pub(crate) fn of(certificate: &X509Ref, now: &Asn1Time) -> Self {
        let now = now.as_ref();
        if certificate.not_before().compare(now).is_ok_and(|order| order == Ordering::Greater) {
            Self::NotYetValid
        } else if certificate.not_after().compare(now).is_ok_and(|order| order == Ordering::Less) {
            Self::Expired
        } else {
            Self::Valid
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Valid => "Valid",
            Self::Pending => "Pending",
            Self::Expired => "Expired",
            Self::NotYetValid => "Not yet valid",
            Self::Failed => "Failed",
        })
    }
}

/// What SCEP uses a certificate for: replies are signed with its key, requests are enciphered to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) encipherment: bool,
    pub(crate) signature: bool,
}

impl Usage {
    /// The user's own certificate, or one that is not there.
    pub(crate) const NONE: Self = Self { encipherment: false, signature: false };
    /// A CA's that has no RA.
    pub(crate) const BOTH: Self = Self { encipherment: true, signature: true };
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.encipherment, self.signature) {
            (true, true) => "Encipherment & Signature",
            (true, false) => "Encipherment",
            (false, true) => "Signature",
            (false, false) => NOTHING,
        })
    }
}

/// A line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row([String; COLUMNS]);

impl Row {
    /// The line of a certificate that is there.
    pub(crate) fn certificate(
        name: &str,
        certificate: &X509Ref,
        usage: Usage,
        now: &Asn1Time,
    ) -> Self {
        let status = Status::of(certificate, now);
        let (from, until) = (certificate.not_before(), certificate.not_after());
        Self(
            [name, &status.to_string(), &usage.to_string(), &from.to_string(), &until.to_string()]
                .map(str::to_owned),
        )
    }

    /// The line of a certificate that is not there.
    pub(crate) fn absent(name: &str, status: Status) -> Self {
        Self([name, &status.to_string(), NOTHING, NOTHING, NOTHING].map(str::to_owned))
    }
}

/// The whole table: each column as wide as its widest cell, the header between two rules.
pub(crate) fn table(rows: &[Row]) -> String {
    let header = Row(HEADER.map(str::to_owned));
    let widths: [usize; COLUMNS] = std::array::from_fn(|column| {
        rows.iter().chain([&header]).map(|row| row.0[column].chars().count()).max().unwrap_or(0)
    });
    let rule = "-".repeat(widths.iter().sum::<usize>() + SEPARATOR.len() * (COLUMNS - 1));
    let mut lines = vec![rule.clone(), line(&header, &widths), rule];
    lines.extend(rows.iter().map(|row| line(row, &widths)));
    lines.join("\n")
}

fn line(row: &Row, widths: &[usize; COLUMNS]) -> String {
    let cells = row.0.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
    cells.collect::<Vec<_>>().join(SEPARATOR).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[[&str; COLUMNS]]) -> Vec<Row> {
        rows.iter().map(|row| Row(row.map(str::to_owned))).collect()
    }

    #[test]
    fn linux_table_is_the_documented_one() {
        let both = Usage::BOTH.to_string();
        let rows = rows(&[
            ["ca", "Valid", &both, "Apr 16 09:19:39 2025 GMT", "Apr 11 09:19:39 2045 GMT"],
            ["usercert", "Valid", "-", "Apr 16 15:44:24 2026 GMT", "Apr 16 15:44:24 2027 GMT"],
        ]);
        let rule = "-".repeat(97);
        assert_eq!(
            table(&rows),
            format!(
                "{rule}\n\
                 Certificate  Status  Usage                     NotBefore                 NotAfter\n\
                 {rule}\n\
                 ca           Valid   Encipherment & Signature  Apr 16 09:19:39 2025 GMT  Apr 11 09:19:39 2045 GMT\n\
                 usercert     Valid   -                         Apr 16 15:44:24 2026 GMT  Apr 16 15:44:24 2027 GMT"
            )
        );
    }

    #[test]
    fn windows_rule_is_as_wide_as_documented() {
        let rows = rows(&[
            ["ca", "Valid", "Signature", "Jan  9 09:34:41 2026 GMT", "Jan  9 09:44:41 2056 GMT"],
            ["ra", "Valid", "Encipherment", "Jan  9 09:37:26 2026 GMT", "Jan  9 09:37:26 2028 GMT"],
            ["ra-2", "Valid", "Signature", "Jan  9 09:37:25 2026 GMT", "Jan  9 09:37:25 2028 GMT"],
            ["usercert", "Valid", "-", "Apr 16 15:14:04 2026 GMT", "Apr 16 15:24:04 2028 GMT"],
        ]);
        let table = table(&rows);
        assert_eq!(table.lines().next().unwrap(), "-".repeat(85));
        assert_eq!(table.lines().count(), 7);
    }

    #[test]
    fn status_follows_the_clock() {
        let pem = include_bytes!("testdata/ca.pem");
        let certificate = openssl::x509::X509::from_pem(pem).unwrap();
        let at = |date: &str| Asn1Time::from_str(date).unwrap();
        assert_eq!(Status::of(&certificate, &at("20260101000000Z")), Status::NotYetValid);
        assert_eq!(Status::of(&certificate, &at("20300101000000Z")), Status::Valid);
        assert_eq!(Status::of(&certificate, &at("20500101000000Z")), Status::Expired);
    }
}
