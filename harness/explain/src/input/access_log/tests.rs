use std::time::{Duration, UNIX_EPOCH};

use super::*;
use crate::input::{reading::Inside, tests::gaps_of};

const QUERY: &str = "operation=PKIOperation&message=MII%2BAB%3D";

fn exchanges(text: &str) -> Vec<(String, Exchange)> {
    let Reading::Parts(parts) = read(text.as_bytes(), &mut Budget::default()) else {
        panic!("{text}")
    };
    let exchange = |part: Part| match part.inside {
        Inside::Found(Content::Exchange(exchange)) => (part.forms.join(", "), exchange),
        _ => panic!("{text}"),
    };
    parts.into_iter().map(exchange).collect()
}

fn target(exchange: &Exchange) -> &str {
    &exchange.request.as_ref().unwrap().target
}

#[test]
fn lines_of_several_servers_have_the_target_as_it_was_sent() {
    for line in [
        format!(
            r#"192.0.2.7 - - [29/Nov/2026:12:46:31 +0000] "GET /scep?{QUERY} HTTP/1.1" 200 2796"#
        ),
        format!(
            r#"192.0.2.7 - user [29/Nov/2026:13:46:31 +0100] "GET /scep?{QUERY} HTTP/1.0" 200 2796 "-" "curl/8""#
        ),
        format!(
            r#"ca.example:80 192.0.2.7 - - [29/Nov/2026:12:46:31 +0000] "GET /scep?{QUERY} HTTP/1.1" 200 1"#
        ),
        format!(
            "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port c-ip sc-status\n2026-11-29 12:46:31 192.0.2.1 GET /scep {QUERY} 80 192.0.2.7 200"
        ),
        format!(
            "2026-11-29 12:46:31 192.0.2.1 GET /scep {QUERY} 80 - 192.0.2.7 curl/8 - 200 0 0 15"
        ),
    ] {
        let all = exchanges(&line);
        let [(_, exchange)] = &all[..] else { panic!("{line}") };
        assert_eq!(target(exchange), format!("/scep?{QUERY}"), "{line}");
        assert_eq!(exchange.client.as_deref(), Some("192.0.2.7"), "{line}");
        let at = UNIX_EPOCH + Duration::from_secs(1_795_956_391);
        assert_eq!(exchange.at, Some(at), "{line}");
        assert_eq!(
            gaps_of(exchange),
            ["a log has no bodies; it says that the reply had status 200"],
            "{line}"
        );
    }
}

#[test]
fn queries_and_urls_alone_are_requests() {
    for (text, form, expected) in [
        (QUERY.to_owned(), "query of a request", format!("?{QUERY}")),
        (format!("?{QUERY}\n"), "query of a request", format!("?{QUERY}")),
        (format!("'http://ca:80/scep?{QUERY}'"), "URL of a request", format!("/scep?{QUERY}")),
        (format!("/scep?{QUERY}"), "target of a request", format!("/scep?{QUERY}")),
        (format!("GET /scep?{QUERY} HTTP/1.1"), "target of a request", format!("/scep?{QUERY}")),
        (
            "operation=PKIOperation&message=MIIB\n  CDE=\n".to_owned(),
            "query of a request",
            "?operation=PKIOperation&message=MIIBCDE=".to_owned(),
        ),
        (
            "/scep?operation=PKIOperation&message=MII BCD=".to_owned(),
            "target of a request",
            "/scep?operation=PKIOperation&message=MII BCD=".to_owned(),
        ),
    ] {
        let all = exchanges(&text);
        let [(seen, exchange)] = &all[..] else { panic!("{text}") };
        assert_eq!((&**seen, target(exchange)), (form, &*expected), "{text}");
        assert!(exchange.gaps.is_empty(), "{text}");
    }
    assert_eq!(
        exchanges(&format!("http://ca:80/scep?{QUERY}"))[0].1.server.as_deref(),
        Some("ca:80")
    );
}

#[test]
fn escapes_of_logs_are_taken_back() {
    for (escaped, meant) in [
        (r"\x22a\x2b", "\"a+"),
        (r"\u0026message=a\u003d", "&message=a="),
        (r"\/a\\b\q", r"/a\b\q"),
        ("&amp;message=a", "&message=a"),
    ] {
        let line = format!(r#"{{"request": "GET /scep?operation=GetCACaps{escaped} HTTP/1.1"}}"#);
        let expected = format!("/scep?operation=GetCACaps{meant}");
        assert_eq!(target(&exchanges(&line)[0].1), expected, "{escaped}");
    }
}

#[test]
fn what_a_log_leaves_out_is_told() {
    let all = exchanges(
        "2026-11-29 12:46:31 192.0.2.1 GET /certsrv/mscep/mscep.dll ... 80 - 192.0.2.7 - - 200\n#Fields: cs-uri-query",
    );
    assert_eq!(
        gaps_of(&all[0].1)[1],
        "IIS wrote `...` in place of a query that was too long for its log"
    );
    let all = exchanges(r#"192.0.2.7 - - [-] "POST /scep?operation=PKIOperation HTTP/1.1" 500 0"#);
    assert_eq!(
        gaps_of(&all[0].1),
        [
            "a log has no bodies; it says that the reply had status 500",
            "the message was in the body of the POST, so it is not here"
        ]
    );
}
