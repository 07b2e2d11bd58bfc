//! `tieline servicenow-app` in a directory that it has written before: ids and versions stay, and nothing that others wrote is lost.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::binary::text;
use crate::servicenow_app::{SCOPE, files, generate};

const KEYS: &str = "src/fluent/generated/keys.ts";
const SUPPLIER: &str = "src/fluent/tables/x_acme_tieline_supplier.now.ts";

/// A directory with an application, and the site's definitions that change it.
struct Site {
    directory: tempfile::TempDir,
}

impl Site {
    /// After the first run for `apo`.
    fn new() -> Self {
        let site = Self { directory: tempfile::tempdir().unwrap() };
        std::fs::create_dir_all(site.definitions().join("profiles/apo")).unwrap();
        site.runs();
        site
    }

    fn definitions(&self) -> PathBuf {
        self.directory.path().join("definitions")
    }

    fn app(&self) -> PathBuf {
        self.directory.path().join("app")
    }

    fn run_with(&self, profile: &str, more: &[&str]) -> Output {
        let (app, definitions) = (self.app(), self.definitions());
        let arguments =
            ["--profile", profile, "--scope", SCOPE, "--output", app.to_str().unwrap(), "--definitions", definitions.to_str().unwrap()];
        generate(&[&arguments[..], more].concat())
    }

    fn run(&self) -> Output {
        self.run_with("apo", &[])
    }

    fn runs(&self) -> String {
        let out = self.run();
        assert!(out.status.success(), "{}", text(&out));
        text(&out)
    }

    fn files(&self) -> BTreeMap<String, String> {
        files(&self.app())
    }

    fn file(&self, path: &str) -> String {
        std::fs::read_to_string(self.app().join(path)).unwrap()
    }

    fn write(&self, path: &str, text: &str) {
        std::fs::write(self.app().join(path), text).unwrap();
    }

    /// Changes a file as somebody else would.
    fn edit(&self, path: &str, from: &str, to: &str) {
        let text = self.file(path);
        assert!(text.contains(from), "{path} has no `{from}`");
        self.write(path, &text.replacen(from, to, 1));
    }

    /// The shipped profile's file of an entity with a change.
    fn profile(&self, entity: &str, from: &str, to: &str) {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("config/profiles/apo/{entity}.toml"));
        let shipped = std::fs::read_to_string(shipped).unwrap();
        assert!(shipped.contains(from), "{entity} has no `{from}`");
        std::fs::write(self.definitions().join(format!("profiles/apo/{entity}.toml")), shipped.replacen(from, to, 1)).unwrap();
    }

    /// The definitions without a field of the supplier.
    fn one_field_less(&self) {
        self.profile("supplier", "\nu_short_name = ", "\n# u_short_name = ");
    }

    fn version(&self) -> String {
        let package: Value = serde_json::from_str(&self.file("package.json")).unwrap();
        package["version"].as_str().unwrap().to_owned()
    }
}

/// The ids in `keys.ts`, each with the lines around it that say whose it is.
fn ids(keys: &str) -> Vec<&str> {
    keys.lines().filter_map(|line| line.trim().strip_prefix("id: ")).collect()
}

#[test]
fn a_second_run_without_a_change_writes_nothing() {
    let site = Site::new();
    let before = site.files();
    let said = site.runs();
    assert_eq!(site.files(), before);
    assert!(said.contains("Written: 0, ") && said.contains("removed: 0; the version is still 0."), "{said}");
}

#[test]
fn a_change_raises_the_version_once_and_keeps_every_id() {
    let site = Site::new();
    let before = site.file(KEYS);
    site.edit("package.json", "\"version\": \"0.1.0\"", "\"version\": \"1.4.9\"");
    site.runs();
    assert_eq!(site.version(), "1.4.9", "a version that a person raised stays");
    site.one_field_less();
    let said = site.runs();
    assert_eq!(site.version(), "1.4.10", "{said}");
    assert!(said.contains("the version is 1.4.10 (it was 1.4.9)"), "{said}");
    assert!(!site.file(SUPPLIER).contains("u_short_name"));
    // the SDK deletes a record that is in keys.ts and not in the sources; without its entry it would stay on the instance
    assert_eq!(ids(&site.file(KEYS)), ids(&before));
    site.runs();
    assert_eq!(site.version(), "1.4.10");
}

#[test]
fn what_the_sdk_wrote_into_keys_stays() {
    let site = Site::new();
    let known = "                    'map x_acme_tieline_supplier': {\n                        table: 'sys_transform_map'\n                        id: '";
    let keys = site.file(KEYS);
    let at = keys.find(known).unwrap() + known.len();
    let generated = keys[at..at + 32].to_owned();
    let other = "0123456789abcdef0123456789abcdef";
    // the instance's own id of a map, a record of a person, one that the SDK marked, and its list of deleted records
    let added = "                explicit: {\n                    'my business rule': {\n                        table: 'sys_script'\n                        \
                 id: 'feedfeedfeedfeedfeedfeedfeedfeed'\n                        deleted: true\n                    }\n";
    let composite = "                composite: [\n                    {\n                        table: 'sys_choice'\n                        \
                     id: 'beefbeefbeefbeefbeefbeefbeefbeef'\n                        key: {\n                            name: 'x'\n         \
                     }\n                    },\n";
    let deleted = "                ]\n                deleted: {\n                    sys_ui_list: [\n                        'dead'\n         \
                   ]\n                }\n            }\n        }\n    }\n}\n";
    let keys = keys
        .replace(&generated, other)
        .replacen("                explicit: {\n", added, 1)
        .replacen("                composite: [\n", composite, 1)
        .replacen("                ]\n            }\n        }\n    }\n}\n", deleted, 1);
    site.write(KEYS, &keys);
    site.runs();
    assert_eq!(site.file(KEYS), keys, "nothing is new, so the file stays as the SDK wrote it");

    // a new column gets an id beside them
    site.profile("supplier", "[header.fields]\n", "[header.fields]\nu_tieline_new = \"SupplierName\"\n");
    site.runs();
    let new = site.file(KEYS);
    for kept in ["'my business rule'", "deleted: true", "'beefbeefbeefbeefbeefbeefbeefbeef'", "'dead'", other] {
        assert!(new.contains(kept), "{kept}: {new}");
    }
    assert!(new.contains("element: 'u_tieline_new'") && !new.contains(&generated), "{new}");
    // the field map of the new column names the map by the id that it has
    let entry = new.split("table: 'sys_transform_entry'").find(|entry| entry.contains("target_field: 'u_tieline_new'")).unwrap();
    assert!(entry.contains(&format!("map: '{other}'")), "{entry}");
    let known: std::collections::BTreeSet<&str> = ids(&new).into_iter().collect();
    assert!(ids(&keys).iter().all(|id| known.contains(id)), "an id was lost");
}

#[test]
fn a_file_that_somebody_changed_stays_and_the_new_text_is_beside_it() {
    let site = Site::new();
    let mine = "u_source_key: StringColumn({ label: 'Source key', maxLength: 120, attributes: { mine: true } })";
    site.edit(SUPPLIER, "u_source_key: StringColumn({ label: 'Source key', maxLength: 120 })", mine);
    site.edit("STEPS.md", "# Steps", "# Our steps");
    let said = site.runs();
    assert!(said.contains("Written: 0, "), "what the command writes is as before: {said}");
    site.one_field_less();
    let refused = |what: &str| {
        let out = site.run();
        assert_eq!(out.status.code(), Some(1), "{what}: {}", text(&out));
        assert!(text(&out).contains(SUPPLIER) && text(&out).contains("`.new`"), "{what}: {}", text(&out));
        assert!(!text(&out).contains("  STEPS.md"), "its text did not change: {}", text(&out));
        let (here, beside) = (site.file(SUPPLIER), site.file(&format!("{SUPPLIER}.new")));
        assert!(here.contains(mine) && here.contains("u_short_name"), "{what}: {here}");
        assert!(!beside.contains("u_short_name") && !beside.contains("mine"), "{what}: {beside}");
    };
    refused("the first time");
    refused("until somebody has merged it");
    assert_eq!(site.version(), "0.1.1", "raised once");
    // merged
    let name = site.file(SUPPLIER).lines().find(|line| line.contains("u_short_name")).unwrap().to_owned();
    site.edit(SUPPLIER, &format!("{name}\n"), "");
    std::fs::remove_file(site.app().join(format!("{SUPPLIER}.new"))).unwrap();
    site.runs();
    assert!(site.file(SUPPLIER).contains(mine) && site.file("STEPS.md").starts_with("# Our steps"));
    // somebody takes the command's own text
    site.write("STEPS.md", "other");
    site.profile("gl_posting", "[lines.fields]\n", "[lines.fields]\nu_tieline_new = \"Reference\"\n");
    assert!(site.run().status.success());
}

#[test]
fn only_what_the_command_wrote_is_removed() {
    let site = Site::new();
    site.write("src/fluent/tables/x_acme_tieline_mine.now.ts", "a table of a person");
    site.write("src/fluent/mine.now.ts", "more of a person");
    let changed = "src/fluent/tables/itfm_gl_accounts.now.ts";
    site.edit(changed, "import", "// of a person\nimport");
    let maps = "src/fluent/maps.now.ts";
    assert!(site.file(maps).contains("x_acme_tieline_supplier_imp"));
    // another profile needs other tables
    let out = site.run_with("s2p", &[]);
    assert_eq!(out.status.code(), Some(1), "{}", text(&out));
    let said = text(&out);
    assert!(said.contains("no longer belong to the application") && said.contains(&format!("  {changed}")), "{said}");
    assert!(said.contains(&format!("Removed: {SUPPLIER}; the next installation deletes what it made on the instance")), "{said}");
    let after = site.files();
    assert!(after[changed].contains("of a person") && after["src/fluent/tables/x_acme_tieline_mine.now.ts"] == "a table of a person");
    assert!(!after.contains_key(SUPPLIER) && after.contains_key("src/fluent/tables/sn_fin_supplier.now.ts"));
    assert!(after["src/fluent/mine.now.ts"] == "more of a person" && !after[maps].contains("x_acme_tieline_supplier_imp"));
    // a profile without import sets has no maps
    std::fs::create_dir_all(site.definitions().join("profiles/plain")).unwrap();
    let plain =
        "[header]\ntable = \"u_any\"\nwrite = \"table\"\nkey_column = \"u_source_key\"\n[header.fields]\nu_name = \"Description\"\n";
    std::fs::write(site.definitions().join("profiles/plain/gl_account.toml"), plain).unwrap();
    std::fs::remove_file(site.app().join(changed)).unwrap();
    let out = site.run_with("plain", &[]);
    assert!(out.status.success(), "{}", text(&out));
    assert!(!site.files().contains_key(maps) && site.files().contains_key("src/fluent/mine.now.ts"), "{}", text(&out));
}

#[test]
fn the_project_s_own_settings_stay() {
    let site = Site::new();
    site.edit("package.json", "\"private\": true", "\"private\": true,\n  \"dependencies\": { \"left-pad\": \"1.3.0\" }");
    site.edit("package.json", "\"@servicenow/sdk\": \"4.9.0\"", "\"@servicenow/sdk\": \"4.12.2\"");
    let config: Value = serde_json::from_str(&site.file("now.config.json")).unwrap();
    let id = config["scopeId"].as_str().unwrap();
    site.edit("now.config.json", id, "abcdabcdabcdabcdabcdabcdabcdabcd");
    let before = site.files();
    site.runs();
    assert_eq!(site.files(), before);
    site.one_field_less();
    site.runs();
    let package = site.file("package.json");
    assert!(package.contains("left-pad") && package.contains("4.12.2") && package.contains("\"version\": \"0.1.1\""), "{package}");
    assert!(site.file("now.config.json").contains("abcdabcdabcdabcdabcdabcdabcdabcd"));
}

#[test]
fn a_directory_that_cannot_be_understood_is_left_alone() {
    let site = Site::new();
    let before = site.files();
    let refused = |out: &Output, code: i32, words: &str| {
        assert!(out.status.code() == Some(code) && text(out).contains(words), "{words}: {:?} {}", out.status, text(out));
    };
    let app = site.app();
    let other = generate(&["--profile", "apo", "--scope", "x_other", "--output", app.to_str().unwrap(), "--force"]);
    refused(&other, 2, "has the application of the scope `x_acme_tieline`");
    site.one_field_less();
    for (path, broken, words) in [
        (KEYS, "<<<<<<< HEAD", "keys.ts` cannot be read: it has no interface"),
        ("package.json", "{", "package.json` cannot be read"),
        ("now.config.json", "[]", "now.config.json` cannot be read: it is no JSON object"),
        ("tieline-files.json", "{}", "tieline-files.json` cannot be read"),
    ] {
        site.write(path, broken);
        refused(&site.run(), 1, words);
        site.write(path, &before[path]);
        assert_eq!(site.files(), before, "{path}");
    }
    site.edit("package.json", "\"0.1.0\"", "\"1.0-beta\"");
    refused(&site.run(), 1, "`version` is `1.0-beta`; write three numbers");
}

#[test]
fn the_written_profile_gives_the_same_application() {
    let site = Site::new();
    for profile in ["apo", "s2p"] {
        let [one, two] = ["one", "two"].map(|name| site.directory.path().join(format!("{profile}-{name}")));
        let run = |output: &Path, more: &[&str]| {
            let arguments = ["--profile", profile, "--scope", SCOPE, "--output", output.to_str().unwrap()];
            let out = generate(&[&arguments[..], more].concat());
            assert!(out.status.success(), "{}", text(&out));
            files(output)
        };
        let first = run(&one, &[]);
        let second = run(&two, &["--definitions", one.join("definitions").to_str().unwrap()]);
        // the lists' profile names a column whose name is the default
        let is_said_otherwise = |path: &str| path.starts_with("without-scope/definitions/") || path == "tieline-files.json";
        assert!(second.iter().filter(|(path, _)| path.starts_with("without-scope/")).all(|(_, text)| !text.contains("x_acme_tieline_")));
        let same = |path: &String| is_said_otherwise(path) || second.get(path) == Some(&first[path]);
        let differing: Vec<&String> = first.keys().filter(|path| !same(path)).collect();
        assert_eq!(differing, [] as [&String; 0], "{profile}");
    }
}
