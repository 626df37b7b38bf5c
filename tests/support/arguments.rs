//! The arguments of a test program without libtest.

use libtest_mimic::Arguments;

/// The arguments of this process. As for tests with libtest, `RUST_TEST_THREADS` is the number of trials that run at once, unless
/// `--test-threads` says another.
pub(crate) fn arguments() -> Arguments {
    let mut arguments = Arguments::from_args();
    if arguments.test_threads.is_none() {
        arguments.test_threads =
            std::env::var("RUST_TEST_THREADS").ok().and_then(|number| number.parse().ok());
    }
    arguments
}
