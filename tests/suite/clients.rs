//! Strangers inside the device: each SCEP program that is installed enrols and renews with the CA on a real port.

mod device;
mod enrolments;
#[cfg(target_os = "linux")]
mod environment;

pub(crate) use self::device::ClientDevice;
