//! Unix sockets in the folder of a lab, by which the runner reaches what is in it.

use std::io;
use std::os::unix::net::UnixListener;
use std::path::Path;

/// Makes a socket that is `what`, such as a console.
///
/// # Errors
/// When it cannot be made: its path has room for some hundred bytes, of which a long `TMPDIR` may take too many.
pub(super) fn listen(what: &str, path: &Path) -> io::Result<UnixListener> {
    UnixListener::bind(path).map_err(|error| {
        let help = match error.kind() {
            io::ErrorKind::InvalidInput => "; a shorter `TMPDIR` helps",
            _ => "",
        };
        let path = path.display();
        io::Error::new(error.kind(), format!("its {what} `{path}` cannot be made: {error}{help}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_too_long_for_a_socket_is_named_with_what_makes_it_shorter() {
        let folder = tempfile::tempdir().unwrap();
        let console = folder.path().join("x".repeat(120));
        let error = listen("console", &console).unwrap_err().to_string();
        let told = format!("its console `{}` cannot be made: path must be", console.display());
        assert!(error.starts_with(&told), "{error}");
        assert!(error.ends_with("; a shorter `TMPDIR` helps"), "{error}");
        let nowhere = folder.path().join("nowhere/console");
        let nowhere = listen("console", &nowhere).unwrap_err().to_string();
        assert!(!nowhere.contains("TMPDIR"), "{nowhere}");
    }
}
