//! The page on which NDES, and servers that imitate it, show a challenge password (`mscep_admin`), read in any language.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::content::{Content, Page, latin_1, page, text};
use crate::secret::Secret;

/// The contents of the page.
#[derive(Debug)]
pub enum Shown {
    /// A challenge password.
    Password(Secret),
    /// No password, because the server stores as many unused ones as it may.
    CacheFull,
    /// The thumbprint of the CA and no password, as NDES shows it if it asks for none.
    ThumbprintAlone,
    /// No password; the reason, without anything that may be one.
    Other(String),
}

/// The text between `<B>` and `</B>`: NDES shows the thumbprint of the CA, and then the password, so. Others have a tag for code in
/// its place. A password may have `<`.
static BOLD: LazyLock<Regex> = LazyLock::new(|| {
    constant(
        r"(?is)<(?:b|strong|code|kbd|samp|tt)(?:\s[^>]*)?>(.*?)</(?:b|strong|code|kbd|samp|tt)\s*>",
    )
});

/// The words before a password on an English page, and the text behind them: the bold one, that in a field of a form, or the next
/// one, whatever its tags.
static ENGLISH: LazyLock<Regex> = LazyLock::new(|| {
    constant(
        r#"(?isx) challenge\s+password\s+is\s*: \s* (?: <(?:b|strong)(?:\s[^>]*)?>(.*?)</(?:b|strong)\s*>
           | <input\b[^>]*?\bvalue\s*=\s*["']([^"']*)
           | (?:<[^>]*>\s*)* ([^<]+) )"#,
    )
});

/// Tags within a text, such as those of a font.
static TAGS: LazyLock<Regex> = LazyLock::new(|| {
    constant(
        r"(?i)</?(?:a|br|code|em|font|i|kbd|locid|nobr|p|pre|samp|small|span|tt|u)(?:\s[^>]*)?/?>",
    )
});

/// The word for a thumbprint or its hash value in the languages of Windows servers.
static LABEL: LazyLock<Regex> = LazyLock::new(|| {
    constant(
        r"(?ix) thumb\s?print | finger\s?print | \bhash | fingerabdruck | empreinte | huella | impronta | vingerafdruk | otisk | odcisk |
          отпечат | parmak\sizi | impressão\sdigital | ujjlenyomat | 指纹 | 指紋 | 拇印 | 拇指 | サムプリント | フィンガープリント | ハッシュ | 지문",
    )
});

/// A fingerprint in groups of hexadecimal digits.
static GROUPS: LazyLock<Regex> =
    LazyLock::new(|| constant(r"^[0-9A-Fa-f]{2,8}(?:[ :-][0-9A-Fa-f]{2,8}){2,}$"));

/// The most bytes of a page that are read; that of NDES has two thousand.
const READ: usize = 64 * 1024;

/// The most bytes before a bold text that may say what it is.
const LOOKED_BACK: usize = 1024;

fn constant(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is right")
}

/// Reads the page in whatever encoding it is.
pub fn read(body: &[u8]) -> Shown {
    let html = text(body).unwrap_or_else(|| latin_1(body));
    let html = &html[..boundary(&html, READ)];
    match password(html) {
        Some(password) => Shown::Password(Secret::new(&password)),
        None => without_password(html, body),
    }
}

/// The last boundary of a character up to a place.
fn boundary(text: &str, place: usize) -> usize {
    (0..=place.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default()
}

/// The password: what English words name so, or else the first bold text that is not the thumbprint.
fn password(html: &str) -> Option<String> {
    let named = ENGLISH.captures(html);
    let named = named.and_then(|found| found.iter().skip(1).flatten().next());
    let named = named.map(|found| plain(found.as_str()));
    // The sentence behind a place without a password is none.
    let named = named.filter(|password| !password.is_empty() && !is_sentence(password));
    named.or_else(|| {
        let bold = BOLD.captures_iter(html).filter(|found| !is_labelled_thumbprint(html, found));
        bold.map(|found| plain(&found[1])).find(|text| !text.is_empty() && !is_thumbprint(text))
    })
}

/// The text without tags and with the escapes of HTML undone.
fn plain(html: &str) -> String {
    page::unescaped(&TAGS.replace_all(html, "")).trim().to_owned()
}

/// True for groups of hexadecimal digits that are an MD5, SHA-1 or SHA-256 digest together.
fn is_thumbprint(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_hexdigit).count();
    GROUPS.is_match(text) && matches!(digits, 32 | 40 | 64)
}

/// True if the words before a bold text, in its paragraph, say that it is a thumbprint.
fn is_labelled_thumbprint(html: &str, bold: &Captures<'_>) -> bool {
    static BLOCK: LazyLock<Regex> =
        LazyLock::new(|| constant(r"(?i)<(?:p|br|div|td|li|tr|h[1-6])\b"));
    let end = bold.get(0).map_or(0, |found| found.start());
    let before = &html[boundary(html, end.saturating_sub(LOOKED_BACK))..end];
    let start = BLOCK.find_iter(before).last().map_or(0, |block| block.start());
    LABEL.is_match(&before[start..])
}

fn without_password(html: &str, body: &[u8]) -> Shown {
    let lower = html.to_lowercase();
    if lower.contains("password cache is full") {
        return Shown::CacheFull;
    }
    let content = Content::of(body);
    if !matches!(content, Content::WebPage(_)) {
        // Without its text, which may be a password.
        return Shown::Other(format!(
            "it is {}, not a web page, so no challenge password is looked for in it",
            content.kind()
        ));
    }
    let is_thumbprint = |found: Captures<'_>| {
        is_labelled_thumbprint(html, &found) || is_thumbprint(&plain(&found[1]))
    };
    if BOLD.captures_iter(html).any(is_thumbprint) {
        return Shown::ThumbprintAlone;
    }
    let advice = if lower.contains("sufficient permission") {
        "; let the user enrol with the certificate templates of NDES"
    } else {
        ""
    };
    let said = sentences(html).map(|said| format!(": it says `{said}`"));
    let said = said.or_else(|| other_title(html)).unwrap_or_default();
    Shown::Other(format!("the page shows no challenge password{said}{advice}"))
}

/// The title of a page that is not the one of NDES, such as that of a login.
fn other_title(html: &str) -> Option<String> {
    let title = Page::read(html).title.filter(|title| !title.contains("Enrollment"))?;
    Some(format!(": its title is `{}`", title.escape_debug()))
}

/// The sentences of the page's own message, without those of its frame. A text that is no sentence may be a password.
fn sentences(html: &str) -> Option<String> {
    const LONGEST: usize = 200;
    static FRAME: LazyLock<Regex> = LazyLock::new(|| {
        constant(r#"(?is)<p[^>]*\bid\s*=\s*["']?locPage(?:Title|Desc)\b.*?(?:</p>|$)"#)
    });
    let blocks = Page::read(&FRAME.replace_all(html, "<p>")).blocks;
    let said = blocks.iter().find(|block| is_sentence(block))?;
    Some(said.chars().take(LONGEST).collect::<String>().escape_debug().to_string())
}

/// True for three words or more that end as a sentence ends and are made of letters, or for a text in a script without blanks.
fn is_sentence(text: &str) -> bool {
    let ends = text.ends_with(['.', '!', '。', '．', '।', '؟']);
    let is_plain =
        |c: char| c.is_alphabetic() || c.is_whitespace() || ",.'’„“\"()-!。、，．।".contains(c);
    let is_long =
        text.split_whitespace().count() >= 3 || text.chars().filter(|c| !c.is_ascii()).count() >= 6;
    ends && is_long && text.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "<HTML><Head><Title>Network Device Enrollment Service</Title></Head><Body><P ID=locPageTitle> Network \
                        Device Enrollment Service allows you to obtain certificates for routers. </P> ";
    const THUMBPRINT: &str = "<P> The thumbprint (hash value) for the CA certificate is: <B> A656FA66 AB12B433 A2DA5CF7 \
                              CC153D9A </B> ";

    fn found(middle: &str) -> String {
        match read(format!("{HEAD}{middle}</Body></HTML>").as_bytes()) {
            Shown::Password(password) => password.expose().to_owned(),
            Shown::CacheFull => "the cache is full".to_owned(),
            Shown::ThumbprintAlone => "the thumbprint alone".to_owned(),
            Shown::Other(reason) => reason,
        }
    }

    #[test]
    fn password_of_any_characters_is_found() {
        for (written, password) in [
            ("8CE317021F690069", "8CE317021F690069"),
            ("aB3!x@Kp#9$z^*(,)", "aB3!x@Kp#9$z^*(,)"),
            ("aB3&amp;x9Kp", "aB3&x9Kp"),
            ("aB3&x9Kp", "aB3&x9Kp"),
            ("a&lt;b&#62;c&quot;", "a<b>c\""),
            ("a<b>c", "a<b>c"),
            ("x<9", "x<9"),
            ("pässword ünd", "pässword ünd"),
            ("<FONT Face=\"Courier\">8CE3</FONT>", "8CE3"),
            ("00112233445566778899AABBCCDDEEFF", "00112233445566778899AABBCCDDEEFF"),
            ("1", "1"),
        ] {
            let page = format!(
                "{THUMBPRINT}<P> The enrollment challenge password is: <B> {written} </B> <P> This"
            );
            assert_eq!(found(&page), password, "{written}");
        }
    }

    #[test]
    fn password_is_found_in_any_language_and_spelling_of_tags() {
        let german = "<P> Der Fingerabdruck (Hashwert) lautet: <B> A656FA66 AB12B433 A2DA5CF7 CC153D9A </B> <P> Das Kennwort \
                      lautet: <B> !geheim! </B>";
        assert_eq!(found(german), "!geheim!");
        let japanese = "<p>ハッシュ値: <b>A6:56:FA:66:AB:12:B4:33:A2:DA:5C:F7:CC:15:3D:9A</b><p>パスワード: <b class=x>ab12</b\n>";
        assert_eq!(found(japanese), "ab12");
        assert_eq!(found("<p>Kennwort: <strong>ab12</strong>"), "ab12");
        assert_eq!(found("<p>The Challenge  Password is : ab12 </p>"), "ab12");
        for (before, after) in [
            ("<code>", "</code>"),
            ("</p><table><tr><td>", "</td></tr></table>"),
            ("<input readonly value=\"", "\">"),
            ("<B><tt>", "</tt></B>"),
        ] {
            let english = "The enrollment challenge password is:";
            let page = format!("{THUMBPRINT}<P> {english} {before}ab!12{after} <P> It expires.");
            assert_eq!(found(&page), "ab!12", "{before}");
        }
        let french = "<P> Le mot de passe est : <code> ab!12 </code>";
        assert_eq!(found(&format!("{THUMBPRINT}{french}")), "ab!12");
        let empty = "<P> The enrollment challenge password is: <code></code> <P> This password can be used only once.";
        assert_eq!(found(&format!("{THUMBPRINT}{empty}")), "the thumbprint alone");
        let Shown::Other(login) = read(b"<html><title>Sign in</title><form></form></html>") else {
            panic!("no password");
        };
        assert_eq!(login, "the page shows no challenge password: its title is `Sign in`");
    }

    #[test]
    fn password_is_found_in_every_encoding() {
        let page =
            format!("{HEAD}{THUMBPRINT}<P> The enrollment challenge password is: <B> ab!12 </B>");
        let units = || std::iter::once(0xfeff).chain(page.encode_utf16());
        let little: Vec<u8> = units().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = units().flat_map(u16::to_be_bytes).collect();
        let without_mark = little[2..].to_vec();
        let with_utf8_mark = [b"\xef\xbb\xbf", page.as_bytes()].concat();
        let latin = page.replace("hash value", "h\u{e4}sh").chars().map(|c| c as u8).collect();
        for body in [page.clone().into_bytes(), little, big, without_mark, with_utf8_mark, latin] {
            assert!(
                matches!(read(&body), Shown::Password(password) if password.expose() == "ab!12")
            );
        }
    }

    #[test]
    fn beginning_of_a_long_page_is_read() {
        let password = "<P> The enrollment challenge password is: <B> ab!12 </B> <P>";
        let thumbprints = "<B> A656FA66 AB12B433 A2DA5CF7 CC153D9A </B>ü";
        let page = |before: usize| {
            let before = thumbprints.repeat(before / thumbprints.len());
            found(&format!("{before}{password}{}", thumbprints.repeat(100_000)))
        };
        assert_eq!(page(60_000), "ab!12");
        assert_eq!(page(70_000), "the thumbprint alone");
    }

    #[test]
    fn words_near_a_bold_text_say_what_it_is() {
        let page = |between: usize| {
            let between = "é".repeat(between / 2);
            found(&format!("The thumbprint is {between}: <b>A656FA66</b><p>and <b>ab!12</b>"))
        };
        assert_eq!(page(900), "ab!12");
        assert_eq!(page(1100), "A656FA66");
    }

    #[test]
    fn page_without_a_password_is_explained_by_its_words() {
        let denied = "<P> You do not have sufficient permission to enroll with SCEP.  Please contact your system administrator. </P>";
        assert_eq!(
            found(denied),
            "the page shows no challenge password: it says `You do not have sufficient permission to enroll with SCEP. Please \
             contact your system administrator.`; let the user enrol with the certificate templates of NDES"
        );
        let german = "<P> Sie verfügen nicht über ausreichende Berechtigungen. </P>";
        assert_eq!(
            found(german),
            "the page shows no challenge password: it says `Sie verfügen nicht über ausreichende Berechtigungen.`"
        );
        assert_eq!(found("<P> The password cache is full. <P>"), "the cache is full");
        for thumbprint in ["A656FA66", "A656FA66AB12B433A2DA5CF7CC153D9A", "A6:56:FA:66"] {
            let english = format!(
                "<P> The thumbprint (hash value) for the CA certificate is: <B> {thumbprint} </B> </P>"
            );
            assert_eq!(found(&english), "the thumbprint alone", "{thumbprint}");
        }
        assert_eq!(found(&format!("{THUMBPRINT}</P>")), "the thumbprint alone");
        let unlabelled = "<P> X: <B> A656FA66 AB12B433 A2DA5CF7 CC153D9A </B> </P>";
        assert_eq!(found(unlabelled), "the thumbprint alone");
        assert_eq!(found("<p>hello</p>"), "the page shows no challenge password");
    }

    #[test]
    fn text_that_may_be_a_password_is_not_shown() {
        for middle in ["<p>ab12!x.</p>", "<p>Kennwort: geheim.</p>", "<p>geheim</p>"] {
            assert_eq!(found(middle), "the page shows no challenge password", "{middle}");
        }
        let Shown::Other(reason) = read(b"s3cret") else { panic!("no password") };
        assert_eq!(
            reason,
            "it is plain text, not a web page, so no challenge password is looked for in it"
        );
    }
}
