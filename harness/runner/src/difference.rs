//! The difference of two lists of words, such as the capabilities of a server.

use diagnostics::word_difference;
use model::scenario::scep::Expected;

/// Difference of an actual list from the only expected one, as `: lacks …; has also …`; none if they are no lists.
pub(super) fn difference(
    actual: &str,
    expected: &[Expected],
    filled: impl Fn(&str) -> Option<String>,
) -> Option<String> {
    let [Expected::Text(wanted)] = expected else { return None };
    let wanted = filled(wanted)?;
    let (wanted, actual) = (words(&wanted), words(actual));
    // Two single words are compared at a glance.
    if wanted.len().max(actual.len()) < 3 {
        return None;
    }
    Some(match word_difference(&actual, &wanted) {
        None => ": the same words in another order or spacing".to_owned(),
        Some(difference) => format!(": {difference}"),
    })
}

/// The words of a list that has blanks or commas between them.
fn words(text: &str) -> Vec<&str> {
    text.split([' ', ',']).filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(actual: &str, wanted: &str) -> Option<String> {
        difference(actual, &[Expected::Text(wanted.to_owned())], |text| Some(text.to_owned()))
    }

    #[test]
    fn missing_and_further_words_are_named() {
        let difference = of("AES SHA-1 POSTPKIOperation", "AES SHA-256 POSTPKIOperation Renewal");
        assert_eq!(difference.unwrap(), ": lacks `SHA-256`, `Renewal`; has also `SHA-1`");
        assert_eq!(of("a b c d", "a b c").unwrap(), ": has also `d`");
        assert_eq!(of("b a c", "a b c").unwrap(), ": the same words in another order or spacing");
    }

    #[test]
    fn single_words_have_no_difference() {
        assert_eq!(of("FAILURE", "SUCCESS"), None);
        assert_eq!(of("present", "absent"), None);
    }
}
