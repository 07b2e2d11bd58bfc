//! Reads SYSPRO's simulator: whole tables, with every behaviour that the evidence leaves open.

use std::collections::BTreeSet;
use std::time::Duration;

use rust_decimal::Decimal;
use tieline::config::settings::{
    AbsentColumns, Connection, DateLiteral, DateZone, EnetSettings, KeyOrder, RetrySettings, SysproSettings, SysproSource,
};
use tieline::credentials::secret::Credential;
use tieline::definition::ReadPlan;
use tieline::definition::plan::{ChangeQuery, ChildRead, TableRead, TypeChange, ViaRead};
use tieline::domain::{Backoff, Document, Value};
use tieline::syspro::{Page, PageQuery, ReadScope, SysproError, SysproReader};
use tieline_sim::dataset::DatasetOptions;
use tieline_sim::syspro::{Release, Switches, SysproOptions, SysproSim};

fn strings(names: &str) -> Vec<String> {
    names.split_whitespace().map(str::to_owned).collect()
}

fn table(name: &str, key: &str, others: &str) -> TableRead {
    let key = strings(key);
    let columns: Vec<String> = key.iter().cloned().chain(strings(others)).collect();
    let dates = columns.iter().filter(|name| name.ends_with("Date")).cloned().collect();
    let key_at = (0..key.len()).collect();
    TableRead {
        table: name.into(),
        key,
        columns,
        key_at,
        filter: None,
        exclude: vec![],
        optional: vec![],
        dates,
        numbers: vec![],
        derive: None,
    }
}

fn plan(root: TableRead) -> ReadPlan {
    let columns = root.columns.clone();
    ReadPlan {
        root,
        joins: vec![],
        children: vec![],
        changes: vec![],
        columns,
        sweep: None,
        type_change: TypeChange::Stop,
        amounts: Default::default(),
        controls: vec![],
    }
}

fn same(names: &str) -> Vec<(String, String)> {
    strings(names).into_iter().map(|name| (name.clone(), name)).collect()
}

fn orders() -> ReadPlan {
    let mut plan = plan(table("PorMasterHdr", "PurchaseOrder", "Supplier OrderStatus OrderEntryDate Currency"));
    let lines = table("PorMasterDetail", "PurchaseOrder Line", "LineType MPrice MOrderQty");
    plan.children.push(ChildRead {
        name: "lines".into(),
        table: lines,
        on: same("PurchaseOrder"),
        via: None,
        amounts: Default::default(),
        may_be_absent: false,
    });
    plan
}

fn invoices() -> ReadPlan {
    let mut plan = plan(table("ApInvoice", "Supplier Invoice", "InvoiceDate JournalDate OrigInvValue Currency"));
    let via = ViaRead {
        table: table("ApJnlSummary", "TrnYear TrnMonth Journal EntryNumber", "Supplier Invoice TransactionCode"),
        on: same("Supplier Invoice"),
        carry: strings("TransactionCode"),
        matching: None,
    };
    let lines = table("ApJnlDistrib", "TrnYear TrnMonth Journal EntryNumber SubEntry", "ExpenseGlCode DistrValue");
    plan.children.push(ChildRead {
        name: "lines".into(),
        table: lines,
        on: same("TrnYear TrnMonth Journal EntryNumber"),
        via: Some(via),
        amounts: Default::default(),
        may_be_absent: false,
    });
    let change = |table: &str, key: &str, dates: &str, touches: &str| ChangeQuery {
        table: table.into(),
        key: strings(key),
        any_of: strings(dates),
        overlap_days: 0,
        filter: None,
        touches: same(touches),
        dates: strings(dates),
        numbers: vec![],
        may_be_absent: false,
    };
    plan.changes.push(change("ApInvoice", "Supplier Invoice", "InvoiceDate JournalDate", ""));
    plan.changes.push(change("ApInvoicePay", "Supplier Invoice EntryNumber", "JournalDate", "Supplier Invoice"));
    plan
}

pub fn settings(sim: &SysproSim) -> SysproSettings {
    let limit = Duration::from_secs(30);
    SysproSettings {
        enet_url: None,
        time_zone: chrono_tz::Africa::Johannesburg,
        companies_differ_by_case: false,
        companies: vec!["EDU1".into()],
        page_size: 500,
        row_cap: 5000,
        query_limit: 2000,
        filter_limit: 30,
        metadata: true,
        source: SysproSource::OData { url: sim.url.clone() },
        enet: EnetSettings::default(),
        date_literal: DateLiteral::Auto,
        date_zone: DateZone::Label,
        no_date_before: chrono::NaiveDate::from_ymd_opt(1901, 1, 1).expect("a date"),
        key_order: KeyOrder::Binary,
        count_check: true,
        absent_columns: AbsentColumns::Fail,
        limits: Default::default(),
        connection: Connection {
            connect_timeout: limit,
            request_timeout: limit,
            body_timeout: limit,
            body_limit: 64 << 20,
            connections: 4,
            keep_alive: Duration::from_secs(1),
            ..Connection::default()
        },
    }
}

fn start(switches: Switches) -> SysproSim {
    let dataset = DatasetOptions { documents: 600, ..DatasetOptions::default() };
    SysproSim::start(SysproOptions { dataset, switches, workers: 1, ..SysproOptions::default() }).expect("simulator")
}

async fn read(
    sim: &SysproSim,
    settings: &SysproSettings,
    plan: &ReadPlan,
    scope: ReadScope,
) -> Result<(Vec<Document>, Vec<Page>), SysproError> {
    let retry =
        RetrySettings { backoff: Backoff::new(Duration::from_millis(1), Duration::from_millis(2)), max_attempts: 3, read_attempts: 3 };
    let SysproSource::OData { url } = &settings.source else { unreachable!() };
    let odata = SysproReader::new(url, settings, &retry)?;
    let credential = Credential::new("TIELINE", "odata-secret".into());
    let (mut documents, mut pages, mut after) = (Vec::new(), Vec::new(), None);
    loop {
        let page = odata.page(&credential, &"EDU1".into(), plan, &PageQuery { scope, after, limit: settings.page_size }).await?;
        documents.extend(page.documents.iter().cloned());
        after = page.next.clone();
        pages.push(page);
        if after.is_none() {
            assert!(sim.count("EDU1", &plan.root.table).is_ok());
            return Ok((documents, pages));
        }
    }
}

fn total(documents: &[Document], column: usize) -> Decimal {
    let lines = documents.iter().flat_map(|document| &document.children[0]);
    lines.map(|row| if let Value::Number(number) = row[column] { number } else { Decimal::ZERO }).sum()
}

fn ways() -> Vec<(&'static str, Switches)> {
    let base = Switches::default;
    vec![
        ("default", base()),
        ("no metadata, no padding", Switches { metadata: false, pad_char: false, ..base() }),
        ("small silent cap", Switches { row_cap: 100, ..base() }),
        ("links", Switches { row_cap: 70, next_link: true, ..base() }),
        ("few nodes", Switches { max_filter_nodes: Some(40), metadata: false, ..base() }),
        ("short queries", Switches { max_query_length: Some(900), ..base() }),
        ("html errors, no zone", Switches { iis_html_errors: true, no_zone: true, sentinel_dates: true, ..base() }),
    ]
}

#[actix_rt::test]
async fn every_order_and_invoice_arrives_whole_whatever_the_server_is_like() {
    for (way, switches) in ways() {
        let sim = start(switches);
        let settings = settings(&sim);
        for (plan, lines, column) in [(orders(), "PorMasterDetail", "MOrderQty"), (invoices(), "ApJnlDistrib", "DistrValue")] {
            let (documents, pages) = read(&sim, &settings, &plan, ReadScope::All).await.unwrap_or_else(|error| panic!("{way}: {error}"));
            let root = &plan.root.table;
            let keys: BTreeSet<&str> = documents.iter().map(|document| document.key.as_str()).collect();
            assert_eq!(documents.len(), sim.count("EDU1", root).expect("a table"), "{way}: {root}");
            assert_eq!(keys.len(), documents.len(), "{way}: {root}: keys differ");
            let at = plan.children[0].columns().iter().position(|name| name == column).expect("a column");
            let rows: usize = documents.iter().map(|document| document.children[0].len()).sum();
            let requests: u32 = pages.iter().map(|page| page.requests).sum();
            println!("{way}: {root}: {} documents, {rows} lines, {requests} requests", documents.len());
            assert_eq!(rows, sim.count("EDU1", lines).expect("a table"), "{way}: {lines}");
            assert_eq!(total(&documents, at), sim.sum("EDU1", lines, column).expect("a column"), "{way}: {lines}");
        }
        sim.stop();
    }
}

#[actix_rt::test]
async fn new_business_is_found_by_its_dates() {
    let sim = start(Switches::default());
    let settings = settings(&sim);
    let before = read(&sim, &settings, &invoices(), ReadScope::All).await.expect("readable").0.len();
    sim.tick(5).expect("business");
    let (all, _) = read(&sim, &settings, &invoices(), ReadScope::All).await.expect("readable");
    let today = all.iter().filter_map(|document| if let Value::Date(date) = document.root[3] { Some(date) } else { None }).max();
    let (changed, _) =
        read(&sim, &settings, &invoices(), ReadScope::Changed { query: 0, since: today, until: None }).await.expect("readable");
    let fresh = all.len() - before;
    assert!(fresh > 0 && changed.len() >= fresh && changed.len() < all.len(), "{fresh} new, {} found, {} in all", changed.len(), all.len());
    assert!(changed.iter().all(|document| all.contains(document)), "a document read by its change is the same document");
    let (paid, _) = read(&sim, &settings, &invoices(), ReadScope::Changed { query: 1, since: today, until: None }).await.expect("readable");
    assert!(!paid.is_empty() && paid.iter().all(|document| all.contains(document)), "{} paid", paid.len());
    sim.stop();
}

#[actix_rt::test]
async fn an_older_release_lacks_columns_and_is_read_all_the_same() {
    let sim = start(Switches { release: Release::Old, metadata: false, ..Switches::default() });
    let mut plan = plan(table("ApSupplier", "Supplier", "SupplierName NoSuchColumn"));
    plan.root.optional = strings("NoSuchColumn");
    let (documents, pages) = read(&sim, &settings(&sim), &plan, ReadScope::All).await.expect("readable");
    assert_eq!(documents.len(), sim.count("EDU1", "ApSupplier").expect("a table"));
    assert_eq!(pages[0].missing_columns, [("ApSupplier".into(), "NoSuchColumn".into())]);
    sim.stop();
}

#[actix_rt::test]
async fn a_certificate_of_the_sites_own_needs_its_authority() {
    let dataset = DatasetOptions { documents: 60, ..DatasetOptions::default() };
    let sim = SysproSim::start(SysproOptions { dataset, tls: true, workers: 1, ..SysproOptions::default() }).expect("simulator");
    let mut settings = settings(&sim);
    let error = read(&sim, &settings, &orders(), ReadScope::All).await.expect_err("an unknown authority");
    assert!(matches!(error, SysproError::Tls { .. }), "{error:?}");
    assert_eq!(error.class(), tieline::retry::Class::Permanent);
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), sim.ca_pem.as_deref().expect("an authority")).expect("written");
    settings.connection.ca_file = Some(file.path().to_owned());
    let (documents, _) = read(&sim, &settings, &orders(), ReadScope::All).await.expect("readable");
    assert_eq!(documents.len(), sim.count("EDU1", "PorMasterHdr").expect("a table"));
    sim.stop();
}

#[actix_rt::test]
async fn what_is_wrong_is_said() {
    let sim = start(Switches::default());
    let unknown = read(&sim, &settings(&sim), &plan(table("NoTable", "K", "")), ReadScope::All).await.map(|_| ()).expect_err("no table");
    assert!(matches!(unknown, SysproError::UnknownTable { .. }), "{unknown:?}");
    let lacking = plan(table("ApSupplier", "Supplier", "SupplierName NoColumn"));
    let lacking = read(&sim, &settings(&sim), &lacking, ReadScope::All).await.map(|_| ()).expect_err("no column");
    assert!(matches!(&lacking, SysproError::MissingColumn { columns, .. } if columns == &["NoColumn"]), "{lacking:?}");
    sim.set_operator("TIELINE", "changed");
    sim.restart_service();
    let wrong = read(&sim, &settings(&sim), &orders(), ReadScope::All).await.map(|_| ()).expect_err("the password was changed");
    assert!(matches!(wrong, SysproError::WrongPassword { .. }), "{wrong:?}");
    sim.stop();
}
