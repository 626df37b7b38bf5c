//! HTTP exchanges in the bytes of a connection, and the index of a bundle.

use std::time::UNIX_EPOCH;

use recording::{End, Exchange, exchanges_of};

use crate::MAX_INPUT_BYTES;

/// What separates the client's bytes from the server's.
const BETWEEN: &[u8] = b"\n--\n";

/// Finds the exchanges in the bytes of both directions: those before the first line `--` are the client's, the others the server's.
///
/// The same bytes are read as the index of a bundle, which comes from elsewhere, too.
///
/// # Panics
/// If pieces of another size have other exchanges, or if more bytes are found than there are, or if an index may name a file outside of its
/// bundle.
pub fn recorded(data: &[u8]) {
    if data.len() > MAX_INPUT_BYTES {
        return;
    }
    if let Ok(index) = bundle::index_of("bundle.json", data) {
        let files = index.files.iter().map(|file| &file.path);
        for path in files.chain(index.keys.iter().map(|key| &key.path)) {
            let leaves = path.starts_with('/') || path.split('/').any(|part| part == "..");
            assert!(!leaves, "{path}");
        }
    }
    let end = data.windows(BETWEEN.len()).position(|window| window == BETWEEN);
    let (client, server) = match end {
        Some(end) => (&data[..=end], &data[end + BETWEEN.len()..]),
        None => (data, &[][..]),
    };
    let whole = exchanges(client, server, MAX_INPUT_BYTES);
    for size in [1, 7] {
        assert_eq!(exchanges(client, server, size), whole, "pieces of {size} bytes");
    }
    let found: usize = whole.iter().map(len).sum();
    assert!(found <= data.len(), "{found} bytes in {}", data.len());
}

fn exchanges(client: &[u8], server: &[u8], size: usize) -> Vec<Exchange> {
    let sent = client.chunks(size).map(|piece| (End::Client, piece, UNIX_EPOCH));
    let answered = server.chunks(size).map(|piece| (End::Server, piece, UNIX_EPOCH));
    exchanges_of(End::Server, sent.chain(answered))
}

fn len(exchange: &Exchange) -> usize {
    let request = exchange.request.as_ref().map_or(0, |it| it.head.len() + it.body.len());
    request + exchange.reply.as_ref().map_or(0, |it| it.head.len() + it.body.len())
}
