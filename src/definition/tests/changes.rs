//! The queries for changes (`[[change]]`): what they use from the tables that are read, and their possible mistakes.

use super::site::{mistakes, site};
use super::*;
use crate::definition::plan::ChangeQuery;

const ENTITY: &str = r#"
[root]
table = "AssetMaster"
key = ["Branch", "Asset"]
columns = ["Description", "Changed", "Revision"]
dates = ["Changed"]
numbers = ["Revision"]
[[join]]
table = "AssetExtra"
columns = ["Checked"]
dates = ["Checked"]
[[child]]
name = "parts"
table = "AssetPart"
key = ["Branch", "Asset", "Part"]
columns = ["Fitted", "Cost"]
dates = ["Fitted"]
numbers = ["Cost"]
"#;
const PROFILE: &str = "[header]\ntable = \"x_asset\"\nwrite = \"table\"\nkey_column = \"u_source_key\"\ngone = { u_name = \"\" }\n\
                       [header.fields]\nu_name = \"Description\"\n";

fn well(change: &str) -> ChangeQuery {
    let site = site(&[("entities/asset.toml", &format!("{ENTITY}[[change]]\n{change}\n")), ("profiles/apo/asset.toml", PROFILE)]);
    let definitions = load(Some(site.path()), "apo", &["asset".into()], &own()).unwrap_or_else(|problems| panic!("{}", lines(&problems)));
    plan(&definitions, "asset").read.changes[0].clone()
}

/// The mistakes, without file and line.
fn wrong(change: &str) -> Vec<String> {
    let site = site(&[("entities/asset.toml", &format!("{ENTITY}[[change]]\n{change}\n")), ("profiles/apo/asset.toml", PROFILE)]);
    let found = mistakes(site.path(), &["asset".into()]);
    found.iter().map(|problem| problem[problem.find('`').expect("a key")..].to_owned()).collect()
}

#[test]
fn a_table_that_is_read_brings_its_key_its_dates_and_its_numbers() {
    let touches = "touches = { Asset = \"Asset\", Branch = \"Branch\" }";
    for (table, key, date, numbers) in
        [("AssetExtra", &["Branch", "Asset"][..], "Checked", &[][..]), ("AssetPart", &["Branch", "Asset", "Part"], "Fitted", &["Cost"])]
    {
        let change = well(&format!("table = \"{table}\"\nany_of = [\"{date}\"]\n{touches}"));
        assert_eq!((change.table.as_str(), change.key.as_slice()), (table, &key.iter().map(|k| (*k).to_owned()).collect::<Vec<_>>()[..]));
        assert_eq!((change.dates.as_slice(), change.any_of.as_slice()), (&[date.to_owned()][..], &[date.to_owned()][..]));
        assert_eq!(change.numbers, numbers.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>());
        assert_eq!((change.overlap_days, change.may_be_absent, change.filter.is_none()), (1, false, true));
    }
    let change = well("table = \"AssetMaster\"\nany_of = [\"Changed\"]\noverlap_days = 0\nmay_be_absent = false");
    assert_eq!(
        (change.key, change.touches.len(), change.overlap_days, change.may_be_absent),
        (vec!["Branch".into(), "Asset".into()], 0, 0, false)
    );
}

#[test]
fn another_table_says_all_of_it_by_itself() {
    let change = well(
        "table = \"AssetLog\"\nkey = [\"Id\"]\nany_of = [\"Logged\"]\nnumbers = [\"Id\"]\nmay_be_absent = true\noverlap_days = 7\n\
         filter = \"Kind eq 'A'\"\ntouches = { Branch = \"B\", Asset = \"A\" }",
    );
    assert_eq!(
        (change.key, change.any_of, change.dates, change.numbers),
        (vec!["Id".to_owned()], vec!["Logged".to_owned()], vec!["Logged".to_owned()], vec!["Id".to_owned()])
    );
    assert_eq!((change.overlap_days, change.may_be_absent), (7, true));
    assert_eq!(change.filter.expect("a filter").of(&"EDU1".into()), "Kind eq 'A'");
    // a condition alone is enough
    assert_eq!(well("table = \"AssetMaster\"\nfilter = \"Kind eq 'A'\"").any_of, Vec::<String>::new());
}

#[test]
fn what_is_wrong_with_a_query_is_said_once() {
    let touches = "touches = { Branch = \"Branch\", Asset = \"Asset\" }";
    for (change, said) in [
        ("table = \"AssetMaster\"".to_owned(), "`change.1`: needs `any_of`, `filter` or both"),
        ("table = \"AssetMaster\"\nany_of = []".to_owned(), "`change.1`: needs `any_of`, `filter` or both"),
        ("table = \"AssetMaster\"\nany_of = [\"Description\"]".to_owned(), "`change.1.any_of`: `Description` is queried by date"),
        (
            "table = \"AssetMaster\"\nany_of = [\"Chnaged\"]".to_owned(),
            "`change.1.any_of`: `AssetMaster` is not read with a column `Chnaged`",
        ),
        (format!("table = \"AssetMaster\"\nany_of = [\"Changed\"]\n{touches}"), "`change.1.touches`: the root table names its documents"),
        (
            format!("table = \"AssetPart\"\nany_of = [\"Fitted\"]\nnumbers = [\"Cost\"]\n{touches}"),
            "`change.1.numbers`: `AssetPart` is read: say there",
        ),
        (format!("table = \"AssetLog\"\nany_of = [\"Logged\"]\n{touches}"), "`change.1`: the key `key` is missing"),
        (
            "table = \"AssetPart\"\nany_of = [\"Fitted\"]".to_owned(),
            "`change.1.touches`: must name each column of the root's key (`Asset`, `Branch`), got none",
        ),
        (
            "table = \"AssetPart\"\nany_of = [\"Fitted\"]\ntouches = { Branch = \"Branch\" }".to_owned(),
            "`change.1.touches`: must name each column of the root's key (`Asset`, `Branch`), got `Branch`",
        ),
        // of a wrong type: nothing is built on it
        (format!("table = 7\nkey = [\"Id\"]\nany_of = [\"Logged\"]\n{touches}"), "`change.1.table`: must be a text"),
        ("table = 7\nany_of = [\"Logged\"]".to_owned(), "`change.1.table`: must be a text"),
        ("table = \"AssetMaster\"\nany_of = 7".to_owned(), "`change.1.any_of`: must be"),
        (format!("table = \"AssetLog\"\nkey = 7\nany_of = [\"Logged\"]\n{touches}"), "`change.1.key`: must be"),
    ] {
        let found = wrong(&change);
        assert_eq!(found.len(), 1, "{change}: {found:#?}");
        assert!(found[0].starts_with(said), "{change}: {found:#?}");
    }
}

#[test]
fn a_date_column_that_the_listings_name_and_the_definition_does_not_is_noted() {
    let notes = |dates: &str| {
        let entity =
            format!("[root]\ntable = \"ApInvoice\"\nkey = [\"Supplier\", \"Invoice\"]\ncolumns = [\"InvoiceDate\", \"Currency\"]\n{dates}");
        let profile = PROFILE.replace("\"Description\"", "\"Currency\"");
        let site = site(&[("entities/claim.toml", entity.as_str()), ("profiles/apo/claim.toml", profile.as_str())]);
        let definitions =
            load(Some(site.path()), "apo", &["claim".into()], &own()).unwrap_or_else(|problems| panic!("{}", lines(&problems)));
        definitions.notes
    };
    assert_eq!(notes("dates = [\"InvoiceDate\"]\n"), Vec::<String>::new());
    let (missing, wrong) = (notes(""), notes("dates = [\"InvoiceDate\", \"Currency\"]\n"));
    assert_eq!((missing.len(), wrong.len()), (1, 1), "{missing:#?} {wrong:#?}");
    assert!(missing[0].contains("`claim`: `ApInvoice.InvoiceDate` holds dates in published listings"), "{missing:#?}");
    assert!(wrong[0].contains("`claim`: `ApInvoice.Currency` is named in `dates`, and holds no dates"), "{wrong:#?}");
}
