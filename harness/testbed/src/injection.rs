//! Panics on request, with which tests find out what a bug does to a run. Release builds have none.

/// The variable with the name of the place that must panic.
#[cfg(debug_assertions)]
const VARIABLE: &str = "SCEPLAB_PANIC_IN";

/// Panics if a test has asked for a panic in this place.
///
/// # Panics
/// If the variable `SCEPLAB_PANIC_IN` names the place, in a debug build.
pub fn panic_if_asked(place: &str) {
    #[cfg(debug_assertions)]
    assert!(std::env::var_os(VARIABLE).is_none_or(|asked| asked != place), "injected in {place}");
    let _ = place;
}
