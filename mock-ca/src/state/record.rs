//! Certificates and requests as texts: a few named lines, then PEM.

use std::{
    fmt::Write as _,
    str::FromStr,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use openssl::x509::{X509, X509Req};
use scep::{attribute::TransactionId, request::Csr};

use crate::{origin::Origin, percent};

/// An issued certificate.
#[derive(Clone, Debug)]
pub(crate) struct IssuedRecord {
    /// The CA's number of it, from which its serial number is made.
    pub(crate) number: u32,
    pub(crate) origin: Origin,
    /// The number of the request that waited for it.
    pub(crate) answers: Option<u32>,
    /// When it was revoked, in whole seconds once it was kept.
    pub(crate) revoked: Option<SystemTime>,
    pub(crate) certificate: X509,
}

/// A request that waits for a decision, or was denied.
#[derive(Clone)]
pub(crate) struct PendingRecord {
    /// The CA's number of it, in the order of arrival.
    pub(crate) number: u32,
    pub(crate) origin: Origin,
    pub(crate) denied: bool,
    pub(crate) csr: Arc<Csr>,
}

impl IssuedRecord {
    pub(super) fn to_text(&self) -> String {
        let pem = self.certificate.to_pem().unwrap_or_default();
        let mut text = header(&self.origin);
        if let Some(number) = self.answers {
            // Writing to a `String` cannot fail.
            let _ = writeln!(text, "answers: {number}");
        }
        if let Some(revoked) = self.revoked {
            let since_epoch = revoked.duration_since(UNIX_EPOCH).unwrap_or_default();
            let _ = writeln!(text, "revoked: {}", since_epoch.as_secs());
        }
        text.push_str(&String::from_utf8_lossy(&pem));
        text
    }

    pub(super) fn from_text(number: u32, text: &str) -> Result<Self, String> {
        let (lines, pem) = split(text)?;
        let certificate =
            X509::from_pem(pem.as_bytes()).map_err(|_| "it holds no certificate in PEM")?;
        Ok(Self {
            number,
            origin: origin(lines)?,
            answers: parsed(lines, "answers")?,
            revoked: parsed(lines, "revoked")?.and_then(time),
            certificate,
        })
    }
}

impl PendingRecord {
    /// The same request, denied.
    pub(crate) fn denied(&self) -> Self {
        Self { denied: true, ..self.clone() }
    }

    pub(super) fn to_text(&self) -> String {
        let request = X509Req::from_der(self.csr.to_der()).and_then(|request| request.to_pem());
        let mut text = header(&self.origin);
        let decision = if self.denied { "denied" } else { "none" };
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "decision: {decision}");
        text.push_str(&String::from_utf8_lossy(&request.unwrap_or_default()));
        text
    }

    pub(super) fn from_text(number: u32, text: &str) -> Result<Self, String> {
        let (lines, pem) = split(text)?;
        let request = X509Req::from_pem(pem.as_bytes())
            .and_then(|request| request.to_der())
            .map_err(|_| "it holds no certificate request in PEM")?;
        let csr = Csr::from_der(&request).map_err(|error| error.to_string())?;
        if !csr.verify() {
            return Err("its certificate request's signature does not verify".into());
        }
        Ok(Self {
            number,
            origin: origin(lines)?,
            denied: match value(lines, "decision")? {
                "denied" => true,
                "none" => false,
                other => return Err(format!("`{other}` is no decision (known: none, denied)")),
            },
            csr: Arc::new(csr),
        })
    }
}

fn header(origin: &Origin) -> String {
    let Origin { transaction_id, requester, request } = origin;
    let transaction_id = percent::encode(transaction_id.as_str(), percent::fits_on_a_line);
    format!("transaction-id: {transaction_id}\nrequester: {requester}\nrequest: {request}\n")
}

fn split(text: &str) -> Result<(&str, &str), String> {
    let pem = text.find("-----BEGIN").ok_or("it has no PEM text")?;
    Ok(text.split_at(pem))
}

fn value<'a>(lines: &'a str, name: &str) -> Result<&'a str, String> {
    optional(lines, name).ok_or_else(|| format!("it has no line `{name}: `"))
}

fn optional<'a>(lines: &'a str, name: &str) -> Option<&'a str> {
    let value = |line: &'a str| line.strip_prefix(name)?.strip_prefix(": ");
    lines.lines().find_map(value)
}

fn origin(lines: &str) -> Result<Origin, String> {
    let encoded = value(lines, "transaction-id")?;
    let id = percent::decode(encoded).ok_or_else(|| format!("`{encoded}` is no transaction id"))?;
    Ok(Origin {
        transaction_id: TransactionId::new(id),
        requester: value(lines, "requester")?.to_owned(),
        request: value(lines, "request")?.to_owned(),
    })
}

fn parsed<T: FromStr>(lines: &str, name: &str) -> Result<Option<T>, String> {
    let number = |text: &str| text.parse().map_err(|_| format!("`{text}` is no number"));
    optional(lines, name).map(number).transpose()
}

/// `None` beyond the times that can be told.
fn time(seconds: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}
