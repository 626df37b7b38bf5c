//! The search without places says of every text if the whole search finds a secret in it.

use std::fmt::Write as _;

use super::forms::{ENCODINGS, SECRET, forms};
use super::masker;

/// Numbers that look random, always the same ones.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn one_of<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

/// What texts are made of that may be taken for a secret, or for the beginning of a form.
const PARTS: [&str; 28] = [
    " ",
    "\n",
    "\t",
    "\u{1b}[1m",
    "\u{200b}",
    "%41",
    "%u0041",
    "\\x41",
    "\\",
    "&#65;",
    "&amp;",
    "=41",
    "=\n",
    "+",
    "0x",
    ":",
    ", ",
    "-",
    "…",
    "é",
    "Ａ",
    "hunter2",
    "hunter22",
    "8CE",
    "8ce3",
    "qZ7&Mark3d",
    "00000000: 4d61",
    "77, 97, ",
];

/// A text with parts of forms, digits, and characters of all kinds.
fn arbitrary(random: &mut Random, forms: &[String]) -> String {
    let mut text = String::new();
    for _ in 0..random.below(30) {
        match random.below(6) {
            0 => {
                let form: Vec<char> = forms[random.below(forms.len())].chars().collect();
                let start = random.below(form.len());
                let end = start + random.below(form.len() - start + 1);
                text.extend(&form[start..end]);
            }
            1 => text.extend(char::from_u32(u32::try_from(random.below(0x3000)).unwrap())),
            2 => {
                for _ in 0..random.below(40) {
                    text.push(char::from(b"0123456789abcdefABCDEF"[random.below(22)]));
                }
            }
            3 => {
                for _ in 0..random.below(40) {
                    text.push(char::from(
                        b"ABCDEFGHIJKLMNOPabcdefghijklmnop01234567+/-_="[random.below(45)],
                    ));
                }
            }
            4 => write!(text, "{}", random.below(300)).unwrap(),
            _ => text.push_str(random.one_of(&PARTS)),
        }
    }
    text
}

#[test]
fn quick_search_agrees_with_the_whole_one_on_arbitrary_texts() {
    let mut random = Random(1);
    let forms: Vec<String> = forms().into_iter().map(|(_, form)| form).collect();
    for secrets in [
        &[SECRET][..],
        &["hunter22"],
        &["8CE3", "a"],
        &[SECRET, "two words", "hunter22", "Valid"],
        &[],
    ] {
        let masker = masker(secrets);
        let search = masker.search();
        let mut found = 0;
        for _ in 0..1500 {
            let text = arbitrary(&mut random, &forms);
            // A word may be found that is none because of the blanks in it.
            let is_found = !search.found_in_views(&text).is_empty();
            assert!(!is_found || search.is_in(&text), "{secrets:?} in {text:?}");
            found += usize::from(is_found);
        }
        assert!(found > 10 || secrets.is_empty(), "{secrets:?} were found {found} times");
    }
}

#[test]
fn quick_search_finds_a_secret_in_every_form() {
    let masker = masker(&[SECRET]);
    let mut random = Random(2);
    let all: Vec<String> = forms().into_iter().map(|(_, form)| form).collect();
    for form in &all {
        for _ in 0..3 {
            let (before, after) = (arbitrary(&mut random, &all), arbitrary(&mut random, &all));
            let text = format!("{before}\n{form}\n{after}");
            assert_eq!(
                masker.search().is_in(&text),
                !masker.search().found_in_views(&text).is_empty(),
                "{text}"
            );
        }
        assert!(masker.search().is_in(form), "{form}");
    }
    for (first, one) in ENCODINGS {
        for (second, two) in ENCODINGS {
            let form = two(&one(SECRET));
            assert!(form.is_empty() || masker.search().is_in(&form), "{second} of {first}: {form}");
        }
    }
}

#[test]
fn no_automaton_is_made_for_a_text_without_a_secret() {
    let masker = masker(&[SECRET, "hunter22"]);
    let certificate =
        "MIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQ\n00:c3:5a:41:99:0a\n".repeat(20);
    masker.text(&format!("usercert  Valid, 5 of CN = a, %41 &amp; {certificate}"));
    assert_eq!(masker.search().automata(), 0);
    masker.text("got hunter22");
    assert_eq!(masker.search().automata(), 2, "for clear text, as it is and without blanks");
}
