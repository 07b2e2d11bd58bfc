//! Mistakes in the rules for gone records and in compared totals: reported once, with their place.

use super::site::{mistakes, site};
use super::*;

const ENTITY: &str = "[root]\ntable = \"AssetMaster\"\nkey = [\"Asset\"]\ncolumns = [\"Kind\", \"Total\", \"Rate\", \"Way\"]\n\
                      [[child]]\nname = \"parts\"\ntable = \"AssetPart\"\nkey = [\"Asset\", \"Part\"]\ncolumns = [\"Cost\"]\n";

fn profile(header: &str, parts: &str) -> String {
    format!(
        "[header]\ntable = \"x_asset\"\nwrite = \"table\"\nkey_column = \"u_source_key\"\nnatural_key = [\"u_asset\"]\n\
         [header.fields]\nu_asset = \"Asset\"\nu_kind = \"Kind\"\n{header}\n\
         [parts]\ntable = \"x_part\"\nwrite = \"table\"\nkey_column = \"u_source_key\"\n[parts.fields]\nu_cost = \"Cost\"\n{parts}\n"
    )
}

/// The mistakes, without file and line.
fn said(entity: &str, profile: &str) -> Vec<String> {
    let site = site(&[("entities/asset.toml", entity), ("profiles/apo/asset.toml", profile)]);
    if load(Some(site.path()), "apo", &["asset".into()], &own()).is_ok() {
        return Vec::new();
    }
    let found = mistakes(site.path(), &["asset".into()]);
    found.iter().map(|problem| problem[problem.find('`').expect("a key")..].to_owned()).collect()
}

#[test]
fn rules_for_what_is_gone_are_reached_named_once_and_complete() {
    let case = |text: &str| format!("[[header.gone]]\n{text}\n");
    let (purged, rest) = (case("name = \"purged\"\nif = { Kind = \"9\" }"), case("name = \"removed\"\nfields = { u_kind = \"\" }"));
    let line = "[[parts.gone]]\nwith_header = \"purged\"\n[[parts.gone]]\nfields = { u_cost = \"0\" }\n";
    assert_eq!(said(ENTITY, &profile(&format!("{purged}{rest}"), line)), Vec::<String>::new());
    // the short form is one case without a condition
    assert_eq!(said(ENTITY, &profile("[header.gone]\nu_kind = \"x\"", "[parts.gone]\nu_cost = \"0\"")), Vec::<String>::new());
    for (header, parts, expected) in [
        (
            format!("{rest}{purged}"),
            "",
            &["`header.gone.2`: is never reached", "`header.gone.2`: the last case must have no condition"][..],
        ),
        (purged.clone(), "", &["`header.gone.1`: the last case must have no condition"]),
        (format!("{purged}{}", case("name = \"purged\"")), "", &["`header.gone.2.name`: there are two cases named `purged`"]),
        (
            format!("{}{rest}", case("if = { Colour = \"9\" }")),
            "",
            &["`header.gone.1.if`: `AssetMaster` is not read with a column `Colour`"],
        ),
        (case("fields = { u_colour = \"x\" }"), "", &["`header.gone.1.fields.u_colour`: `u_colour` is not among the fields"]),
        (
            case("with_header = \"purged\""),
            "",
            &["`header.gone.1.with_header`: is for lines", "`header.gone.1`: the last case must have no condition"],
        ),
        (
            format!("{purged}{rest}"),
            "[[parts.gone]]\nif = { Kind = \"9\" }\n[[parts.gone]]\n",
            &["`parts.gone.1.if`: is only for `[header]`"],
        ),
        (
            format!("{purged}{rest}"),
            "[[parts.gone]]\nwith_header = \"sold\"\n[[parts.gone]]\n",
            &["`parts.gone.1.with_header`: no case of `[[header.gone]]` is named `sold`; there are `purged`, `removed`"],
        ),
        (
            case("fields = { u_kind = \"\" }"),
            "[[parts.gone]]\nwith_header = \"sold\"\n[[parts.gone]]\n",
            &["`parts.gone.1.with_header`: no case of `[[header.gone]]` is named `sold`, or has a name at all"],
        ),
    ] {
        let found = said(ENTITY, &profile(&header, parts));
        let alike = found.len() == expected.len() && expected.iter().all(|text| found.iter().any(|problem| problem.starts_with(text)));
        assert!(alike, "{header}{parts}: {found:#?}");
    }
    // names of a wrong type are not two equal names
    let found = said(ENTITY, &profile(&format!("{}{}", case("name = 7\nif = { Kind = \"9\" }"), case("name = 7")), ""));
    assert!(found.len() == 2 && found.iter().all(|problem| problem.contains("must be a text")), "{found:#?}");
    // an aligned block has one case, and its mark may be in a column that is not a field
    let alone = |header: &str| {
        let (entity, profile) = (ENTITY.split("[[child]]").next().expect("a root"), profile(header, ""));
        said(entity, &format!("{}[header.align]\nrule = \"review\"\n", profile.split("[parts]").next().expect("a header")))
    };
    assert_eq!(alone(&case("fields = { u_retired = \"true\" }")), Vec::<String>::new());
    let several = alone(&format!("{purged}{rest}"));
    assert_eq!(several.len(), 1, "{several:#?}");
    assert!(several[0].starts_with("`header.gone`: may have only one case if the block is aligned"), "{several:#?}");
}

#[test]
fn totals_that_are_compared_name_columns_that_are_read() {
    let control = |text: &str| format!("{ENTITY}[[control]]\n{text}\n");
    let right = control("total = \"Total\"\nsum = \"parts.Cost\"\nconvert = { factor = \"Rate\", way = \"Way\" }");
    let site = site(&[("entities/asset.toml", right.as_str()), ("profiles/apo/asset.toml", profile("", "").as_str())]);
    let definitions = load(Some(site.path()), "apo", &["asset".into()], &own()).unwrap_or_else(|problems| panic!("{}", lines(&problems)));
    let read = &plan(&definitions, "asset").read;
    let total = read.totals().next().unwrap();
    assert_eq!((read.controls.len(), read.columns[total.total].as_str(), total.child), (1, "Total", 0));
    assert_eq!(read.children[0].column_names().nth(total.at), Some("Cost"));
    assert_eq!(read.controls[0].name, "Total = sum of parts.Cost");
    for (text, expected) in [
        ("total = \"Sum\"\nsum = \"parts.Cost\"", "`control.1.total`: `AssetMaster` is not read with a column `Sum`"),
        ("total = \"Total\"\nsum = \"Cost\"", "`control.1.sum`: must be `child.Column`, got `Cost`"),
        ("total = \"Total\"\nsum = \"lines.Cost\"", "`control.1.sum`: the entity has no child `lines`; there are `parts`"),
        ("total = \"Total\"\nsum = \"parts.Value\"", "`control.1.sum`: `AssetPart` is not read with a column `Value`"),
        ("total = 7\nsum = \"parts.Cost\"", "`control.1.total`: must be a text"),
        ("total = \"Total\"\nsum = 7", "`control.1.sum`: must be a text"),
        (
            "total = \"Total\"\nsum = \"parts.Cost\"\nconvert = { factor = \"Course\", way = \"Way\" }",
            "`control.1.convert.factor`: `AssetMaster` is not read",
        ),
        ("total = \"Total\"", "`control.1`: needs `total` and `sum`"),
        ("total = \"Total\"\nequal = \"Sum\"", "`control.1.equal`: `AssetMaster` is not read with a column `Sum`"),
        ("sum = \"parts.Cost\"\nexists = \"asset\"", "`control.1`: needs `total` and `sum`"),
        ("exists = \"assets\"\nkey = [\"parts.Cost\"]", "`control.1.exists`: there is no entity `assets`; there are"),
        ("exists = \"gl_account\"\nkey = [\"parts.Cost\"]", "`control.1.key`: the key of `gl_account` is `Company`, `GlCode`, got 1"),
        (
            "exists = \"gl_account\"\nkey = [\"@company\", \"parts.Cost\"]\nactive = { column = \"Active\", not = [\"N\"] }",
            "`control.1.active.column`: `gl_account` is not read with a column `Active`",
        ),
        (
            "exists = \"gl_account\"\nkey = [\"@company\", \"parts.Cost\"]\nactive = { column = \"AccOnHldFlag\" }",
            "`control.1.active`: needs either `one_of` or `not`",
        ),
        ("sum = \"parts.Cost\"\nconvert = { factor = \"Rate\", way = \"Way\" }", "`control.1.convert`: belongs to `total` and `sum`"),
    ] {
        let found = said(&control(text), &profile("", ""));
        assert_eq!(found.len(), 1, "{text}: {found:#?}");
        assert!(found[0].starts_with(expected), "{text}: {found:#?}");
    }
}
