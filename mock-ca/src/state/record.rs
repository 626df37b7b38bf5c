//! Certificates and requests as texts: a few named lines, then PEM.

use std::{fmt::Write as _, sync::Arc};

use openssl::x509::{X509, X509Req};
use scep::{attribute::TransactionId, request::Csr};

/// An issued certificate.
#[derive(Clone, Debug)]
pub(crate) struct IssuedRecord {
    /// The CA's number of it, from which its serial number is made.
    pub(crate) number: u32,
    pub(crate) transaction_id: TransactionId,
    /// The SHA-256 digest of the public key that signed the request, in hexadecimal.
    pub(crate) requester: String,
    pub(crate) certificate: X509,
}

/// A request that waits for a decision, or was denied.
#[derive(Clone)]
pub(crate) struct PendingRecord {
    /// The CA's number of it, in the order of arrival.
    pub(crate) number: u32,
    pub(crate) transaction_id: TransactionId,
    /// The SHA-256 digest of the public key that signed the request, in hexadecimal.
    pub(crate) requester: String,
    pub(crate) denied: bool,
    pub(crate) csr: Arc<Csr>,
}

impl IssuedRecord {
    pub(super) fn to_text(&self) -> String {
        let pem = self.certificate.to_pem().unwrap_or_default();
        let mut text = header(&self.transaction_id, &self.requester);
        text.push_str(&String::from_utf8_lossy(&pem));
        text
    }

    pub(super) fn from_text(number: u32, text: &str) -> Result<Self, String> {
        let (lines, pem) = split(text)?;
        let certificate =
            X509::from_pem(pem.as_bytes()).map_err(|_| "it holds no certificate in PEM")?;
        Ok(Self {
            number,
            transaction_id: transaction_id(lines)?,
            requester: value(lines, "requester")?.to_owned(),
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
        let mut text = header(&self.transaction_id, &self.requester);
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
            transaction_id: transaction_id(lines)?,
            requester: value(lines, "requester")?.to_owned(),
            denied: match value(lines, "decision")? {
                "denied" => true,
                "none" => false,
                other => return Err(format!("`{other}` is no decision (known: none, denied)")),
            },
            csr: Arc::new(csr),
        })
    }
}

/// Writes a text so that it fits on a line and is read back to the byte.
pub(crate) fn percent_encode(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        match byte {
            b'!'..=b'$' | b'&'..=b'~' => encoded.push(char::from(byte)),
            // Writing to a `String` cannot fail.
            other => drop(write!(encoded, "%{other:02X}")),
        }
        encoded
    })
}

/// Undoes [`percent_encode`], `None` for what it never writes.
pub(crate) fn percent_decode(encoded: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first == b'%' {
            let (digits, after) = after.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = after;
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

fn header(transaction_id: &TransactionId, requester: &str) -> String {
    let transaction_id = percent_encode(transaction_id.as_str());
    format!("transaction-id: {transaction_id}\nrequester: {requester}\n")
}

fn split(text: &str) -> Result<(&str, &str), String> {
    let pem = text.find("-----BEGIN").ok_or("it has no PEM text")?;
    Ok(text.split_at(pem))
}

fn value<'a>(lines: &'a str, name: &str) -> Result<&'a str, String> {
    let value = |line: &'a str| line.strip_prefix(name)?.strip_prefix(": ");
    lines.lines().find_map(value).ok_or_else(|| format!("it has no line `{name}: `"))
}

fn transaction_id(lines: &str) -> Result<TransactionId, String> {
    let encoded = value(lines, "transaction-id")?;
    let id = percent_decode(encoded).ok_or_else(|| format!("`{encoded}` is no transaction id"))?;
    Ok(TransactionId::new(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_fits_on_a_line_and_comes_back() {
        for text in ["", "ABC", "jCIbi0V+hiEl/uLY=", "a b\n%41", "grün"] {
            let encoded = percent_encode(text);
            assert!(encoded.bytes().all(|byte| byte.is_ascii_graphic()), "{encoded}");
            assert_eq!(percent_decode(&encoded).as_deref(), Some(text));
        }
        assert_eq!(percent_decode("%4"), None);
        assert_eq!(percent_decode("%zz"), None);
    }
}
