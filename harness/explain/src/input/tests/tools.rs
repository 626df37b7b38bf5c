//! What real programs write: files of `data`, whose README has the commands.

use super::*;

/// The message that all dumps are made of.
fn dumped() -> Vec<u8> {
    seed("message/pending.der")
}

fn data(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/input/tests/data");
    fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn dumps_of_programs_are_read() {
    for (name, form) in [
        ("xxd.txt", "hex dump as of `xxd`"),
        ("xxd-p.txt", "hexadecimal digits"),
        ("xxd-i.txt", "array of hexadecimal numbers"),
        ("xxd-e.txt", "hex dump of little-endian words"),
        ("hexdump-C.txt", "hex dump as of `hexdump -C`"),
        ("hexdump.txt", "hex dump of little-endian words"),
        ("od-x1.txt", "hex dump"),
        ("od-x1z.txt", "hex dump"),
        ("od-x2.txt", "hex dump of little-endian words"),
        ("python.txt", "string with escaped bytes"),
        ("asn1parse-dump.txt", "listing of `openssl asn1parse`"),
    ] {
        let item = one(&data(name));
        assert_eq!(item.taken_for, [form, "DER"], "{name}");
        assert!(item.content == Content::Bytes(dumped()), "{name}");
    }
}

#[test]
fn listing_of_ber_becomes_bytes() {
    let item = one(&data("asn1parse-ber.txt"));
    assert_eq!(item.taken_for, ["listing of `openssl asn1parse`", "BER"]);
    assert!(item.content == Content::Bytes(seed("ber/get-cert.der")));
}

#[test]
fn listing_without_dumps_says_what_it_lacks() {
    let words = words(&data("asn1parse.txt"));
    assert!(words.contains("tried as a listing of `openssl asn1parse`, which lacks"), "{words}");
    assert!(words.contains("make it with `-dump`"), "{words}");
}

/// The conversation of two requests on one connection, as each program wrote it.
#[test]
fn conversations_of_programs_are_read() {
    for (name, form) in [
        ("loopback.pcapng", "capture of packets (pcapng)"),
        ("any.pcap", "capture of packets (pcap)"),
        ("frames.txt", "packets as hex dumps"),
        ("follow-hex.txt", "TCP stream as followed by Wireshark"),
        ("follow-raw.txt", "TCP stream as followed by Wireshark"),
        ("follow-yaml.txt", "TCP stream as followed by Wireshark"),
        ("curl-trace.txt", "output of `curl --trace`"),
    ] {
        let items = read(&data(name));
        assert_eq!(items.len(), 2, "{name}");
        for item in &items {
            assert_eq!(item.taken_for, [format!("{form}, HTTP request and reply")], "{name}");
            assert!(exchange(item).gaps.is_empty(), "{name}: {item:?}");
        }
        let [capabilities, operation] = &items[..] else { panic!() };
        let body = &exchange(capabilities).reply.as_ref().unwrap().body;
        assert_eq!(body, b"POSTPKIOperation\nSHA-256\nAES\n", "{name}");
        assert!(sent(exchange(operation)) == seed("message/get-crl.der"), "{name}");
        assert!(exchange(operation).reply.as_ref().unwrap().body == dumped(), "{name}");
    }
}

#[test]
fn capture_has_times_and_addresses() {
    let items = read(&data("loopback.pcapng"));
    let exchange = exchange(&items[1]);
    let at = exchange.at.unwrap().duration_since(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(at.as_secs(), 1_796_066_516);
    assert_eq!(exchange.client.as_deref(), Some("127.0.0.1:50918"));
    assert_eq!(exchange.server.as_deref(), Some("127.0.0.1:8080"));
    assert_eq!(
        items[1].origin,
        "input, connection from 127.0.0.1:50918 to 127.0.0.1:8080 from packet 1, exchange 2 of 2"
    );
}

#[test]
fn verbose_curl_has_the_reply_and_no_body_of_the_request() {
    let items = read(&data("curl-v.txt"));
    let [item] = &items[..] else { panic!("{items:?}") };
    let exchange = exchange(item);
    assert!(exchange.reply.as_ref().unwrap().body == dumped());
    assert_eq!(
        gaps_of(exchange),
        ["request: curl printed none of the 1842 bytes of the body; `--trace FILE` writes them"]
    );
    assert!(words(&data("curl-trace-ascii.txt")).contains("`curl --trace FILE` writes them"));
}
