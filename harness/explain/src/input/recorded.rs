//! Folders that `--save-messages` has written.

use std::path::Path;

use diagnostics::counted;
use recording::{ReadError, Recording, folders_in, read};

use super::{InputError, budget::Budget};
use crate::exhibit::{Content, Exchange, Exhibit, Reply, Request};

/// The exchanges in the recordings of a folder; none if it has no recording.
pub(super) fn exhibits(
    folder: &Path,
    budget: &mut Budget,
) -> Result<Option<Vec<Exhibit>>, InputError> {
    let (mut exhibits, mut empty) = (Vec::new(), None);
    for folder in folders_in(folder).map_err(InputError::Recording)? {
        let recording = match read(&folder) {
            Ok(recording) => recording,
            // Another program may call a file `index.json`, too.
            Err(ReadError::NoIndex { .. }) => continue,
            Err(error) => return Err(InputError::Recording(error)),
        };
        let name = folder.display().to_string();
        if recording.exchanges.is_empty() {
            empty = Some((name.clone(), recording.of.clone()));
        }
        for exhibit in of(recording, &name) {
            let within = budget.take_exhibit() && budget.take_bytes(length(&exhibit.content));
            if let Some(limit) = budget.exceeded().filter(|_| !within) {
                return Err(InputError::TooMuch(name.clone(), limit.to_owned()));
            }
            exhibits.push(exhibit);
        }
    }
    match (exhibits.is_empty(), empty) {
        (true, Some((folder, of))) => Err(InputError::NothingSaved { folder, of }),
        (true, None) => Ok(None),
        (false, _) => Ok(Some(exhibits)),
    }
}

fn of(recording: Recording, folder: &str) -> impl Iterator<Item = Exhibit> {
    let (left_out, last) = (recording.left_out, recording.exchanges.len());
    let taken_for = format!("saved messages of {}", recording.of);
    let folder = folder.to_owned();
    (1..).zip(recording.exchanges).map(move |(number, saved)| {
        let mut exchange = exchange(saved);
        if number == last && left_out > 0 {
            let more = usize::try_from(left_out).unwrap_or(usize::MAX);
            exchange
                .gaps
                .push(format!("{} after this one were not saved", counted(more, "exchange")));
        }
        Exhibit {
            taken_for: vec![taken_for.clone()],
            origin: format!("{folder}, exchange {number}"),
            content: Content::Exchange(exchange),
        }
    })
}

fn exchange(saved: recording::Exchange) -> Exchange {
    let mut gaps = saved.gaps;
    let request = saved.request.filter(|request| {
        let is_http = !request.method.is_empty();
        if !is_http {
            gaps.push(foreign("client", request.head.len()));
        }
        is_http
    });
    let reply = saved.reply.and_then(|reply| {
        let Some(status) = reply.status else {
            gaps.push(foreign("server", reply.head.len()));
            return None;
        };
        Some(Reply { status, fields: reply.fields, body: reply.body })
    });
    let request = request.map(|it| Request {
        method: it.method,
        target: it.target,
        fields: it.fields,
        body: it.body,
    });
    Exchange {
        at: Some(saved.at),
        client: saved.client,
        server: saved.server,
        request,
        reply,
        gaps,
    }
}

fn foreign(end: &str, count: usize) -> String {
    format!("the {end} sent {} that are no HTTP", counted(count, "byte"))
}

fn length(content: &Content) -> usize {
    match content {
        Content::Bytes(bytes) => bytes.len(),
        Content::Exchange(exchange) => {
            exchange.request.as_ref().map_or(0, |request| request.body.len())
                + exchange.reply.as_ref().map_or(0, |reply| reply.body.len())
        }
    }
}
