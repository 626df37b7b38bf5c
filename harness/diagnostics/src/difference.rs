//! The difference of two lists of words, such as the capabilities of a server.

/// The words that only one of two lists has: "lacks `SHA-256`; has also `SHA-1`". `None` if each word is in both.
pub fn word_difference(actual: &[&str], wanted: &[&str]) -> Option<String> {
    let without = |all: &[&str], others: &[&str]| -> Vec<String> {
        all.iter().filter(|it| !others.contains(it)).map(|it| format!("`{it}`")).collect()
    };
    let (lacking, further) = (without(wanted, actual), without(actual, wanted));
    let parts = [("lacks", lacking), ("has also", further)].into_iter();
    let parts = parts.filter(|(_, words)| !words.is_empty());
    let parts: Vec<String> =
        parts.map(|(verb, words)| format!("{verb} {}", words.join(", "))).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_and_further_words_are_named() {
        let actual = ["AES", "SHA-1", "POSTPKIOperation"];
        let wanted = ["AES", "SHA-256", "POSTPKIOperation", "Renewal"];
        let difference = word_difference(&actual, &wanted);
        assert_eq!(difference.unwrap(), "lacks `SHA-256`, `Renewal`; has also `SHA-1`");
        assert_eq!(word_difference(&["a", "b"], &["a"]).unwrap(), "has also `b`");
        assert_eq!(word_difference(&["b", "a"], &["a", "b", "b"]), None);
    }
}
