//! The authorities of labs. They are made once an hour, so that a scenario does not sign the same CA certificate again.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use openssl::x509::X509Name;
use parking_lot::Mutex;

use super::{
    plan::{Plan, PlanError},
    timeline::Timeline,
};
use crate::{
    personality::PersonalityName,
    settings::{Hierarchy, Keys},
};

/// Two labs with the same key have the same authorities: personality, subject in DER, host, high serial, plan, hour.
type Key = (PersonalityName, Vec<u8>, String, u8, Hierarchy, u64);

/// The number of timelines that are kept; a process that opens more different ones starts over.
const KEPT: usize = 64;

const HOUR: u64 = 3600;

static MADE: LazyLock<Mutex<HashMap<Key, Arc<Timeline>>>> = LazyLock::new(Mutex::default);

/// The lab's authorities of this plan.
pub(crate) fn lab_timeline(
    plan: &Plan<'_>,
    subject: &X509Name,
    now: SystemTime,
) -> Result<Arc<Timeline>, PlanError> {
    let Plan { personality, windows, hierarchy, .. } = plan;
    let hour = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() / HOUR;
    let (host, high_serial) = (windows.host.clone(), windows.high_serial);
    let plans = Hierarchy::clone(hierarchy);
    let key = (personality.name, subject.to_der()?, host, high_serial, plans, hour);
    let mut made = MADE.lock();
    if let Some(timeline) = made.get(&key) {
        return Ok(Arc::clone(timeline));
    }
    let on_the_hour = UNIX_EPOCH + Duration::from_secs(hour * HOUR);
    let plan = Plan { keys: Keys::Lab, ..*plan };
    let timeline = Arc::new(Timeline::create(&plan, subject, on_the_hour)?);
    if made.len() >= KEPT {
        made.clear();
    }
    made.insert(key, Arc::clone(&timeline));
    Ok(timeline)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::WindowsSettings;

    #[test]
    fn the_same_lab_has_the_same_authorities() {
        let (windows, hierarchy) = (WindowsSettings::default(), Hierarchy::default());
        let personality = PersonalityName::Linux.personality();
        let plan = Plan { personality, windows: &windows, hierarchy: &hierarchy, keys: Keys::Lab };
        let now = UNIX_EPOCH + Duration::from_secs(1_776_354_244);
        let open =
            |name: &str, now| lab_timeline(&plan, &scep::name::parse(name).unwrap(), now).unwrap();
        assert!(Arc::ptr_eq(&open("CN=a", now), &open("CN=a", now)));
        assert!(!Arc::ptr_eq(&open("CN=a", now), &open("CN=b", now)));
        assert!(!Arc::ptr_eq(&open("CN=a", now), &open("CN=a", now + Duration::from_secs(HOUR))));
        let mut other = hierarchy.clone();
        other.ca.valid_for = Some(Duration::from_secs(60));
        let other = Plan { hierarchy: &other, ..plan };
        let subject = scep::name::parse("CN=a").unwrap();
        assert!(!Arc::ptr_eq(&open("CN=a", now), &lab_timeline(&other, &subject, now).unwrap()));
    }
}
