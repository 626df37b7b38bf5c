//! Panics on request, with which tests find out what a bug does to a run. Release builds have none.

/// The variable with the name of the place that must panic.
#[cfg(debug_assertions)]
const VARIABLE: &str = "SCEPLAB_PANIC_IN";

/// Panics if a test has asked for a panic in this place.
///
/// # Panics
/// If the first line of the variable `SCEPLAB_PANIC_IN` names the place, in a debug build. The message has all its lines.
pub fn panic_if_asked(place: &str) {
    #[cfg(debug_assertions)]
    if let Ok(asked) = std::env::var(VARIABLE) {
        assert!(asked.lines().next() != Some(place), "injected in {asked}");
    }
    let _ = place;
}
