//! The certificates that a program has left in its folder.

use openssl::error::ErrorStack;
use openssl::x509::X509;

use super::job::{Ended, Job};
use crate::enrolment::order::Failure;

impl Job<'_> {
    /// The certificate that the program was asked for, in PEM.
    pub(in crate::enrolment) fn issued(&self, ended: &Ended) -> Result<X509, Failure> {
        let written = self.folder.read("certificate.pem")?;
        let written = written.ok_or_else(|| self.useless(ended, "it wrote no certificate"))?;
        let garbage = |_| self.useless(ended, "what it wrote is no certificate");
        X509::from_pem(&written).map_err(garbage)
    }

    /// The certificates of the CA in those of these files that there are, which are then gone.
    pub(in crate::enrolment) fn stored(
        &self,
        ended: &Ended,
        files: impl IntoIterator<Item = String>,
        parse: fn(&[u8]) -> Result<X509, ErrorStack>,
    ) -> Result<Vec<X509>, Failure> {
        let mut certificates = Vec::new();
        for file in files {
            let Some(bytes) = self.folder.read(&file)? else { continue };
            let garbage =
                |_| self.useless(ended, &format!("its file `{file}` holds no certificate"));
            certificates.push(parse(&bytes).map_err(garbage)?);
            self.folder.remove(&file)?;
        }
        Ok(certificates)
    }
}
