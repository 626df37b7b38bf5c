//! Whether a program named `pki` is strongSwan's, and can do SCEP by HTTP.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::enrolment::order::Missing;
use crate::enrolment::program::Unfit;

/// More than any `pki` has: strongSwan's is about a hundred kilobytes.
const LARGEST_PROGRAM: u64 = 16 * 1024 * 1024;
/// The plugins that fetch by HTTP; it comes without any.
const FETCHERS: [&str; 2] = ["libstrongswan-curl.so", "libstrongswan-soup.so"];

/// Whether it is strongSwan's, has SCEP, and can fetch.
pub(super) fn examine(program: &Path) -> Result<(), Unfit> {
    if !has_scep(program) {
        return Err(Unfit::Another("has no `--scep`, so it is one before 5.9.8 or Dogtag's"));
    }
    if can_fetch(program) { Ok(()) } else { Err(Unfit::Incomplete(no_fetcher())) }
}

/// Whether it has SCEP: a `pki` may be one without, or Dogtag's.
///
/// It is not run for that, for Dogtag's starts a Java machine: the name of the command is in the program.
fn has_scep(program: &Path) -> bool {
    const COMMAND: &[u8] = b"scepca";
    let mut bytes = Vec::new();
    let read =
        File::open(program).and_then(|file| file.take(LARGEST_PROGRAM).read_to_end(&mut bytes));
    read.is_ok() && bytes.windows(COMMAND.len()).any(|window| window == COMMAND)
}

/// Whether it has a plugin that fetches by HTTP; one that has no folder of plugins may have them built in.
fn can_fetch(program: &Path) -> bool {
    let prefix = program.parent().and_then(Path::parent);
    let Some(plugins) = prefix.map(|prefix| prefix.join("lib/ipsec/plugins")) else { return true };
    !plugins.is_dir() || FETCHERS.iter().any(|fetcher| plugins.join(fetcher).is_file())
}

/// That it has none.
pub(super) fn no_fetcher() -> Missing {
    Missing {
        program: "the plugin `curl`, by which strongSwan's `pki` fetches,".to_owned(),
        origin: "package `libstrongswan-extra-plugins`",
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_a_folder_of_plugins_without_one_that_fetches_is_a_lack() {
        let prefix = tempfile::tempdir().unwrap();
        let (program, plugins) =
            (prefix.path().join("bin/pki"), prefix.path().join("lib/ipsec/plugins"));
        assert!(can_fetch(&program));
        fs::create_dir_all(&plugins).unwrap();
        assert!(!can_fetch(&program));
        fs::write(plugins.join("libstrongswan-curl.so"), "").unwrap();
        assert!(can_fetch(&program));
    }
}
