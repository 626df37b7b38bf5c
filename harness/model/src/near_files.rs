//! Files with a name like one that does not exist.

use std::path::Path;

use diagnostics::suggestions;

/// Limit of the entries of a folder that are compared.
const ENTRIES: usize = 2000;

/// The endings of YAML files.
const ENDINGS: [&str; 2] = ["yaml", "yml"];

/// The paths of YAML files and folders that `given` may mean, relative to `folder` as `given` is. They are in the folder that
/// `given` names, or else below one of `others`.
pub fn near_files(folder: &Path, given: &str, others: &[&str]) -> Vec<String> {
    // As Windows separates folders.
    let given = given.replace('\\', "/");
    let path = Path::new(&given);
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return Vec::new() };
    let parent = path.parent().unwrap_or(Path::new(""));
    let places = std::iter::once("").chain(others.iter().copied());
    let near = places.map(|other| {
        let place = Path::new(other).join(parent);
        let found = alike(&folder.join(&place), name);
        found.iter().map(|name| place.join(name).display().to_string()).collect::<Vec<_>>()
    });
    // The folder may be misspelt: then the file has exactly this name in one of the others.
    let elsewhere = others.iter().map(|other| Path::new(other).join(name));
    let elsewhere = elsewhere.filter(|path| folder.join(path).is_file());
    let elsewhere = elsewhere.map(|path| path.display().to_string());
    let near = near.into_iter().find(|found| !found.is_empty());
    near.unwrap_or_else(|| elsewhere.take(1).collect())
}

/// The YAML files and folders in a folder whose names are like `name`, perhaps without its ending.
fn alike(folder: &Path, name: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().take(ENTRIES).flatten();
    let names: Vec<String> = entries
        .filter(|entry| is_yaml(&entry.path()) || entry.path().is_dir())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.'))
        .collect();
    let mut sorted: Vec<&str> = names.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    let ended = |ending: &str| format!("{name}.{ending}");
    if let Some(exact) = ENDINGS.iter().map(|it| ended(it)).find(|it| names.contains(it)) {
        return vec![exact];
    }
    let with_ending = if is_yaml(Path::new(name)) { name.to_owned() } else { ended(ENDINGS[0]) };
    let meant = suggestions(&with_ending, &sorted);
    let meant = if meant.is_empty() { suggestions(name, &sorted) } else { meant };
    meant.into_iter().map(str::to_owned).collect()
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_files_are_found_in_the_folder_and_in_others() {
        let folder = tempfile::tempdir().unwrap();
        for file in ["labs/linux-pki.yaml", "labs/windows-pki.yml", "scenarios/scep/renewal.yaml"] {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let near = |given| near_files(folder.path(), given, &["labs", "scenarios"]);
        for (given, meant) in [
            ("labs/linx-pki.yaml", "labs/linux-pki.yaml"),
            ("labs/linux-pki", "labs/linux-pki.yaml"),
            ("linux-pki.yaml", "labs/linux-pki.yaml"),
            ("labs/windows-pki.yaml", "labs/windows-pki.yml"),
            ("scenarios/scep/renewl.yaml", "scenarios/scep/renewal.yaml"),
            ("scep/renewal", "scenarios/scep/renewal.yaml"),
            ("scenaris", "scenarios"),
            ("labs\\linux-pki.yaml", "labs/linux-pki.yaml"),
            ("lab/linux-pki.yaml", "labs/linux-pki.yaml"),
        ] {
            assert_eq!(near(given), [meant], "{given}");
        }
        for given in ["labs/other.yaml", "", "..", "/"] {
            assert_eq!(near(given), [""; 0], "{given}");
        }
    }
}
