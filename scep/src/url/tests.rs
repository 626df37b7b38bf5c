use super::*;

fn parse(text: &str) -> Result<HttpUrl, UrlError> {
    text.parse()
}

#[test]
fn url_is_written_as_it_was_typed() {
    for text in [
        "http://10.215.168.1",
        "http://192.168.213.25/",
        "http://pki.lab:8080/scep",
        "http://h:80/a%2Fb/c.exe;x=1",
        "http://PKI.Example.com./a",
        "http://pki.example.com/scep",
        "http://[::1]:8080/a/b",
        "http://127.0.0.1:8081/",
        "https://pki.example.com/scep",
        "https://h:443/a",
        "https://[::1]:8443/",
    ] {
        assert_eq!(parse(text).unwrap().to_string(), text);
    }
    assert_eq!(parse("HTTP://h/a").unwrap().to_string(), "http://h/a");
}

#[test]
fn url_is_split_into_host_port_and_path() {
    let url = parse("http://pki.lab:8080/a/b").unwrap();
    assert_eq!((url.host(), url.port(), url.path()), ("pki.lab", 8080, "/a/b"));
    assert_eq!(url.authority(), "pki.lab:8080");
    let url = parse("http://[::1]").unwrap();
    assert_eq!((url.host(), url.port(), url.path()), ("::1", 80, "/"));
    assert_eq!((url.authority().as_str(), url.named_port()), ("[::1]", None));
    assert_eq!(parse("http://h:80").unwrap().authority(), "h");
}

#[test]
fn https_has_a_port_of_its_own() {
    let url = parse("HTTPS://pki.lab/scep").unwrap();
    assert_eq!((url.scheme(), url.port(), url.named_port()), (Scheme::Https, 443, None));
    assert_eq!(
        (url.to_string().as_str(), url.authority().as_str()),
        ("https://pki.lab/scep", "pki.lab")
    );
    assert_eq!(parse("https://h:443").unwrap().authority(), "h");
    assert_eq!(parse("https://h:80").unwrap().authority(), "h:80");
    assert_eq!(parse("http://h:443").unwrap().authority(), "h:443");
    assert_eq!(url.at(443, "/a").to_string(), "https://pki.lab/a");
    assert_eq!(url.at(80, "/a").to_string(), "https://pki.lab:80/a");
}

#[test]
fn text_that_is_no_scep_url_is_refused() {
    for (text, error) in [
        ("10.215.168.1", UrlError::NotHttp),
        ("pki.example.com", UrlError::NotHttp),
        ("ftp://h/", UrlError::NotHttp),
        ("https://", UrlError::NoHost),
        ("https://user@h/scep", UrlError::User),
        ("https:h", UrlError::NotHttp),
        ("httpss://h", UrlError::NotHttp),
        ("http://h/?operation=GetCACert", UrlError::Query),
        ("http://h/scep#a", UrlError::Fragment),
        ("http://h/#a?b", UrlError::Fragment),
        ("http://h?", UrlError::Query),
        ("http://user@h", UrlError::User),
        ("http://user:pw@h:80/scep", UrlError::User),
        ("http://@h", UrlError::User),
        ("http://", UrlError::NoHost),
        ("http:///scep", UrlError::NoHost),
        ("http://:80", UrlError::NoHost),
        ("http:/h/scep", UrlError::NotHttp),
        ("http:h", UrlError::NotHttp),
        ("", UrlError::NotHttp),
        ("http://a b", UrlError::Host),
        (" http://h", UrlError::Blanks),
        ("http://h/ ", UrlError::Blanks),
        ("http://h/\r\n", UrlError::Blanks),
        ("http://::1/", UrlError::Colons),
        ("http://2001:db8::1", UrlError::Colons),
        ("http://h:80:80", UrlError::Colons),
        ("http://[::1/", UrlError::Host),
        ("http://[fe80::1%25eth0]/", UrlError::Host),
        ("http://[127.0.0.1]/", UrlError::Host),
        ("http://[]/", UrlError::Host),
        ("http://h:0", UrlError::Port),
        ("http://h:", UrlError::NoPort),
        ("http://[::1]:", UrlError::NoPort),
        ("http://h:65536", UrlError::Port),
        ("http://h:80800", UrlError::Port),
        ("http://h:http", UrlError::Port),
    ] {
        assert_eq!(parse(text), Err(error), "`{text}`");
    }
}

#[test]
fn url_that_would_be_sent_differently_is_refused() {
    for (text, error) in [
        ("http://h\u{ff0e}x\u{200b}\u{202e}", UrlError::Host),
        ("http://a!b/", UrlError::Host),
        ("http://-h/", UrlError::Host),
        ("http://.h/", UrlError::Host),
        ("http://a..b/", UrlError::Host),
        ("http://h;x/", UrlError::Host),
        ("http://h%zz/", UrlError::Host),
        ("http://h%00/", UrlError::Host),
        ("http://xn--a/", UrlError::Host),
        ("http://1.2.3.4.5/", UrlError::Host),
        ("http://256.0.0.1/", UrlError::Host),
        ("http://08/", UrlError::Host),
        ("http://[::ffff:1.2.3.256]/", UrlError::Host),
        ("http://[::1%eth0]/", UrlError::Host),
        ("http://[::1]x/", UrlError::Host),
        ("http://h:99999", UrlError::Port),
        ("http://h:4294967376", UrlError::Port),
        ("http://h:18446744073709551696", UrlError::Port),
        ("http://h:8O80", UrlError::Port),
        ("http://h:-1", UrlError::Port),
        ("http://h:+80", UrlError::Port),
        ("http://h: 80", UrlError::Port),
        ("http://h:8 0", UrlError::Port),
        ("http://h:080", UrlError::Port),
        ("http://h:0x50", UrlError::Port),
        ("http://h:\u{ff18}\u{ff10}", UrlError::Port),
        ("http://h:8\t0", UrlError::Port),
        ("http://h/a b", UrlError::Character(' ')),
        ("http://h/\u{e9}", UrlError::Character('\u{e9}')),
        ("http://h/a\\b", UrlError::Character('\\')),
        ("http://h/a\tb", UrlError::Character('\t')),
        ("http://h/a\nb", UrlError::Character('\n')),
        ("http://h/100%", UrlError::Character('%')),
        ("http://h/%zz", UrlError::Character('%')),
    ] {
        assert_eq!(parse(text), Err(error), "`{text}`");
    }
    let name = format!("http://{}.example/", "h".repeat(64));
    assert_eq!(parse(&name), Err(UrlError::Host));
    assert_eq!(parse(&format!("http://{}h/", "h.".repeat(130))), Err(UrlError::Host));
    assert_eq!(parse(&format!("http://h/{}", "a".repeat(LONGEST))), Err(UrlError::Long));
}

#[test]
fn url_that_parsers_repair_is_refused_with_what_they_send() {
    for (text, sent) in [
        ("http://127.1", "http://127.0.0.1/"),
        ("http://0x7f.1/scep", "http://127.0.0.1/scep"),
        ("http://0177.0.0.1", "http://127.0.0.1/"),
        ("http://127.0.0.0x1", "http://127.0.0.1/"),
        ("http://127.0.0.1./", "http://127.0.0.1/"),
        ("http://2130706433", "http://127.0.0.1/"),
        ("http://\u{ff11}27.0.0.1/", "http://127.0.0.1/"),
        ("http://[0:0:0:0:0:0:0:1]/", "http://[::1]/"),
        ("http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/"),
        ("http://h\u{e9}/", "http://xn--h-bga/"),
        ("http://\u{ff48}/", "http://h/"),
        ("http://h\u{ad}x/", "http://hx/"),
        ("http://%68/", "http://h/"),
        ("http://h\\a/b", "http://h/a/b"),
        ("http://h\t/", "http://h/"),
        ("http://h\r\nx/", "http://hx/"),
        ("http://h/../c.exe", "http://h/c.exe"),
        ("http://h/a/./b", "http://h/a/b"),
        ("http://h/a/%2e%2E/b", "http://h/b"),
        ("https://127.1/", "https://127.0.0.1/"),
    ] {
        assert_eq!(parse(text), Err(UrlError::Changed(sent.to_owned())), "`{text}`");
    }
}

#[test]
fn accepted_text_is_sent_as_it_was_typed() {
    const ALPHABET: [char; 12] = ['h', '1', ':', '.', '/', '[', ']', '@', '?', '%', '0', '\\'];
    let mut texts = vec![String::new()];
    let mut accepted = 0;
    for _ in 0..4 {
        let longer = |text: &String| ALPHABET.map(|character| format!("{text}{character}"));
        texts = texts.iter().flat_map(longer).collect();
        for end in &texts {
            let text = format!("http://{end}");
            let Ok(url) = parse(&text) else { continue };
            accepted += 1;
            assert_eq!(url.to_string(), text);
            let sent = match url.path() {
                "/" if !end.ends_with('/') => url.authority(),
                path => format!("{}{path}", url.authority()),
            };
            assert_eq!(sent, *end);
        }
    }
    assert!(accepted > 100, "{accepted}");
}
