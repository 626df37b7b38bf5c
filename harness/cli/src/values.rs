//! Parsers for the values of options.

mod listening;

use std::ffi::OsStr;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, Command, Error};
use mock_ca::{DistributionPoint, RenewalWindow};
use model::scep_url::ScepUrl;
use scep::clock::{self, BadDuration, Clock};
use scep::url::HttpUrl;
use testbed::{Client, DriverName};

pub(super) use self::listening::listening_address;

/// Reads the name of a driver.
pub(super) fn driver() -> impl TypedValueParser<Value = DriverName> {
    let help = |driver| match driver {
        DriverName::Virtual => "Everything runs in this process, without sockets or privileges",
        DriverName::Netns => {
            "Hosts and devices are processes in network namespaces, with links of the Linux kernel"
        }
        DriverName::Docker => {
            "Hosts and devices are containers; needs a Docker engine and the cargo feature `docker`"
        }
        DriverName::Live => {
            "Nothing is built: real devices by SSH and real PKIs by URL, on this machine's network"
        }
    };
    one_of(
        DriverName::NAMED
            .iter()
            .map(move |(name, it)| (PossibleValue::new(*name).help(help(*it)), *it)),
    )
}

/// Reads the name of a client inside the simulated devices.
pub(super) fn client() -> impl TypedValueParser<Value = Client> {
    one_of(
        Client::NAMED
            .iter()
            .map(|(name, it)| (PossibleValue::new(*name).help(it.description()), *it)),
    )
}

/// Reads one of these values by its name.
pub(super) fn one_of<T: Copy + Send + Sync + 'static>(
    known: impl IntoIterator<Item = (impl Into<PossibleValue>, T)>,
) -> impl TypedValueParser<Value = T> {
    let known = known.into_iter().map(|(name, value)| (name.into(), value));
    let known: Vec<(PossibleValue, T)> = known.collect();
    let names: Vec<PossibleValue> = known.iter().map(|(name, _)| name.clone()).collect();
    PossibleValuesParser::new(names).try_map(move |given| {
        let found = known.iter().find(|(name, _)| name.get_name() == given);
        found.map(|(_, value)| *value).ok_or("not one of the known values")
    })
}

/// Reads the number of things that run at once.
pub(super) fn jobs(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "it takes a whole number, 1 or more".to_owned())
}

/// Reads how far a clock is ahead, in milliseconds.
pub(super) fn offset(text: &str) -> Result<i64, String> {
    let ahead = clock::parse_offset(text).map_err(|error| match error {
        BadDuration::Form => {
            "an offset has a sign, a whole number and its unit (`s`, `m`, `h`, `d`, `w` or `y`), as in `+330d`"
                .to_owned()
        }
        other @ BadDuration::TooLong => other.to_string(),
    })?;
    let by = Duration::from_millis(ahead.unsigned_abs());
    let now = Clock::system().now();
    let shown = if ahead < 0 { now.checked_sub(by) } else { now.checked_add(by) };
    match shown {
        Some(shown) if clock::within_range(shown) == shown => Ok(ahead),
        _ => Err("the clock would not be in the years 1970 to 9999".to_owned()),
    }
}

/// Reads for how long certificates are valid: a second or longer.
pub(super) fn validity(text: &str) -> Result<Duration, String> {
    match clock::duration(text).map_err(|error| error.to_string())? {
        short if short < Duration::from_secs(1) => {
            Err("a certificate is valid for a second at least".to_owned())
        }
        duration => Ok(duration),
    }
}

/// Reads a moment in UTC.
pub(super) fn moment(text: &str) -> Result<SystemTime, String> {
    clock::moment(text).map_err(|error| error.to_string())
}

/// Reads the time before the end of a certificate in which it may be renewed: a duration, or a share of its life.
pub(super) fn renewal_window(text: &str) -> Result<RenewalWindow, String> {
    let Some(number) = text.strip_suffix('%') else {
        let duration = clock::duration(text).map_err(|error| error.to_string())?;
        return Ok(RenewalWindow::Before(duration));
    };
    let percent = number.parse().ok().filter(|percent| (1..=100).contains(percent));
    let percent = percent.ok_or("a share of the life is from `1%` to `100%`")?;
    Ok(RenewalWindow::Percent(percent))
}

/// Reads the place of the revocation list in certificates.
pub(super) fn distribution_point(text: &str) -> Result<DistributionPoint, String> {
    match text {
        "here" => Ok(DistributionPoint::Here),
        "none" => Ok(DistributionPoint::Nowhere),
        url => match url.parse::<HttpUrl>() {
            Ok(_) => Ok(DistributionPoint::Url(url.to_owned())),
            Err(error) => Err(format!("it is `here`, `none` or the URL of a list: {error}")),
        },
    }
}

/// Reads a URL.
pub(super) fn scep_url() -> impl TypedValueParser<Value = ScepUrl> {
    UrlParser
}

#[derive(Debug, Clone)]
struct UrlParser;

impl TypedValueParser for UrlParser {
    type Value = ScepUrl;

    /// The error shows the value, unless it may contain a password.
    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<ScepUrl, Error> {
        let text = value.to_string_lossy();
        match text.parse::<ScepUrl>() {
            Err(error) if text.contains('@') => {
                let argument = argument.map(ToString::to_string).unwrap_or_default();
                let message = format!("invalid value for '{argument}': {error}\n");
                Err(Error::raw(ErrorKind::ValueValidation, message).with_cmd(command))
            }
            _ => ScepUrl::from_str.parse_ref(command, argument, value),
        }
    }
}

/// Reads a DNS name; an address and a URL are none.
pub(super) fn dns_name(text: &str) -> Result<String, String> {
    if text.parse::<IpAddr>().is_ok() {
        return Err("an IP address is no DNS name".to_owned());
    }
    if !text.is_ascii() {
        return Err(
            "write a name with other letters than ASCII in its encoded form, `xn--…`".to_owned()
        );
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '*');
    let is_label = |label: &str| (1..=63).contains(&label.len()) && label.chars().all(allowed);
    if text.len() <= 253 && text.split('.').all(is_label) {
        Ok(text.to_owned())
    } else {
        Err("a DNS name is made of letters, digits, `-` and `_`, with dots between its labels"
            .to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_dns_names_are_dns_names() {
        for name in
            ["r1", "r1.example.com", "*.example.com", "_scep._tcp.example", "xn--grn-ioa.example"]
        {
            assert_eq!(dns_name(name).as_deref(), Ok(name));
        }
        for (wrong, reason) in [
            ("10.0.0.1", "IP address"),
            ("2001:db8::1", "IP address"),
            ("grün.example", "xn--"),
            ("", "letters, digits"),
            ("a..b", "letters, digits"),
            ("a.", "letters, digits"),
            ("http://r1.example", "letters, digits"),
            ("r1.example:443", "letters, digits"),
            ("r1 r2", "letters, digits"),
            ("r1,r2", "letters, digits"),
        ] {
            let error = dns_name(wrong).unwrap_err();
            assert!(error.contains(reason), "`{wrong}`: {error}");
        }
    }
}
