//! The checks of a profile's blocks: which keys exclude each other, what is shortened at which length, what is aligned and written back.
//! Each check is tested on both sides of its limit.

use super::once::{PROFILE, ROOT, said_of_both, well};
use super::site::site;
use super::*;
use crate::definition::content;
use crate::definition::plan::{Limit, PartialWrite};
use crate::domain::Fault;

const PARTS: &str = "[[child]]\nname = \"parts\"\ntable = \"AssetPart\"\nkey = [\"Asset\", \"Part\"]\ncolumns = [\"Kind\"]\n";

fn with_parts() -> String {
    format!("{ROOT}{PARTS}")
}

/// The single mistake of the two texts.
fn one(entity: &str, profile: &str) -> String {
    let found = said_of_both(entity, profile);
    assert_eq!(found.len(), 1, "{profile}\n{found:#?}");
    found.concat()
}

#[test]
fn nothing_but_what_is_gone_stands_beside_a_header_that_is_not_written() {
    let profile = |line: &str| {
        format!(
            "[header]\nwrite = \"none\"\n{line}\n[parts]\ntable = \"x_part\"\nwrite = \"table\"\nkey_column = \"u_source_key\"\n\
             [parts.fields]\nu_part = \"Part\"\n"
        )
    };
    for line in ["", "gone = [{ name = \"purged\" }]"] {
        assert_eq!(plan(&well(&with_parts(), &profile(line)), "asset").targets.len(), 1, "{line}");
    }
    for line in [
        "table = \"x_asset\"",
        "target_table = \"x_asset\"",
        "key_column = \"u_source_key\"",
        "version_column = \"u_version\"",
        "natural_key = [\"u_code\"]",
        "partial_write = \"fail\"",
        "clear_with = \"null\"",
        "only_if = []",
        "fields = { u_code = \"Asset\" }",
        "align = { rule = \"review\" }",
        "watch = { row = \"staging\" }",
    ] {
        let found = one(&with_parts(), &profile(line));
        assert!(found.starts_with("profiles/apo/asset.toml:1: `header`: with `write = \"none\"` only `gone` is allowed"), "{found}");
    }
    let alone = one(&with_parts(), "[header]\nwrite = \"none\"\n");
    assert!(alone.contains("`header.write`: `none`, and there is no other block"), "{alone}");
}

#[test]
fn a_field_is_cut_at_one_character_at_least_and_an_identifier_at_twice_its_suffix() {
    let profile = |rest: &str| format!("{PROFILE}u_more = {{ from = \"Description\", {rest} }}\n");
    let limit = |rest: &str| plan(&well(ROOT, &profile(rest)), "asset").targets[0].fields[1].limit;
    assert_eq!(limit("truncate = 1"), Some(Limit::Cut(1)));
    assert_eq!(limit("truncate = 40"), Some(Limit::Cut(40)));
    assert_eq!(limit("as = \"trim\""), None);
    let least = 2 * crate::definition::record::SUFFIX;
    assert_eq!(limit(&format!("identifier = {least}")), Some(Limit::Identifier(least)));
    for (rest, key, said) in [
        ("truncate = 0", ".truncate", "must be at least 1, got `0`".to_owned()),
        ("truncate = \"x\"", ".truncate", "must be a whole number".to_owned()),
        ("identifier = \"x\"", ".identifier", "must be a whole number".to_owned()),
        (&format!("identifier = {}", least - 1), ".identifier", format!("must be at least {least}")),
        ("truncate = 9, identifier = 99", "", "takes one of `truncate` and `identifier`".to_owned()),
    ] {
        let found = one(ROOT, &profile(rest));
        assert!(found.contains(&format!("`header.fields.u_more{key}`: {said}")), "{found}");
    }
}

#[test]
fn what_tells_records_apart_is_not_cut() {
    let profile = |field: &str| format!("{PROFILE}u_more = {field}\n");
    let entity = format!("{ROOT}{PARTS}").replace("[\"Description\"]", "[\"Description\", \"Place\"]");
    for field in [
        "{ from = \"Asset\", truncate = 9 }",
        "{ concat = [\"Description\", \"Asset\"], truncate = 9 }",
        "{ company = true, truncate = 9 }",
        "{ list = \"parts.Kind\", truncate = 9 }",
        "{ first = [{ if = { Place = \"A\" }, from = \"Place\" }, { from = \"Asset\" }], truncate = 9 }",
    ] {
        let found = one(&entity, &profile(field));
        assert!(
            found.contains("`header.fields.u_more.truncate`: would cut a key that others refer to") && found.contains("identifier = 9"),
            "{found}"
        );
        well(&entity, &profile(&field.replace("truncate = 9", "identifier = 99")));
    }
    for field in [
        "{ from = \"Place\", truncate = 9 }",
        "{ constant = \"text\", truncate = 9 }",
        "{ concat = [\"Description\", \"Place\", \"@currency\"], truncate = 9 }",
        "{ count = \"parts\", truncate = 9 }",
        "{ first = [{ if = { Asset = \"A\" }, from = \"Place\" }, { from = \"Description\" }], truncate = 9 }",
    ] {
        well(&entity, &profile(field));
    }
    let natural = profile("{ from = \"Place\", truncate = 9 }").replace("[header.fields]", "natural_key = [\"u_more\"]\n[header.fields]");
    assert!(one(&entity, &natural).contains("would cut a key that others refer to"));
    // for a line, its own key is counted as well as the header's
    let lines = |field: &str| {
        format!("{PROFILE}[parts]\ntable = \"x_part\"\nwrite = \"table\"\nkey_column = \"u_key\"\n[parts.fields]\nu_more = {field}\n")
    };
    for column in ["Part", "root.Asset", "Asset"] {
        let found = one(&entity, &lines(&format!("{{ from = \"{column}\", truncate = 9 }}")));
        assert!(found.contains("`parts.fields.u_more.truncate`: would cut"), "{found}");
    }
    for column in ["Kind", "root.Place", "Place"] {
        well(&entity, &lines(&format!("{{ from = \"{column}\", truncate = 9 }}")));
    }
    assert!(one(&entity, &lines("{ header = true, truncate = 9 }")).contains("would cut"));
}

#[test]
fn what_a_partial_write_leads_to_is_what_the_profile_says() {
    for (line, expected) in [
        ("", PartialWrite::Fail),
        ("partial_write = \"fail\"", PartialWrite::Fail),
        ("partial_write = \"record\"", PartialWrite::Record),
        ("partial_write = \"stop\"", PartialWrite::Stop),
    ] {
        let profile = PROFILE.replace("[header.fields]", &format!("{line}\n[header.fields]"));
        assert_eq!(plan(&well(ROOT, &profile), "asset").targets[0].partial_write, expected, "{line}");
    }
}

fn aligned(rest: &str) -> String {
    format!("{}[header.align]\n{rest}\n", PROFILE.replace("[header.fields]", "natural_key = [\"u_name\"]\n[header.fields]"))
}

#[test]
fn a_change_limit_is_a_share_of_one_to_a_hundred_percent() {
    for percent in ["1", "20", "100"] {
        let definitions = well(ROOT, &aligned(&format!("change_limit_percent = {percent}")));
        let (_, align) = plan(&definitions, "asset").aligned().expect("aligned");
        assert_eq!(align.change_limit_percent.to_string(), percent);
    }
    for percent in ["0", "101", "1000"] {
        let found = one(ROOT, &aligned(&format!("change_limit_percent = {percent}")));
        assert!(found.contains(&format!("`header.align.change_limit_percent`: must be 1 to 100, got `{percent}`")), "{found}");
    }
}

#[test]
fn only_an_entity_without_children_is_aligned_and_only_its_header() {
    let with_children = one(&with_parts(), &aligned("rule = \"review\""));
    assert!(with_children.contains("`header.align`: only an entity without children can be aligned"), "{with_children}");
    well(ROOT, &aligned("rule = \"review\""));
    let reference = format!(
        "{}u_to = {{ from = \"Asset\", reference = \"supplier\" }}\n",
        PROFILE.replace("[header.fields]", "natural_key = [\"u_name\"]\n[header.align]\nrule = \"review\"\n[header.fields]")
    );
    assert!(one(ROOT, &reference).contains("the field `u_to` is a reference, which cannot be merged"));
}

#[test]
fn the_condition_of_an_aligned_list_leaves_the_order_to_tieline() {
    for (filter, good) in [
        ("active=true", true),
        ("active=true^companyISEMPTY", true),
        ("active=true^NQactive=false", false),
        ("ORDERBYname", false),
        ("active=true^ORDERBYDESCname", false),
    ] {
        let profile = aligned(&format!("filter = \"{filter}\""));
        if good {
            let definitions = well(ROOT, &profile);
            assert_eq!(plan(&definitions, "asset").aligned().and_then(|(_, align)| align.filter.as_deref()), Some(filter));
        } else {
            let found = one(ROOT, &profile);
            assert!(found.contains("`header.align.filter`: must not hold `ORDERBY` or `^NQ`"), "{found}");
        }
    }
}

const SETUP: &str = "[setup]\nobject = \"ASTSET\"\nclass = \"setup\"\naction = \"update\"\n\
                     template = \"<A><Key><Asset>{Asset}</Asset></Key><D>{Description}</D></A>\"\n";

#[test]
fn a_setup_object_is_checked_against_what_is_read() {
    let entity = |from: &str, to: &str| format!("{ROOT}{}", SETUP.replace(from, to));
    let profile = aligned("rule = \"review\"");
    let call =
        |rest: &str| plan(&well(&entity("template", &format!("{rest}\ntemplate")), &profile), "asset").setup.clone().expect("a call");
    assert_eq!(call("lengths = { Description = 30 }").lengths.get("Description"), Some(&30));
    assert_eq!(call("parameters = \"<P><V>{ValidateOnly}</V></P>\"").parameters, "<P><V>{ValidateOnly}</V></P>");
    for (from, to, key, said) in [
        ("{Description}", "{Nothing}", "template", "`{Nothing}` is not one of the columns read, which are `Asset`, `Description`"),
        ("{Description}", "{Description", "template", "the brace before `Description</D></A>` is not closed"),
        ("{Asset}", "{Description}", "template", "names no column of the key (`Asset`)"),
        ("</A>", "", "template", "is not well-formed XML"),
        ("template", "lengths = { Nothing = 3 }\ntemplate", "lengths", "`Nothing` has no place in the template"),
        ("template", "parameters = \"<P>{ValidateOnly}</P><P/>\"\ntemplate", "parameters", "is not well-formed XML"),
        ("template", "parameters = \"<P>{ValidateOnly}{ValidateOnly}</P>\"\ntemplate", "parameters", "must hold `{ValidateOnly}` once"),
        ("template", "parameters = \"<P>{ValidateOnly}{Asset}</P>\"\ntemplate", "parameters", "must hold `{ValidateOnly}` once"),
        ("template", "parameters = \"<P>{Asset}</P>\"\ntemplate", "parameters", "must hold `{ValidateOnly}` once"),
        ("template", "parameters = \"<P/>\"\ntemplate", "parameters", "must hold `{ValidateOnly}` once"),
        ("\"update\"", "\"add\"", "action", "`add` is never called"),
    ] {
        let found = one(&entity(from, to), &profile);
        assert!(found.contains(&format!("`setup.{key}`: {said}")), "{found}");
    }
    for (from, key) in [("\"ASTSET\"", "object"), ("\"setup\"", "class"), ("\"<A>", "template")] {
        let text = entity(from, if from == "\"<A>" { "7 # \"<A>" } else { "7" });
        let found = one(&text, &profile);
        assert!(found.contains(&format!("`setup.{key}`: must be a text, got the number `7`")), "{found}");
    }
}

#[test]
fn a_content_that_could_not_be_read_says_why() {
    let definitions = shipped("apo");
    let plan = plan(&definitions, "supplier");
    let fault = Fault::of_rows("two rows".into());
    let back = plan.content_from_json(DocumentKey::from_text("7"), &content::faulty(&fault)).expect("reads back");
    assert_eq!((back.faults, back.key.as_str()), (vec![fault], "7"));
}

#[test]
fn sums_are_divided_by_fields_that_both_systems_have() {
    let entity = "after = [\"supplier\"]\n[root]\ntable = \"AssetMaster\"\nkey = [\"Asset\"]\ncolumns = [\"Owner\", \"Kind\"]\n";
    let profile = "[header]\ntable = \"x_asset\"\nwrite = \"table\"\nkey_column = \"u_source_key\"\ngone = { u_kind = \"\" }\n\
                   [header.fields]\nu_kind = \"Kind\"\nu_code = { from = \"Owner\", reference = \"supplier\" }\n\
                   u_owner = { from = \"Owner\", reference = \"supplier\", write = \"sys_id\" }\n[header.tie_out]\n";
    let with = |keys: &str| {
        let site = site(&[("entities/asset.toml", entity), ("profiles/apo/asset.toml", &format!("{profile}{keys}"))]);
        load(Some(site.path()), "apo", &["asset".into(), "supplier".into()], &own())
    };
    let definitions = with("supplier = \"u_code\"\ntype = \"u_kind\"\n").unwrap_or_else(|problems| panic!("{}", lines(&problems)));
    let groups: Vec<_> =
        plan(&definitions, "asset").targets[0].tie_out.groups.iter().map(|(by, field)| (by.as_str(), field.as_str())).collect();
    assert_eq!(groups, [("supplier", "u_code"), ("type", "u_kind")]);
    let problems = lines(&with("supplier = \"u_owner\"\naccount = \"u_nothing\"\n").expect_err("two mistakes"));
    assert!(problems.contains("`u_owner` is a sys_id of ServiceNow"), "{problems}");
    assert!(problems.contains("`u_nothing` is not among the fields"), "{problems}");
    let problems = lines(&with("sums = true\n").expect_err("no amount"));
    assert!(problems.contains("`sums` needs `amount`"), "{problems}");
}
