//! Rows that several records share, and fields with several values.

use super::site::{mistakes, site};
use super::*;
use crate::domain::warning::WarningKind;

#[test]
fn what_is_said_wrong_of_matches_and_lists_is_reported_with_its_line() {
    let entity = r#"
[root]
table = "Invoice"
key = ["Invoice"]
[[child]]
name = "one"
table = "One"
key = ["Id"]
on = ["Invoice"]
[child.via]
table = "Between"
on = ["Id"]
carry = ["Date"]
net = "Value"
[[child]]
name = "two"
table = "Two"
key = ["Id"]
[child.via]
table = "Between"
on = ["Id"]
narrow = { Journal = "Journal" }
"#;
    let profile = r#"
[header]
table = "x_invoice"
write = "import_set"
key_column = "u_source_key"
[header.fields]
u_a = { list = ["one.Id", "two.Id"] }
u_b = { only = "three.Id" }
u_c = { only = "one.Id", separator = ";" }
u_d = { list = "one.Id", truncate = 40 }
u_e = { list = [] }
u_f = { list = "one.Id", only = "one.Id" }
u_g = { list = "one.Colour" }
"#;
    let site = site(&[("entities/claim.toml", entity), ("profiles/apo/claim.toml", profile)]);
    let found = mistakes(site.path(), &["claim".into()]).join("\n");
    for line in [
        "entities/claim.toml:13: `child.1.via.carry`: is not allowed with `net`",
        "entities/claim.toml:19: `child.2.via.narrow`: needs `net`, which is missing",
        "profiles/apo/claim.toml:7: `header.fields.u_a.list`: the columns must belong to one child",
        "profiles/apo/claim.toml:8: `header.fields.u_b.only`: the entity has no child `three`",
        "profiles/apo/claim.toml:9: `header.fields.u_c.separator`: has no effect with `only`",
        "profiles/apo/claim.toml:10: `header.fields.u_d.truncate`: would cut a key that others refer to",
        "profiles/apo/claim.toml:11: `header.fields.u_e.list`: must name at least one column",
        "profiles/apo/claim.toml:12: `header.fields.u_f`: needs exactly one of",
        "profiles/apo/claim.toml:13: `header.fields.u_g.list`: `One` is not read with a column `Colour`",
    ] {
        assert!(found.contains(line), "{line}\nis not among\n{found}");
    }
}

#[test]
fn several_orders_are_listed_and_never_taken_for_one() {
    let definitions = load(None, "s2p", &[], &own()).expect("definitions");
    let plan = definitions.plan(&"invoice".into()).expect("a plan");
    let orders = plan.read.children.iter().position(|child| child.name == "orders").expect("a child");
    let map = |rows: &[(&str, &str)]| {
        let mut document = document(plan, &[("Supplier", "S"), ("Invoice", "I")], &[]);
        let columns = || plan.read.children[orders].column_names();
        document.children[orders] = rows
            .iter()
            .enumerate()
            .map(|(n, (order, line))| row(columns(), &[("Grn", &n.to_string()), ("PurchaseOrder", order), ("PurchaseOrderLin", line)]))
            .collect();
        let mapped = plan.map(&"EDU1".into(), &document, &definitions.code_lists).expect("mapped");
        let several = mapped.warnings.iter().filter(|warning| warning.kind == WarningKind::Several).count();
        (field(&mapped.records[0], "u_purchase_order").to_owned(), several)
    };
    assert_eq!(map(&[]), (String::new(), 0));
    assert_eq!(map(&[("A", "1"), ("A", "2"), ("", "3")]), ("A".into(), 0), "one order, and a receipt of none");
    assert_eq!(map(&[("A", "1"), ("a", "1")]), (String::new(), 1), "orders that differ by case are two");
    assert_eq!(map(&[("042", "1"), ("42", "1")]), (String::new(), 1), "and those that differ by leading zeros");
}
