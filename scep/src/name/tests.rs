//! Names that are read, written and refused.

use openssl::{nid::Nid, x509::X509Name};

use super::{attribute_type::known_words, *};

fn error(text: &str) -> String {
    parse(text).err().unwrap_or_else(|| panic!("`{text}` is accepted")).to_string()
}

#[track_caller]
fn assert_written(text: &str, expected: &str) {
    let name = parse(text).unwrap_or_else(|error| panic!("`{text}`: {error}"));
    assert_eq!(to_text(&name), expected, "`{text}`");
    let again = parse(expected).unwrap_or_else(|error| panic!("`{expected}`: {error}"));
    assert_eq!(again.to_der().unwrap(), name.to_der().unwrap(), "`{expected}`");
}

#[test]
fn name_keeps_order_and_repeated_types() {
    assert_written(
        "DC=com, DC=scep,CN=scep-TELDATPKI-CA",
        "DC = com, DC = scep, CN = scep-TELDATPKI-CA",
    );
    assert_written("CN=a, CN=a, CN=b", "CN = a, CN = a, CN = b");
}

#[test]
fn name_values_have_the_string_types_that_peers_expect() {
    let der = parse("DC=com,CN=plain,O=Grün,unstructuredName=r1").unwrap().to_der().unwrap();
    let has = |needle: &[u8]| der.windows(needle.len()).any(|window| window == needle);
    assert!(has(b"\x16\x03com") && has(b"\x13\x05plain") && has("\x0c\x05Grün".as_bytes()));
    assert!(has(b"\x16\x02r1"));
}

#[test]
fn string_type_after_the_attribute_type_is_the_one_that_is_sent() {
    for (text, der) in [
        ("CN:printable=ab", &b"\x13\x02ab"[..]),
        ("CN:utf8=ab", b"\x0c\x02ab"),
        ("CN:ia5=a_b", b"\x16\x03a_b"),
        ("O:t61=gr\u{fc}n", b"\x14\x04gr\xfcn"),
        ("CN:bmp=ab", b"\x1e\x04\0a\0b"),
        ("DC : UTF8 = com", b"\x0c\x03com"),
        ("1.2.3:ia5=x", b"\x16\x01x"),
    ] {
        let name = parse(text).unwrap().to_der().unwrap();
        assert!(name.ends_with(der), "{text}: {name:02x?}");
    }
    assert!(error("CN:bpm=x").ends_with("did you mean `bmp`?"), "{}", error("CN:bpm=x"));
    assert_eq!(
        error("CN:printable=a_b"),
        "`a_b` cannot be the value of `CN`: it has a character that no PrintableString has"
    );
}

#[test]
fn escapes_of_rfc_4514_are_read_and_written_back() {
    for (text, expected) in [
        (r"O=Smith\, Jones,CN=x", r#"O = "Smith, Jones", CN = x"#),
        (r"CN=a\+serialNumber=1", r#"CN = "a+serialNumber=1""#),
        (r"CN=r1\;O\=Example", r#"CN = "r1;O=Example""#),
        (r#"CN=James \"Jim\" Smith\, III"#, r#"CN = "James \"Jim\" Smith, III""#),
        (r"CN=Before\0DAfter", r"CN = Before\0DAfter"),
        (r"CN=Lu\C4\8Di\C4\87", "CN = Lučić"),
        (r"CN=\#1", r##"CN = "#1""##),
        (r"CN=\ padded\ ", r#"CN = " padded ""#),
        (r"CN=back\\slash", r"CN = back\\slash"),
        (r#"O="Smith, Jones + Sons""#, r#"O = "Smith, Jones + Sons""#),
        (r#"O="a; b", CN = c"#, r#"O = "a; b", CN = c"#),
        ("CN=O'Brien", "CN = O'Brien"),
        ("CN=abc==", "CN = abc=="),
        (r"CN=a O\=b", r#"CN = "a O=b""#),
        (r"CN=a/OU\=b", r#"CN = "a/OU=b""#),
        ("CN=a x=b", "CN = a x=b"),
        ("CN=<a>", r#"CN = "<a>""#),
        ("CN=http://h:80/a?b=c", "CN = http://h:80/a?b=c"),
        ("  CN = two  blanks  ", "CN = two  blanks"),
        ("CN=x\n", "CN = x"),
        ("emailAddress=a@b.example", "emailAddress = a@b.example"),
        ("cn=x, serialnumber=1", "CN = x, serialNumber = 1"),
    ] {
        assert_written(text, expected);
    }
}

#[test]
fn plus_sign_joins_pairs_to_one_relative_name() {
    assert_written("CN=a+serialNumber=1", "CN = a + serialNumber = 1");
    assert_written(
        "OU=lab, serialNumber=100000001 + unstructuredName=r1.example",
        "OU = lab, serialNumber = 100000001 + unstructuredName = r1.example",
    );
    assert!(is_multi_valued(&parse("CN=a+L=b, O=c").unwrap()));
    assert!(!is_multi_valued(&parse("CN=a, L=b, O=c").unwrap()));
    // A DER set has one order, however its elements were written.
    let der = |text: &str| parse(text).unwrap().to_der().unwrap();
    assert_eq!(der("serialNumber=1+CN=a"), der("CN=a+serialNumber=1"));
    assert_ne!(der("CN=a,serialNumber=1"), der("CN=a+serialNumber=1"));
}

#[test]
fn object_identifier_is_an_attribute_type() {
    assert_written("1.2.840.113549.1.9.2=r1.example", "unstructuredName = r1.example");
    assert_written("2.5.4.3=x", "CN = x");
    assert_written("1.3.6.1.4.1.99999.1=x, CN=y", "1.3.6.1.4.1.99999.1 = x, CN = y");
    let same = [parse("2.5.4.3=x"), parse("CN=x")].map(|name| name.unwrap().to_der().unwrap());
    assert_eq!(same[0], same[1]);
    for wrong in ["1=x", "1.=x", "9.9=x", "1..2=x"] {
        assert!(error(wrong).contains("no known attribute type"), "{wrong}");
    }
}

#[test]
fn text_that_could_mean_something_else_is_refused() {
    for (text, expected) in [
        (" ", "the name is empty"),
        ("MyUser", "`MyUser` is not of the form `TYPE=value`"),
        ("CN=a, b", "`b` is not of the form `TYPE=value`"),
        ("CN=a+b", "`b` is not of the form `TYPE=value`"),
        (" , ", "a part of the name is empty"),
        ("CN=a,", "a part of the name is empty"),
        ("CN=a,,O=b", "a part of the name is empty"),
        ("+CN=a", "a part of the name is empty"),
        ("CN=r1;O=Example", "write `\\;` for a semicolon"),
        ("/CN=a/O=b", "not `/CN=name/O=organisation`"),
        ("CN=a/O=b", "is a comma missing before `O=`?"),
        ("CN=router1 O=Example", "is a comma missing before `O=`?"),
        ("CN=a\nO=b", "the control character '\\n' must be written in hexadecimal"),
        ("CN=a\u{7}", "the control character '\\u{7}' must be written in hexadecimal"),
        ("CN=19\" rack", "write `\\\"` for a quotation mark"),
        ("CN=a \"b\" c", "write `\\\"` for a quotation mark"),
        ("CN=\"a\" b", "write `\\\"` for a quotation mark"),
        ("CN=\"a, O=b", "write `\\\"` for a quotation mark"),
        ("CN=#0403", "write `\\#`"),
        ("CN=DOMAIN\\user", "`\\u` is no escape"),
        ("CN=a\\", "`\\` is no escape"),
        ("CN=\\ff", "is no escape"),
        ("CN=a\\00b", "it has a NUL character"),
        ("O=, CN=a", "`O` has no value"),
        ("CN=\"\"", "`CN` has no value"),
        ("=a", "an attribute type is missing before `=`"),
        ("commonName=x", "`commonName` is no known attribute type: write `CN`"),
        ("E=x", "`E` is no known attribute type: write `emailAddress`"),
        ("s=x", "`s` is no known attribute type: write `ST`"),
        ("OID.2.5.4.3=x", "`OID.2.5.4.3` is no known attribute type: write `2.5.4.3`"),
        ("CM=x", "`CM` is no known attribute type (known: CN, businessCategory, C, DC"),
        ("C=Spain", "`Spain` cannot be the value of `C`: it has 5 characters, and must have 2"),
        ("C=üü", "letters, digits, blanks"),
        ("DC=grün", "its type allows ASCII characters only"),
        ("emailAddress=ü@b", "its type allows ASCII characters only"),
    ] {
        let error = error(text);
        assert!(error.contains(expected), "`{text}`: {error}");
    }
    let long = error(&format!("CN={}", "x".repeat(65)));
    assert!(long.ends_with("it has 65 characters, and may have 64 at most"), "{long}");
}

#[test]
fn any_value_is_written_so_that_it_is_read_back() {
    // Every special character at each place of a value, and every pair of them.
    let special = [
        "\"", "+", ",", ";", "<", ">", "\\", " ", "#", "=", "/", "'", "\n", "\u{202e}", "é", "O=",
        " O=",
    ];
    for one in special {
        for other in special {
            for value in
                [format!("{one}{other}"), format!("a{one}b{other}c"), format!("{one}a{other}")]
            {
                let text = format!("CN={}, O=end", written(&value));
                let name = parse(&text).unwrap_or_else(|error| panic!("`{text}`: {error}"));
                let found = name.entries().next().unwrap().data().to_string().unwrap();
                assert_eq!(found, value, "`{text}`");
                assert_written(&text, &to_text(&name));
            }
        }
    }
}

#[test]
fn accepted_text_is_sent_as_it_was_typed() {
    const ALPHABET: [char; 10] = ['a', '\\', '"', '+', ',', '=', '#', ' ', '/', ';'];
    let mut texts = vec![String::new()];
    let mut accepted = 0;
    for _ in 0..5 {
        let longer = |text: &String| ALPHABET.map(|character| format!("{text}{character}"));
        texts = texts.iter().flat_map(longer).collect();
        for end in &texts {
            let text = format!("CN={end}");
            let Ok(name) = parse(&text) else { continue };
            accepted += 1;
            assert_written(&text, &to_text(&name));
            // Without special characters the value is the text itself.
            if end.chars().all(|c| "a/= ".contains(c)) {
                let value = name.entries().next().unwrap().data().to_string().unwrap();
                assert_eq!(value, end.trim(), "`{text}`");
            }
        }
    }
    assert!(accepted > 1000, "{accepted}");
}

#[test]
fn every_attribute_type_that_openssl_knows_is_written_so_that_it_is_read_back() {
    let mut tried = 0;
    for nid in (1..2000).map(Nid::from_raw) {
        let mut builder = X509Name::builder().unwrap();
        if builder.append_entry_by_nid(nid, "ES").is_err() {
            continue;
        }
        let name = builder.build();
        let text = to_text(&name);
        let again = parse(&text).unwrap_or_else(|error| panic!("`{text}`: {error}"));
        let type_of = |name: &X509Name| name.entries().next().and_then(identifier);
        assert_eq!(type_of(&again), type_of(&name), "`{text}`");
        assert_eq!(to_text(&again), text);
        tried += 1;
    }
    assert!(tried > 1000, "{tried}");
}

#[test]
fn known_words_are_those_that_openssl_prints() {
    for word in known_words().split(", ") {
        let value = if word.ends_with('C') && word != "DC" { "ES" } else { "x" };
        assert_written(&format!("{word}={value}"), &format!("{word} = {value}"));
    }
}
