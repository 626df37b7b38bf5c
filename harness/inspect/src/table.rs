//! The table of client families as a page of the book.

use families::{Consequence, Demand, Family, FamilyName, Source, Subject};
use report::markdown::{head, row};

/// All families, each with what is known of it and what is not, as Markdown.
pub fn table() -> String {
    FamilyName::ALL.iter().map(|name| section(name.family())).collect::<Vec<_>>().join("\n\n")
}

fn section(family: &Family) -> String {
    let columns = ["about", "what it does", "so it needs", "otherwise", "known from"];
    let rows = family.demands.iter().map(line);
    let rows: Vec<String> = head(&columns).into_iter().chain(rows).collect();
    let unknown: Vec<&str> = family.unknown().map(Subject::as_str).collect();
    format!(
        "### {} (`{}`)\n\n{}\n\nUnknown: {}.",
        family.title,
        family.name,
        rows.join("\n"),
        unknown.join(", ")
    )
}

fn line(demand: &Demand) -> String {
    let otherwise = match demand.otherwise {
        None => String::new(),
        Some(Consequence::Fails(words)) => format!("fails: {words}"),
        Some(Consequence::MayFail(words)) => format!("may fail: {words}"),
    };
    let needs = if demand.otherwise.is_none() { String::new() } else { demand.need.to_string() };
    let sources: Vec<String> = demand.sources.iter().map(|source| linked(*source)).collect();
    row(&[
        demand.need.subject().to_string(),
        demand.fact.to_owned(),
        needs,
        otherwise,
        sources.join("; "),
    ])
}

fn linked(source: Source) -> String {
    match source {
        Source::Code(place) | Source::Documentation(place) | Source::Issue(place) => {
            format!("[{}]({place})", source.kind())
        }
        Source::Capture(_) => source.to_string(),
        Source::Own(file) => format!("`{file}`"),
    }
}
