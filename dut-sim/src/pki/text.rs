//! A certificate as text, in the format of OpenSSL 3.0. This is the only file that calls OpenSSL directly.

#![expect(unsafe_code, reason = "rust-openssl has no binding that prints a certificate so")]

use std::ffi::{c_int, c_ulong};

use foreign_types::ForeignTypeRef;
use openssl::error::ErrorStack;
use openssl::x509::X509Ref;
use openssl_sys as ffi;

/// `XN_FLAG_ONELINE`: names on one line, `CN = leaf, O = Teldat`.
const XN_FLAG_ONELINE: c_ulong = 0x0082_031f;

unsafe extern "C" {
    /// <https://docs.openssl.org/3.0/man3/X509_print_ex/>, which `openssl-sys` does not declare.
    fn X509_print_ex(
        bio: *mut ffi::BIO,
        x509: *mut ffi::X509,
        name_flags: c_ulong,
        certificate_flags: c_ulong,
    ) -> c_int;
}

/// The output of `openssl x509 -text -noout` of OpenSSL 3.0 for `certificate`; `X509::to_text` would print `CN=leaf`.
///
/// The certificate must have been parsed: one that was only built prints `RSA Public-Key` instead of `Public-Key`.
pub(crate) fn certificate_text(certificate: &X509Ref) -> Result<String, ErrorStack> {
    let sink = MemoryBio::new()?;
    sink.print(certificate)?;
    Ok(with_numeric_oids(&String::from_utf8_lossy(&sink.contents())))
}

/// Extensions that OpenSSL 3.6 prints by name, but 3.0, and therefore the documentation, by number.
const NAMED_EXTENSIONS: [(&str, &str); 3] = [
    ("            Microsoft certificate template:", "            1.3.6.1.4.1.311.21.7:"),
    ("            Microsoft Application Policies Extension:", "            1.3.6.1.4.1.311.21.10:"),
    ("            Microsoft NTDS CA Extension:", "            1.3.6.1.4.1.311.25.2:"),
];

/// The text with the names of those extensions replaced by their numbers.
fn with_numeric_oids(text: &str) -> String {
    let number = |line: &str| {
        let known = NAMED_EXTENSIONS.iter().find(|(name, _)| line.starts_with(name));
        known.map_or_else(|| line.to_owned(), |(name, number)| line.replacen(name, number, 1))
    };
    text.split_inclusive('\n').map(number).collect()
}

/// An OpenSSL output stream into memory. rust-openssl has such a type, but it is private.
struct MemoryBio(*mut ffi::BIO);

impl MemoryBio {
    fn new() -> Result<Self, ErrorStack> {
        // SAFETY: both functions take nothing of ours; a null result is checked before use.
        let bio = unsafe { ffi::BIO_new(ffi::BIO_s_mem()) };
        if bio.is_null() { Err(ErrorStack::get()) } else { Ok(Self(bio)) }
    }

    fn print(&self, certificate: &X509Ref) -> Result<(), ErrorStack> {
        // SAFETY: both pointers are live for the whole call, and OpenSSL keeps neither.
        let printed = unsafe { X509_print_ex(self.0, certificate.as_ptr(), XN_FLAG_ONELINE, 0) };
        if printed == 1 { Ok(()) } else { Err(ErrorStack::get()) }
    }

    fn contents(&self) -> Vec<u8> {
        let mut start = std::ptr::null_mut();
        // SAFETY: the stream is a memory stream, so `start` is set to its buffer, which lives as long as the stream.
        let length = unsafe { ffi::BIO_get_mem_data(self.0, &raw mut start) };
        match usize::try_from(length) {
            // SAFETY: OpenSSL says that the buffer has that many bytes; they are copied before the stream changes.
            Ok(length) if !start.is_null() => unsafe {
                std::slice::from_raw_parts(start.cast::<u8>(), length).to_vec()
            },
            _ => Vec::new(),
        }
    }
}

impl Drop for MemoryBio {
    fn drop(&mut self) {
        // SAFETY: the pointer came from `BIO_new` and is freed once.
        unsafe { ffi::BIO_free_all(self.0) }
    }
}

#[cfg(test)]
mod tests {
    use openssl::x509::X509;

    use super::{certificate_text, with_numeric_oids};

    #[test]
    fn extensions_are_printed_by_number_as_by_openssl_3_0() {
        let text =
            "        X509v3 extensions:\n            Microsoft certificate template: critical\n";
        let expected = "        X509v3 extensions:\n            1.3.6.1.4.1.311.21.7: critical\n";
        assert_eq!(with_numeric_oids(text), expected);
    }

    /// `openssl req -x509 -newkey rsa:2048 -nodes -subj "/CN=Teldat-PKI/O=Teldat/L=Madrid/C=ES" -days 7300 -addext
    /// keyUsage=critical,digitalSignature,keyEncipherment,keyCertSign,cRLSign`, and
    /// `openssl x509 -text -noout` of OpenSSL 3.0.
    #[test]
    fn certificate_text_is_the_output_of_openssl() {
        let certificate = X509::from_pem(include_bytes!("testdata/ca.pem")).unwrap();
        let text = certificate_text(&certificate).unwrap();
        assert_eq!(text, include_str!("testdata/ca.txt"));
        assert!(text.contains("Subject: CN = Teldat-PKI, O = Teldat, L = Madrid, C = ES\n"));
    }
}
