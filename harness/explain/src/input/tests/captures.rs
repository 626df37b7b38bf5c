//! Captures that are made here: links, lost and disordered segments, pipelining, several connections.

mod packets;

use std::time::{Duration, SystemTime};

use pcap_file::DataLink;

use self::packets::{
    CLIENT, RST, Sent, conversation, ethernet, ipv4, ipv6, pcap, pcap_of_length, raw,
};
use super::*;
use crate::{
    Knowledge,
    explanation::{AtFault, Verdict},
};

fn request() -> Vec<u8> {
    seed("http_head/scepclient-2.1.0-pkioperation.http")
}

fn answer() -> Vec<u8> {
    seed("message/step-ca-0.19-granted.der")
}

fn reply() -> Vec<u8> {
    let body = answer();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-pki-message\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), &body].concat()
}

fn plain() -> Vec<Sent> {
    conversation(&request(), &reply(), 536)
}

/// Asserts that both messages are whole, and gives what is told beside them.
fn gaps(capture: &[u8]) -> Vec<String> {
    let item = one(capture);
    let exchange = exchange(&item);
    assert!(sent(exchange) == message(), "{exchange:?}");
    assert!(exchange.reply.as_ref().unwrap().body == answer(), "{exchange:?}");
    gaps_of(exchange)
}

#[test]
fn packets_on_every_link_are_read() {
    let segments = plain();
    let all = |make: &dyn Fn(&Sent) -> Vec<u8>| segments.iter().map(make).collect::<Vec<_>>();
    let v4 = |segment: &Sent| ipv4(segment, CLIENT);
    let with = |head: &'static [u8]| move |segment: &Sent| [head, &ipv4(segment, CLIENT)].concat();
    let tagged = |segment: &Sent| {
        let tag = [&[0, 7, 0x81, 0, 0, 8, 8, 0], &*ipv4(segment, CLIENT)].concat();
        ethernet(0x88a8, &tag)
    };
    for (link, packets) in [
        (DataLink::ETHERNET, all(&|segment| ethernet(0x0800, &v4(segment)))),
        (DataLink::ETHERNET, all(&|segment| ethernet(0x86dd, &ipv6(segment)))),
        (DataLink::ETHERNET, all(&tagged)),
        (DataLink::RAW, all(&v4)),
        (DataLink::RAW, all(&ipv6)),
        (DataLink::IPV4, all(&v4)),
        (DataLink::NULL, all(&with(&[2, 0, 0, 0]))),
        (DataLink::LOOP, all(&with(&[0, 0, 0, 2]))),
        (DataLink::LINUX_SLL, all(&with(&[0, 0, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0, 8, 0]))),
        (
            DataLink::from(276),
            all(&with(&[8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0])),
        ),
    ] {
        assert!(gaps(&pcap(link, &packets)).is_empty(), "{link:?}");
    }
}

#[test]
fn disordered_and_repeated_segments_are_put_in_order() {
    let mut segments = plain();
    segments.swap(3, 4);
    let again = segments[5].clone();
    segments.insert(8, again);
    assert_eq!(
        gaps(&raw(&segments)),
        ["put in order in the connection: 2 segments from the client, late or sent again"]
    );
    segments.reverse();
    let notes = gaps(&raw(&segments));
    assert_eq!(notes.len(), 2, "{notes:?}");
}

#[test]
fn overlapping_segments_are_taken_once() {
    let mut segments = plain();
    let Sent { place, payload, .. } = segments[3].clone();
    let after = segments[4].payload.clone();
    let both = [&payload[100..], &after[..200]].concat();
    segments[4] = Sent { place: place + 100, payload: both.clone(), ..segments[3].clone() };
    segments.insert(5, Sent { place: place + 536, payload: after, ..segments[3].clone() });
    assert_eq!(
        gaps(&raw(&segments)),
        ["put in order in the connection: 2 segments from the client, late or sent again"]
    );
    let mut other = both;
    other[0] ^= 1;
    segments[4].payload = other;
    let notes = gaps(&raw(&segments));
    assert!(notes[1].contains("overlap with different bytes"), "{notes:?}");
}

#[test]
fn lost_segment_of_a_body_is_told() {
    let mut segments = plain();
    let lost =
        segments.iter().position(|one| !one.from_client && one.place == 1 + 536 * 2).unwrap();
    segments.remove(lost);
    let item = one(&raw(&segments));
    let exchange = exchange(&item);
    assert!(sent(exchange) == message());
    let body = &exchange.reply.as_ref().unwrap().body;
    assert!(answer().starts_with(body) && body.len() < 1072, "{}", body.len());
    assert_eq!(
        gaps_of(exchange),
        [
            format!(
                "reply: the body has {} of the 3787 bytes that its head announces: it is cut off by 536 bytes that were not captured",
                body.len()
            ),
            "missing in the connection: 536 bytes from the server, at 1 place".to_owned(),
        ]
    );
}

/// The verdict about a capture.
fn verdict(capture: &[u8]) -> Verdict {
    let knowledge = Knowledge::new(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_956_391));
    crate::explain(read(capture), &knowledge).verdict
}

#[test]
fn what_the_capture_lost_is_nobodys_mistake_and_what_the_peer_cut_is_its_own() {
    let packets: Vec<Vec<u8>> = plain().iter().map(|one| ipv4(one, CLIENT)).collect();
    let mut lost = plain();
    lost.retain(|one| one.from_client || one.place != 1 + 536 * 2);
    let mut unfinished = plain();
    let end = unfinished.iter().rposition(|one| !one.payload.is_empty()).unwrap();
    unfinished.truncate(end);
    for capture in [
        raw(&lost),
        raw(&unfinished),
        pcap_of_length(DataLink::RAW, &packets, 300),
        raw(&plain())[..raw(&plain()).len() * 3 / 4].to_vec(),
    ] {
        let verdict = verdict(&capture);
        // The request has a mistake of its own, as far as it was captured: single DES.
        assert!(matches!(verdict.at_fault, AtFault::Client | AtFault::Unknown), "{verdict:?}");
    }
    // The server ends the connection in the middle of its body.
    let whole = reply();
    let cut = conversation(&request(), &whole[..whole.len() - 700], 536);
    let verdict = verdict(&raw(&cut));
    assert_eq!(verdict.at_fault, AtFault::Both, "{verdict:?}");
}

#[test]
fn messages_after_a_hole_are_read() {
    let requests =
        [request(), b"GET /scep?operation=GetCACaps HTTP/1.1\r\nHost: ca\r\n\r\n".to_vec()]
            .concat();
    let replies = [reply(), b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nAES\n".to_vec()].concat();
    let mut segments = conversation(&requests, &replies, 536);
    segments.retain(|one| one.from_client || one.place != 1 + 536 * 2);
    let items = read(&raw(&segments));
    assert_eq!(items.len(), 2, "{items:?}");
    assert_eq!(exchange(&items[1]).reply.as_ref().unwrap().body, b"AES\n");
}

#[test]
fn packets_that_were_captured_in_part_are_told() {
    let packets: Vec<Vec<u8>> = plain().iter().map(|one| ipv4(one, CLIENT)).collect();
    let item = one(&pcap_of_length(DataLink::RAW, &packets, 300));
    let gaps = gaps_of(exchange(&item));
    assert!(gaps.iter().any(|gap| gap.contains("`tcpdump -s 0`")), "{gaps:?}");
}

#[test]
fn pipelined_requests_have_their_replies() {
    let get = |name: &str| format!("GET /scep?operation={name} HTTP/1.1\r\nHost: ca\r\n\r\n");
    let answer =
        |body: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let requests = get("GetCACaps") + &get("GetCACert") + &get("GetNextCACert");
    let replies = "HTTP/1.1 100 Continue\r\n\r\n".to_owned()
        + &answer("caps")
        + &answer("cert")
        + &answer("next");
    let items = read(&raw(&conversation(requests.as_bytes(), replies.as_bytes(), 50)));
    let bodies: Vec<&[u8]> =
        items.iter().map(|item| &*exchange(item).reply.as_ref().unwrap().body).collect();
    assert_eq!(bodies, [b"caps", b"cert", b"next"]);
}

#[test]
fn connection_that_ends_without_a_reply_is_told() {
    let mut segments = conversation(&request(), b"", 536);
    segments.truncate(segments.len() - 2);
    let gap = |segments: &[Sent]| gaps_of(exchange(&one(&raw(segments))));
    assert_eq!(gap(&segments), ["the capture ends before a reply came"]);
    segments.push(Sent { from_client: false, place: 1, flags: RST, payload: Vec::new() });
    assert_eq!(gap(&segments), ["the connection was reset before a reply came"]);
    assert_eq!(
        gap(&conversation(&request(), b"", 536)),
        ["the connection was closed before a reply came"]
    );
}

#[test]
fn connection_whose_beginning_is_missing_is_read() {
    assert_eq!(gaps(&raw(&plain()[2..])), ["the beginning of the connection was not captured"]);
}

#[test]
fn other_connections_are_left_out_and_counted() {
    let tls = conversation(b"\x16\x03\x01\x00\x05hello", b"\x16\x03\x03\x00\x05hello", 536);
    let other = conversation(
        b"GET / HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n",
        536,
    );
    let mut packets: Vec<Vec<u8>> = tls.iter().map(|one| ipv4(one, 40001)).collect();
    packets.extend(other.iter().map(|one| ipv4(one, 40002)));
    packets.push(vec![
        0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 1, 2, 3, 4, 1, 2, 3, 5, 0, 1, 0, 2, 0, 8, 0, 0,
    ]);
    let words = words(&pcap(DataLink::RAW, &packets));
    for expected in [
        "it has 2 TCP connections and no exchange of SCEP",
        "1 HTTP exchange about something else",
        "1 TLS connection, which cannot be read without the keys",
        "1 packet without TCP",
    ] {
        assert!(words.contains(expected), "{words}");
    }
    packets.extend(plain().iter().map(|one| ipv4(one, CLIENT)));
    let gaps = gaps(&pcap(DataLink::RAW, &packets));
    assert!(gaps[0].contains("the capture also has 1 TLS connection to 192.0.2.1"), "{gaps:?}");
}

#[test]
fn file_that_is_cut_off_is_read_to_there() {
    let capture = raw(&plain());
    let item = one(&capture[..capture.len() - 30]);
    let gaps = gaps_of(exchange(&item));
    assert!(
        gaps.iter()
            .any(|gap| gap.contains("the file of the capture is cut off or damaged after packet")),
        "{gaps:?}"
    );
}

#[test]
fn cut_packets_are_counted_on_every_link() {
    let whole = ipv4(&plain()[3], CLIENT);
    for link in [0, 1, 101, 108, 113, 276, 9999] {
        for length in 0..80 {
            let words = words(&pcap(DataLink::from(link), &[whole[..length].to_vec()]));
            assert!(words.contains("no exchange of SCEP"), "{words}");
        }
    }
}

#[test]
fn same_ports_used_again_are_another_connection() {
    let mut again = conversation(&request(), &reply(), 700);
    for segment in &mut again {
        segment.place += 100_000;
    }
    let items = read(&raw(&[plain(), again].concat()));
    assert_eq!(items.len(), 2);
    assert!(items.iter().all(|item| exchange(item).gaps.is_empty()), "{items:?}");
}
