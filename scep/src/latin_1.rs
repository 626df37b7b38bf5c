//! Latin-1, which peers write where no encoding is named.

/// Bytes as text in Latin-1 (ISO 8859-1), which any bytes are.
pub fn latin_1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}
