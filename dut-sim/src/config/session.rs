//! The verbs that change and show a configuration that is not active yet.

use crate::config::message::{PathError, Refusal};
use crate::config::schema::{self, Content, Location};
use crate::config::tree::Configuration;
use crate::config::value::Value;
use crate::secret::SecretStore;

/// A configuration that is being edited, and the one it is based on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Candidate {
    base: Configuration,
    configuration: Configuration,
}

impl Candidate {
    /// Starts from the active configuration.
    pub(crate) fn of(active: &Configuration) -> Self {
        Self { base: active.clone(), configuration: active.clone() }
    }

    /// Merges what other users have committed meanwhile. If both changed a leaf, the change made here wins.
    pub(crate) fn rebase(&mut self, active: &Configuration) {
        if self.base != *active {
            self.configuration = active.with_changes(&self.base, &self.configuration);
            self.base = active.clone();
        }
    }

    /// The edited configuration.
    pub(crate) fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// `set PATH [VALUE]`: returns the output. A clear-text secret is sealed and not stored otherwise.
    pub(crate) fn set(
        &mut self,
        words: &[String],
        secrets: &SecretStore,
    ) -> Result<String, Refusal> {
        let Location { path, content, is_instance, value } =
            schema::locate(words).map_err(Refusal::Set)?;
        let new = match (content, value) {
            (Content::Branch(_), _) if is_instance => self.configuration.create(&path),
            (Content::Leaf { multi, .. }, Some(value)) => {
                self.configuration.set(&path, value, multi)
            }
            (Content::ClearText { stored_as }, Some(value)) => {
                let sealed = seal(&value, secrets).map_err(Refusal::Set)?;
                self.configuration.set(&beside(&path, stored_as), sealed, false)
            }
            (Content::Branch(_), _) if path.is_empty() => {
                return Err(Refusal::Set(PathError::NoPath { verb: "set" }));
            }
            (Content::Branch(_), _) => return Err(Refusal::Set(PathError::NotSettable { path })),
            _ => return Err(Refusal::Set(PathError::ValueMissing { path })),
        };
        let known = || format!("Configuration path: [{}] already exists", path.join(" "));
        Ok(if new { String::new() } else { known() })
    }

    /// `delete PATH [VALUE]`: returns the output.
    pub(crate) fn delete(&mut self, words: &[String]) -> Result<&'static str, Refusal> {
        let location = schema::locate(words).map_err(Refusal::Delete)?;
        if location.path.is_empty() {
            return Err(Refusal::Delete(PathError::NoPath { verb: "delete" }));
        }
        let stored = stored(&location);
        let exists = self.configuration.contains(&stored);
        let deleted = match (location.content, location.value) {
            (Content::Leaf { .. }, Some(value)) => self.configuration.delete_value(&stored, &value),
            _ => self.configuration.delete(&stored),
        };
        Ok(match (deleted, exists) {
            (true, _) => "",
            (false, true) => "Nothing to delete (the specified value does not exist)",
            (false, false) => "Nothing to delete (the specified node does not exist)",
        })
    }

    /// `show [PATH]`: the `set` lines at and under the path.
    pub(crate) fn show(&self, words: &[String]) -> Result<String, Refusal> {
        show(&self.configuration, words)
    }
}

/// The `set` lines of `configuration` at and under the path of `words`.
pub(crate) fn show(configuration: &Configuration, words: &[String]) -> Result<String, Refusal> {
    let location = schema::locate(words).map_err(Refusal::Show)?;
    let lines = configuration.shown(&stored(&location));
    match (lines.is_empty(), words.is_empty()) {
        (false, _) | (true, true) => Ok(lines.join("\n")),
        (true, false) => Err(Refusal::Empty),
    }
}

/// Path that stores the value: for a clear-text node, the sealed leaf beside it.
fn stored(location: &Location) -> Vec<String> {
    match location.content {
        Content::ClearText { stored_as } => beside(&location.path, stored_as),
        _ => location.path.clone(),
    }
}

fn beside(path: &[String], name: &str) -> Vec<String> {
    let parent = path.split_last().map_or(&[][..], |(_, parent)| parent);
    [parent, &[name.to_owned()]].concat()
}

fn seal(value: &Value, secrets: &SecretStore) -> Result<Value, PathError> {
    let Value::Secret(secret) = value else { return Ok(value.clone()) };
    let sealed = secrets.seal(secret).map_err(|error| PathError::Sealing(error.to_string()))?;
    Ok(Value::Sealed(sealed))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::parse::words;
    use scep::secret::Secret;

    fn secrets() -> SecretStore {
        SecretStore::new(Some(Secret::new("key")), BTreeMap::new())
    }

    fn set(candidate: &mut Candidate, line: &str) -> Result<String, Refusal> {
        candidate.set(&words(line).unwrap(), &secrets())
    }

    const CSR: &str = "system certificate scep csr CSR";

    #[test]
    fn every_documented_line_is_accepted() {
        let documented = "\
interfaces ethernet eth0 address 10.215.168.64/24
protocols static route 192.168.212.0/22 next-hop 10.215.168.1
system certificate scep csr CSR cgi-path /scep
system certificate scep csr CSR cipher aes
system certificate scep csr CSR digest sha256
system certificate scep csr CSR distinguished-names CN=MyUserCert
system certificate scep csr CSR encrypted-password U2FsdGVkX19P8MYjQLXrIvBEOMDHUJ1TWkNFRAs31/g=
system certificate scep csr CSR port 8080
system certificate scep csr CSR url 'http://10.215.168.1'
system certificate scep csr CSR cgi-path CertSrv/mscep/mscep.dll/pkiclient.exe
system certificate scep csr CSR encrypted-password U2FsdGVkX1/cpKs60XW8glHBeDwbuldY39EE0iQqd2oH+aYMvhespzahhtjG9BVkN0r2s1k3scwkW82sbk6EpA==
system certificate scep csr CSR url 'http://192.168.213.25/'
system login user admin authentication encrypted-password '$6$GSjsCj8gHLv$/VcqU6FLi6CT2Oxn0MJQ2C2tqnRDrYKNF8HIYWJp68nvXvPdFccDsT04.WtigUONbKYrgKg8d6rEs8PjljMkH0'";
        let mut candidate = Candidate::default();
        for line in documented.lines() {
            assert_eq!(set(&mut candidate, line), Ok(String::new()), "{line}");
        }
    }

    #[test]
    fn clear_text_password_is_sealed_when_set() {
        let mut candidate = Candidate::default();
        set(&mut candidate, &format!("{CSR} password hunter2")).unwrap();
        let path = words(&format!("{CSR} encrypted-password")).unwrap();
        let [Value::Sealed(sealed)] = candidate.configuration().values(&path) else { panic!() };
        assert_eq!(secrets().open(sealed).unwrap().expose(), "hunter2");
        let shown = candidate.show(&[]).unwrap();
        assert_eq!(shown, format!("set {CSR} encrypted-password {}", sealed.expose()));
        assert!(!format!("{candidate:?}").contains("hunter2"));
        candidate.delete(&words(&format!("{CSR} password")).unwrap()).unwrap();
        assert_eq!(candidate.show(&[]).unwrap(), "");
    }

    #[test]
    fn shown_configuration_can_be_entered_again() {
        let mut candidate = Candidate::default();
        for line in [
            format!("{CSR} password hunter2"),
            format!("{CSR} distinguished-names 'CN=My User, O=x'"),
            "system login user admin authentication encrypted-password '$6$a$b'".to_owned(),
            "interfaces ethernet eth0".to_owned(),
        ] {
            set(&mut candidate, &line).unwrap();
        }
        let mut again = Candidate::default();
        for line in candidate.show(&[]).unwrap().lines() {
            again.set(&words(line).unwrap()[1..], &secrets()).unwrap();
        }
        assert_eq!(again.configuration, candidate.configuration);
    }

    #[test]
    fn incomplete_paths_are_refused() {
        let mut candidate = Candidate::default();
        let refusal =
            |candidate: &mut Candidate, line: &str| set(candidate, line).unwrap_err().to_string();
        assert_eq!(
            refusal(&mut candidate, ""),
            "Need to specify the config node to set\nSet failed"
        );
        assert_eq!(
            refusal(&mut candidate, "system host-name"),
            "Configuration path: [system host-name] requires a value\nSet failed"
        );
        assert!(refusal(&mut candidate, "interfaces ethernet").contains("requires a value"));
        assert!(refusal(&mut candidate, "system").contains("node of others"));
        assert_eq!(candidate.show(&[]).unwrap(), "");
    }

    #[test]
    fn repeated_set_and_delete_of_nothing_are_reported_without_failure() {
        let mut candidate = Candidate::default();
        set(&mut candidate, "system host-name DUT0").unwrap();
        let again = set(&mut candidate, "system host-name DUT0").unwrap();
        assert_eq!(again, "Configuration path: [system host-name] already exists");
        let mut delete = |line: &str| candidate.delete(&words(line).unwrap()).unwrap();
        assert_eq!(delete("interfaces"), "Nothing to delete (the specified node does not exist)");
        assert_eq!(
            delete("system host-name other"),
            "Nothing to delete (the specified value does not exist)"
        );
        assert_eq!(delete("system host-name"), "");
    }
}
