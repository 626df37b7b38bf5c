//! The comparison notices each line of an output that is moved, dropped or doubled.

use super::comparisons;

#[test]
fn dropped_or_doubled_line_is_noticed() {
    for comparison in comparisons() {
        let lines: Vec<&str> = comparison.output.lines().collect();
        for at in (0..lines.len()).filter(|at| !lines[*at].trim().is_empty()) {
            let mut fewer = lines.clone();
            fewer.remove(at);
            assert!(!comparison.holds_for(&fewer.join("\n")), "dropped: {}", lines[at]);
            let mut more = lines.clone();
            more.insert(at, lines[at]);
            assert!(!comparison.holds_for(&more.join("\n")), "doubled: {}", lines[at]);
        }
    }
}

#[test]
fn moved_line_is_noticed() {
    for comparison in comparisons() {
        let lines: Vec<&str> = comparison.output.lines().collect();
        for at in 1..lines.len() {
            let (one, other) = (lines[at - 1], lines[at]);
            if is_same_kind(one, other) {
                continue;
            }
            let mut moved = lines.clone();
            moved.swap(at - 1, at);
            assert!(!comparison.holds_for(&moved.join("\n")), "moved:\n{one}\n{other}");
        }
    }
}

#[test]
fn changed_word_is_noticed() {
    for comparison in comparisons() {
        for word in ["64", "CN", "Valid", "Digital", "critical", "packets", "sha256", "(2048"] {
            let changed = comparison.output.replacen(word, "other", 1);
            assert!(changed == comparison.output || !comparison.holds_for(&changed), "{word}");
        }
        assert!(comparison.holds_for(&comparison.output));
    }
}

/// True for lines that may be swapped unnoticed: blank lines, and whole lines of a modulus or a signature.
fn is_same_kind(one: &str, other: &str) -> bool {
    let is_blank = one.trim().is_empty() || other.trim().is_empty();
    let is_bytes = |line: &str| {
        let line = line.trim();
        line.ends_with(':') && line.split(':').all(|byte| byte.len() < 3) && line.len() > 6
    };
    is_blank || is_bytes(one) && is_bytes(other)
}
