//! The known names that a mistyped one probably means.
//!
//! Hidden, because it is for the crates of this workspace and may change at any time.

use std::borrow::Cow;

/// The longest name that is compared, in bytes, because a comparison costs the product of the lengths.
const LIMIT: usize = 100;

/// The maximum number of names that are compared, because a file may have many of its own.
const COMPARED: usize = 1000;

/// The shortest name that is completed, in characters.
const MIN_PREFIX: usize = 3;

/// The maximum number of suggestions.
const SUGGESTED: usize = 3;

/// The maximum number of names that a beginning is completed to.
const COMPLETED: usize = 6;

/// The known name that a misspelt one probably means.
pub fn closest<'a>(given: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    misspelt(given, names).into_iter().next()
}

/// The known names with the fewest differences from a name, if these are few.
fn misspelt<'a>(given: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    if given.is_empty() || given.len() > LIMIT {
        return Vec::new();
    }
    let lower = lower(given);
    let names = names.into_iter().take(COMPARED).filter(|name| name.len() <= LIMIT);
    let length = lower.chars().count();
    // A name that is much longer or shorter has many differences.
    let is_near = |name: &&str| name.chars().count().abs_diff(length) <= 1.max(name.len() / 3);
    let names = names.filter(is_near);
    let distance =
        |name: &str| differences(&lower, &self::lower(name), 1.max(name.chars().count() / 3));
    let near: Vec<(usize, &str)> = names.filter_map(|name| Some((distance(name)?, name))).collect();
    let least = near.iter().map(|(distance, _)| *distance).min();
    near.into_iter()
        .filter(|(distance, _)| Some(*distance) == least)
        .map(|(_, name)| name)
        .collect()
}

/// The name in lower case. Most names are, and need no memory of their own.
fn lower(name: &str) -> Cow<'_, str> {
    let is_lower = name.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    if is_lower { Cow::Borrowed(name) } else { Cow::Owned(name.to_lowercase()) }
}

/// The number of characters that are changed, added, left out or swapped between two names, if it is at most `limit`.
pub fn differences(one: &str, other: &str, limit: usize) -> Option<usize> {
    // Most names have another length or nothing in common, which is found out without comparing each character with each.
    let lengths = one.chars().count().abs_diff(other.chars().count());
    let may_be_near = lengths <= limit && least_differences(one, other) <= limit;
    let count = may_be_near.then(|| strsim::damerau_levenshtein(one, other))?;
    (count <= limit).then_some(count)
}

/// A number of differences that two names have at least: of the characters that one of them has more often than the other, each
/// difference explains one.
fn least_differences(one: &str, other: &str) -> usize {
    // Some characters outside of ASCII share a place, which makes the number smaller, never larger.
    let mut surplus = [0_i32; 128];
    let place = |c: char| u32::from(c) as usize % 128;
    let (mut more, mut fewer) = (0, 0);
    one.chars().for_each(|c| surplus[place(c)] += 1);
    for c in other.chars() {
        let count = &mut surplus[place(c)];
        fewer += usize::from(*count <= 0);
        *count -= 1;
    }
    for c in one.chars() {
        let count = &mut surplus[place(c)];
        more += usize::from(*count > 0);
        *count -= 1;
    }
    more.max(fewer)
}

/// The known names that a name probably means: the closest ones; or else those that it begins or that begin it; or else those
/// with all of its words, or with similar ones. There are none if these are too many.
pub fn suggestions<'a>(given: &str, names: &[&'a str]) -> Vec<&'a str> {
    if given.is_empty() || given.len() > LIMIT {
        return Vec::new();
    }
    let names = &names[..names.len().min(COMPARED)];
    let mut near = misspelt(given, names.iter().copied());
    if !near.is_empty() {
        near.truncate(if near.len() > SUGGESTED { 1 } else { SUGGESTED });
        return near;
    }
    let given = given.to_lowercase();
    let chosen = |limit: usize, is_meant: &dyn Fn(&str) -> bool| {
        let meant = names.iter().filter(|name| is_meant(&name.to_lowercase()));
        let meant: Vec<&str> = meant.copied().collect();
        if meant.len() > limit { Vec::new() } else { meant }
    };
    let completed = chosen(COMPLETED, &|name| begins(name, &given) || begins(&given, name));
    if !completed.is_empty() {
        return completed;
    }
    let exact = chosen(SUGGESTED, &|name| has_words(name, &given, &is_equal));
    if !exact.is_empty() {
        return exact;
    }
    let has_several = |name: &str| name.contains(['-', '_', ' ']);
    chosen(SUGGESTED, &|name| {
        has_words(name, &given, &is_similar)
            || has_several(name) && has_words(&given, name, &is_similar)
    })
}

/// The question for these names, if there are any.
pub fn did_you_mean(names: &[&str]) -> Option<String> {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let (last, others) = names.split_last()?;
    Some(match others {
        [] => format!("did you mean {last}?"),
        _ => format!("did you mean {} or {last}?", others.join(", ")),
    })
}

fn begins(name: &str, beginning: &str) -> bool {
    beginning.chars().count() >= MIN_PREFIX && name.starts_with(beginning)
}

/// True if a name has several words, of which `is_one` finds each of these words.
fn has_words(name: &str, words: &str, is_one: &dyn Fn(&str, &[String]) -> bool) -> bool {
    let split = |text: &str| -> Vec<String> {
        let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        words.map(str::to_owned).collect()
    };
    let (all, words) = (split(name), split(words));
    all.len() > 1 && !words.is_empty() && words.iter().all(|word| is_one(word, &all))
}

fn is_equal(word: &str, all: &[String]) -> bool {
    all.iter().any(|one| one == word)
}

/// True if a word is one of these, perhaps misspelt.
fn is_similar(word: &str, all: &[String]) -> bool {
    let is_long = word.chars().count() >= MIN_PREFIX;
    is_equal(word, all) || is_long && closest(word, all.iter().map(String::as_str)).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_name_is_recognised_and_another_name_is_not() {
        let names = ["matches", "contains", "within"];
        assert_eq!(closest("mathces", names), Some("matches"));
        assert_eq!(closest("Contain", names), Some("contains"));
        assert_eq!(closest("colour", names), None);
    }

    #[test]
    fn wrong_case_is_a_misspelling() {
        assert_eq!(closest("dut0", ["DUT0", "DUT1"]), Some("DUT0"));
    }

    #[test]
    fn beginning_of_a_name_is_completed() {
        let expectations = ["success", "failure"];
        for (given, meant) in [("fail", "failure"), ("succ", "success"), ("successful", "success")]
        {
            assert_eq!(suggestions(given, &expectations), [meant]);
        }
        for given in ["yes", "no", "f", ""] {
            assert_eq!(suggestions(given, &expectations), [""; 0], "{given}");
        }
    }

    #[test]
    fn words_of_a_name_are_recognised() {
        let faults = [
            "wrong-recipient-nonce",
            "no-recipient-nonce",
            "no-sender-nonce",
            "wrong-transaction-id",
            "corrupt-signature",
            "empty-body",
        ];
        assert_eq!(suggestions("wrong-nonce", &faults), ["wrong-recipient-nonce"]);
        assert_eq!(suggestions("recipient-nonce-wrong", &faults), ["wrong-recipient-nonce"]);
        assert_eq!(suggestions("no-nonce", &faults), ["no-recipient-nonce", "no-sender-nonce"]);
        assert_eq!(suggestions("signature", &faults), ["corrupt-signature"]);
        assert_eq!(suggestions("body-empty", &faults), ["empty-body"]);
        assert_eq!(suggestions("slow", &faults), [""; 0]);
        let with_none: Vec<&str> = faults.iter().copied().chain(["caps-none"]).collect();
        assert_eq!(suggestions("nonce", &with_none), suggestions("nonce", &faults));
        assert_eq!(
            suggestions("expired", &["ca-expired", "ra-expired"]),
            ["ca-expired", "ra-expired"]
        );
        assert_eq!(suggestions("next-ca", &["ca", "port"]), [""; 0]);
    }

    #[test]
    fn differences_are_counted_up_to_a_limit() {
        let names =
            ["", "pasword", "password", "passwrod", "drowssap", "\u{e9}t\u{e9}", "k1", "a1a"];
        for one in names {
            for other in names {
                let all = strsim::damerau_levenshtein(one, other);
                assert!(least_differences(one, other) <= all, "{one} {other}");
                for limit in 0..10 {
                    let counted = (all <= limit).then_some(all);
                    assert_eq!(differences(one, other, limit), counted, "{one} {other} {limit}");
                }
            }
        }
        assert_eq!(least_differences("k12345", "secret"), 6);
    }

    #[test]
    fn names_are_compared_up_to_a_limit() {
        let compared = std::cell::Cell::new(0);
        let many = std::iter::repeat_with(|| {
            compared.set(compared.get() + 1);
            "some-name"
        });
        assert_eq!(closest("matches", many), None);
        assert_eq!(compared.get(), COMPARED);
        let long = "x".repeat(LIMIT + 1);
        assert_eq!(closest(&"x".repeat(LIMIT), [long.as_str()]), None);
    }

    #[test]
    fn several_suggestions_are_one_question() {
        assert_eq!(did_you_mean(&["a", "b", "c"]).unwrap(), "did you mean `a`, `b` or `c`?");
        assert_eq!(did_you_mean(&["a"]).unwrap(), "did you mean `a`?");
        assert_eq!(did_you_mean(&[]), None);
    }
}
