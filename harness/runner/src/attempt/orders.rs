//! The steps that are orders to parts of the lab: `pki`, `reboot`, `save-config` and `link`.

use std::time::Duration;

use tokio::time::Instant;

use super::device::Target;
use super::pki::{ask, pki, stop};
use super::{Answer, Attempt, Attempted, Env, Miss, Stop, bounded};
use crate::wait::Waited;
use model::scenario::{LinkStep, PkiOrder, PkiStep, Reboot, RevocationReason, SaveConfig, Step};
use results::{Sent, SkipCause};
use testbed::device::DeviceError;
use testbed::links::LinkError;
use testbed::pki::{Pki, PkiError};

/// Why a link stays as it is.
const NO_LINKS: &str =
    "the links of this lab cannot be taken down: the drivers `virtual` and `netns` can do that";

impl Attempt for PkiStep {
    /// Gives the order once.
    async fn attempt(&self, Env { step, testbed, .. }: Env<'_>) -> Result<Attempted, Stop> {
        let (begun, target) = (Instant::now(), pki(testbed, &self.pki)?);
        let (order, given) = match &self.order {
            PkiOrder::Stop => ("stop".to_owned(), target.stop().await),
            PkiOrder::Start => ("start".to_owned(), target.start().await),
            PkiOrder::RollOver => {
                ("let the next CA take over".to_owned(), target.roll_over().await)
            }
            PkiOrder::Revoke { serial, reason } => {
                let serial = match serial {
                    Some(serial) => Some(serial.clone()),
                    None => latest(&self.pki, target).await?,
                };
                let Some(serial) = serial else {
                    let nothing = refused(self, "it has issued no certificate yet");
                    return Ok(once(step, &self.pki, "revoke a certificate", nothing, begun));
                };
                let because = match reason {
                    RevocationReason::Unspecified => String::new(),
                    told => format!(", {told}"),
                };
                let revoked = target.revoke(&serial, *reason).await;
                (format!("revoke certificate {serial}{because}"), revoked)
            }
        };
        let answer = match given {
            Ok(()) => Answer::default(),
            Err(PkiError::Refused { reason }) => refused(self, &reason),
            Err(other) => return Err(stop(&self.pki, &other)),
        };
        Ok(once(step, &self.pki, &order, answer, begun))
    }
}

/// The serial number of the certificate that a PKI issued last.
async fn latest(name: &str, pki: &dyn Pki) -> Result<Option<String>, Stop> {
    Ok(ask(name, pki.issued()).await?.pop().map(|last| last.serial))
}

fn refused(step: &PkiStep, reason: &str) -> Answer {
    Answer {
        output: reason.to_owned(),
        message: "the PKI refused the order",
        misses: vec![Miss::at(&step.place, reason)],
        ..Answer::default()
    }
}

impl Attempt for Reboot {
    /// Restarts the device; later steps wait until it is up again.
    async fn attempt(&self, env: Env<'_>) -> Result<Attempted, Stop> {
        let (begun, target) = (Instant::now(), Target::of(&self.device, env.testbed)?);
        let device = target.device();
        let (restart, order) = if self.power_cut {
            (device.cut_power(), "power cut")
        } else {
            (device.reboot(), "restart")
        };
        let restarted = bounded(&self.device, restart).await?;
        let answer = of_device(env.step, &target, restarted.map(|()| String::new()))?;
        env.state.history(&self.device).is_restarted = true;
        Ok(once(env.step, &self.device, order, answer, begun))
    }
}

impl Attempt for SaveConfig {
    /// Saves once.
    async fn attempt(&self, Env { step, testbed, .. }: Env<'_>) -> Result<Attempted, Stop> {
        let (begun, target) = (Instant::now(), Target::of(&self.device, testbed)?);
        let saved = bounded(&self.device, target.device().save()).await?;
        let answer = of_device(step, &target, saved)?;
        Ok(once(step, &self.device, "save the configuration", answer, begun))
    }
}

/// The answer of a device to an order.
fn of_device(
    step: &Step,
    target: &Target<'_>,
    done: Result<String, DeviceError>,
) -> Result<Answer, Stop> {
    match done {
        Ok(output) => Ok(Answer { output, ..Answer::default() }),
        Err(DeviceError::CommandRefused { output }) => Ok(Answer {
            output,
            message: "the device refused the order",
            misses: vec![Miss::at(&step.place, "refused")],
            ..Answer::default()
        }),
        Err(other) => Err(target.stop(&other)),
    }
}

impl Attempt for LinkStep {
    /// Switches the link once.
    async fn attempt(&self, Env { step, testbed, .. }: Env<'_>) -> Result<Attempted, Stop> {
        let begun = Instant::now();
        let skip = || Stop::Skip(SkipCause::NotSupported, NO_LINKS.to_owned());
        let links = testbed.links.as_ref().ok_or_else(skip)?;
        let switched = links.switch(&self.device, &self.interface, self.is_up);
        bounded(&self.device, switched).await?.map_err(|error| match error {
            LinkError::NoSuchInterface { .. } | LinkError::Broken { .. } => {
                Stop::Broken(error.to_string().into())
            }
        })?;
        let state = if self.is_up { "up" } else { "down" };
        let order = format!("link at {} {state}", self.interface);
        Ok(once(step, &self.device, &order, Answer::default(), begun))
    }
}

/// The result of an order, which is given once.
fn once(step: &Step, part: &str, order: &str, answer: Answer, begun: Instant) -> Attempted {
    Attempted {
        sent: Sent::Order { part: part.to_owned(), order: order.to_owned() },
        answers: Waited { first: None, last: answer, tries: 1, elapsed: begun.elapsed() },
        within: Duration::ZERO,
        expect: step.expect,
        concerns_scep: false,
        place: step.place.clone(),
    }
}
