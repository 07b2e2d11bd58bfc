//! The shipped definition files, embedded in the binary.

/// One shipped file: its path under `config/`, and its text.
macro_rules! files {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../config/", $path)))),*]
    };
}

/// Every file under `config/entities`, `config/profiles` and `config/lookups`; a test compares the list with the directories.
pub(super) const FILES: &[(&str, &str)] = files![
    "entities/cost_center.toml",
    "entities/gl_account.toml",
    "entities/gl_posting.toml",
    "entities/invoice.toml",
    "entities/purchase_order.toml",
    "entities/supplier.toml",
    "lookups/currency.toml",
    "lookups/payment_terms.toml",
    "lookups/tax_code.toml",
    "profiles/apo/cost_center.toml",
    "profiles/apo/gl_account.toml",
    "profiles/apo/gl_posting.toml",
    "profiles/apo/invoice.toml",
    "profiles/apo/purchase_order.toml",
    "profiles/apo/supplier.toml",
    "profiles/s2p/cost_center.toml",
    "profiles/s2p/gl_account.toml",
    "profiles/s2p/gl_posting.toml",
    "profiles/s2p/invoice.toml",
    "profiles/s2p/purchase_order.toml",
    "profiles/s2p/supplier.toml",
];

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::FILES;

    #[test]
    fn the_list_is_what_lies_in_config() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
        let mut found: Vec<String> = Vec::new();
        let mut folders: Vec<PathBuf> = ["entities", "profiles", "lookups"].iter().map(|name| root.join(name)).collect();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).expect("a directory of config").flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let path = path.strip_prefix(&root).expect("under config").to_string_lossy().replace('\\', "/");
                    found.push(path);
                }
            }
        }
        found.sort();
        let listed: Vec<&str> = FILES.iter().map(|(path, _)| *path).collect();
        assert_eq!(listed, found);
    }

    #[test]
    fn each_file_names_its_schema_in_its_first_line() {
        for (path, text) in FILES {
            let expected = match path.split('/').next() {
                Some("entities") => "#:schema ../schema/entity.schema.json",
                Some("lookups") => "#:schema ../schema/lookup.schema.json",
                _ => "#:schema ../../schema/profile.schema.json",
            };
            assert_eq!(text.lines().next(), Some(expected), "{path}");
        }
    }
}
