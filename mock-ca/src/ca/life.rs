//! What happens at the CA without a request: it is told, and can be brought about before its time.

use std::time::{Duration, SystemTime};

use openssl::x509::X509;
use scep::clock::FIRST_MOMENT;

use super::{
    Ca,
    open::{OpenError, plan_of},
};
use crate::{
    authority::{Timeline, subject_of},
    events::CaEvent,
    settings::Settings,
    state::{StateError, keep_timeline},
};

impl Ca {
    /// Lets the next CA issue from now on, whatever its moment; if there is none, a CA with the same name and a new key is made
    /// (RFC 8894 §4.7). A next CA whose certificate would not be valid yet gets another one for the same key.
    ///
    /// Returns the certificate of the CA that issues now.
    ///
    /// # Errors
    /// If the certificates cannot be made, or the state cannot be written.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ca = mock_ca::MockCa::rfc8894().start_blocking()?;
    /// let before = ca.ca_certificate();
    /// let after = ca.roll_over()?;
    /// assert_eq!(ca.ca_certificate(), after);
    /// assert_ne!(before, after);
    /// # Ok(())
    /// # }
    /// ```
    pub fn roll_over(&self) -> Result<X509, OpenError> {
        let Settings { state, .. } = &self.service.settings;
        let now = whole_seconds(self.clock().now());
        self.service.settle(now)?;
        let _alone = self.service.deciding.lock();
        let plan = plan_of(&self.service.settings);
        let keep = |timeline: &Timeline| match state {
            Some(path) => Ok(keep_timeline(path, &self.database, timeline)?),
            None => Ok::<_, OpenError>(()),
        };
        let authority = self.service.authorities.roll_over(&plan, now, keep)?;
        let subject = subject_of(&authority.ca.certificate);
        let what = format!("the CA `{}` issues from now on", subject.escape_debug());
        self.service.events.add(now, what);
        Ok(authority.ca.certificate.clone())
    }

    /// The next moment, by the CA's clock, at which something happens without a request: a decision falls due, or another CA or
    /// registration authority takes over. `None` if nothing will.
    ///
    /// # Errors
    /// If the state cannot be read.
    pub fn next_due(&self) -> Result<Option<SystemTime>, StateError> {
        let now = self.clock().now();
        self.service.settle(now)?;
        self.service.next_due(now)
    }

    /// The time, by the CA's clock, until something happens without a request. `None` if nothing will.
    ///
    /// # Errors
    /// If the state cannot be read or written.
    pub fn until_due(&self) -> Result<Option<Duration>, StateError> {
        let now = self.clock().now();
        self.service.settle(now)?;
        let due = self.service.next_due(now)?;
        Ok(due.map(|due| due.duration_since(now).unwrap_or_default()))
    }

    /// What happened without a request, oldest first, after the first `seen` events; and the number of all events so far.
    ///
    /// # Errors
    /// If the state cannot be read or written.
    pub fn events_after(&self, seen: u64) -> Result<(u64, Vec<CaEvent>), StateError> {
        self.service.settle(self.clock().now())?;
        Ok(self.service.events.after(seen))
    }

    /// The CA that follows, if there is one: its certificate, and the moment from which it issues.
    pub fn next_ca(&self) -> Option<(X509, SystemTime)> {
        let next = self.service.authorities.next_ca(self.clock().now())?;
        Some((next.ca.certificate.clone(), next.begins))
    }
}

/// The moment without parts of a second, which no certificate has.
fn whole_seconds(moment: SystemTime) -> SystemTime {
    let since = moment.duration_since(FIRST_MOMENT).unwrap_or_default();
    FIRST_MOMENT + Duration::from_secs(since.as_secs())
}
