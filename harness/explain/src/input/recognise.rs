//! Recognises bytes: each form is tried in turn, and the first one that has something in it is what the bytes are taken for.

use scep::content::Content as Recognised;

use super::{
    InputError, MAX_DEPTH, Unrecognised, access_log, asn1, base64,
    budget::Budget,
    capture, curl, dump, followed, gzip, hexadecimal, http, listing, pem,
    reading::{Inside, Part, Reading},
    text, tshark,
};
use crate::item::InputItem;

/// A reader of one form.
type Reader = fn(&[u8], &mut Budget) -> Reading;

/// The readers, in the order in which they are tried: those with a mark of their own first, and base64, whose characters are those of
/// most texts, near the end.
const READERS: [Reader; 16] = [
    gzip::read,
    capture::read,
    text::in_utf_8,
    tshark::read,
    curl::read,
    followed::read,
    http::read,
    pem::read,
    listing::read,
    access_log::read,
    dump::read,
    hexadecimal::read,
    base64::read,
    asn1::read,
    asn1::damaged,
    text::read,
];

/// Why nothing was recognised, in words: the forms that were tried.
type Tried = Vec<String>;

/// The most reasons that are told.
const TOLD: usize = 6;

/// The items in the whole of an input.
pub(super) fn whole(
    origin: &str,
    bytes: &[u8],
    budget: &mut Budget,
) -> Result<Vec<InputItem>, InputError> {
    let found = inside(bytes, Around { forms: &[], origin, depth: 0 }, budget);
    if let Some(limit) = budget.exceeded() {
        return Err(InputError::TooMuch(origin.to_owned(), limit.to_owned()));
    }
    found.map_err(|tried| InputError::Unrecognised(Box::new(unrecognised(origin, bytes, tried))))
}

/// What is around bytes.
#[derive(Clone, Copy)]
struct Around<'a> {
    forms: &'a [String],
    origin: &'a str,
    depth: usize,
}

fn inside(bytes: &[u8], around: Around<'_>, budget: &mut Budget) -> Result<Vec<InputItem>, Tried> {
    if around.depth > MAX_DEPTH {
        return Err(vec![format!("more than {MAX_DEPTH} forms inside one another")]);
    }
    let mut tried = Vec::new();
    for reader in READERS {
        match reader(bytes, budget) {
            Reading::No => {}
            Reading::But(words) => tried.push(words),
            Reading::Stop(words) => {
                tried.push(words);
                break;
            }
            Reading::Parts(parts) => match all(parts, around, budget) {
                Ok(items) => return Ok(items),
                Err(further) => tried.extend(further),
            },
        }
        if budget.exceeded().is_some() {
            break;
        }
    }
    tried.truncate(TOLD);
    Err(tried)
}

/// The items in all parts; parts without any are left out, unless all are.
fn all(parts: Vec<Part>, around: Around<'_>, budget: &mut Budget) -> Result<Vec<InputItem>, Tried> {
    let mut items = Vec::new();
    let mut tried = Vec::new();
    for part in parts {
        match one(part, around, budget) {
            Ok(found) => items.extend(found),
            Err(further) if tried.len() < TOLD => tried.extend(further),
            Err(_) => {}
        }
        if budget.exceeded().is_some() {
            return Err(tried);
        }
    }
    if items.is_empty() { Err(tried) } else { Ok(items) }
}

fn one(part: Part, around: Around<'_>, budget: &mut Budget) -> Result<Vec<InputItem>, Tried> {
    let forms = [around.forms, &part.forms].concat();
    let origin = match &part.place {
        Some(place) => format!("{}, {place}", around.origin),
        None => around.origin.to_owned(),
    };
    match part.inside {
        Inside::Found(content) if budget.take_item() => {
            Ok(vec![InputItem { taken_for: forms, origin, content }])
        }
        Inside::Found(_) => Err(Vec::new()),
        Inside::Encoded(bytes) => {
            let depth = around.depth + 1;
            let around = Around { forms: &forms, origin: &origin, depth };
            inside(&bytes, around, budget).map_err(|tried| {
                let form = part.forms.join(", ");
                if tried.is_empty() {
                    let kind = Recognised::of(&bytes).kind();
                    return vec![format!("{form}: what is in it is {kind}")];
                }
                tried.into_iter().map(|words| format!("{form}, and in it as {words}")).collect()
            })
        }
    }
}

fn unrecognised(origin: &str, bytes: &[u8], tried: Tried) -> Unrecognised {
    let content = Recognised::of(bytes);
    let help = match &content {
        Recognised::Empty => "nothing came; check the command or the file that it comes from",
        Recognised::Tls(_) => {
            "what TLS carries cannot be read without its keys: capture behind the end of TLS, or use http:// for a try"
        }
        Recognised::Compressed(_) => {
            "unpack it, and hand in what was in it; gzip alone is unpacked here"
        }
        Recognised::Document(_) => "hand in the bytes or the text that the document shows",
        Recognised::Asn1(_) | Recognised::Binary(..) => {
            "a message is DER or BER and begins with the byte 30; hand in the body of the HTTP message alone, or a capture of the connection"
        }
        _ => {
            "hand in the message as DER, PEM, base64 or hexadecimal, the line of an access log, the HTTP message, or a capture (pcap)"
        }
    };
    let looks_like = match content {
        Recognised::Empty => "nothing: it is empty".to_owned(),
        other => format!("{} of {} bytes", other.kind(), bytes.len()),
    };
    Unrecognised { origin: origin.to_owned(), looks_like, tried, help: help.to_owned() }
}
