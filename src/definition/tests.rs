//! The shipped definitions in use.

mod aligned;
mod blocks;
mod changes;
mod compiled;
mod figures;
mod formats;
mod forms;
mod fuzz;
mod gone_rules;
mod learnt;
mod loaded;
mod once;
mod orders;
mod refused;
mod rows;
mod shown;
mod site;
mod strays;
mod values;
mod watches;

use std::fmt::Write as _;

use proptest::prelude::*;

use super::record::TargetRecord;
use super::*;
use crate::domain::next_step::NextStep;
use crate::domain::{CompanyId, Document, DocumentKey, EntityName, Row, Value};

/// The companies of these tests, and the currency of their books.
fn own() -> std::collections::BTreeMap<CompanyId, Option<String>> {
    ["EDU1", "EDU2"].into_iter().map(|company| (company.into(), Some("ZAR".to_owned()))).collect()
}

fn shipped(profile: &str) -> Definitions {
    load(None, profile, &[], &own()).unwrap_or_else(|problems| panic!("{}", lines(&problems)))
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().fold(String::new(), |mut text, problem| {
        let _ = writeln!(text, "{problem}");
        text
    })
}

fn plan<'a>(definitions: &'a Definitions, entity: &str) -> &'a Plan {
    definitions.plan(&entity.into()).expect("a shipped entity")
}

/// A row from `column = value`; numbers are written `#12.50`, dates `@2026-01-31`.
fn row<'a>(columns: impl Iterator<Item = &'a str>, values: &[(&str, &str)]) -> Row {
    let columns: Vec<&str> = columns.collect();
    for (name, _) in values {
        assert!(columns.contains(name), "no column {name}");
    }
    let value = |column: &str| match values.iter().find(|(name, _)| *name == column).map(|(_, text)| *text) {
        None => Value::Null,
        Some(text) => match (text.strip_prefix('#'), text.strip_prefix('@')) {
            (Some(number), _) => Value::from_decimal(crate::domain::money::parse_decimal(number).expect("a number")),
            (_, Some(date)) => Value::Date(date.parse().expect("a date")),
            _ => Value::text(text),
        },
    };
    columns.into_iter().map(value).collect()
}

fn document(plan: &Plan, root: &[(&str, &str)], children: &[&[&[(&str, &str)]]]) -> Document {
    let root = row(plan.read.columns.iter().map(String::as_str), root);
    let key = DocumentKey::from_values(plan.read.root.key_at.iter().map(|&at| &root[at]));
    // unnamed children have no rows
    let children = plan.read.children.iter().enumerate().map(|(at, child)| {
        let rows = children.get(at).into_iter().flat_map(|rows| rows.iter());
        rows.map(|values| row(child.column_names(), values)).collect()
    });
    Document { key, root, children: children.collect(), faults: Vec::new() }
}

fn field_of<'a>(mapped: &'a Mapped, name: &str) -> &'a str {
    field(&mapped.records[0], name)
}

fn map(definitions: &Definitions, entity: &str, document: &Document) -> Mapped {
    plan(definitions, entity).map(&"EDU1".into(), document, &definitions.code_lists).expect("maps")
}

fn field<'a>(record: &'a TargetRecord, name: &str) -> &'a str {
    record.fields.get(name).unwrap_or_else(|| panic!("no field {name} in {:?}", record.fields))
}

fn invoice(plan: &Plan) -> Document {
    document(
        plan,
        &[
            ("Supplier", "0000104"),
            ("Invoice", "INV 7"),
            ("InvoiceDate", "@2026-01-31"),
            ("JournalDate", "@2026-02-02"),
            ("Journal", "#412"),
            ("InvoiceYear", "#2026"),
            ("InvoiceMonth", "#2"),
            ("OrigInvValue", "#1150.5"),
            ("MthInvBal1", "#0.5"),
            ("Currency", "$"),
            ("ConvRate", "#2"),
            ("MulDiv", "M"),
        ],
        &[&[
            &[
                ("TrnYear", "#2026"),
                ("TrnMonth", "#2"),
                ("Journal", "#412"),
                ("EntryNumber", "#1"),
                ("SubEntry", "#1"),
                ("ExpenseGlCode", "10-5500"),
                ("DistrValue", "#2000.5"),
                ("ExpenseType", "M"),
                ("Reference", "paper"),
                ("TransactionCode", "I"),
            ],
            &[
                ("TrnYear", "#2026"),
                ("TrnMonth", "#2"),
                ("Journal", "#412"),
                ("EntryNumber", "#1"),
                ("SubEntry", "#2"),
                ("DistrValue", "#300.5"),
                ("ExpenseType", "?"),
            ],
        ]],
    )
}

#[test]
fn both_shipped_profiles_compile_in_dependency_order() {
    for profile in ["apo", "s2p"] {
        let definitions = shipped(profile);
        assert_eq!(definitions.plans.len(), 6, "{profile}");
        assert_eq!(definitions.notes, Vec::<String>::new());
        for (i, plan) in definitions.plans.iter().enumerate() {
            for parent in &plan.after {
                let at = definitions.plans.iter().position(|other| other.entity == *parent).expect("carried");
                assert!(at < i && definitions.plans[at].rank < plan.rank, "{parent} before {}", plan.entity);
            }
            assert!(definitions.schedule(&plan.entity).is_some());
        }
        let parents = definitions.parents(&"invoice".into());
        let parents: Vec<&str> = parents.iter().map(EntityName::as_str).collect();
        assert_eq!(parents, ["cost_center", "gl_account", "supplier", "purchase_order"]);
    }
}

#[test]
fn an_invoice_becomes_a_header_and_its_lines() {
    let definitions = shipped("apo");
    let plan = plan(&definitions, "invoice");
    let mapped = map(&definitions, "invoice", &invoice(plan));
    assert_eq!(mapped.records.len(), 3);
    assert_eq!(mapped.warnings, []);
    let header = &mapped.records[0];
    assert_eq!((header.target, header.record_key.as_str()), (0, ""));
    let text = header.fields.iter().fold(String::new(), |mut text, (name, value)| {
        let _ = writeln!(text, "{name} = {value}");
        text
    });
    insta::assert_snapshot!(text, @r"
    u_amount_invoiced = 1150.50
    u_amount_open = 0.50
    u_branch = 
    u_company = EDU1
    u_currency = USD
    u_discount_amount = 
    u_discount_date = 
    u_due_date = 
    u_erp_status = 
    u_invoice_date = 2026-01-31
    u_invoice_line_count = 2
    u_journal = 412
    u_line_currency = ZAR
    u_line_total = 2301.00
    u_posting_date = 2026-02-02
    u_posting_period = 2
    u_posting_year = 2026
    u_purchase_order = 
    u_purchase_order_lines = 
    u_reference = 
    u_source_state = current
    u_supplier = 0000104
    u_supplier_invoice_number = INV 7
    u_tax_code = 
    ");
    assert_eq!(header.references.len(), 1);
    assert_eq!((header.references[0].entity.as_str(), header.references[0].key.as_str()), ("supplier", "0000104"));
    assert!(header.references[0].wait);

    let line = &mapped.records[1];
    assert_eq!(line.record_key, "2026/2/412/1/1");
    assert_eq!(field(line, "u_invoice_source_key"), "EDU1/invoice/0000104/INV 7");
    assert_eq!(field(line, "u_gl_account"), "10-5500");
    assert_eq!(field(line, "u_expense_type"), "merchandise");
    assert_eq!(field(line, "u_transaction_code"), "I");
    let account = line.references.iter().find(|reference| reference.field == "u_gl_account").expect("a reference");
    assert_eq!((account.entity.as_str(), account.key.as_str(), account.wait), ("gl_account", "EDU1/10-5500", true));

    let blank = &mapped.records[2];
    assert_eq!(field(blank, "u_gl_account"), "");
    assert!(!blank.references.iter().any(|reference| reference.field == "u_gl_account"));
    assert_eq!(field(blank, "u_expense_type"), "other");
}

#[test]
fn an_unknown_currency_is_named_with_the_list_to_add_it_to() {
    let definitions = shipped("apo");
    let plan = plan(&definitions, "invoice");
    let mut document = invoice(plan);
    let at = plan.read.columns.iter().position(|column| column == "Currency").expect("read");
    document.root[at] = Value::text("R2");
    let error = plan.map(&"EDU1".into(), &document, &definitions.code_lists).expect_err("no such code");
    assert_eq!((error.field.as_str(), &*error.column, &*error.value), ("u_currency", "Currency", "R2"));
    assert!(error.to_string().contains("lookups/currency.toml"), "{error}");
    document.root[at] = Value::text("EUR");
    assert_eq!(field(&plan.map(&"EDU1".into(), &document, &definitions.code_lists).expect("iso").records[0], "u_currency"), "EUR");
}

#[test]
fn suppliers_carry_their_address_and_are_switched_off_when_gone() {
    let definitions = shipped("apo");
    let plan = plan(&definitions, "supplier");
    let values = [
        ("Supplier", "0000104"),
        ("SupplierName", "Café Ltd"),
        ("OnHold", "Y"),
        ("SupAddr1", "1 Road"),
        ("SupAddr3", "Town"),
        ("Currency", "R"),
    ];
    let document = document(plan, &values, &[]);
    let record = &map(&definitions, "supplier", &document).records[0];
    assert_eq!(field(record, "u_street"), "1 Road, Town");
    assert_eq!(field(record, "u_supplier_number"), "0000104");
    assert_eq!(field(record, "u_display_number"), "104");
    assert_eq!(field(record, "u_on_hold"), "true");
    assert_eq!(field(record, "u_currency"), "ZAR");
    assert_eq!(field(record, "u_active"), "true");
    let join = &plan.read.joins[0];
    assert_eq!(plan.read.columns[join.offset], "SupAddr1");
    assert_eq!(join.on, [("Supplier".to_owned(), "Supplier".to_owned())]);

    assert_eq!(marks(&plan.gone_marks(&document).blocks), "header: u_active=false");
}

/// The marks of a gone record, as one text.
fn marks(blocks: &gone::Blocks) -> String {
    let block = |(block, fields): (&String, &std::collections::BTreeMap<String, String>)| {
        let fields: Vec<String> = fields.iter().map(|(name, text)| format!("{name}={text}")).collect();
        format!("{block}: {}", fields.join(" "))
    };
    blocks.iter().map(block).collect::<Vec<_>>().join("; ")
}

#[test]
fn an_invoice_that_is_gone_was_purged_when_it_was_paid_and_removed_when_it_was_not() {
    let definitions = shipped("apo");
    let plan = plan(&definitions, "invoice");
    let mut document = invoice(plan);
    let balance = plan.read.columns.iter().position(|column| column == "MthInvBal1").expect("read");
    let mut gone = |value: Value| {
        document.root[balance] = value;
        let found = plan.gone_marks(&document);
        (found.case.clone().unwrap_or_default(), marks(&found.blocks))
    };
    let number = |text: &str| Value::from_decimal(crate::domain::money::parse_decimal(text).expect("a number"));
    let purged = "header: u_source_state=purged; lines: u_source_state=purged";
    for zero in [number("0"), number("0.00"), number("-0.00")] {
        assert_eq!(gone(zero.clone()), ("purged".into(), purged.into()), "{zero:?}");
    }
    let removed = "header: u_amount_open=0 u_invoice_line_count=0 u_line_total=0 u_source_state=removed; \
                   lines: u_line_amount_invoiced=0 u_source_state=removed";
    for open in [number("0.01"), number("-12.50"), Value::Null] {
        assert_eq!(gone(open.clone()), ("removed".into(), removed.into()), "{open:?}");
    }
    assert_eq!(marks(&plan.line_marks()), "lines: u_line_amount_invoiced=0 u_source_state=removed");
}

#[test]
fn every_shipped_block_has_a_rule_for_what_is_gone_and_every_mark_is_taken_back() {
    for profile in ["apo", "s2p"] {
        let definitions = shipped(profile);
        for plan in &definitions.plans {
            for target in &plan.targets {
                let at = format!("{profile} {} {}", plan.entity, target.block);
                assert!(target.on_gone.last().is_some_and(plan::GoneCase::is_general), "{at}");
                for name in target.on_gone.iter().flat_map(|case| case.fields.keys()) {
                    assert!(target.fields.iter().any(|field| field.name == *name), "{at}: {name}");
                }
            }
        }
    }
}

#[test]
fn orders_send_their_lines_without_comments_under_their_header() {
    let definitions = shipped("apo");
    let plan = plan(&definitions, "purchase_order");
    let long = "x".repeat(200);
    let document = document(
        plan,
        &[("PurchaseOrder", " 00001"), ("OrderStatus", "*"), ("Supplier", "UTE002"), ("OrderEntryDate", "@2026-03-01")],
        &[&[
            &[
                ("PurchaseOrder", " 00001"),
                ("Line", "#1"),
                ("LineType", "1"),
                ("MStockDes", &long),
                ("MPrice", "#1.005"),
                ("MOrderQty", "#3"),
            ],
            &[("PurchaseOrder", " 00001"), ("Line", "#2"), ("LineType", "6"), ("NComment", "handle with care")],
            &[("PurchaseOrder", " 00001"), ("Line", "#3"), ("LineType", "4"), ("NMscChargeValue", "#75")],
        ]],
    );
    let mapped = map(&definitions, "purchase_order", &document);
    assert_eq!(mapped.records.iter().map(|record| record.record_key.as_str()).collect::<Vec<_>>(), ["", "%2000001/1", "%2000001/3"]);
    assert_eq!(field(&mapped.records[0], "status"), "canceled");
    assert_eq!(field(&mapped.records[0], "number"), " 00001", "a key keeps its leading blank");
    let line = &mapped.records[1];
    assert_eq!(field(line, "cost"), "1.005");
    assert_eq!(field(line, "short_description").len(), 160);
    assert_eq!((mapped.warnings.len(), mapped.warnings[0].field.as_str()), (1, "short_description"));
    assert_eq!(mapped.warnings[0].text, "of line `%2000001/1` cut from 200 to 160 characters");
    assert!(line.fields.get("purchase_order").is_none(), "the header's sys_id is filled in later");
    assert_eq!((line.references[0].field.as_str(), line.references[0].form), ("purchase_order", plan::ReferenceForm::SysId));
    assert_eq!(field(&mapped.records[2], "u_charge_value"), "75.00");
    assert_eq!(plan.targets[0].natural_key, Vec::<String>::new());
}

#[test]
fn a_journal_becomes_its_postings_without_a_header() {
    let definitions = shipped("apo");
    let plan = plan(&definitions, "gl_posting");
    assert_eq!(plan.targets.len(), 1);
    assert_eq!(plan.targets[0].child, Some(0));
    let document = document(
        plan,
        &[("GlYear", "#2026"), ("GlPeriod", "#13"), ("GlJournal", "#9"), ("PostDate", "@2026-07-01"), ("JournalDate", "@2026-06-30")],
        &[&[&[
            ("GlYear", "#2026"),
            ("GlPeriod", "#13"),
            ("Journal", "#9"),
            ("EntryNumber", "#1"),
            ("Company", "EDU1"),
            ("GlCode", "10-5500"),
            ("EntryValue", "#-1234567.8"),
        ]]],
    );
    let mapped = map(&definitions, "gl_posting", &document);
    assert_eq!(mapped.records.len(), 1);
    let line = &mapped.records[0];
    assert_eq!((line.target, line.record_key.as_str()), (0, "2026/13/9/1"));
    assert_eq!(field(line, "u_amount"), "-1234567.80");
    assert_eq!(field(line, "u_posting_date"), "2026-07-01");
    assert_eq!(line.references[0].key.as_str(), "EDU1/10-5500");
}

#[test]
fn accounts_and_cost_centres_map_under_their_keys() {
    let definitions = shipped("apo");
    let accounts = plan(&definitions, "gl_account");
    assert_eq!(accounts.read.root.exclude, [(1, vec!["FORCED".to_owned(), "RETAINED".to_owned()])]);
    assert!(accounts.read.changes.is_empty() && accounts.read.sweep.is_none());
    let account = document(accounts, &[("Company", "EDU1"), ("GlCode", "10-5500"), ("Description", "Stationery")], &[]);
    assert_eq!(account.key.as_str(), "EDU1/10-5500");
    assert_eq!(field(&map(&definitions, "gl_account", &account).records[0], "account_number"), "10-5500");
    let centres = plan(&definitions, "cost_center");
    let centre = document(centres, &[("CostCentre", "ADMIN"), ("Description", "Administration")], &[]);
    assert_eq!(field(&map(&definitions, "cost_center", &centre).records[0], "name"), "Administration");
    assert_eq!(centres.targets[0].natural_key, ["code"]);
}

#[test]
fn the_reading_plan_says_what_the_reader_needs() {
    let definitions = shipped("apo");
    let read = &plan(&definitions, "invoice").read;
    assert_eq!(read.root.key_at, [0, 1]);
    let lines = &read.children[0];
    let via = lines.via.as_ref().expect("via");
    assert_eq!(via.on, [("Supplier".to_owned(), "Supplier".to_owned()), ("Invoice".to_owned(), "Invoice".to_owned())]);
    assert_eq!(via.table.key, ["TrnYear", "TrnMonth", "Journal", "EntryNumber"]);
    assert_eq!(via.table.columns, ["TrnYear", "TrnMonth", "Journal", "EntryNumber", "Supplier", "Invoice", "TransactionCode", "TrnDate"]);
    assert_eq!(lines.columns().last().map(String::as_str), Some("TrnDate"));
    assert_eq!(read.changes[0].key, read.root.key);
    assert_eq!((read.changes[0].overlap_days, read.changes[1].overlap_days), (40, 40));
    assert_eq!(read.changes[1].touches.len(), 2);
    let postings = &plan(&definitions, "gl_posting").read;
    assert_eq!(postings.children[0].on[2], ("GlJournal".to_owned(), "Journal".to_owned()));
    assert_eq!(postings.root.filter.as_ref().map(|filter| filter.of(&"EDU1".into())).as_deref(), Some("JnlStatus eq 'P'"));
}

#[test]
fn what_is_not_carried_is_not_waited_for() {
    let definitions = load(None, "apo", &["supplier".into(), "invoice".into()], &own()).expect("loads");
    assert_eq!(definitions.plans.iter().map(|plan| plan.entity.as_str()).collect::<Vec<_>>(), ["supplier", "invoice"]);
    assert!(definitions.notes.iter().any(|note| note.contains("`lines.u_gl_account` refers to `gl_account`")), "{:?}", definitions.notes);
    let mapped = map(&definitions, "invoice", &invoice(plan(&definitions, "invoice")));
    assert!(mapped.records[0].references[0].wait);
    assert!(mapped.records[1].references.iter().all(|reference| !reference.wait));
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        ".{0,12}".prop_map(|text| Value::text(&text)),
        Just(Value::text("0000104")),
        (any::<i64>(), 0u32..12).prop_map(|(units, scale)| Value::from_decimal(rust_decimal::Decimal::new(units, scale))),
        (1i32..60_000)
            .prop_map(|day| Value::Date(chrono::NaiveDate::from_ymd_opt(1901, 1, 1).expect("a date") + chrono::Days::new(day as u64))),
        any::<bool>().prop_map(Value::Flag),
    ]
}

#[test]
fn what_is_no_date_in_a_date_column_fails_by_name_and_other_texts_do_not() {
    let definitions = shipped("apo");
    let plan = plan(&definitions, "invoice");
    let at = |name: &str| plan.read.columns.iter().position(|column| column == name).expect("read");
    let mut root = invoice(plan);
    root.root[at("InvoiceDate")] = Value::text("soon");
    let error = plan.map(&"EDU1".into(), &root, &definitions.code_lists).expect_err("no date");
    let said = error.to_string();
    assert!(said.starts_with("field `u_invoice_date` of `header` cannot be mapped from InvoiceDate = `soon`: "), "{said}");
    assert!(said.contains("`dates`"), "{said}");

    let mut line = invoice(plan);
    let child = &plan.read.children[0];
    let on = child.column_names().position(|column| column == "TrnDate").expect("carried");
    line.children[0][1][on] = Value::text("2026-01-31");
    let error = plan.map(&"EDU1".into(), &line, &definitions.code_lists).expect_err("stored as text");
    assert_eq!((&*error.block, &*error.column), ("lines", "TrnDate of row `2026/2/412/1/2`"));

    // a date column may have a past date, or nothing
    let mut fine = invoice(plan);
    fine.root[at("InvoiceDate")] = Value::text("  ");
    fine.root[at("Invoice")] = Value::text("1200-05-10");
    assert!(plan.map(&"EDU1".into(), &fine, &definitions.code_lists).is_ok());
    assert_ne!(fine.hash(), invoice(plan).hash());
}

proptest! {
    #[test]
    fn any_text_of_any_text_column_is_stored_and_sent_as_it_is(
        text in prop_oneof!["\\PC{1,30}", "[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:.Z+-]{0,12})?", "[ 0-9.eE+-]{1,14}"]
    ) {
        let definitions = shipped("apo");
        let value = Value::text(&text);
        let kept = value.to_text();
        let plan = plan(&definitions, "supplier");
        let names: Vec<&str> = plan.read.columns.iter().map(String::as_str).collect();
        let kinds: Vec<_> = plan.read.kinds().collect();
        let root: Row = kinds.iter().map(|kind| if *kind == plan::ColumnKind::Date { Value::Null } else { value.clone() }).collect();
        let document = Document { key: DocumentKey::from_values([&value]), root, children: vec![], faults: Vec::new() };
        let stored = plan.content_to_json(&document);
        let back = plan.content_from_json(document.key.clone(), &stored).expect("reads back");
        prop_assert_eq!(&back, &document);
        prop_assert_eq!(back.hash(), document.hash());
        let map = |document: &Document| plan.map(&"EDU1".into(), document, &definitions.code_lists);
        prop_assert_eq!(map(&back), map(&document), "mapping stored content again gives what was sent");
        // the fields that take a column unchanged
        for field in &plan.targets[0].fields {
            let plan::FieldSource::Column { at: plan::Place::Root(at), transform: plan::Transform::Text } = &field.source else { continue };
            let (true, Ok(mapped)) = (kinds[*at] != plan::ColumnKind::Date && field.limit.is_none(), map(&back)) else { continue };
            prop_assert_eq!(field_of(&mapped, &field.name), kept.as_str(), "{}", names[*at]);
        }
    }

    #[test]
    fn content_survives_json_with_its_hash(values in proptest::collection::vec(any_value(), 19 + 2 * 11 + 7)) {
        let definitions = shipped("apo");
        let plan = plan(&definitions, "invoice");
        let mut values = values.into_iter().cycle();
        let mut take = |n: usize| -> Row { values.by_ref().take(n).collect() };
        let root = take(plan.read.columns.len());
        let [lines, orders] = [0, 1].map(|child| plan.read.children[child].columns().len());
        let children = vec![vec![take(lines), take(lines)], vec![take(orders)]];
        let document = Document { key: "A/1".to_owned().into(), root, children, faults: Vec::new() };
        let text = plan.content_to_json(&document);
        let back = plan.content_from_json(document.key.clone(), &text).expect("reads back");
        prop_assert_eq!(back.hash(), document.hash());
        prop_assert_eq!(plan.content_to_json(&back), text);
        prop_assert_eq!(back, document);
    }

    #[test]
    fn a_reference_names_the_key_that_the_other_document_has(code in "[A-Za-z0-9 ./%-]{1,20}") {
        let definitions = shipped("apo");
        let accounts = plan(&definitions, "gl_account");
        let account = document(accounts, &[("Company", "EDU1"), ("GlCode", &code)], &[]);
        let invoices = plan(&definitions, "invoice");
        let mut invoice = invoice(invoices);
        let at = invoices.read.children[0].column_names().position(|column| column == "ExpenseGlCode").expect("read");
        invoice.children[0][0][at] = Value::text(&code);
        let mapped = map(&definitions, "invoice", &invoice);
        let reference = mapped.records[1].references.iter().find(|reference| reference.field == "u_gl_account");
        match reference {
            Some(reference) => prop_assert_eq!(&reference.key, &account.key),
            None => prop_assert!(code.trim().is_empty()),
        }
    }
}

#[test]
fn content_tolerates_columns_that_came_and_went() {
    let definitions = shipped("apo");
    let plan = plan(&definitions, "cost_center");
    let document =
        plan.content_from_json("A".to_owned().into(), r#"{"CostCentre":"A","Old":[1,2],"Rate":12345678901234.567891}"#).expect("reads");
    assert_eq!(&*document.root, [Value::text("A"), Value::Null]);
    let invoices = definitions.plan(&"invoice".into()).expect("shipped");
    let document = invoices.content_from_json("A".to_owned().into(), r#"{"OrigInvValue":12345678901234.567891}"#).expect("reads");
    assert!(invoices.content_to_json(&document).contains(r#""OrigInvValue":12345678901234.567891"#));
    assert_eq!(document.children, [Vec::<Row>::new(), Vec::new()]);
    assert!(invoices.content_from_json("A".to_owned().into(), r#"{"Supplier":{"a":1}}"#).is_err());
}

#[test]
fn company_is_part_of_nothing_but_the_source_key() {
    let definitions = shipped("apo");
    let plan = plan(&definitions, "invoice");
    let document = invoice(plan);
    let other: CompanyId = "EDU2".into();
    let line = &plan.map(&other, &document, &definitions.code_lists).expect("maps").records[1];
    assert_eq!(field(line, "u_invoice_source_key"), "EDU2/invoice/0000104/INV 7");
}

#[test]
fn every_entity_of_both_profiles_maps_an_empty_document_to_texts() {
    for profile in ["apo", "s2p"] {
        let definitions = shipped(profile);
        for plan in &definitions.plans {
            let one_row: Vec<Vec<Row>> = plan.read.children.iter().map(|child| vec![row(child.column_names(), &[])]).collect();
            let root = row(plan.read.columns.iter().map(String::as_str), &[]);
            let document = Document { key: DocumentKey::from_text("K"), root, children: one_row, faults: Vec::new() };
            let mapped = plan
                .map(&"EDU1".into(), &document, &definitions.code_lists)
                .unwrap_or_else(|error| panic!("{profile} {}: {error}", plan.entity));
            assert_eq!(mapped.records.len(), plan.targets.len(), "{profile} {}", plan.entity);
            for target in &plan.targets {
                assert_eq!(target.key_column.as_deref(), Some("u_source_key"));
                assert_eq!(target.version_column.as_deref(), Some("u_source_version"));
            }
        }
    }
}

#[test]
fn two_lines_with_one_key_are_refused_with_both_their_values() {
    let definitions = shipped("apo");
    let plan = plan(&definitions, "invoice");
    let mut document = invoice(plan);
    let at = |name: &str| plan.read.children[0].column_names().position(|column| column == name).expect("read");
    let sub_entry = at("SubEntry");
    document.children[0][1][sub_entry] = document.children[0][0][sub_entry].clone();
    let map = |document: &Document| plan.map(&"EDU1".into(), document, &definitions.code_lists);
    let error = map(&document).expect_err("one of the two amounts would be lost");
    for part in ["`ApJnlDistrib`", "(`lines`)", "SubEntry=1", "DistrValue=2000.5,", "DistrValue=300.5,"] {
        assert!(error.to_string().contains(part), "{part}: {error}");
    }
    let next = error.next_step.clone().expect("what to do");
    assert!(
        next.text().contains("entities/invoice.toml") && next.text().contains("`key`") && next.text().contains("`ApJnlSummary`"),
        "{next}"
    );
    // stored content is refused in the same way, in any order of the rows
    let text = plan.content_to_json(&document);
    let back = plan.content_from_json(document.key.clone(), &text).expect("reads back");
    assert_eq!(map(&back).expect_err("still"), error);
    // the same line twice is two lines, or one that was counted twice: this cannot be decided
    document.children[0][1] = document.children[0][0].clone();
    assert!(map(&document).expect_err("equal rows").to_string().contains("with the same values"));
    document.children[0].pop();
    assert_eq!(map(&document).expect("one line").records.len(), 2);
}

#[test]
fn what_was_wrong_with_the_rows_as_they_came_stays_with_the_content() {
    let definitions = shipped("apo");
    let plan = plan(&definitions, "invoice");
    let mut document = invoice(plan);
    let clean = document.hash();
    document
        .faults
        .push(crate::domain::Fault { text: "`X` has 2 rows".into(), next_step: NextStep::JoinKeyTooShort { table: "X".into() } });
    assert_ne!(document.hash(), clean, "corrected rows must be another content");
    let back = plan.content_from_json(document.key.clone(), &plan.content_to_json(&document)).expect("reads back");
    assert_eq!(back, document);
    let error = plan.map(&"EDU1".into(), &back, &definitions.code_lists).expect_err("not mapped");
    assert_eq!(
        (error.to_string().as_str(), error.next_step.as_deref()),
        ("`X` has 2 rows", Some(&NextStep::JoinKeyTooShort { table: "X".into() }))
    );
}
