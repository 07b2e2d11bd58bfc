//! A site's own files: what they add and replace, and mistakes in them, reported with file and line.

use std::path::Path;

use super::*;
use crate::definition::plan::WatchRow;

/// A site's directory with these files.
pub(super) fn site(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    for (path, text) in files {
        let path = directory.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        std::fs::write(path, text).expect("a file");
    }
    directory
}

/// The problems, each as `file:line: key: text`, without the directory.
pub(super) fn mistakes(directory: &Path, entities: &[EntityName]) -> Vec<String> {
    let problems = load(Some(directory), "apo", entities, &own()).expect_err("mistakes");
    let prefix = format!("{}/", directory.display());
    problems.iter().map(|problem| problem.to_string().replace(&prefix, "")).collect()
}

#[test]
fn every_mistake_of_all_files_is_reported_at_once_with_its_line() {
    let directory = site(&[
        (
            "entities/asset.toml",
            r#"
after = ["suplier"]
[root]
table = "AssetMaster"
key = ["Asset"]
columns = ["Description", "Description"]
colour = "red"
exclude = { Nothing = ["X"] }
[[change]]
table = "AssetMaster"
any_of = ["Changd"]
[[change]]
table = "AssetLog"
any_of = ["LogDate"]
[sweep]
schedule = "every sunday"
"#,
        ),
        (
            "profiles/apo/asset.toml",
            r#"
[header]
table = "x_asset"
write = "tabel"
key_column = "u_source_key"
natural_key = ["u_missing"]
[header.fields]
u_description = "Descripton"
u_value = { from = "Asset", as = "decimal(13)" }
u_case = { from = "Asset", as = "lower" }
u_code = { from = "Asset", lookup = "colours" }
u_account = { from = "Asset", reference = "gl_account" }
u_owner = { from = "Asset", reference = "owner" }
u_both = { from = "Asset", constant = "1" }
u_size = 7
u_source_key = "Asset"
[parts]
table = "x_part"
write = "table"
"#,
        ),
        ("entities/broken.toml", "after = [\n[root]\ntable = \"T\"\n"),
        ("lookups/extra.toml", "otherwise = \"maybe\"\n[codes]\n\"1\" = 2\n"),
    ]);
    let found = mistakes(directory.path(), &[]);
    let expected = [
        "entities/asset.toml:2: `after`: there is no entity `suplier`; there are `asset`, `broken`, `cost_center`",
        "entities/asset.toml:6: `root.columns`: the column `Description` is named twice",
        "entities/asset.toml:7: `root.colour`: unknown key; allowed are `table`, `key`, `columns`",
        "entities/asset.toml:8: `root.exclude`: `AssetMaster` is not read with a column `Nothing`; it is read with `Asset`, `Description`",
        "entities/asset.toml:11: `change.1.any_of`: `AssetMaster` is not read with a column `Changd`",
        "entities/asset.toml:12: `change.2`: the key `key` is missing",
        "entities/asset.toml:12: `change.2.touches`: must name each column of the root's key (`Asset`), got none",
        "entities/asset.toml:16: `sweep.schedule`: `every sunday` is not a schedule",
        "entities/broken.toml:2: not valid TOML",
        "lookups/extra.toml:1: `otherwise`: must be one of `error`, `same`, `iso`, got `maybe`",
        "lookups/extra.toml:3: `codes.1`: must be a text, got the number `2`",
        "profiles/apo/asset.toml:4: `header.write`: must be one of `import_set`, `table`, `none`, got `tabel`",
        "profiles/apo/asset.toml:6: `header.natural_key`: `u_missing` is not among the fields",
        "profiles/apo/asset.toml:8: `header.fields.u_description`: `AssetMaster` is not read with a column `Descripton`",
        "profiles/apo/asset.toml:9: `header.fields.u_value.as`: `decimal(13)`: the number of decimals must be 0 to 12, got `13`",
        "profiles/apo/asset.toml:10: `header.fields.u_case.as`: unknown transform `lower`; allowed are `text`",
        "profiles/apo/asset.toml:11: `header.fields.u_code.lookup`: there is no code list `colours`; there are `currency`",
        "profiles/apo/asset.toml:12: `header.fields.u_account.from`: the key of `gl_account` has 2 parts (`Company`, `GlCode`), got `Asset`",
        "profiles/apo/asset.toml:13: `header.fields.u_owner.reference`: there is no entity `owner`",
        "profiles/apo/asset.toml:14: `header.fields.u_both`: needs exactly one of `from`, `constant`",
        "profiles/apo/asset.toml:15: `header.fields.u_size`: must be a table, got the number `7`",
        "profiles/apo/asset.toml:16: `header.fields.u_source_key`: is the key or version column",
        "profiles/apo/asset.toml:17: `parts`: the entity has no child `parts`; blocks are `header`",
    ];
    for expected in expected {
        assert!(found.iter().any(|problem| problem.starts_with(expected)), "missing: {expected}\namong:\n{}", found.join("\n"));
    }
    assert_eq!(found.len(), expected.len(), "nothing is reported twice in other words: {found:#?}");
}

#[test]
fn joins_children_and_blocks_are_checked_too() {
    let directory = site(&[
        (
            "entities/asset.toml",
            r#"
[root]
table = "AssetMaster"
key = ["Asset"]
columns = ["Description"]
[[join]]
table = "AssetExtra"
on = { Assett = "Asset" }
columns = ["Description"]
[[child]]
name = "parts"
table = "AssetPart"
key = ["Asset", "Part"]
columns = ["Value"]
on = ["Asset"]
via = { table = "AssetLink", on = ["Asset"], carry = ["Value"] }
[sweep]
schedule = "0 3 * * SUN"
"#,
        ),
        (
            "profiles/apo/asset.toml",
            r#"
[header]
table = "x_asset"
write = "import_set"
version_column = "u_version"
natural_key = ["u_name"]
[header.fields]
u_name = "Description"
u_header = { header = true }
u_total = { sum = "parts.Valeu" }
u_sum = { sum = "Value", as = "date" }
u_count = { count = "part" }
u_many = { from = ["Asset", "Description"] }
u_stray = { constant = "1", as = "trim", if_missing = "send" }
[parts]
write = "none"
only_if = [{ column = "Kind", one_of = ["1"] }, { column = "Part" }]
[parts.fields]
u_Name = "root.Nothing"
"#,
        ),
        ("profiles/apo/orphan.toml", "[lines]\ntable = \"x\"\nwrite = \"table\"\n"),
    ]);
    let found = mistakes(directory.path(), &[]);
    let expected = [
        "entities/asset.toml:8: `join.1.on`: `AssetMaster` is not read with a column `Assett`",
        "entities/asset.toml:9: `join.1.columns`: the root row already has a column `Description`",
        "entities/asset.toml:16: `child.1.on`: `on` and `via` exclude one another",
        "entities/asset.toml:16: `child.1.via.carry`: the child's row already has a column `Value`",
        "entities/asset.toml:17: `sweep`: a flow without `[[change]]` is read completely",
        "profiles/apo/asset.toml:5: `header.version_column`: a version column needs a `key_column`",
        "profiles/apo/asset.toml:6: `header.natural_key`: is only for `write = \"table\"`",
        "profiles/apo/asset.toml:9: `header.fields.u_header.header`: is only for a child's block",
        "profiles/apo/asset.toml:10: `header.fields.u_total.sum`: `AssetPart` is not read with a column `Valeu`",
        "profiles/apo/asset.toml:11: `header.fields.u_sum.as`: a sum is written",
        "profiles/apo/asset.toml:11: `header.fields.u_sum.sum`: must be `child.Column`, got `Value`",
        "profiles/apo/asset.toml:12: `header.fields.u_count.count`: the entity has no child `part`; there are `parts`",
        "profiles/apo/asset.toml:13: `header.fields.u_many.from`: several columns need `reference`",
        "profiles/apo/asset.toml:14: `header.fields.u_stray.as`: has no effect with `constant`",
        "profiles/apo/asset.toml:14: `header.fields.u_stray`: `write`, `if_missing` and `derived` need a `reference`",
        "profiles/apo/asset.toml:15: `parts.write`: `none` is for `[header]`",
        "profiles/apo/asset.toml:17: `parts.only_if.1.column`: `AssetPart` is not read with a column `Kind`",
        "profiles/apo/asset.toml:17: `parts.only_if.2`: needs either `one_of` or `not`",
        "profiles/apo/asset.toml:19: `parts.fields`: `u_Name` cannot be a name in ServiceNow",
        "profiles/apo/asset.toml:19: `parts.fields.u_Name`: `AssetPart` is not read with a column `root.Nothing`",
        "profiles/apo/orphan.toml: `header`: the block `[header]` is missing",
        "profiles/apo/orphan.toml: there is no `entities/orphan.toml` for it",
    ];
    for expected in expected {
        assert!(found.iter().any(|problem| problem.starts_with(expected)), "missing: {expected}\namong:\n{}", found.join("\n"));
    }
    assert_eq!(found.len(), expected.len(), "nothing is reported twice in other words: {found:#?}");
}

#[test]
fn circles_and_unknown_names_in_the_settings_are_reported() {
    let entity = |after: &str| format!("after = [\"{after}\"]\n[root]\ntable = \"T\"\nkey = [\"A\"]\n");
    let directory =
        site(&[("entities/one.toml", &entity("two")), ("entities/two.toml", &entity("three")), ("entities/three.toml", &entity("one"))]);
    let found = mistakes(directory.path(), &["nothing".into()]);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].starts_with("entities/one.toml:1: `after`: forms a cycle: one after two after three after one"), "{}", found[0]);
    assert!(found[1].starts_with("settings: `flows.entities`: there is no entity `nothing`"), "{}", found[1]);

    let problems = load(None, "sap", &[], &own()).expect_err("no such profile");
    assert_eq!(problems[0].to_string(), "settings: `servicenow.profile`: there is no profile `sap`; there are `apo`, `s2p`");
}

#[test]
fn a_site_adds_an_entity_a_column_and_a_company_code() {
    let directory = site(&[
        (
            "entities/cost_center.toml",
            "[root]\ntable = \"GenMaster\"\nkey = [\"CostCentre\"]\nderive = { from = \"GlCode\", separator = \"-\", part = 2, column = \"CostCentre\" }\n",
        ),
        (
            "profiles/apo/cost_center.toml",
            "[header]\ntable = \"cmn_cost_center\"\nwrite = \"table\"\n[header.fields]\ncode = \"CostCentre\"\n",
        ),
        ("entities/branch.toml", "[root]\ntable = \"ApBranch\"\nkey = [\"Branch\"]\ncolumns = [\"Description\"]\n"),
        ("lookups/currency.toml", "otherwise = \"error\"\n[codes]\n\"$\" = \"USD\"\n[company.EDU1.codes]\n\"$\" = \"AUD\"\n"),
    ]);
    let definitions = load(Some(directory.path()), "apo", &[], &own()).unwrap_or_else(|problems| panic!("{}", lines(&problems)));
    let centres = plan(&definitions, "cost_center");
    assert_eq!(centres.read.root.derive.as_ref().map(|derive| derive.cut.of("10-500-01")), Some(Some("500")));
    assert_eq!((centres.targets[0].key_column.as_deref(), centres.targets[0].version_column.as_deref()), (None, None));
    let without = "`cost_center`: `[header]` has no `gone`, so records that disappear in SYSPRO stay unchanged in `cmn_cost_center`; see \
         docs/definitions.md";
    assert_eq!(definitions.notes, ["`branch` is not delivered: the profile `apo` has no file for it", without]);
    let code = |company: &str| definitions.code_lists.resolve("currency", &company.into(), "$").expect("listed").into_owned();
    assert_eq!((code("EDU1").as_str(), code("EDU2").as_str()), ("AUD", "USD"));
    assert!(definitions.code_lists.resolve("currency", &"EDU1".into(), "EUR").is_err());
}

/// The fenced TOML blocks of `docs/definitions.md` whose first line names a file, by that name.
fn documented() -> Vec<(String, String)> {
    let page = include_str!("../../../docs/definitions.md");
    let blocks = page.split("```toml\n").skip(1).filter_map(|rest| rest.split_once("```")).map(|(block, _)| block);
    blocks.filter_map(|block| Some((block.lines().next()?.strip_prefix("# ")?.to_owned(), block.to_owned()))).collect()
}

#[test]
fn the_examples_of_the_documentation_load() {
    let mut files = documented();
    assert_eq!(files.len(), 3, "{files:?}");
    let (_, supplier) = embedded::FILES.iter().find(|(path, _)| *path == "entities/supplier.toml").expect("shipped");
    let form = "\n[[join]]\ntable = \"ApSupplier+\"\ncolumns = [\"BeeLevel\"]\n";
    assert!(include_str!("../../../docs/definitions.md").contains("table = \"ApSupplier+\"\ncolumns = [\"BeeLevel\"]"));
    files.push(("entities/supplier.toml".to_owned(), format!("{supplier}{form}")));
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let definitions = load(Some(site(&files).path()), "apo", &[], &own()).unwrap_or_else(|problems| panic!("{}", lines(&problems)));
    assert_eq!(definitions.plans.len(), 7);
    assert_eq!(plan(&definitions, "supplier").read.columns.last().map(String::as_str), Some("BeeLevel"));
    assert_eq!(definitions.schedule(&"branch".into()), Some("0 4 * * *"));
}

#[test]
fn every_form_of_cost_centre_that_is_offered_loads_in_both_profiles() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/variants/cost_center");
    let mut forms: Vec<_> = std::fs::read_dir(&root).expect("the variants").flatten().map(|entry| entry.path()).collect();
    forms.retain(|path| path.is_dir());
    assert_eq!(forms.len(), 3, "{forms:?}");
    for form in forms {
        for profile in ["apo", "s2p"] {
            let definitions = load(Some(&form), profile, &[], &own()).unwrap_or_else(|problems| panic!("{}", lines(&problems)));
            assert_ne!(plan(&definitions, "cost_center").read.root.table, "BomCostCentre", "{}", form.display());
        }
    }
}

#[test]
fn a_part_of_a_code_is_cut_by_a_separator_or_by_position() {
    let entity = |derive: &str| {
        format!("[root]\ntable = \"GenMaster\"\nkey = [\"C\"]\nderive = {{ from = \"GlCode\", column = \"C\", {derive} }}\n")
    };
    let target = "[header]\ntable = \"t\"\nwrite = \"table\"\n[header.fields]\ncode = \"C\"\n";
    let loaded = |derive: &str| {
        let directory = site(&[("entities/cost_center.toml", &entity(derive)), ("profiles/apo/cost_center.toml", target)]);
        load(Some(directory.path()), "apo", &[], &own()).map_err(|problems| lines(&problems))
    };
    for (derive, text, part) in [
        ("separator = \"-\", part = 2", "10-5500-01", Some("5500")),
        ("separator = \"-\", part = 4", "10-5500-01", None),
        ("separator = \".\", part = 2", "10. 5 .01", Some("5")),
        ("start = 3, length = 2", "1100120", Some("00")),
        ("start = 3, length = 5", "1100120", Some("00120")),
        ("start = 3, length = 6", "1100120", None),
        ("start = 1, length = 1", "\u{e9}2", Some("\u{e9}")),
        ("start = 8, length = 1", "1100120", None),
    ] {
        let definitions = loaded(derive).unwrap_or_else(|said| panic!("{said}"));
        let cut = &plan(&definitions, "cost_center").read.root.derive.as_ref().expect("derived").cut;
        assert_eq!(cut.of(text), part, "{derive} of {text}");
    }
    for (derive, word) in [
        ("separator = \"-\"", "needs `separator` and `part`, or `start` and `length`"),
        ("separator = \"-\", part = 2, start = 1, length = 1", "needs `separator` and `part`, or `start` and `length`"),
        ("start = 0, length = 2", "starts are counted from 1, got `0`"),
        ("separator = \"\", part = 2", "must not be empty"),
    ] {
        let said = loaded(derive).expect_err(derive);
        assert!(said.contains(word), "{derive}: {said}");
    }
}

const ALIGNED: &str = r#"
[header]
table = "cmn_cost_center"
write = "table"
key_column = "u_source_key"
natural_key = ["code"]
[header.fields]
code = "CostCentre"
name = "Description"
[header.align]
change_limit_percent = 5
inactive = { active = "false" }
[header.align.fields]
name = "servicenow"
"#;

#[test]
fn an_entity_is_aligned_only_where_its_profile_says_so() {
    use crate::domain::merge::Rule;

    assert!(shipped("apo").plans.iter().chain(&shipped("s2p").plans).all(|plan| plan.aligned().is_none() && plan.setup.is_none()));
    let directory = site(&[("profiles/apo/cost_center.toml", ALIGNED)]);
    let definitions = load(Some(directory.path()), "apo", &[], &own()).unwrap_or_else(|problems| panic!("{}", lines(&problems)));
    let (target, align) = plan(&definitions, "cost_center").aligned().expect("aligned");
    assert_eq!((target.table.as_str(), align.rule, align.change_limit_percent), ("cmn_cost_center", Rule::Review, 5));
    assert_eq!((align.overlap_seconds, align.sweep_hours), (300, 24));
    let of = |name: &str| align.fields.iter().find(|field| field.name == name).expect("a field");
    assert_eq!((of("code").rule, of("code").identity), (Rule::Review, true));
    assert_eq!((of("name").rule, of("name").identity, of("name").column.as_deref()), (Rule::ServiceNow, false, Some("Description")));
    assert_eq!(align.inactive, [("active".to_owned(), "false".to_owned())]);
}

#[test]
fn what_cannot_be_aligned_is_refused() {
    let staged = ALIGNED.replace("write = \"table\"", "write = \"import_set\"").replace("natural_key = [\"code\"]\n", "");
    let odd = staged
        .replace("change_limit_percent = 5", "change_limit_percent = 0\nfilter = \"active=true^ORDERBYname\"")
        .replace("name = \"servicenow\"", "nam = \"review\"");
    let said = mistakes(site(&[("profiles/apo/cost_center.toml", &odd)]).path(), &[]).join("\n");
    for text in [
        "needs `write = \"table\"`",
        "needs a `natural_key`",
        "`nam` is not among the fields",
        "must be 1 to 100, got `0`",
        "must not hold `ORDERBY`",
    ] {
        assert!(said.contains(text), "{text}: {said}");
    }
}

#[test]
fn a_watch_says_what_to_poll_and_what_counts() {
    let invoice = |watch: &str| {
        let (_, text) = embedded::FILES.iter().find(|(path, _)| *path == "profiles/apo/invoice.toml").expect("shipped");
        let directory = site(&[("profiles/apo/invoice.toml", &format!("{text}\n[lines.watch]\n{watch}"))]);
        load(Some(directory.path()), "apo", &[], &own()).map_err(|problems| lines(&problems))
    };
    let good = invoice("row = \"staging\"\nreplay_failed = 2").unwrap_or_else(|said| panic!("{said}"));
    let watch = plan(&good, "invoice").targets[1].watch.clone().expect("it is watched");
    assert_eq!((watch.row, watch.first_minutes, watch.give_up_days, watch.replay_failed), (WatchRow::Staging, 5, 7, 2));
    for (watch, text) in [
        ("", "`target` needs `target_table`"),
        ("", "the column with the state in ServiceNow"),
        ("row = \"staging\"\ncolumn = \"u_state\"", "`column` needs its values"),
        ("row = \"staging\"\ndone = [\"x\"]", "`column` needs its values"),
        ("row = \"staging\"\ncolumn = \"u_state\"\ndone = [\"x\"]\nfailed = [\"x\"]", "`x` is among `done` too"),
        ("row = \"staging\"\ngive_up_days = 0", "must be 1 to 365, got `0`"),
        ("row = \"staging\"\ncolumn = \"U State\"\ndone = [\"x\"]", "cannot be a name in ServiceNow"),
        ("row = \"stage\"", "must be one of"),
    ] {
        let said = invoice(watch).expect_err(text);
        assert!(said.contains(text), "{text}: {said}");
    }
}

#[test]
fn the_write_back_names_a_setup_object_and_never_one_that_posts() {
    const ENTITY: &str = r#"
[root]
table = "BomCostCentre"
key = ["CostCentre"]
columns = ["Description"]
[setup]
object = "BOMSCC"
class = "setup"
action = "update"
template = "<SetupBomCostCentre><Item><Key><CostCentre>{CostCentre}</CostCentre></Key><Description>{Description}</Description></Item></SetupBomCostCentre>"
"#;
    let setup = |from: &str, to: &str| {
        let directory = site(&[("entities/cost_center.toml", &ENTITY.replace(from, to))]);
        load(Some(directory.path()), "apo", &[], &own())
            .map(|definitions| plan(&definitions, "cost_center").setup.clone())
            .map_err(|problems| lines(&problems))
    };
    let good = setup("", "").expect("a setup object").expect("is named");
    assert_eq!((good.object.as_str(), good.action.path()), ("BOMSCC", "/Setup/Update"));
    for (from, to, text) in [
        ("BOMSCC", "GENTJL", "transaction object"),
        ("BOMSCC", "APSTIN", "transaction object"),
        ("class = \"setup\"", "class = \"transaction\"", "the class must be `setup`"),
        ("\"update\"", "\"post\"", "must be one of"),
        ("{Description}", "{Descripton}", "is not one of the columns read"),
    ] {
        let said = setup(from, to).expect_err(to);
        assert!(said.contains(text), "{to}: {said}");
    }
}

#[test]
fn a_column_is_a_date_where_the_entity_file_says_so_and_what_contradicts_it_is_a_mistake() {
    let directory = site(&[
        (
            "entities/asset.toml",
            r#"
[root]
table = "AssetMaster"
key = ["Asset"]
columns = ["Bought", "Code", "Value"]
dates = ["Bought", "Sold"]
numbers = ["Value", "Bought"]
[[child]]
name = "parts"
table = "AssetPart"
key = ["Asset", "Part"]
columns = ["FittedOn"]
dates = ["FittedOn"]
[[change]]
table = "AssetMaster"
any_of = ["Code"]
numbers = ["Value"]
"#,
        ),
        (
            "profiles/apo/asset.toml",
            r#"
[header]
table = "x_asset"
write = "table"
key_column = "u_source_key"
[header.fields]
u_bought = { from = "Bought", as = "date" }
u_code = { from = "Code", as = "date" }
u_value = { from = "Value", as = "date" }
u_amount = { from = "Bought", as = "decimal(2)" }
u_yes = { from = "Bought", as = "flag" }
u_sum = { sum = "parts.FittedOn" }
"#,
        ),
    ]);
    let found = mistakes(directory.path(), &[]);
    let expected = [
        "entities/asset.toml:6: `root.dates`: `AssetMaster` is not read with a column `Sold`; it is read with `Asset`",
        "entities/asset.toml:7: `root.numbers`: the column `Bought` is named twice; it holds dates or numbers",
        "entities/asset.toml:16: `change.1.any_of`: `Code` is queried by date, and `dates` of `AssetMaster` does not name it",
        "entities/asset.toml:17: `change.1.numbers`: `AssetMaster` is read: say there",
        "profiles/apo/asset.toml:8: `header.fields.u_code.as`: `Code` is a date only when `dates` of the entity's file names it",
        "profiles/apo/asset.toml:9: `header.fields.u_value.as`: `Value` is a date only when",
        "profiles/apo/asset.toml:10: `header.fields.u_amount.as`: `Bought` holds dates, as `dates` of the entity's file says",
        "profiles/apo/asset.toml:11: `header.fields.u_yes.as`: `Bought` holds dates",
        "profiles/apo/asset.toml:12: `header.fields.u_sum.sum`: `FittedOn` holds dates",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}\nis not\n{expected}");
    }
}

#[test]
fn a_date_column_of_syspros_own_that_is_not_named_is_noted() {
    let text =
        "[root]\ntable = \"ApSupplier\"\nkey = [\"Supplier\"]\ncolumns = [\"DateSuppAdded\", \"Telephone\"]\ndates = [\"Telephone\"]\n";
    let profile = "[header]\ntable = \"x\"\nwrite = \"table\"\nkey_column = \"u_source_key\"\n[header.fields]\nu_code = \"Supplier\"\n";
    let directory = site(&[("entities/supplier.toml", text), ("profiles/apo/supplier.toml", profile)]);
    let notes = load(Some(directory.path()), "apo", &["supplier".into()], &own()).expect("no mistake").notes;
    let said = |text: &str| assert!(notes.iter().any(|note| note.starts_with(text)), "{notes:#?}");
    said("`supplier`: `ApSupplier.DateSuppAdded` holds dates in published listings of SYSPRO's tables, and `dates` does not name it");
    said("`supplier`: `ApSupplier.Telephone` is named in `dates`, and holds no dates in published listings");
    said("`supplier`: `[header]` has no `gone`");
    assert_eq!(notes.len(), 3, "{notes:#?}");
}

#[test]
fn the_only_word_in_braces_of_a_filter_is_the_company_in_quotes() {
    let entity = |filter: &str| format!("[root]\ntable = \"T\"\nkey = [\"K\"]\ncolumns = [\"V\"]\nfilter = \"{filter}\"\n");
    let profile = "[header]\ntable = \"x\"\nwrite = \"table\"\nkey_column = \"u_source_key\"\n[header.fields]\nu_code = \"V\"\n";
    let said = |filter: &str| {
        let directory = site(&[("entities/asset.toml", &entity(filter)), ("profiles/apo/asset.toml", profile)]);
        match load(Some(directory.path()), "apo", &["asset".into()], &own()) {
            Ok(definitions) => definitions.plan(&"asset".into()).and_then(|plan| Some(plan.read.root.filter.as_ref()?.of(&"O'1".into()))),
            Err(_) => Some(mistakes(directory.path(), &["asset".into()]).join("\n")),
        }
    };
    assert_eq!(said("K eq '{company}' and V ne '{x y'").as_deref(), Some("K eq 'O''1' and V ne '{x y'"));
    assert!(
        said("K eq {company}").is_some_and(|text| text.starts_with("entities/asset.toml:5: `root.filter`: `{company}` must be in quotes"))
    );
    assert!(
        said("K eq '{Company}'")
            .is_some_and(|text| text.starts_with("entities/asset.toml:5: `root.filter`: `{Company}` is not a placeholder"))
    );
}

/// Fixed definitions and a fixed document, with their result: a change of this text is a change of the mapping, and requires a new
/// revision.
#[test]
fn the_mapper_revision_identifies_what_the_mapping_does() {
    let entity = "[root]\ntable = \"Sample\"\nkey = [\"Code\", \"Part\"]\n\
                  columns = [\"Text\", \"Amount\", \"Day\", \"Flag\", \"Currency\", \"Empty\"]\ndates = [\"Day\"]\nnumbers = [\"Amount\"]\n";
    let target = "[header]\ntable = \"x_sample\"\nwrite = \"table\"\nkey_column = \"u_source_key\"\n[header.fields]\n\
                  a_text = \"Text\"\nb_upper = { from = \"Text\", as = \"upper\" }\nc_trim = { from = \"Text\", as = \"trim\" }\n\
                  d_decimal = { from = \"Amount\", as = \"decimal(2)\" }\ne_date = { from = \"Day\", as = \"date\" }\n\
                  f_flag = { from = \"Flag\", as = \"flag\" }\ng_lookup = { from = \"Currency\", lookup = \"sample\" }\n\
                  h_zeros = { from = \"Code\", as = \"strip_leading_zeros\" }\ni_part = { from = \"Part\", as = \"part(-,2)\" }\n\
                  j_empty = \"Empty\"\n";
    let list = "[codes]\n\"$\" = \"USD\"\n";
    let files = site(&[("entities/sample.toml", entity), ("profiles/apo/sample.toml", target), ("lookups/sample.toml", list)]);
    let definitions = load(Some(files.path()), "apo", &["sample".into()], &own()).unwrap_or_else(|problems| panic!("{}", lines(&problems)));
    let of = plan(&definitions, "sample");
    let values = [
        ("Code", "00042"),
        ("Part", "10-5500-01"),
        ("Text", "  Ünicode <&> "),
        ("Amount", "#-1234.565"),
        ("Day", "@2026-01-31"),
        ("Flag", "Y"),
        ("Currency", "$"),
    ];
    let mapped = map(&definitions, "sample", &document(of, &values, &[]));
    let record = &mapped.records[0];
    let text =
        record.fields.iter().fold(format!("revision {}\nkey {}\n", set::MAPPER_REVISION, record.record_key), |mut text, (name, value)| {
            let _ = writeln!(text, "{name} = {value:?}");
            text
        });
    insta::assert_snapshot!(text, @r#"
    revision 1
    key 
    a_text = "  Ünicode <&>"
    b_upper = "ÜNICODE <&>"
    c_trim = "Ünicode <&>"
    d_decimal = "-1234.57"
    e_date = "2026-01-31"
    f_flag = "true"
    g_lookup = "USD"
    h_zeros = "42"
    i_part = "5500"
    j_empty = ""
    "#);
}
