use std::time::UNIX_EPOCH;

use super::*;

fn reader(kind: Kind) -> Reader {
    Reader::new(kind, Budget::default())
}

/// The messages that these bytes complete.
fn read(reader: &mut Reader, mut bytes: &[u8], answers: Option<&str>) -> Vec<Message> {
    let mut complete = Vec::new();
    while !bytes.is_empty() {
        let (rest, message) = reader.read(bytes, UNIX_EPOCH, answers);
        complete.extend(message);
        bytes = rest;
    }
    complete
}

/// The bodies of the messages in these bytes, which come in pieces of that size.
fn bodies(kind: Kind, bytes: &[u8], size: usize) -> Vec<String> {
    let mut reader = reader(kind);
    let pieces = bytes.chunks(size);
    let whole = pieces.flat_map(|piece| read(&mut reader, piece, None)).collect::<Vec<_>>();
    assert!(reader.end().is_none());
    whole.into_iter().map(|mut it| String::from_utf8(it.body.take()).unwrap()).collect()
}

#[test]
fn messages_are_found_in_pieces_of_any_size() {
    let two = b"POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\n\r\n";
    let chunked =
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
        3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
    for size in 1..two.len() {
        assert_eq!(bodies(Kind::Request, two, size), ["abc", ""], "{size}");
    }
    for size in 1..chunked.len() {
        assert_eq!(bodies(Kind::Reply, chunked, size), ["abcde", ""], "{size}");
    }
}

#[test]
fn head_is_kept_as_it_was_sent() {
    let head = b"POST /a?b HTTP/1.1\r\nhOST:  x \r\nContent-Length: 0\r\n\r\n";
    let [message] = <[Message; 1]>::try_from(read(&mut reader(Kind::Request), head, None)).unwrap();
    assert_eq!(message.head.bytes, head);
    assert_eq!(message.head.fields[0], ("hOST".to_owned(), "x".to_owned()));
    let line = FirstLine::Request { method: "POST".to_owned(), target: "/a?b".to_owned() };
    assert_eq!(message.head.line, line);
}

#[test]
fn message_that_breaks_off_says_where() {
    for (bytes, gap) in [
        ("HTTP/1.1 200 OK\r\nContent-Le", "it broke off within its head, after 27 bytes"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
            "it broke off after 3 of 9 bytes of its body",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
            "it broke off within its chunks, after 3 bytes of its body",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nabc",
            "it broke off within its chunks, after 8 bytes of its body",
        ),
        ("SSH-2.0-OpenSSH_9.2\r\n", "it is no HTTP/1"),
    ] {
        let mut reader = reader(Kind::Reply);
        assert!(read(&mut reader, bytes.as_bytes(), None).is_empty());
        let message = reader.end().unwrap();
        assert_eq!(message.gap.as_deref(), Some(gap));
    }
}

#[test]
fn body_without_length_ends_with_the_connection() {
    let mut reader = reader(Kind::Reply);
    assert!(read(&mut reader, b"HTTP/1.0 200 OK\r\n\r\nabc", None).is_empty());
    let mut message = reader.end().unwrap();
    assert_eq!((message.body.take(), message.gap), (b"abc".to_vec(), None));
}

#[test]
fn reply_to_head_has_no_body() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n";
    assert_eq!(read(&mut reader(Kind::Reply), head, Some("HEAD")).len(), 1);
}

#[test]
fn bytes_that_are_no_http_are_kept() {
    let mut reader = reader(Kind::Request);
    for piece in [&[0x16, 3, 1][..], &[0; 9], &[1, 2]] {
        assert!(read(&mut reader, piece, None).is_empty());
    }
    assert_eq!(reader.end().unwrap().head.bytes.len(), 14);
}

#[test]
fn heads_of_waiting_messages_are_within_the_budget_of_all_connections() {
    let budget = Budget::default();
    let mut others = Room::within(&budget);
    assert!(others.grow(120 << 20));
    let head = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(60_000));
    let mut waiting = Vec::new();
    let mut last = loop {
        let mut reader = Reader::new(Kind::Request, budget.clone());
        let complete = read(&mut reader, head.repeat(2).as_bytes(), None);
        let is_all = complete.len() == 2;
        waiting.extend(complete);
        if !is_all {
            break reader;
        }
        assert!(waiting.len() < 10_000, "no limit");
    };
    // Each is there as it came, and parsed.
    let bytes = waiting.len() * 2 * head.len();
    assert!((7 << 20..=8 << 20).contains(&bytes), "{bytes}");
    let gap = last.end().unwrap().gap.unwrap();
    assert!(
        gap.starts_with("it and what follows in its connection are not read, because"),
        "{gap}"
    );

    drop(waiting);
    let mut reader = Reader::new(Kind::Request, budget);
    assert_eq!(read(&mut reader, head.as_bytes(), None).len(), 1);
}
