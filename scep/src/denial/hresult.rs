//! The error numbers of Windows (`HRESULT`) that NDES and its CA give as reasons.

use std::{fmt, num::ParseIntError, str::FromStr};

/// A Windows error number, which NDES sends in decimal as `szOID_ENROLL_SCEP_ERROR`.
///
/// # Examples
/// ```
/// use scep::denial::Hresult;
///
/// let denied = Hresult(-2_146_877_420);
/// assert_eq!(denied.name(), Some("CERTSRV_E_ADMIN_DENIED_REQUEST"));
/// assert!(denied.to_string().starts_with("0x80094014 CERTSRV_E_ADMIN_DENIED_REQUEST (a certificate manager"));
/// assert_eq!(Hresult(-1).to_string(), "0xFFFFFFFF");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Hresult(pub i32);

impl Hresult {
    /// The dotted object identifier of the attribute, `szOID_ENROLL_SCEP_ERROR`.
    pub const OID: &str = "1.3.6.1.4.1.311.21.33";

    /// Reads the octets of an ASN.1 `INTEGER`, in which some servers send the number.
    pub(crate) fn from_octets(octets: &[u8]) -> Option<Self> {
        let (first, rest) = octets.split_first()?;
        let octets = if *first == 0 && rest.len() == 4 { rest } else { octets };
        let sign = if octets[0] < 0x80 { 0 } else { -1 };
        let number = octets.iter().fold(sign, |number: i32, octet| number << 8 | i32::from(*octet));
        (octets.len() <= 4).then_some(Self(number))
    }

    /// The name in Windows' header `winerror.h`, if the number is known.
    pub fn name(self) -> Option<&'static str> {
        self.known().map(|(name, _)| name)
    }

    /// The meaning in words, if the number is known.
    pub fn meaning(self) -> Option<&'static str> {
        self.known().map(|(_, meaning)| meaning)
    }

    /// The name and the meaning.
    fn known(self) -> Option<(&'static str, &'static str)> {
        let number = format!("{:08x} ", self.0);
        KNOWN.lines().find_map(|line| line.strip_prefix(&number)?.split_once(' '))
    }
}

impl FromStr for Hresult {
    type Err = ParseIntError;

    /// Reads a number in decimal, with a sign or without, or in hexadecimal after `0x`.
    ///
    /// ```
    /// use scep::denial::Hresult;
    ///
    /// let number: Hresult = "-2146876396".parse()?;
    /// assert_eq!("2148090900".parse(), Ok(number));
    /// assert_eq!("0x80094014".parse::<Hresult>()?.name(), Some("CERTSRV_E_ADMIN_DENIED_REQUEST"));
    /// # Ok::<(), std::num::ParseIntError>(())
    /// ```
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
        let unsigned = match digits {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => text.parse(),
        };
        text.parse().or_else(|_| unsigned.map(u32::cast_signed)).map(Self)
    }
}

impl fmt::Display for Hresult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:08X}", self.0)?;
        self.known().map_or(Ok(()), |(name, meaning)| write!(f, " {name} ({meaning})"))
    }
}

/// The numbers that NDES and Active Directory Certificate Services give, after `winerror.h`, one on a line with its name and its meaning.
/// The first three have, at NDES, the causes that clients of NDES know.
const KNOWN: &str = include_str!("hresult.txt");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_one_meaning() {
        let numbers = KNOWN.lines().map(|line| line.split(' ').next().unwrap());
        let mut numbers: Vec<_> = numbers.collect();
        for number in &numbers {
            let number: Hresult = format!("0x{number}").parse().unwrap();
            let (name, meaning) = (number.name().unwrap(), number.meaning().unwrap());
            assert!(name.contains('_') && meaning.len() > 5, "{number}");
        }
        let count = numbers.len();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), count);
    }
}
