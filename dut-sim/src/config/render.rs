//! How the configuration is printed.

use std::borrow::Cow;

/// `text` as a word of a printed line: in single quotes where the documentation has them, and where a word needs them.
pub(crate) fn quoted(text: &str) -> Cow<'_, str> {
    let bare = |c: char| c.is_alphanumeric() || "+,-./=@_%*".contains(c);
    if !text.is_empty() && text.chars().all(bare) {
        return text.into();
    }
    format!("'{}'", text.replace('\'', r"'\''")).into()
}

/// Two columns, indented by two blanks, the first as wide as its widest cell.
pub(crate) fn columns(rows: &[(&str, &str)]) -> String {
    let width = rows.iter().map(|(first, _)| first.chars().count()).max().unwrap_or_default();
    let line = |(first, second): &(&str, &str)| {
        format!("  {first:width$}  {second}").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_as_documented() {
        let hash = "$6$GSjsCj8gHLv$x";
        assert_eq!(quoted("http://10.215.168.1"), "'http://10.215.168.1'");
        assert_eq!(quoted(hash), format!("'{hash}'"));
        for bare in [
            "CN=MyUserCert",
            "/scep",
            "U2FsdGVkX19P8MYjQLXrIvBEOMDHUJ1TWkNFRAs31/g=",
            "10.0.0.1/24",
            "CertSrv/mscep/mscep.dll/pkiclient.exe",
        ] {
            assert_eq!(quoted(bare), bare);
        }
        assert_eq!(quoted("CN=My User"), "'CN=My User'");
    }
}
