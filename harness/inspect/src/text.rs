//! The result in words, for a terminal.

use diagnostics::{counted, visible};

use crate::certificate::Facts;
use crate::inspection::{BY_ITSELF, Inspection};
use crate::verdict::{ClientVerdict, Verdict};

/// The lines for the reader; with `is_long`, also what fits, with its sources.
pub fn text(inspection: &Inspection, is_long: bool) -> String {
    let mut lines = vec![heading(inspection)];
    lines.extend(capabilities(inspection));
    lines.extend(certificates(inspection));
    lines.extend(next_ca(inspection));
    lines.extend(http(inspection));
    if !inspection.remarks.is_empty() {
        lines.push("\nWhat stands out".to_owned());
        lines.extend(inspection.remarks.iter().map(|remark| format!("  - {remark}")));
    }
    lines.push("\nClients".to_owned());
    for client in &inspection.clients {
        lines.extend(self::client(client, is_long));
    }
    lines.push(closing(inspection));
    let lines = lines.iter().flat_map(|line| line.split('\n'));
    lines.map(visible).collect::<Vec<_>>().join("\n")
}

fn heading(inspection: &Inspection) -> String {
    let name = inspection.ca_identifier.as_deref();
    let name = name.map(|name| format!(", asked for the CA `{name}`")).unwrap_or_default();
    format!("{} answers as a SCEP service{name}; nothing was enrolled", inspection.url)
}

fn capabilities(inspection: &Inspection) -> Vec<String> {
    let list = &inspection.capabilities;
    let mut lines = vec![format!("\nCapabilities (GetCACaps: {})", list.reply.line())];
    if list.words.is_empty() {
        lines.push("  none".to_owned());
    }
    lines.extend(list.words.iter().take(LONGEST).map(|word| {
        let meaning = word.meaning.unwrap_or("unknown word, which clients ignore");
        format!("  {:17} {meaning}", word.word)
    }));
    if let Some(more) = list.words.len().checked_sub(LONGEST).filter(|more| *more > 0) {
        lines.push(format!("  and {}", counted(more, "more word")));
    }
    lines
}

/// The number of words and certificates that are shown.
const LONGEST: usize = 32;

fn certificates(inspection: &Inspection) -> Vec<String> {
    let came = &inspection.certificates;
    let mut lines = vec![format!("\nCertificates (GetCACert: {})", came.reply.line())];
    match came.form {
        Some(BY_ITSELF) => lines.push("  1 certificate, by itself".to_owned()),
        Some(form) => {
            let count = counted(came.list.len(), "certificate");
            lines.push(format!("  {count}, in this order in a {form}"));
        }
        None => lines.push("  none could be read".to_owned()),
    }
    for one in came.list.iter().take(LONGEST) {
        let is_recipient = came.recipient == Some(one.position);
        lines.extend(certificate(one, is_recipient));
    }
    lines
}

/// What is said of the certificate to which Sceplab's client enciphers.
pub(crate) const RECIPIENT: &str = "; Sceplab's client enciphers to it";

fn certificate(one: &Facts, is_recipient: bool) -> Vec<String> {
    let recipient = if is_recipient { RECIPIENT } else { "" };
    let rows = rows_about(one);
    let rows = rows.into_iter().map(|(name, value)| format!("     {name:11} {value}"));
    std::iter::once(format!("  {}. {}{recipient}", one.position, one.role)).chain(rows).collect()
}

/// The facts about a certificate, each with its name.
pub(crate) fn rows_about(one: &Facts) -> Vec<(&'static str, String)> {
    let extensions = &one.extensions;
    let issued = match one.issued_by.as_slice() {
        [] => "none of these certificates issued it".to_owned(),
        places if places.contains(&one.position) => "signed by itself".to_owned(),
        places => {
            let places: Vec<String> = places.iter().map(ToString::to_string).collect();
            format!("issued by certificate {}", places.join(" and "))
        }
    };
    let usage = match &extensions.key_usage {
        None => "no extension, so nothing is restricted".to_owned(),
        Some(names) if names.is_empty() => "none".to_owned(),
        Some(names) => names.join(", "),
    };
    let mut rows = vec![
        ("subject", one.subject.clone()),
        ("issuer", format!("{} ({issued})", one.issuer)),
        ("serial", one.serial.clone()),
        ("dates", format!("{} to {}: {}", one.not_before, one.not_after, one.validity)),
        ("key", one.key.clone()),
        ("signature", one.signature.clone()),
        ("key usage", usage),
        ("constraints", extensions.basic_constraints.clone().unwrap_or_else(|| "none".to_owned())),
    ];
    if !extensions.extended_key_usage.is_empty() {
        rows.push(("extended", extensions.extended_key_usage.join(", ")));
    }
    if let Some(template) = &extensions.template {
        rows.push(("template", template.clone()));
    }
    if !extensions.others.is_empty() {
        rows.push(("others", extensions.others.join(", ")));
    }
    rows.extend([
        ("SHA-256", one.sha256.clone()),
        ("SHA-1", one.sha1.clone()),
        ("MD5", one.md5.clone()),
    ]);
    rows
}

fn next_ca(inspection: &Inspection) -> Vec<String> {
    let Some(next) = &inspection.next_ca else {
        return Vec::new();
    };
    let mut lines = vec![format!("\nNext CA (GetNextCACert: {})", next.reply.line())];
    if let Some(problem) = &next.problem {
        lines.push(format!("  {problem}"));
    }
    lines.extend(next.list.iter().take(LONGEST).flat_map(|one| certificate(one, false)));
    lines
}

fn http(inspection: &Inspection) -> Vec<String> {
    let width = inspection.http.iter().map(|one| one.request.len()).max().unwrap_or_default();
    let rows =
        inspection.http.iter().map(|one| format!("  {:width$}  {}", one.request, one.in_words));
    let rows: Vec<String> = rows.collect();
    if rows.is_empty() {
        return rows;
    }
    std::iter::once("\nHTTP".to_owned()).chain(rows).collect()
}

fn client(client: &ClientVerdict, is_long: bool) -> Vec<String> {
    let mut lines = vec![format!(
        "  {:11} {:16}  {}",
        client.name.as_str(),
        client.verdict.as_str(),
        client.title
    )];
    for trouble in &client.troubles {
        let weight = if trouble.is_fatal { "fails" } else { "may fail" };
        lines.push(format!("    {weight}, {}: {}", trouble.subject, trouble.shown));
        lines.push(format!("      {} Here {}.", trouble.fact, trouble.consequence));
        lines.extend(trouble.sources.iter().map(|source| format!("      [{source}]")));
    }
    for unseen in &client.not_seen {
        lines.push(format!("    not seen, {}: {}", unseen.subject, unseen.reason));
        lines.push(format!("      {}", unseen.fact));
        if is_long {
            lines.extend(unseen.sources.iter().map(|source| format!("      [{source}]")));
        }
    }
    if !is_long {
        return lines;
    }
    for agreed in &client.agreed {
        let what = if agreed.fits { "fits" } else { "known" };
        lines.push(format!("    {what}, {}: {}", agreed.subject, agreed.fact));
        lines.extend(agreed.sources.iter().map(|source| format!("      [{source}]")));
    }
    if !client.unknown.is_empty() {
        let names: Vec<&str> = client.unknown.iter().map(|subject| subject.as_str()).collect();
        lines.push(format!("    unknown: {}", names.join(", ")));
    }
    lines
}

fn closing(inspection: &Inspection) -> String {
    format!("\n{}: `--verbose` lists what is known, and what is not.", counts(inspection))
}

/// How many clients have each verdict, without the full stop.
pub(crate) fn counts(inspection: &Inspection) -> String {
    let count = |wanted: Verdict| {
        inspection.clients.iter().filter(|client| client.verdict == wanted).count()
    };
    let parts: Vec<String> = Verdict::ALL
        .iter()
        .filter(|verdict| count(**verdict) > 0)
        .map(|verdict| format!("{} {verdict}", count(*verdict)))
        .collect();
    format!(
        "{}: {}. No trouble known is no promise",
        counted(inspection.clients.len(), "client"),
        parts.join(", ")
    )
}
