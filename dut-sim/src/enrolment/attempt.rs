//! One enrolment or renewal from beginning to end: what is needed for it, who does it, and what comes of it.

use openssl::pkey::{PKey, Private};
use scep::identity::Identity;
use scep::secret::Secret;

use super::builtin::Builtin;
use super::journal::Journal;
use super::order::{Failure, Order};
use super::program;
use super::progress::Phase;
use crate::config::system::CsrSettings;

/// An enrolment, with all that it needs to run by itself.
pub(super) struct Enrolment {
    pub(super) settings: CsrSettings,
    pub(super) journal: Journal,
    /// The certificate to renew, where it is a renewal.
    pub(super) existing: Option<Identity>,
}

impl Enrolment {
    /// Runs until there is a certificate or no hope of one.
    pub(super) async fn run(mut self) {
        match self.enrol().await {
            Ok(identity) => self.journal.enter(Phase::Issued(identity)),
            Err(failure) => {
                let reason = self.journal.masked(&failure.to_string());
                self.journal.log(&reason);
                self.journal.enter(Phase::Failed { reason });
            }
        }
    }

    async fn enrol(&mut self) -> Result<Identity, Failure> {
        let surroundings = std::sync::Arc::clone(&self.journal.surroundings);
        let program = surroundings.client.find(surroundings.program_path.as_deref())?;
        let password = self.open_password()?;
        self.journal.mask(password.as_ref());
        let keeps_key = program.as_ref().is_some_and(|program| program.adapter.keeps_key);
        let key = match &self.existing {
            Some(existing) if keeps_key => existing.key.clone(),
            _ => surroundings.keys.key().await.map_err(Failure::Key)?,
        };
        let order = self.order(password, key);
        let certificate = match &program {
            Some(program) => program::enrol(program, &order, &mut self.journal).await?,
            None => Builtin { order: &order, journal: &mut self.journal }.enrol().await?,
        };
        Ok(Identity { certificate, key: order.key })
    }

    fn order(&mut self, password: Option<Secret>, key: PKey<Private>) -> Order {
        let CsrSettings { endpoint, cipher, digest, distinguished_name, .. } =
            self.settings.clone();
        let existing = self.existing.take();
        Order { endpoint, distinguished_name, cipher, digest, password, key, existing }
    }

    fn open_password(&self) -> Result<Option<Secret>, Failure> {
        let Some(sealed) = &self.settings.password else { return Ok(None) };
        let secrets = &self.journal.surroundings.secrets;
        secrets.open(sealed).map(Some).ok_or(Failure::PasswordSealed)
    }
}
