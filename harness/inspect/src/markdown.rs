//! The result as Markdown.

use report::markdown::{code, escaped, head, row};

use crate::inspection::Inspection;
use crate::verdict::ClientVerdict;

/// The report: a table of capabilities, one of certificates, one of HTTP, and the clients.
pub fn markdown(inspection: &Inspection) -> String {
    let mut lines = vec![
        format!("# {}", escaped(&inspection.url)),
        String::new(),
        format!("Inspected at {}; nothing was enrolled.", inspection.inspected_at),
    ];
    lines.extend(table("Capabilities", &["word", "meaning"], capabilities(inspection)));
    let columns = ["", "role", "subject", "dates", "key", "key usage", "SHA-256"];
    lines.extend(table("Certificates", &columns, certificates(inspection)));
    lines.extend(table("HTTP", &["request", "answer"], http(inspection)));
    if !inspection.remarks.is_empty() {
        lines.extend([String::new(), "## What stands out".to_owned(), String::new()]);
        lines.extend(inspection.remarks.iter().map(|remark| format!("- {}", escaped(remark))));
    }
    lines.extend(table("Clients", &["client", "verdict", "why"], clients(inspection)));
    lines.join("\n") + "\n"
}

fn table(title: &str, columns: &[&str], rows: Vec<String>) -> Vec<String> {
    if rows.is_empty() {
        return Vec::new();
    }
    let begin = [String::new(), format!("## {title}"), String::new()];
    begin.into_iter().chain(head(columns)).chain(rows).collect()
}

fn capabilities(inspection: &Inspection) -> Vec<String> {
    let words = inspection.capabilities.words.iter();
    let words =
        words.map(|word| row(&[code(&word.word), escaped(word.meaning.unwrap_or("unknown"))]));
    words.collect()
}

fn certificates(inspection: &Inspection) -> Vec<String> {
    let cells = |one: &crate::certificate::Facts| {
        let usage = one.extensions.key_usage.as_ref();
        row(&[
            one.position.to_string(),
            escaped(one.role.as_str()),
            escaped(&one.subject),
            escaped(&format!("{} to {}: {}", one.not_before, one.not_after, one.validity)),
            escaped(&one.key),
            escaped(&usage.map_or_else(|| "none".to_owned(), |names| names.join(", "))),
            code(&one.sha256),
        ])
    };
    inspection.certificates.list.iter().map(cells).collect()
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
    let unseen =
        client.not_seen.iter().map(|unseen| format!("not seen: {}", escaped(&unseen.reason)));
    troubles.chain(unseen).collect::<Vec<_>>().join("<br>")
}
