//! The challenge password that a request carries.

use scep::secret::Secret;

use crate::conversation::{Conversation, SpeechError};
use model::scenario::scep::{ChallengeChoice, Operation, Request, SignerChoice};
use testbed::pki::Pki;

impl Conversation {
    /// Finds the challenge password that the request is to carry.
    pub(crate) async fn choose_challenge(
        &mut self,
        pki: &dyn Pki,
        request: &Request,
        expendable: bool,
    ) -> Result<(), SpeechError> {
        let renews = request.operation == Operation::RenewalReq;
        let lacks = matches!(
            request.message.challenge,
            ChallengeChoice::Wrong | ChallengeChoice::Empty | ChallengeChoice::None
        );
        if lacks && !renews && !pki.asks_for_challenge().await? {
            let reason = "the PKI asks for no challenge password, and none can be missing";
            return Err(SpeechError::NotPossible(reason.to_owned()));
        }
        let is_nobody = matches!(
            request.message.signer,
            Some(SignerChoice::SelfSigned | SignerChoice::Stranger)
        );
        if renews && is_nobody && !pki.asks_for_challenge().await? {
            let reason = "the PKI asks for no challenge password, and serves everybody";
            return Err(SpeechError::NotPossible(reason.to_owned()));
        }
        self.challenge = match request.message.challenge {
            ChallengeChoice::Right if renews => None,
            ChallengeChoice::Right | ChallengeChoice::Always => {
                let secret = pki.challenge(expendable).await?;
                self.challenges += usize::from(secret.is_some() && !expendable);
                secret
            }
            ChallengeChoice::Wrong => Some(Secret::new("0BAD0BAD0BAD0BAD")),
            ChallengeChoice::Empty => Some(Secret::new("")),
            ChallengeChoice::None => None,
            ChallengeChoice::Again => self.challenge.take(),
        };
        self.secrets.extend(self.challenge.clone());
        Ok(())
    }
}
