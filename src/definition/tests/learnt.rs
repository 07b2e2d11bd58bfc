//! What is learned of columns from page to page, and what is shown of a record for which nothing may be computed.

use rust_decimal::Decimal;

use super::*;
use crate::definition::drift::Kinds;

/// A supplier with this content of two columns.
fn supplier(plan: &Plan, name: Value, code: Value) -> Document {
    let mut document = document(plan, &[("Supplier", "S1")], &[]);
    let at = |column: &str| plan.read.columns.iter().position(|name| name == column).expect("read");
    document.root[at("SupplierName")] = name;
    document.root[at("TermsCode")] = code;
    document
}

#[test]
fn a_column_of_digits_is_a_text_until_it_has_a_number() {
    let definitions = shipped("apo");
    let plan = plan(&definitions, "supplier");
    let number = || Value::from_decimal(Decimal::from(7));
    let page = |codes: &[Value]| codes.iter().map(|code| supplier(plan, Value::text("A"), code.clone())).collect::<Vec<_>>();
    // only texts, whatever their form
    let mut texts = Kinds::default();
    assert!(texts.learn(plan, &page(&[Value::text("30"), Value::text("60")])).0);
    assert_eq!(texts.learn(plan, &page(&[Value::text("AB")])), (false, Vec::new()));
    let drifts = texts.learn(plan, &page(&[number()])).1;
    assert_eq!(drifts.len(), 1, "{drifts:?}");
    // with a number among them, it is a number column
    let mut numbers = Kinds::default();
    assert!(numbers.learn(plan, &page(&[Value::text("30"), number()])).0);
    assert_eq!(numbers.learn(plan, &page(&[Value::text("60")])), (false, Vec::new()));
    assert_eq!(numbers.learn(plan, &page(&[Value::text("AB")])), (false, Vec::new()), "one text is its own record's");
    let (new, drifts) = numbers.learn(plan, &page(&[Value::text("AB"), Value::text("CD")]));
    assert!(new && drifts.len() == 1 && drifts[0].column == "TermsCode" && drifts[0].value == "AB", "{drifts:?}");
    assert_eq!(numbers.learn(plan, &page(&[Value::text("AB")])), (false, Vec::new()), "it is learnt anew");
    // a number next to an invalid one is a text
    let mut mixed = Kinds::default();
    assert!(mixed.learn(plan, &page(&[Value::text("AB"), number()])).0);
    assert_eq!(mixed.learn(plan, &page(&[Value::text("CD")])), (false, Vec::new()));
    assert_eq!(mixed.learn(plan, &page(&[number()])).1.len(), 1, "a column of texts that holds numbers has changed");
}

#[test]
fn blank_columns_teach_nothing() {
    let definitions = shipped("apo");
    let plan = plan(&definitions, "supplier");
    let mut kinds = Kinds::default();
    assert!(kinds.learn(plan, &[supplier(plan, Value::text("A"), Value::Null)]).0);
    for blank in [Value::Null, Value::text(""), Value::text("  ")] {
        assert_eq!(kinds.learn(plan, &[supplier(plan, Value::text("B"), blank.clone())]), (false, Vec::new()), "{blank:?}");
    }
    assert_eq!(kinds.learn(plan, &[supplier(plan, Value::text("B"), Value::from_decimal(Decimal::ONE))]), (true, Vec::new()));
}

#[test]
fn what_a_child_teaches_is_new_though_the_root_row_teaches_nothing() {
    let definitions = shipped("apo");
    let plan = plan(&definitions, "purchase_order");
    let line: &[(&str, &str)] = &[("PurchaseOrder", "PO1"), ("Line", "#1"), ("MStockDes", "Bolt")];
    let order = |rows: &[&[(&str, &str)]]| document(plan, &[("PurchaseOrder", "PO1")], &[rows]);
    let mut kinds = Kinds::default();
    assert!(kinds.learn(plan, &[order(&[])]).0);
    assert_eq!(kinds.learn(plan, &[order(&[])]), (false, Vec::new()));
    assert_eq!(kinds.learn(plan, &[order(&[line])]), (true, Vec::new()));
    assert_eq!(kinds.learn(plan, &[order(&[line])]), (false, Vec::new()));
    let (new, drifts) = kinds.learn(plan, &[order(&[&[("PurchaseOrder", "PO1"), ("Line", "#2"), ("MStockDes", "#5")]])]);
    assert!(new && drifts.len() == 1 && drifts[0].column == "lines.MStockDes", "{drifts:?}");
}

#[test]
fn a_root_rows_amount_is_shown_where_nothing_may_be_computed() {
    let definitions = shipped("apo");
    let of = plan(&definitions, "invoice");
    let facts = of.facts_of_root(&invoice(of));
    assert_eq!(facts.amount.map(|amount| amount.to_string()).as_deref(), Some("1150.5"));
    assert_eq!((facts.currency.as_deref(), facts.dated), (Some("$"), "2026-01-31".parse().ok()));
    let at = |column: &str| of.read.columns.iter().position(|name| name == column).expect("read");
    let with = |value: Value, dated: Value| {
        let mut document = invoice(of);
        document.root[at("OrigInvValue")] = value;
        document.root[at("InvoiceDate")] = dated;
        let facts = of.facts_of_root(&document);
        (facts.amount.map(|amount| amount.to_string()), facts.dated.map(|date| date.to_string()))
    };
    let date = || Value::text("2026-03-01T00:00:00");
    assert_eq!(with(Value::text(" 12.30 "), date()), (Some("12.30".into()), Some("2026-03-01".into())), "as texts have them");
    assert_eq!(with(Value::text("none"), Value::text("soon")), (None, None));
    assert_eq!(with(Value::Null, Value::Null), (None, None));
    let orders = plan(&definitions, "purchase_order");
    let order = document(orders, &[("PurchaseOrder", "PO1"), ("Currency", "R")], &[]);
    assert_eq!(orders.facts_of_root(&order).amount, None, "a sum is computed");
}

#[test]
fn a_value_of_a_row_and_its_place_decide_the_hash() {
    let definitions = shipped("apo");
    let plan = plan(&definitions, "supplier");
    let hash = |values: &[(&str, &str)]| document(plan, &[&[("Supplier", "S1")], values].concat(), &[]).hash();
    let plain = hash(&[("SupplierName", "Bolt")]);
    assert_eq!(plain, hash(&[("SupplierName", "Bolt"), ("TermsCode", " ")]), "a blank is nothing");
    assert_ne!(plain, hash(&[("SupplierName", "Bolts")]));
    assert_ne!(plain, hash(&[("TermsCode", "Bolt")]));
    assert_ne!(plain, hash(&[]));
    assert_ne!(hash(&[("SupplierName", "2026-01-31")]), hash(&[("SupplierName", "@2026-01-31")]), "a text is no date");
}

#[test]
fn a_flow_and_an_agreement_are_taken_apart_as_they_were_put_together() {
    use crate::domain::merge::BaseVersion;
    assert_eq!(crate::domain::FlowId::new("EDU1", "invoice").to_string(), "EDU1/invoice");
    let pair: (String, String) = BaseVersion { syspro: "a".into(), servicenow: "b".into() }.into();
    assert_eq!(pair, ("a".to_owned(), "b".to_owned()));
    for raw in ["[1]", "[]", "x", ""] {
        assert_eq!(Value::from_json(raw), None, "{raw}");
    }
}
