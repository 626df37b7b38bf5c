//! Acceptable outcomes in words.

use super::{Acceptable, Condition, Expected, FactName};

impl<F: FactName> Acceptable<F> {
    /// The outcome in words, such as `http is 200 to 299, and status is SUCCESS or PENDING`. `filled` returns the text with saved facts in
    /// place of `{{name}}`, or none if one of them was absent.
    pub fn in_words(&self, filled: impl Fn(&str) -> Option<String>) -> String {
        let conditions: Vec<String> =
            self.conditions.iter().map(|it| it.in_words(&filled)).collect();
        conditions.join(", and ")
    }
}

impl<F: FactName> Condition<F> {
    fn in_words(&self, filled: impl Fn(&str) -> Option<String>) -> String {
        let filled = |text: &str| filled(text).unwrap_or_else(|| text.to_owned());
        let values: Vec<String> = self.expected.iter().map(|one| one.in_words(filled)).collect();
        let values = match values.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, before)) => format!("{} or {last}", before.join(", ")),
            None => "nothing".to_owned(),
        };
        format!("{} is {values}", self.fact.name())
    }
}

impl Expected {
    fn in_words(&self, filled: impl Fn(&str) -> String) -> String {
        match self {
            Self::Text(wanted) => filled(wanted),
            Self::Not(unwanted) if unwanted == super::ABSENT => "there".to_owned(),
            Self::Not(unwanted) => format!("not {}", filled(unwanted)),
            Self::Range(from, u64::MAX) => format!("{from} or more"),
            Self::Range(from, to) => format!("{from} to {to}"),
            Self::Matches(expression) => format!("a text that matches `{expression}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Fact, acceptables};
    use diagnostics::Source;
    use diagnostics::yaml::decoded;

    fn in_words(text: &str) -> String {
        let source = Source::new("x.yaml", format!("- {text}\n"));
        let outcomes = decoded(&source, acceptables::<Fact>).unwrap();
        outcomes[0].in_words(|text| Some(text.replace("{{first}}", "0A")))
    }

    #[test]
    fn outcomes_are_told_in_words() {
        for (text, words) in [
            ("{status: SUCCESS, issued-issuer: CA}", "status is SUCCESS, and issued-issuer is CA"),
            ("{http: [absent, 200, 400..499]}", "http is absent, 200 or 400 to 499"),
            (
                "{issued-days: 1.., digest: not absent}",
                "issued-days is 1 or more, and digest is there",
            ),
            ("{issued-serial: 'not {{first}}'}", "issued-serial is not 0A"),
            ("{issued-serial: /^A/}", "issued-serial is a text that matches `^A`"),
        ] {
            assert_eq!(in_words(text), words);
        }
    }
}
