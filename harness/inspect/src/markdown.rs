//! The result as Markdown.

use report::markdown::{code, escaped, head, row};

use crate::certificate::Facts;
use crate::inspection::Inspection;
use crate::text::{RECIPIENT, counts, rows_about};
use crate::verdict::ClientVerdict;

/// The report, with the sections of the text: capabilities, certificates, the next CA, HTTP, what stands out, and the clients.
pub fn markdown(inspection: &Inspection) -> String {
    let name = inspection.ca_identifier.as_deref();
    let name = name.map(|name| format!(", asked for the CA {}", code(name))).unwrap_or_default();
    let mut lines = vec![
        format!("# {}", escaped(&inspection.url)),
        String::new(),
        format!("Inspected at {}{name}; nothing was enrolled.", inspection.inspected_at),
    ];
    let list = &inspection.capabilities;
    lines.extend(heading("Capabilities", "GetCACaps", &list.reply.line()));
    lines.extend(rows(&["word", "meaning"], capabilities(inspection)));
    let came = &inspection.certificates;
    lines.extend(heading("Certificates", "GetCACert", &came.reply.line()));
    lines.extend(rows(&CERTIFICATE, certificates(&came.list, came.recipient)));
    if let Some(next) = &inspection.next_ca {
        lines.extend(heading("Next CA", "GetNextCACert", &next.reply.line()));
        lines.extend(next.problem.iter().flat_map(|problem| [String::new(), escaped(problem)]));
        lines.extend(rows(&CERTIFICATE, certificates(&next.list, None)));
    }
    lines.extend(table("HTTP", &["request", "answer"], http(inspection)));
    if !inspection.remarks.is_empty() {
        lines.extend([String::new(), "## What stands out".to_owned(), String::new()]);
        lines.extend(inspection.remarks.iter().map(|remark| format!("- {}", escaped(remark))));
    }
    lines.extend(table("Clients", &["client", "verdict", "why"], clients(inspection)));
    lines.extend([String::new(), escaped(&format!("{}.", counts(inspection)))]);
    lines.join("\n") + "\n"
}

/// The columns of tables with certificates.
const CERTIFICATE: [&str; 8] = [
    "",
    "role",
    "subject",
    "issuer and serial number",
    "dates",
    "key and signature",
    "extensions",
    "fingerprints",
];

fn heading(title: &str, request: &str, reply: &str) -> Vec<String> {
    vec![
        String::new(),
        format!("## {title}"),
        String::new(),
        escaped(&format!("{request}: {reply}")),
    ]
}

fn table(title: &str, columns: &[&str], rows: Vec<String>) -> Vec<String> {
    if rows.is_empty() {
        return Vec::new();
    }
    let begin = [String::new(), format!("## {title}")];
    begin.into_iter().chain(self::rows(columns, rows)).collect()
}

/// The rows below their columns, if there are any.
fn rows(columns: &[&str], rows: Vec<String>) -> Vec<String> {
    if rows.is_empty() {
        return Vec::new();
    }
    std::iter::once(String::new()).chain(head(columns)).chain(rows).collect()
}

fn capabilities(inspection: &Inspection) -> Vec<String> {
    let words = inspection.capabilities.words.iter();
    let words =
        words.map(|word| row(&[code(&word.word), escaped(word.meaning.unwrap_or("unknown"))]));
    words.collect()
}

fn certificates(list: &[Facts], recipient: Option<usize>) -> Vec<String> {
    list.iter().map(|one| certificate(one, recipient == Some(one.position))).collect()
}

/// The rows of the text about a certificate, several of them in each cell.
fn certificate(one: &Facts, is_recipient: bool) -> String {
    let facts = rows_about(one);
    let cell = |names: &[&str]| {
        let wanted = facts.iter().filter(|(name, _)| names.contains(name));
        let lines = wanted.map(|(name, value)| format!("{name}: {}", escaped(value)));
        lines.collect::<Vec<_>>().join("<br>")
    };
    let recipient = if is_recipient { RECIPIENT } else { "" };
    row(&[
        one.position.to_string(),
        escaped(&format!("{}{recipient}", one.role)),
        escaped(&one.subject),
        cell(&["issuer", "serial"]),
        cell(&["dates"]),
        cell(&["key", "signature"]),
        cell(&["key usage", "constraints", "extended", "template", "others"]),
        cell(&["SHA-256", "SHA-1", "MD5"]),
    ])
}

fn http(inspection: &Inspection) -> Vec<String> {
    let rows = inspection.http.iter();
    rows.map(|one| row(&[escaped(&one.request), escaped(&one.in_words)])).collect()
}

fn clients(inspection: &Inspection) -> Vec<String> {
    let cells = |client: &ClientVerdict| {
        row(&[escaped(client.title), escaped(client.verdict.as_str()), why(client)])
    };
    inspection.clients.iter().map(cells).collect()
}

/// The reasons with their sources, each on a line of its cell.
fn why(client: &ClientVerdict) -> String {
    let troubles = client.troubles.iter().map(|trouble| {
        let sources = trouble.sources.iter().map(|source| escaped(source));
        format!(
            "{}: {} ({})",
            escaped(&trouble.shown),
            escaped(trouble.consequence),
            sources.collect::<Vec<_>>().join("; ")
        )
    });
    let unseen = client
        .not_seen
        .iter()
        .map(|unseen| format!("not seen: {} {}", escaped(&unseen.reason), escaped(unseen.fact)));
    troubles.chain(unseen).collect::<Vec<_>>().join("<br>")
}
