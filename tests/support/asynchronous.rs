//! Asynchronous functions as trials.

use super::trials::Test;

impl<T, F> Test<(F,)> for T
where
    T: FnOnce() -> F + Send + 'static,
    F: Future<Output = ()>,
{
    fn run(self) {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        runtime.worker_threads(2).enable_all().build().unwrap().block_on(self());
    }
}
