//! Revocation lists that a device must not believe, each told in words, on a paused clock.

use std::time::Duration;

use scep::http::HttpResponse;
use tokio::time::sleep;

use super::toy_ca::{Answer, List, root, stranger_key};
use super::toy_list::{HandmadeList, entry, list_extension, tlv};
use super::toy_network::RawAnswer;
use super::{DOCUMENTED, Lab};

const CSR: &str = "set system certificate scep csr CSR";
const URL: &str = "http://10.215.168.1:8080/list.crl";
const DATE: &str = "260101000100Z";

/// The object identifiers of extensions, in DER without their headers.
const DELTA: &[u8] = &[0x55, 0x1d, 27];
const ISSUING_POINT: &[u8] = &[0x55, 0x1d, 28];
const CERTIFICATE_ISSUER: &[u8] = &[0x55, 0x1d, 29];
const NUMBER: &[u8] = &[0x55, 0x1d, 20];
const UNKNOWN: &[u8] = &[0x2a, 3, 4];

/// A lab whose only certificate, with serial number 2 and these distribution points, was revoked a minute after the beginning of 2026 by a
/// list that has expired.
async fn revoked(points: &[&str]) -> Lab {
    let (lab, _) = Lab::in_2026(Answer::Issue);
    *lab.ca.distribution_points.lock().unwrap() =
        points.iter().map(|point| (*point).to_owned()).collect();
    lab.device.replace_configuration(DOCUMENTED).await.unwrap();
    lab.shows("usercert Valid").await;
    sleep(Duration::from_secs(60)).await;
    lab.ca.revoke(2);
    lab.ca.give_out(List::For(Duration::from_secs(1)));
    lab.device.modify_configuration(&format!("{CSR} crl-check cdp")).await.unwrap();
    lab.shows("usercert Revoked").await;
    lab.ca.give_out(List::None);
    sleep(Duration::from_secs(120)).await;
    lab
}

/// Lets the device fetch a list now, and gives what it has logged since.
async fn fetched(lab: &Lab, number: usize) -> String {
    let before = lab.device.protocol_log().len();
    let line = format!("set system host-name DUT{number}");
    lab.device.modify_configuration(&line).await.unwrap();
    // Longer than an exchange may take, and shorter than until the next try.
    sleep(Duration::from_secs(20)).await;
    lab.device.protocol_log().split_off(before).join("\n")
}

fn page(body: Vec<u8>) -> HttpResponse {
    HttpResponse { status: 200, body, ..HttpResponse::default() }
}

/// An issuing distribution point with one field.
fn issuing_point(tag: u8, content: &[u8]) -> Vec<u8> {
    list_extension(ISSUING_POINT, true, &tlv(0x30, &tlv(tag, content)))
}

fn point_at(url: &str) -> Vec<u8> {
    issuing_point(0xa0, &tlv(0xa0, &tlv(0x86, url.as_bytes())))
}

#[tokio::test(start_paused = true)]
async fn list_that_says_nothing_about_the_certificate_is_refused_and_takes_no_revocation_back() {
    let lab = revoked(&[URL]).await;
    let ca = lab.ca.identity();
    let list = || HandmadeList::of(&ca);
    let other = root("CN=Other", stranger_key(), std::time::UNIX_EPOCH, 1).certificate;
    let cases: Vec<(HandmadeList, &str)> = vec![
        (HandmadeList { key: stranger_key(), ..list() }, "its signature does not verify"),
        (
            HandmadeList { issuer: other.subject_name().to_der().unwrap(), ..list() },
            "its issuer is `CN = Other`, not `CN = Toy-PKI, O = Toy`",
        ),
        (
            HandmadeList { next_update: "260101000159Z", ..list() },
            "its nextUpdate, 2026-01-01T00:01:59Z, is before its thisUpdate, 2026-01-01T00:02:00Z",
        ),
        (
            HandmadeList { this_update: "261301000000Z", ..list() },
            "malformed certificate revocation list: its thisUpdate cannot be read",
        ),
        (
            HandmadeList { next_update: "99999999999999Z", ..list() },
            "its nextUpdate cannot be read",
        ),
        (
            HandmadeList { entries: entry(7, "260230000000Z", &[]), ..list() },
            "its entries cannot be read",
        ),
        (
            HandmadeList { this_update: "19000101000000Z", ..list() },
            "is refused: it is of 1970-01-01T00:00:00Z, and the one that is kept of 2026-01-01",
        ),
        (list().with(list_extension(DELTA, true, &[2, 1, 1])), "is refused: it is a delta"),
        (list().with(list_extension(DELTA, false, &[2, 1, 1])), "is refused: it is a delta"),
        (list().with(issuing_point(0x84, &[0xff])), "is refused: it is indirect"),
        (
            HandmadeList {
                entries: entry(7, DATE, &[list_extension(CERTIFICATE_ISSUER, true, &[0x30, 0])]),
                ..list()
            },
            "is refused: it is indirect",
        ),
        (list().with(issuing_point(0x83, &[6, 0x40])), "for some reasons alone"),
        (list().with(issuing_point(0x82, &[0xff])), "about the certificates of CAs alone"),
        (
            list().with(issuing_point(0x85, &[0xff])),
            "is refused: it is about attribute certificates alone",
        ),
        (
            list().with(point_at("http://10.0.0.1/other.crl")),
            "it is the list of the distribution point `http://10.0.0.1/other.crl` alone",
        ),
        (
            list().with(point_at("http://10.0.0.1/\u{1b}[2J")),
            r"the distribution point `http://10.0.0.1/\u{1b}[2J` alone",
        ),
        (
            // `CN=x`, to be added to the name of the issuer.
            list().with(issuing_point(0xa0, &tlv(0xa1, b"\x30\x08\x06\x03\x55\x04\x03\x0c\x01x"))),
            "distribution point alone, whose name has no URL (such as nameRelativeToCRLIssuer)",
        ),
        (
            list().with(list_extension(UNKNOWN, true, &[5, 0])),
            "its critical extension `1.2.3.4` is not supported, so nothing in it may be relied on",
        ),
        (
            HandmadeList {
                entries: entry(7, DATE, &[list_extension(UNKNOWN, true, &[5, 0])]),
                ..list()
            },
            "its critical extension `1.2.3.4` is not supported",
        ),
    ];
    for (number, (list, words)) in cases.into_iter().enumerate() {
        *lab.ca.page.lock().unwrap() = Some(page(list.der()));
        let log = fetched(&lab, number).await;
        assert!(log.contains(words), "no `{words}` in:\n{log}");
        lab.shows("usercert Revoked").await;
        let shown = lab.output("pki crl show CSR").await;
        assert!(shown.contains(words), "no `{words}` in:\n{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn page_in_place_of_a_list_is_told() {
    let lab = revoked(&[URL]).await;
    let million = HandmadeList {
        entries: entry(7, DATE, &[]).repeat(1_000_000),
        ..HandmadeList::of(&lab.ca.identity())
    };
    for (number, (page, words)) in [
        (page(million.der()), "the answer is longer than 2097152 bytes"),
        (page(b"<html><title>Sign in</title></html>".to_vec()), "came in place of the certificate revocation list"),
        (page(Vec::new()), "an empty body came in place of the certificate revocation list"),
        (
            HttpResponse { status: 302, location: Some("http://10.0.0.9/x.crl".to_owned()), ..page(Vec::new()) },
            "was answered HTTP 302: the list is said to be at `http://10.0.0.9/x.crl`, and redirections are not followed",
        ),
        (HttpResponse { status: 307, location: None, ..page(Vec::new()) }, "was answered HTTP 307"),
        (HttpResponse { status: 500, ..page(b"<html>".to_vec()) }, "was answered HTTP 500"),
    ]
    .into_iter()
    .enumerate()
    {
        *lab.ca.page.lock().unwrap() = Some(page);
        let log = fetched(&lab, number).await;
        assert!(log.contains(words), "no `{words}` in:\n{log}");
        lab.shows("usercert Revoked").await;
    }
}

#[tokio::test(start_paused = true)]
async fn answer_that_does_not_end_is_given_up() {
    let lab = revoked(&[URL]).await;
    let answer = |head, thousands| RawAnswer { waits: true, head, thousands };
    for (number, (raw, words)) in [
        (answer("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n0", 0), "no answer in 15 s"),
        (answer("HTTP/1.1 200 OK\r\n", 0), "no answer in 15 s"),
        (answer("HTTP/1.1 200 OK\r\n\r\n", 5_000), "the answer is longer than 2097152 bytes"),
        (
            answer("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", 5_000),
            "the answer is longer than 2097152 bytes",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        *lab.network.raw.lock().unwrap() = Some(raw);
        let log = fetched(&lab, number).await;
        assert!(log.contains(words), "{number}: no `{words}` in:\n{log}");
    }
    lab.shows("usercert Revoked").await;
}

/// hyper refuses bytes that come before the request was given to it.
#[tokio::test(start_paused = true)]
async fn answer_that_comes_before_the_question_is_understood_each_time() {
    let lab = revoked(&[URL]).await;
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    *lab.network.raw.lock().unwrap() = Some(RawAnswer { waits: false, head, thousands: 0 });
    for number in 0..16 {
        let log = fetched(&lab, number).await;
        assert!(log.contains("an empty body came in place"), "{number}: {log}");
    }
}

#[tokio::test(start_paused = true)]
async fn long_list_is_taken_and_its_output_cut() {
    let lab = revoked(&[URL]).await;
    let mut list = HandmadeList::of(&lab.ca.identity());
    list.entries = (0..80_000).flat_map(|serial| entry(serial, DATE, &[])).collect();
    *lab.ca.page.lock().unwrap() = Some(page(list.der()));
    let log = fetched(&lab, 0).await;
    assert!(log.contains(": 80000 revoked"), "{log}");
    lab.shows("usercert Revoked").await;
    let shown = lab.output("pki crl show CSR").await;
    assert!(shown.ends_with("\n  … and 79000 more"), "{} bytes", shown.len());
    assert!(shown.contains("\nRevoked:      80000\n"));
}

/// OpenSSL needs many minutes for the decimal digits of such a number.
#[tokio::test(start_paused = true)]
async fn number_of_a_megabyte_is_left_out() {
    let lab = revoked(&[URL]).await;
    let number = tlv(0x02, &vec![0x7f; 1_000_000]);
    let list = HandmadeList::of(&lab.ca.identity()).with(list_extension(NUMBER, false, &number));
    *lab.ca.page.lock().unwrap() = Some(page(list.der()));
    let log = fetched(&lab, 0).await;
    assert!(log.contains("crl: the list of `CN = Toy-PKI, O = Toy` by"), "{log}");
    lab.shows("usercert Valid").await;
}

#[tokio::test(start_paused = true)]
async fn list_of_the_point_that_the_certificate_names_is_taken() {
    let lab = revoked(&[URL]).await;
    for (number, extension) in [point_at(URL), issuing_point(0x81, &[0xff])].into_iter().enumerate()
    {
        let mut list = HandmadeList::of(&lab.ca.identity()).with(extension);
        list.next_update = "260101000300Z";
        list.entries = entry(2, DATE, &[]);
        *lab.ca.page.lock().unwrap() = Some(page(list.der()));
        let log = fetched(&lab, number).await;
        assert!(log.contains(": 1 revoked"), "{log}");
        // Lists are a minute apart, and the next try is after two.
        sleep(Duration::from_secs(50)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn many_distribution_points_are_not_all_tried() {
    let urls: Vec<String> =
        (0..3_000).map(|number| format!("http://10.9.9.9/{number}.crl")).collect();
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    let (lab, _) = Lab::in_2026(Answer::Issue);
    *lab.ca.distribution_points.lock().unwrap() =
        urls.iter().map(|point| (*point).to_owned()).collect();
    lab.device.replace_configuration(&format!("{DOCUMENTED}{CSR} crl-check cdp")).await.unwrap();
    lab.shows(
        "http://10.9.9.9/3.crl: no route to 10.9.9.9; 2996 further distribution points are not tried, next try in",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn distribution_point_that_would_steer_a_terminal_is_shown_visibly_and_cut() {
    let (lab, _) = Lab::in_2026(Answer::Issue);
    let url = format!("ldap:///\u{1b}[2J{}", "x".repeat(5_000));
    *lab.ca.distribution_points.lock().unwrap() = vec![url];
    lab.device.replace_configuration(&format!("{DOCUMENTED}{CSR} crl-check cdp")).await.unwrap();
    lab.shows(r"no distribution point by HTTP, but `ldap:///\u{1b}[2Jxxx").await;
    let shown = lab.output("pki crl show CSR").await;
    assert!(shown.contains("xxx…`") && shown.len() < 400, "{shown}");
}
