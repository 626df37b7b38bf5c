//! The words of a `ping` command.

use std::time::Duration;

use super::Ping;
use crate::operational::table::PING_OPTIONS;

const DEFAULT_COUNT: u16 = 5;
const DEFAULT_SIZE: u16 = 56;
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// What fits into an IPv4 packet beside its headers.
const MAX_SIZE: u16 = 65_507;
const MAX_TIMEOUT_SECONDS: f64 = 3600.0;

/// Why the words are no ping.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OptionError {
    #[error("ping: unknown option `{option}`; known are {}", known().join(", "))]
    Unknown { option: String },
    #[error("ping: missing argument for {0} option")]
    Missing(&'static str),
    #[error("ping: invalid argument: '{value}': out of range: {range}")]
    Invalid { value: String, range: &'static str },
    #[error("ping: no host")]
    NoHost,
}

impl Ping {
    /// Reads `HOST [count N] [size N] [timeout SECONDS]`; any unambiguous beginning of an option will do.
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, OptionError> {
        let (host, options) = arguments.split_first().ok_or(OptionError::NoHost)?;
        let mut ping = Self {
            host: host.clone(),
            count: DEFAULT_COUNT,
            size: DEFAULT_SIZE,
            timeout: DEFAULT_TIMEOUT,
        };
        for option in options.chunks(2) {
            ping.set(&option[0], option.get(1))?;
        }
        Ok(ping)
    }

    fn set(&mut self, name: &str, value: Option<&String>) -> Result<(), OptionError> {
        let option =
            known().into_iter().find(|option| !name.is_empty() && option.starts_with(name));
        let option = option.ok_or_else(|| OptionError::Unknown { option: name.to_owned() })?;
        let value = value.ok_or(OptionError::Missing(option))?;
        match option {
            "count" => self.count = number(value, 1, u16::MAX, "1 to 65535")?,
            "size" => self.size = number(value, 0, MAX_SIZE, "0 to 65507")?,
            _ => self.timeout = seconds(value)?,
        }
        Ok(())
    }
}

fn known() -> Vec<&'static str> {
    PING_OPTIONS.iter().map(|(name, _)| *name).collect()
}

fn number(value: &str, min: u16, max: u16, range: &'static str) -> Result<u16, OptionError> {
    let number = value.parse().ok().filter(|number| (min..=max).contains(number));
    number.ok_or_else(|| OptionError::Invalid { value: value.to_owned(), range })
}

/// Fractions are taken, as iputils takes them.
fn seconds(value: &str) -> Result<Duration, OptionError> {
    let seconds =
        value.parse().ok().filter(|seconds| (0.001..=MAX_TIMEOUT_SECONDS).contains(seconds));
    let range = "0.001 to 3600";
    seconds
        .map(Duration::from_secs_f64)
        .ok_or_else(|| OptionError::Invalid { value: value.to_owned(), range })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Ping, OptionError> {
        let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        Ping::parse(&words)
    }

    #[test]
    fn options_come_in_any_order() {
        let ping = parse("10.0.0.1 timeout 0.5 si 1400 count 3").unwrap();
        let timeout = Duration::from_millis(500);
        assert_eq!(ping, Ping { host: "10.0.0.1".into(), count: 3, size: 1400, timeout });
        assert_eq!(parse("h").unwrap().count, DEFAULT_COUNT);
    }

    #[test]
    fn refusals_are_those_of_ping() {
        let refusal = |line: &str| parse(line).unwrap_err().to_string();
        assert_eq!(refusal("h count"), "ping: missing argument for count option");
        assert_eq!(refusal("h count 0"), "ping: invalid argument: '0': out of range: 1 to 65535");
        assert_eq!(
            refusal("h size 65508"),
            "ping: invalid argument: '65508': out of range: 0 to 65507"
        );
        assert!(refusal("h timeout -1").contains("0.001 to 3600"));
        assert!(refusal("h timeout nan").contains("0.001 to 3600"));
        assert_eq!(
            refusal("h ttl 3"),
            "ping: unknown option `ttl`; known are count, size, timeout"
        );
    }
}
