//! The search for forms of secrets finds them in what shows them.

use crate::support::secret_forms::{SECRET, forms};

#[test]
fn forms_are_found_in_outputs_that_show_them() {
    for form in forms(SECRET) {
        let json = serde_json::to_string(&form.text).unwrap();
        for shown in [&form.text, &json, &form.text.escape_debug().to_string()] {
            assert!(form.is_in(&format!("it says `{shown}` here")), "{}: {shown}", form.name);
        }
        assert!(!form.is_in("it says `****` here, and nothing else, qZ7&"), "{}", form.name);
    }
}
