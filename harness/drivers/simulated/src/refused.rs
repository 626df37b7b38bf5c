//! What a driver refuses of a lab, in words.

use model::lab::{self, Lab};
use testbed::{BenchError, Client, DriverName};

/// Nothing but the driver `live` reaches what is there already.
///
/// # Errors
/// [`BenchError::NotSupported`] with what the lab reaches.
pub fn refuse_real_things(lab: &Lab, driver: DriverName) -> Result<(), BenchError> {
    let by_ssh = lab.devices.iter().find_map(|(name, device)| {
        Some(format!("devices over SSH: `{name}` is at {}", device.ssh.as_ref()?))
    });
    let by_url = || {
        let (name, pki) = lab.by_url.first_key_value()?;
        Some(format!("PKIs by URL: `{name}` is at {}", pki.url))
    };
    match by_ssh.or_else(by_url) {
        Some(what) if driver != DriverName::Live => Err(BenchError::NotSupported { driver, what }),
        _ => Ok(()),
    }
}

/// A client that the driver has no way into its labs for.
pub fn client_is_a_program(client: Client, driver: DriverName) -> BenchError {
    let what = format!("the client `{client}`, which is a program");
    BenchError::NotSupported { driver, what }
}

/// An image that a host runs, in words.
pub fn image_of(host: &str, image: &lab::Image) -> String {
    format!("images: host `{host}` runs `{}`; `--driver docker` does", image.name)
}

/// What the lab file says of the device of that name.
///
/// # Errors
/// When the lab has none of that name.
pub fn plan_of<'a>(lab: &'a Lab, name: &str) -> Result<&'a lab::Device, BenchError> {
    lab.devices.get(name).ok_or_else(|| BenchError::Device {
        name: name.to_owned(),
        reason: "the lab has none of that name".to_owned(),
    })
}
