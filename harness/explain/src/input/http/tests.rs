use super::*;

fn found(text: &[u8], end: End) -> Vec<Found> {
    let messages = messages(text, end, &mut Budget::default());
    messages.into_iter().map(|(_, found)| found).collect()
}

fn body_of(found: &Found) -> &[u8] {
    match &found.message {
        Message::Request(request) => &request.body,
        Message::Reply(reply) => &reply.body,
    }
}

#[test]
fn messages_after_one_another_keep_their_bodies() {
    let text = b"POST /scep?operation=PKIOperation HTTP/1.1\r\nHost: ca\r\nContent-Length: 4\r\n\r\n0\n\x82\xffHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n0\n\r\n3;x=y\r\n\x82\r\n\r\n0\r\n\r\nGET /scep?operation=GetCACaps HTTP/1.1\nhost: ca\n\nHTTP/1.0 200\n\nAES\n";
    let found = found(text, End::Text);
    let bodies: Vec<&[u8]> = found.iter().map(body_of).collect();
    assert_eq!(bodies, [&b"0\n\x82\xff"[..], b"0\n\x82\r\n", b"", b"AES\n"]);
    assert!(found.iter().all(|found| found.gaps.is_empty()), "{found:?}");
    let exchanges = in_order(messages(text, End::Text, &mut Budget::default()));
    assert_eq!(exchanges.len(), 2);
    assert_eq!(exchanges[0].0.server.as_deref(), Some("ca"));
}

#[test]
fn missing_bytes_are_told() {
    for (text, end, gap) in [
        (
            &b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbody"[..],
            End::Text,
            "the body has 4 of the 9 bytes that its head announces: it is cut off where the text ends",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbody",
            End::Lost(5),
            "the body has 4 of the 9 bytes that its head announces: it is cut off by 5 bytes that were not captured",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nbody",
            End::Closed,
            "a chunk of the body has 4 of 9 bytes: it is cut off by the end of the connection",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nbody",
            End::Text,
            "the chunks of the body are cut off at what is no chunk",
        ),
        (
            b"POST / HTTP/1.1\r\nHost: ca\r\n",
            End::Open,
            "the head is cut off by the end of the capture",
        ),
        (
            b"HTTP/1.1 200 OK\r\n\r\nbody",
            End::Open,
            "the body is cut off by the end of the capture",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n\r\nbody",
            End::Text,
            "the body is coded as `br`, which is not decoded here",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nbody",
            End::Text,
            "the body is not gzip, although its head says so",
        ),
        (
            b"HTTP/1.1 200 OK\r\n\r\n0\xef\xbf\xbd\x06\xef\xbf\xbd\x06\xef\xbf\xbd",
            End::Text,
            "the body went through a program that replaces what is no text by U+FFFD, so its bytes are lost",
        ),
    ] {
        assert_eq!(found(text, end)[0].gaps, [gap], "{}", text.escape_ascii());
    }
}

#[test]
fn body_ends_where_the_next_message_begins() {
    let text = b"HTTP/1.1 200 OK\nContent-Length: 12\n\nAES\nSHA-1\nGET / HTTP/1.1\n\n";
    let found = found(text, End::Text);
    assert_eq!(found.len(), 2);
    assert_eq!(body_of(&found[0]), b"AES\nSHA-1\n");
    assert_eq!(
        found[0].gaps,
        [
            "the body has 10 of the 12 bytes that its head announces: it is cut off where the next message begins"
        ]
    );
}

#[test]
fn log_lines_and_words_are_no_messages() {
    for text in [
        &b"GET /scep HTTP/1.1\" 200 12\n"[..],
        b"HTTP/1.1 is a protocol\n",
        b"POST\n",
        b"Get / HTTP/1.1",
    ] {
        assert!(!starts(text), "{}", text.escape_ascii());
    }
    assert!(starts(b"GET /scep?message=MII AB HTTP/1.1"));
    assert!(starts(b"HTTP/2 200"));
}
