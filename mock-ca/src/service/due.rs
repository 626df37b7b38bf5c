//! What falls due by the CA's clock: decisions about requests that wait, and authorities that take the place of others.
//!
//! It is carried out at the next request or question after its moment, as of that moment. So nothing depends on a timer.

use std::time::SystemTime;

use scep::clock::{duration_text, later};

use super::Service;
use crate::{
    authority::{Authority, subject_of},
    record::PendingRecord,
    refusal::Refusal,
    settings::LaterDecision,
    state::StateError,
};

impl Service {
    /// Carries out everything whose moment has come.
    pub(crate) fn settle(&self, now: SystemTime) -> Result<(), StateError> {
        self.note_authorities(now);
        let Some(decision) = self.settings.later_decision else { return Ok(()) };
        let Some(asked) = now.checked_sub(decision.after) else { return Ok(()) };
        if self.store.waiting_until(asked, 1)?.is_empty() {
            return Ok(());
        }
        let _alone = self.deciding.lock();
        // Read again, because the owner may have decided meanwhile.
        for held in self.store.waiting_until(asked, u32::MAX)? {
            self.decide_later(&held, decision)?;
        }
        Ok(())
    }

    /// The next moment at which something falls due, if anything will.
    pub(crate) fn next_due(&self, now: SystemTime) -> Result<Option<SystemTime>, StateError> {
        let all = self.authorities.all();
        let next = all.iter().map(|authority| authority.begins).find(|begins| *begins > now);
        let decision = match self.settings.later_decision {
            Some(decision) => {
                self.store.oldest_waiting()?.map(|asked| later(asked, decision.after))
            }
            None => None,
        };
        Ok(next.into_iter().chain(decision).min())
    }

    fn decide_later(
        &self,
        held: &PendingRecord,
        LaterDecision { after, denies }: LaterDecision,
    ) -> Result<(), StateError> {
        let (due, subject) = (later(held.asked, after), scep::name::to_text(held.csr.subject()));
        let (subject, after) = (subject.escape_debug(), duration_text(after));
        if denies {
            self.store.deny(held.number)?;
            self.events
                .add(due, format!("denied the request for `{subject}`, {after} after it came"));
            return Ok(());
        }
        let authority = self.authorities.numbered(held.ca, due);
        match self.issue(&held.csr, &held.origin, &authority, None, due) {
            Ok(_) => {
                let what = format!("granted the request for `{subject}`, {after} after it came");
                self.events.add(due, what);
            }
            Err(Refusal::State(error)) => return Err(error),
            Err(refusal) => {
                self.store.deny(held.number)?;
                self.events.add(due, format!("denied the request for `{subject}`: {refusal}"));
            }
        }
        Ok(())
    }

    /// Notes each authority that has taken the place of another.
    fn note_authorities(&self, now: SystemTime) {
        let mut noted = self.noted.lock();
        let begun = |authority: &Authority| *noted < authority.begins && authority.begins <= now;
        let all = self.authorities.all();
        let mut before = all.iter().rev().find(|one| one.begins <= *noted);
        for authority in all.iter().filter(|authority| begun(authority)) {
            let is_new_ca = before.is_none_or(|before| before.number != authority.number);
            let what = if is_new_ca {
                let subject = subject_of(&authority.ca.certificate);
                format!("the CA `{}` issues from now on", subject.escape_debug())
            } else {
                "the registration authority has new certificates from now on".to_owned()
            };
            self.events.add(authority.begins, what);
            before = Some(authority);
        }
        *noted = now.max(*noted);
    }
}
