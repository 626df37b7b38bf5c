//! Values of options, as the command line writes them.

use std::num::NonZeroUsize;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use testbed::{Client, DriverName};

/// Reads the name of a driver.
pub(super) fn driver() -> impl TypedValueParser<Value = DriverName> {
    let help = |driver| match driver {
        DriverName::Virtual => "Everything in this process; no socket, no privilege",
        DriverName::Netns => {
            "Hosts and links are the kernel's, in network namespaces; the device is a process of its own"
        }
        DriverName::Docker => {
            "Hosts and devices are containers of a Docker engine, which needs the cargo feature `docker`"
        }
        DriverName::Live => {
            "Nothing is built: devices by SSH and PKIs by URL, on the network of this machine"
        }
    };
    one_of(DriverName::ALL.map(|it| (PossibleValue::new(it.as_str()).help(help(it)), it)))
}

/// Reads the name of a client inside the simulated devices.
pub(super) fn client() -> impl TypedValueParser<Value = Client> {
    one_of(Client::ALL.map(|it| (PossibleValue::new(it.as_str()).help(it.description()), it)))
}

/// Reads one of these values by its name.
pub(super) fn one_of<T: Copy + Send + Sync + 'static, const N: usize>(
    known: [(impl Into<PossibleValue>, T); N],
) -> impl TypedValueParser<Value = T> {
    let known = known.map(|(name, value)| (name.into(), value));
    let names = known.each_ref().map(|(name, _)| name.clone());
    PossibleValuesParser::new(names).try_map(move |given| {
        let found = known.iter().find(|(name, _)| name.get_name() == given);
        found.map(|(_, value)| *value).ok_or("it is none of these")
    })
}

/// Reads how many things run at once; zero and what is no number get one answer: what is wanted.
pub(super) fn jobs(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "it takes a whole number, 1 or more".to_owned())
}
