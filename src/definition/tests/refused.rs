//! Records that cannot be mapped, and the messages about them.

use super::site::site;
use super::*;
use crate::domain::Fault;

#[test]
fn rows_that_were_wrong_when_they_were_read_refuse_the_record_in_its_first_block() {
    let definitions = shipped("apo");
    for entity in ["supplier", "invoice", "gl_posting"] {
        let plan = plan(&definitions, entity);
        let mut document = document(plan, &[], &[]);
        document.faults = vec![Fault::of_rows("two rows".into()), Fault::of_rows("another".into())];
        let error = plan.map(&"EDU1".into(), &document, &definitions.code_lists).expect_err("refused");
        assert_eq!(&*error.block, plan.targets[0].block.as_str(), "{entity}");
        assert_eq!((error.problem.as_str(), error.field.is_empty()), ("two rows", true), "{entity}");
        assert_eq!(error.next_step.as_deref(), Some(&NextStep::RowsWrong), "{entity}");
    }
}

#[test]
fn a_record_that_the_header_leaves_out_is_told_from_one_without_rows() {
    let entity = "[root]\ntable = \"AssetMaster\"\nkey = [\"Asset\"]\ncolumns = [\"Kind\"]\n\
                  [[child]]\nname = \"parts\"\ntable = \"AssetPart\"\nkey = [\"Asset\", \"Part\"]\ncolumns = [\"Kind\"]\n";
    let profile = "[header]\ntable = \"x_asset\"\nwrite = \"table\"\nkey_column = \"u_source_key\"\ngone = { u_kind = \"\" }\n\
                   only_if = [{ column = \"Kind\", not = [\"X\"] }]\n[header.fields]\nu_kind = \"Kind\"\n\
                   [parts]\ntable = \"x_part\"\nwrite = \"table\"\nkey_column = \"u_source_key\"\ngone = { u_kind = \"\" }\n\
                   only_if = [{ column = \"Kind\", one_of = [\"A\"] }]\n[parts.fields]\nu_kind = \"Kind\"\n";
    let site = site(&[("entities/asset.toml", entity), ("profiles/apo/asset.toml", profile)]);
    let definitions = load(Some(site.path()), "apo", &["asset".into()], &own()).unwrap_or_else(|problems| panic!("{}", lines(&problems)));
    let plan = plan(&definitions, "asset");
    let map = |kind: &str, part: &str| {
        let rows: &[&[(&str, &str)]] = &[&[("Asset", "A1"), ("Part", "P1"), ("Kind", part)]];
        let document = document(plan, &[("Asset", "A1"), ("Kind", kind)], &[rows]);
        plan.map(&"EDU1".into(), &document, &definitions.code_lists).expect("mapped")
    };
    let told = |mapped: Mapped| (mapped.withheld, mapped.records.len());
    assert_eq!(told(map("A", "A")), (false, 2));
    assert_eq!(told(map("A", "B")), (false, 1), "its line alone is left out");
    assert_eq!(told(map("X", "A")), (true, 0), "its lines go with it");
}
