//! Creates the file system of a node's image as an archive.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use object::Endianness;
use object::elf::{FileHeader64, PT_LOAD};
use object::read::elf::{FileHeader, ProgramHeader};
use openssl::sha::sha256;

use super::PROGRAM;

/// The folder of the libraries in the image, which the loader is configured to search.
pub(super) const LIBRARIES: &str = "/lib/sceplab";

/// The libraries that old releases of glibc load for host names without being linked with them: nsswitch.conf(5).
const NAME_SERVICES: [&str; 2] = ["libnss_files.so.2", "libnss_dns.so.2"];

/// Root, and an ordinary user for those who want one.
const PASSWD: &str =
    "root:x:0:0:root:/:/sbin/nologin\nsceplab:x:1000:1000:sceplab:/tmp:/sbin/nologin\n";
const GROUP: &str = "root:x:0:\nsceplab:x:1000:\n";

/// A file system as an archive, with its digest.
pub(super) struct Root {
    /// The archive, as `docker import` takes it.
    pub(super) archive: Vec<u8>,
    /// A digest of the contents: sixteen hexadecimal digits.
    pub(super) digest: String,
}

impl Root {
    /// The file system for a program, with the libraries that this machine's loader would load for it.
    ///
    /// # Errors
    /// Why the program cannot be copied into an image.
    pub(super) fn of(program: &Path) -> Result<Self, String> {
        let unreadable =
            |error: io::Error| format!("`{}` cannot be read: {error}", program.display());
        let contents = std::fs::read(program).map_err(unreadable)?;
        let (loader, needed) = parse_program(&contents)
            .ok_or_else(|| format!("`{}` is not a 64-bit program for Linux", program.display()))?;
        let mut files = BTreeMap::new();
        if let Some(loader) = loader {
            add_libraries(&mut files, program, Path::new(loader))?;
        }
        files.insert(PROGRAM.to_owned(), needed.to_vec());
        let archive =
            archive(&files).map_err(|error| format!("its archive cannot be created: {error}"))?;
        let digest = hex::encode(&sha256(&archive)[..8]);
        Ok(Self { archive, digest })
    }
}

/// The path of a program's loader, if it needs one, and the program's file without the part behind the loaded segments, which is
/// for debuggers and may be most of it. Nothing if the file is not a 64-bit program for Linux, or is truncated.
fn parse_program(contents: &[u8]) -> Option<(Option<&str>, &[u8])> {
    let header = FileHeader64::<Endianness>::parse(contents).ok()?;
    let endian = header.endian().ok()?;
    let mut end = size_of_val(header);
    let mut loader = None;
    for segment in header.program_headers(endian, contents).ok()? {
        segment.data(endian, contents).ok()?;
        if let Some(path) = segment.interpreter(endian, contents).ok()? {
            loader = Some(str::from_utf8(path).ok()?);
        }
        if segment.p_type(endian) == PT_LOAD {
            let (start, size) = segment.file_range(endian);
            end = end.max(usize::try_from(start + size).ok()?);
        }
    }
    Some((loader, &contents[..end]))
}

/// Adds the loader at the path that the program names, and the libraries that it would load.
fn add_libraries(
    files: &mut BTreeMap<String, Vec<u8>>,
    program: &Path,
    loader: &Path,
) -> Result<(), String> {
    let read = |path: &Path| {
        std::fs::read(path)
            .map_err(|error| format!("the library `{}` cannot be read: {error}", path.display()))
    };
    files.insert(loader.display().to_string(), read(loader)?);
    let libraries = libraries(program, loader)?;
    for (name, path) in &libraries {
        files.insert(format!("{LIBRARIES}/{name}"), read(path)?);
    }
    let beside_libc = libraries.get("libc.so.6").and_then(|libc| libc.parent());
    for name in NAME_SERVICES {
        let path = beside_libc.map(|folder| folder.join(name)).filter(|path| path.exists());
        if let Some(path) = path {
            files.insert(format!("{LIBRARIES}/{name}"), read(&path)?);
        }
    }
    Ok(())
}

/// The libraries that the loader would load, by name. Only the loader knows where it searches (ld.so(8), `--list`).
fn libraries(program: &Path, loader: &Path) -> Result<BTreeMap<String, PathBuf>, String> {
    // The loader's own /proc/self/exe is the loader.
    let program = program.canonicalize().unwrap_or_else(|_| program.to_owned());
    let mut command = Command::new(loader);
    command.arg("--list").arg(&program).stdin(Stdio::null());
    // A library that is preloaded here does not belong to the program.
    command.env_remove("LD_PRELOAD");
    let broken = |why: String| format!("`{} --list {}` {why}", loader.display(), program.display());
    let output = command.output().map_err(|error| broken(format!("cannot be run: {error}")))?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        return Err(broken(format!("ended with {}: {}", output.status, errors.trim())));
    }
    listed(&String::from_utf8_lossy(&output.stdout))
        .map_err(|name| broken(format!("does not find the library `{name}`")))
}

/// Parses lines as `libm.so.6 => /lib/libm.so.6 (0x…)`; the kernel's own library and the loader have no arrow. The error is a
/// missing library.
fn listed(output: &str) -> Result<BTreeMap<String, PathBuf>, String> {
    let mut libraries = BTreeMap::new();
    for (name, rest) in output.lines().filter_map(|line| line.trim().split_once(" => ")) {
        let path = rest.rsplit_once(" (").map_or(rest, |(path, _)| path);
        if !path.starts_with('/') {
            return Err(name.to_owned());
        }
        // In musl, the loader's name is a path.
        let name = name.rsplit('/').next().unwrap_or(name);
        libraries.insert(name.to_owned(), PathBuf::from(path));
    }
    Ok(libraries)
}

/// Creates the archive. Everything belongs to root and has the time zero, so that the same contents make the same archive.
fn archive(files: &BTreeMap<String, Vec<u8>>) -> io::Result<Vec<u8>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        let mut archive = tokio_tar::Builder::new(Vec::new());
        for folder in ["etc/", "proc/", "sys/", "dev/", "run/"] {
            append(&mut archive, folder, 0o755, &[]).await?;
        }
        append(&mut archive, "tmp/", 0o1777, &[]).await?;
        append(&mut archive, "etc/passwd", 0o644, PASSWD.as_bytes()).await?;
        append(&mut archive, "etc/group", 0o644, GROUP.as_bytes()).await?;
        for (path, contents) in files {
            append(&mut archive, path.trim_start_matches('/'), 0o755, contents).await?;
        }
        archive.into_inner().await
    })
}

async fn append(
    archive: &mut tokio_tar::Builder<Vec<u8>>,
    path: &str,
    mode: u32,
    contents: &[u8],
) -> io::Result<()> {
    let mut header = tokio_tar::Header::new_gnu();
    let is_folder = path.ends_with('/');
    header.set_entry_type(if is_folder {
        tokio_tar::EntryType::Directory
    } else {
        tokio_tar::EntryType::Regular
    });
    header.set_mode(mode);
    header.set_size(contents.len() as u64);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    archive.append_data(&mut header, path, contents).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_of_the_loader_is_parsed() {
        let glibc = "\tlinux-vdso.so.1 (0x00007ffd)\n\tlibm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007f)\n\t\
                     libc.so.6 => /lib/a (b)/libc.so.6 (0x00007f)\n\t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n";
        let libraries = listed(glibc).unwrap();
        assert_eq!(libraries["libm.so.6"], Path::new("/lib/x86_64-linux-gnu/libm.so.6"));
        assert_eq!(libraries["libc.so.6"], Path::new("/lib/a (b)/libc.so.6"));
        assert_eq!(libraries.len(), 2);
        assert_eq!(listed("\tlibx.so => not found\n"), Err("libx.so".to_owned()));
        let musl = "\t/lib/ld-musl-x86_64.so.1 (0x7f)\n\tlibc.musl-x86_64.so.1 => /lib/ld-musl-x86_64.so.1 (0x7f)\n";
        assert_eq!(
            listed(musl).unwrap()["libc.musl-x86_64.so.1"],
            Path::new("/lib/ld-musl-x86_64.so.1")
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn same_program_makes_the_same_image() {
        let program = std::env::current_exe().unwrap();
        let one = Root::of(&program).unwrap();
        assert_eq!(one.digest, Root::of(&program).unwrap().digest);
        assert_ne!(one.digest, Root::of(Path::new("/bin/true")).unwrap().digest);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn program_is_parsed_and_stripped_of_debug_data() {
        let contents = std::fs::read("/proc/self/exe").unwrap();
        let (loader, needed) = parse_program(&contents).unwrap();
        assert!(needed.len() < contents.len());
        assert!(loader.is_none_or(|loader| Path::new(loader).exists()), "{loader:?}");
    }

    #[test]
    fn truncated_or_invalid_program_is_refused() {
        // A header of 64 bytes, followed by the header of the one segment, of 56 bytes.
        let mut program = vec![0; 64 + 56];
        program[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
        program[32] = 64;
        program[54] = 56;
        program[56] = 1;
        assert!(parse_program(&program).is_some());
        assert!(parse_program(&program[..program.len() - 1]).is_none());
        // A segment that ends behind the file, and one with an address overflow.
        program[64 + 32] = 255;
        assert!(parse_program(&program).is_none());
        program[64 + 8..64 + 16].fill(255);
        assert!(parse_program(&program).is_none());
        assert!(parse_program(b"#!/bin/sh").is_none());
    }

    #[test]
    fn file_that_is_not_a_program_is_reported() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "#!/bin/sh\n").unwrap();
        assert!(Root::of(file.path()).err().unwrap().contains("is not a 64-bit program"));
        assert!(Root::of(Path::new("/nowhere")).err().unwrap().contains("cannot be read"));
    }
}
