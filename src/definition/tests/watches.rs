//! The tracking of a record after its delivery (`[header.watch]`).

use super::site::{mistakes, site};
use super::*;
use crate::definition::plan::WatchRow;

const ROOT: &str = "[root]\ntable = \"AssetMaster\"\nkey = [\"Asset\"]\ncolumns = [\"Description\"]\n";

fn profile(header: &str, watch: &str) -> String {
    format!("[header]\ntable = \"x_asset\"\n{header}\n[header.fields]\nu_name = \"Description\"\n[header.watch]\n{watch}\n")
}

const TABLE: &str = "write = \"table\"\nkey_column = \"u_source_key\"\ngone = { u_name = \"\" }";
const STAGING: &str = "write = \"import_set\"\nkey_column = \"u_source_key\"\ngone = { u_name = \"\" }";

fn said(header: &str, watch: &str) -> Vec<String> {
    let site = site(&[("entities/asset.toml", ROOT), ("profiles/apo/asset.toml", &profile(header, watch))]);
    match load(Some(site.path()), "apo", &["asset".into()], &own()) {
        Ok(_) => Vec::new(),
        Err(_) => mistakes(site.path(), &["asset".into()]),
    }
}

#[test]
fn which_row_is_polled_must_be_one_that_can_be_found() {
    let state = "column = \"u_state\"\ndone = [\"posted\"]";
    let staging = "row = \"staging\"\ncolumn = \"sys_import_state\"\ndone = [\"inserted\"]";
    assert_eq!(said(TABLE, state), Vec::<String>::new());
    assert_eq!(said(STAGING, staging), Vec::<String>::new());
    assert_eq!(said(&format!("{STAGING}\ntarget_table = \"x_asset_target\""), state), Vec::<String>::new());
    for (header, watch, key) in [
        (TABLE, staging, "header.watch.row"),
        ("write = \"import_set\"\ngone = { u_name = \"\" }", staging, "header.watch.row"),
        (STAGING, state, "header.watch.row"),
        (
            "write = \"import_set\"\nkey_column = \"u_source_key\"\ntarget_table = \"x_asset\"\ngone = { u_name = \"\" }",
            state,
            "header.watch.row",
        ),
        (TABLE, "first_minutes = 5", "header.watch.column"),
    ] {
        let found = said(header, watch);
        assert_eq!(found.len(), 1, "{header} {watch}: {found:#?}");
        assert!(found[0].contains(&format!("`{key}`")), "{found:#?}");
    }
}

#[test]
fn a_column_and_its_values_need_each_other_and_numbers_have_limits() {
    for (watch, key) in [
        ("column = \"u_state\"", "`header.watch`: `column` needs its values"),
        ("column = \"u_state\"\ndone = [\"a\", \"b\"]\nfailed = [\"b\"]", "`header.watch.failed`: `b` is among `done` too"),
        ("column = \"u_state\"\ndone = [\"a\"]\nfirst_minutes = 1441", "`header.watch.first_minutes`: must be 0 to 1440, got `1441`"),
        ("column = \"u_state\"\ndone = [\"a\"]\ngive_up_days = 0", "`header.watch.give_up_days`: must be 1 to 365, got `0`"),
        ("column = \"u_state\"\ndone = [\"a\"]\ngive_up_days = 366", "`header.watch.give_up_days`: must be 1 to 365, got `366`"),
        ("column = \"u_state\"\ndone = [\"a\"]\nreplay_failed = 21", "`header.watch.replay_failed`: must be 0 to 20, got `21`"),
    ] {
        let found = said(TABLE, watch);
        assert_eq!(found.len(), 1, "{watch}: {found:#?}");
        assert!(found[0].contains(key), "{watch}: {found:#?}");
    }
    // either list is enough, and the limits themselves are allowed
    for values in ["done = [\"a\"]", "failed = [\"a\"]"] {
        assert_eq!(said(TABLE, &format!("column = \"u_state\"\n{values}")), Vec::<String>::new(), "{values}");
    }
    let most = "column = \"u_state\"\ndone = [\"a\"]\nfailed = [\"b\"]\nfirst_minutes = 1440\ngive_up_days = 365\nreplay_failed = 20";
    let site = site(&[("entities/asset.toml", ROOT), ("profiles/apo/asset.toml", &profile(TABLE, most))]);
    let definitions = load(Some(site.path()), "apo", &["asset".into()], &own()).expect("no mistake");
    let watch = definitions.plan(&"asset".into()).expect("an entity").targets[0].watch.as_ref().expect("a watch");
    assert_eq!((watch.row, watch.column.as_deref()), (WatchRow::Target, Some("u_state")));
    assert_eq!((watch.done.as_slice(), watch.failed.as_slice()), (&["a".to_owned()][..], &["b".to_owned()][..]));
    assert_eq!((watch.first_minutes, watch.give_up_days, watch.replay_failed), (1440, 365, 20));
}
