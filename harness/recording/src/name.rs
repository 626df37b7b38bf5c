//! Names of exchanges and of their files.

use scep::http::Operation;
use scep::message::Message;

use crate::exchange::Request;

/// Limit of a name in characters.
const LONGEST: usize = 40;

/// A scenario's id as a single file name: its words with `-` between them.
pub fn file_name(id: &str) -> String {
    let plain = |char: char| char.is_alphanumeric() || matches!(char, '-' | '_' | '.' | '@' | '+');
    let words = id.split(|char| !plain(char)).filter(|word| !word.is_empty());
    let name = words.collect::<Vec<_>>().join("-");
    match name.trim_start_matches(['.', '-']) {
        "" => "lab".to_owned(),
        name => name.to_owned(),
    }
}

/// The name of an exchange by its request, and the message that a GET has in its query: the type of a pkiMessage, or else the operation,
/// or else the page.
pub(crate) fn of(request: Option<&Request>) -> (String, Option<Vec<u8>>) {
    let Some(request) = request else { return ("HTTP".to_owned(), None) };
    let path = request.target.split('?').next().unwrap_or_default();
    match request.operation() {
        Some(Ok(Operation::PkiOperation(message))) => {
            let name = message_type(&message).unwrap_or_else(|| "PKIOperation".to_owned());
            (name, (request.method == "GET").then_some(message))
        }
        Some(Ok(operation)) => (short(operation.name()), None),
        Some(Err(_)) | None => (page(path), None),
    }
}

fn message_type(message: &[u8]) -> Option<String> {
    let message_type = Message::parse(message).ok()?.attributes().message_type().ok()?;
    let name = message_type.to_string();
    name.chars().all(|char| char.is_ascii_alphanumeric()).then_some(name)
}

/// The last part of a path as a name.
fn page(path: &str) -> String {
    let parts = path.rsplit('/').map(short);
    parts.into_iter().find(|part| part != "HTTP").unwrap_or_else(|| "HTTP".to_owned())
}

/// The letters and digits of a text that a peer chose; `HTTP` if there are none.
fn short(text: &str) -> String {
    let plain = |char: &char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_');
    let name: String = text.chars().filter(plain).take(LONGEST).collect();
    if name.is_empty() { "HTTP".to_owned() } else { name }
}

/// The ending of the name of a file with a message or a body, by its first bytes, whatever its content type says.
pub(crate) fn ending(bytes: &[u8]) -> &'static str {
    let is_text = |char: char| !char.is_control() || matches!(char, '\r' | '\n' | '\t');
    match std::str::from_utf8(bytes) {
        Ok(text) if text.chars().all(is_text) => {
            if text.trim_start().starts_with('<') {
                "html"
            } else {
                "txt"
            }
        }
        _ if bytes.first() == Some(&0x30) => "der",
        _ => "bin",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(method: &str, target: &str) -> String {
        let (method, target) = (method.to_owned(), target.to_owned());
        of(Some(&Request { method, target, ..Request::default() })).0
    }

    #[test]
    fn scenario_id_becomes_a_single_file_name() {
        assert_eq!(file_name("scep/linux-pki"), "scep-linux-pki");
        assert_eq!(file_name("fault/html (again, after 10)"), "fault-html-again-after-10");
        assert_eq!(file_name("../a b"), "a-b");
        assert_eq!(file_name("-x"), "x");
        assert_eq!(file_name(".."), "lab");
        assert_eq!(file_name(""), "lab");
    }

    #[test]
    fn exchange_has_the_name_of_its_operation_or_page() {
        assert_eq!(name("GET", "/scep?operation=GetCACaps"), "GetCACaps");
        assert_eq!(name("POST", "/scep?operation=PKIOperation"), "PKIOperation");
        assert_eq!(name("GET", "/certsrv/mscep_admin/"), "mscep_admin");
        assert_eq!(name("PUT", "/"), "HTTP");
        assert_eq!(of(None).0, "HTTP");
    }

    #[test]
    fn name_has_nothing_that_a_peer_can_do_harm_with() {
        assert_eq!(name("GET", "/scep?operation=..%2F..%2Fetc%2Fpasswd%00"), "etcpasswd");
        assert_eq!(name("GET", "/scep?operation=%1b%5b31m"), "31m");
        assert_eq!(name("GET", &format!("/{}", "a".repeat(1000))).len(), LONGEST);
        assert_eq!(name("GET", "/.."), "HTTP");
    }

    #[test]
    fn message_of_a_get_is_decoded() {
        let target = "/scep?operation=PKIOperation&message=MIA%3D".to_owned();
        let request = Request { method: "GET".to_owned(), target, ..Request::default() };
        assert_eq!(of(Some(&request)), ("PKIOperation".to_owned(), Some(vec![0x30, 0x80])));
    }

    #[test]
    fn ending_follows_the_bytes() {
        assert_eq!(ending(&[0x30, 0x82, 1, 0]), "der");
        assert_eq!(ending(b"POSTPKIOperation\nSHA-256\n"), "txt");
        assert_eq!(ending(b" <html>"), "html");
        assert_eq!(ending(&[0x16, 3, 1]), "bin");
        assert_eq!(ending(b"0 certificates"), "txt");
    }
}
