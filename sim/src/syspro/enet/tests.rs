//! e.net through HTTP requests.

mod fuzz;

use std::time::Duration;

use super::super::{SysproOptions, SysproSim};
use super::*;
use crate::dataset::DatasetOptions;
use crate::faults::{Fault, FaultRule};

fn start(switches: EnetSwitches) -> SysproSim {
    let dataset = DatasetOptions { documents: 60, ..DatasetOptions::default() };
    let switches = Switches { enet: switches, ..Switches::default() };
    SysproSim::start(SysproOptions { dataset, switches, workers: 2, ..SysproOptions::default() }).expect("simulator")
}

struct Got {
    status: u16,
    kind: String,
    server: String,
    bytes: Vec<u8>,
}

impl Got {
    fn text(&self) -> String {
        encoding_rs::WINDOWS_1252.decode(&self.bytes).0.into_owned()
    }
}

async fn try_call(sim: &SysproSim, method: &str, path: &str, parameters: &[(&str, &str)]) -> Option<Got> {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    let client = awc::Client::builder().timeout(Duration::from_secs(30)).finish();
    let mut answer = client.request(method.parse().expect("verb"), format!("{}{path}?{query}", sim.root)).send().await.ok()?;
    let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let (kind, server, status) = (header("content-type"), header("server"), answer.status().as_u16());
    let bytes = answer.body().limit(100_000_000).await.ok()?.to_vec();
    Some(Got { status, kind, server, bytes })
}

async fn call(sim: &SysproSim, operation: &str, parameters: &[(&str, &str)]) -> Got {
    try_call(sim, "GET", &format!("SYSPROWCFService/Rest/{operation}"), parameters).await.expect("answer")
}

async fn logon_as(sim: &SysproSim, operator: &str, password: &str, company: &str, company_password: &str) -> String {
    let parameters =
        [("Operator", operator), ("OperatorPassword", password), ("CompanyId", company), ("CompanyPassword", company_password)];
    call(sim, "Logon", &parameters).await.text()
}

async fn logon(sim: &SysproSim, company: &str) -> String {
    let id = logon_as(sim, "TIELINE", "enet-secret", company, "").await;
    assert_eq!(id.len(), 36, "{id}");
    id
}

async fn query(sim: &SysproSim, id: &str, object: &str, xml: &str) -> String {
    call(sim, "Query/Query", &[("UserId", id), ("BusinessObject", object), ("XmlIn", xml)]).await.text()
}

fn comfnd(table: &str, columns: &[&str], conditions: &[(&str, &str, &str)], order: &[&str], rows: usize) -> String {
    let list = |names: &[&str]| names.iter().map(|name| format!("<Column>{name}</Column>")).collect::<String>();
    let conditions: String = conditions
        .iter()
        .map(|(column, condition, value)| {
            format!(
                "<Expression><OpenBracket/><AndOr>And</AndOr><Column>{column}</Column><Condition>{condition}</Condition>\
                 <Value>{value}</Value><CloseBracket/></Expression>"
            )
        })
        .collect();
    format!(
        "<Query xmlns:xsd=\"http://www.w3.org/2001/XMLSchema-instance\" xsd:noNamespaceSchemaLocation=\"COMFND.XSD\"><TableName>{table}\
         </TableName><ReturnRows>{rows}</ReturnRows><Columns>{}</Columns><Where>{conditions}</Where><OrderBy>{}</OrderBy><Nonsense/></Query>",
        list(columns),
        list(order)
    )
}

#[actix_rt::test]
async fn logon_logoff_and_their_answers() {
    let sim = start(EnetSwitches::default());
    let good = [("operator", "TIELINE"), ("OPERATORPASSWORD", "enet-secret"), ("CompanyId", "EDU1"), ("CompanyPassword", "")];
    let got = try_call(&sim, "GET", "sysprowcfservice/REST/logon", &good).await.expect("answer");
    assert_eq!((got.status, got.kind.as_str(), got.server.as_str()), (200, "application/octet-stream", "Microsoft-HTTPAPI/2.0"));
    let id = got.text();
    assert!(id.len() == 36 && id.ends_with("00  ") && id[..32].bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b)), "{id}");
    assert_eq!(logon_as(&sim, "TIELINE", "wrong", "EDU1", "").await, "ERROR: Invalid operator password");
    for refused in [
        logon_as(&sim, "NOBODY", "x", "EDU1", "").await,
        logon_as(&sim, "TIELINE", "enet-secret", "NOPE", "").await,
        logon_as(&sim, "TIELINE", "enet-secret", "EDU1", "x").await,
        call(&sim, "Logon", &good[..3]).await.text(),
    ] {
        assert!(refused.starts_with("ERROR:"), "{refused}");
    }
    assert!(call(&sim, "GetLogonProfile", &[("UserId", id.trim_end())]).await.text().contains("<OperatorCode>TIELINE</OperatorCode>"));
    assert_eq!(call(&sim, "Logoff", &[("UserId", &id)]).await.text(), "0");
    let stale = "3EA613166FE4BF47925DF1CEA14E910180  ";
    let text = "ERROR: Unable to read the SYSPRO base directory registry string BaseDir8";
    assert_eq!(call(&sim, "Logoff", &[("UserId", stale)]).await.text(), text);
    for (method, path, status) in [
        ("GET", "SYSPROWCFService/Rest/Nope", 404),
        ("POST", "SYSPROWCFService/Rest/Logon", 405),
        ("GET", "SYSPROWCFService/Rest/Transaction/PostLD", 405),
    ] {
        let got = try_call(&sim, method, path, &[]).await.expect("answer");
        assert!(got.status == status && got.kind.contains("html"), "{path} {}", got.status);
    }
    let counts = sim.enet_stats().sessions;
    assert_eq!((counts.open, counts.most_open, counts.logons, counts.logoffs, counts.refused), (0, 1, 1, 1, 5));
    sim.stop();
}

#[actix_rt::test]
async fn a_session_ends_by_another_logon_by_a_person_and_by_time() {
    let sim = start(EnetSwitches::default());
    let first = logon(&sim, "EDU1").await;
    let second = logon(&sim, "1").await;
    assert_eq!(call(&sim, "GetLogonProfile", &[("UserId", &first)]).await.text(), "ERROR: The session is not valid");
    assert_eq!(sim.evict("TIELINE"), 1);
    assert_eq!(call(&sim, "GetLogonProfile", &[("UserId", &second)]).await.text(), "ERROR: The operator has been logged in elsewhere");
    let third = logon(&sim, "1").await;
    sim.faults.push(FaultRule::always(Fault::Named("expire_session".into())).on_path("/SYSPROWCFService/Rest/GetLogonProfile").times(1));
    sim.switch(|switches| switches.enet.dead_session = DeadSession::Status500);
    assert_eq!(call(&sim, "GetLogonProfile", &[("UserId", &third)]).await.status, 500);
    sim.switch(|switches| switches.enet.dead_session = DeadSession::Xml);
    assert!(call(&sim, "GetLogonProfile", &[("UserId", &third)]).await.text().contains("<ErrorDescription>"));
    let counts = sim.enet_stats().sessions;
    assert_eq!((counts.open, counts.leaked, counts.evicted, counts.expired, counts.dead_calls), (0, 1, 1, 1, 4));
    sim.switch(|switches| switches.enet.one_session_per_operator = false);
    logon(&sim, "1").await;
    logon(&sim, "1").await;
    let stats = sim.stats();
    assert_eq!((stats.enet.sessions.open, stats.enet.sessions.most_open), (2, 2));
    sim.stop();
}

#[actix_rt::test]
async fn comfnd_reads_what_odata_reads() {
    let sim = start(EnetSwitches::default());
    let id = logon(&sim, "EDU1").await;
    let xml =
        comfnd("ApInvoice", &["Supplier", "Invoice", "DueDate", "Journal", "OrigInvValue", "Currency"], &[], &["Supplier", "Invoice"], 0);
    let all = query(&sim, &id, "comfnd", &xml).await;
    assert!(all.starts_with("<?xml version=\"1.0\" encoding=\"Windows-1252\"?>\n<ApInvoice Language='05' Language2='EN' "), "{all}");
    assert!(all.ends_with("<RowsReturned>      60</RowsReturned>\n</ApInvoice>\n "), "{}", &all[all.len() - 80..]);
    assert_eq!(all.matches("<Row>").count(), 60);
    assert!(all.contains("<DueDate>0000-00-00</DueDate>"));
    let width = |name: &str| all.split_once(&format!("<{name}>")).and_then(|(_, rest)| rest.split_once('<')).map(|(text, _)| text.len());
    assert_eq!((width("OrigInvValue"), width("Journal")), (Some(15), Some(10)));
    // by key, from the fortieth on
    let number = |text: &str, name: &str| {
        text.match_indices(&format!("<{name}>"))
            .map(|(at, tag)| text[at + tag.len()..].split_once('<').expect("end").0.to_owned())
            .collect::<Vec<_>>()
    };
    let suppliers = number(&all, "Supplier");
    let beyond = suppliers[39].replace('&', "&amp;");
    let xml = comfnd("ApInvoice", &["Supplier", "Invoice"], &[("Supplier", "GT", &beyond)], &["Supplier", "Invoice"], 3);
    let page = query(&sim, &id, "COMFND", &xml).await;
    let expected: Vec<String> = suppliers.iter().filter(|supplier| **supplier > suppliers[39]).take(3).cloned().collect();
    assert_eq!(number(&page, "Supplier"), expected);
    // Windows-1252 in both directions
    sim.update("EDU1", "ApSupplier", &[("Supplier", "042")], &[("SupplierName", "Größe & Söhne €")]).expect("supplier");
    let xml = comfnd("ApSupplier", &["SupplierName", "Email"], &[("SupplierName", "EQ", "Größe &amp; Söhne €")], &["Supplier"], 0);
    let got = call(&sim, "Query/Query", &[("UserId", &id), ("BusinessObject", "COMFND"), ("XmlIn", &xml)]).await;
    assert!(got.text().contains("<SupplierName>Größe &amp; Söhne €</SupplierName>"), "{}", got.text());
    assert!(got.bytes.contains(&0x80), "the euro sign of Windows-1252");
    assert_eq!(sim.traffic("EDU1", "ApInvoice").rows, 63);
    for (table, column) in [("Nope", "Supplier"), ("ApSupplier", "Nope")] {
        let refused = query(&sim, &id, "COMFND", &comfnd(table, &[column], &[], &[], 1)).await;
        assert!(refused.contains("<ErrorDescription>") && refused.contains("Nope"), "{refused}");
    }
    sim.switch(|switches| switches.enet.unknown_as_xml = false);
    assert!(query(&sim, &id, "COMFND", &comfnd("Nope", &["A"], &[], &[], 1)).await.starts_with("ERROR: "));
    assert_eq!(query(&sim, &id, "GENTJL", "<x/>").await, "ERROR: e.net exception raised: 100000");
    let long = "x".repeat(9000);
    assert_eq!(call(&sim, "Query/Query", &[("UserId", &id), ("XmlIn", &long)]).await.status, 414);
    sim.stop();
}

#[actix_rt::test]
async fn strings_may_come_wrapped() {
    let sim = start(EnetSwitches { wrap: WrapMode::Json, ..EnetSwitches::default() });
    let id: String = serde_json::from_str(&logon_as(&sim, "TIELINE", "enet-secret", "EDU1", "").await).expect("a JSON string");
    assert_eq!(id.len(), 36);
    sim.switch(|switches| switches.enet.wrap = WrapMode::Element);
    let text = call(&sim, "Logoff", &[("UserId", &id)]).await.text();
    assert_eq!(text, "<string xmlns=\"http://schemas.microsoft.com/2003/10/Serialization/\">0</string>");
    sim.stop();
}

async fn setup(sim: &SysproSim, id: &str, call_name: &str, object: &str, flags: &str, items: &str) -> String {
    let parameters = format!("<SetupGl><Parameters>{flags}</Parameters></SetupGl>");
    let document = format!("<SetupGl>{items}</SetupGl>");
    let all = [("UserId", id), ("BusinessObject", object), ("XmlParameters", &parameters), ("XmlIn", &document)];
    call(sim, &format!("Setup/{call_name}"), &all).await.text()
}

#[actix_rt::test]
async fn setup_objects_write_what_odata_then_shows() {
    let sim = start(EnetSwitches::default());
    let id = logon(&sim, "EDU1").await;
    let item = "<Item><Key><CostCentre>TL-1</CostCentre></Key><Description>Süd</Description><Nonsense>1</Nonsense></Item>";
    let dry = "<ValidateOnly>Y</ValidateOnly>";
    let before = sim.count("EDU1", "BomCostCentre").expect("table");
    let answer = setup(&sim, &id, "Add", "BOMSCC", dry, item).await;
    assert!(answer.contains("\n<setupgl ") && answer.contains("<item>\n<key>\n<costcentre>TL-1</costcentre>\n</key>"), "{answer}");
    assert!(answer.contains("<StatusOfItems>\n<RecordsRead>1</RecordsRead>\n<RecordsInvalid>0</RecordsInvalid>"), "{answer}");
    assert_eq!(sim.count("EDU1", "BomCostCentre"), Ok(before), "a dry run changes nothing");
    setup(&sim, &id, "Add", "BOMSCC", "", item).await;
    let url = format!("{}/EDU1/BomCostCentre?$filter=CostCentre%20eq%20'TL-1'&$select=Description", sim.url);
    let request = awc::Client::default().get(url).basic_auth("TIELINE", "odata-secret");
    let rows = request.send().await.expect("answer").body().await.expect("body");
    assert!(String::from_utf8_lossy(&rows).contains("\"Description\":\"Süd\""), "{rows:?}");
    let again = setup(&sim, &id, "Add", "BOMSCC", "", item).await;
    assert!(again.contains("<costcentre>\n<Value>TL-1</Value>\n<ErrorNumber>240003</ErrorNumber>\n<ErrorDescription>"), "{again}");
    // all or nothing, or the good ones
    let good = "<Item><Key><CostCentre>TL-1</CostCentre></Key><Description>South</Description></Item>";
    let bad = "<Item><Key><CostCentre>NOPE</CostCentre></Key><Description>x</Description></Item>";
    let described = || {
        sim.with(|data| {
            format!(
                "{:?}",
                data.company("EDU1").and_then(|c| c.table("BomCostCentre")).map(|table| {
                    let slot = table.find(&["TL-1".into()]).expect("row");
                    table.cell(slot, 1).text().to_owned()
                })
            )
        })
    };
    let both = format!("{good}{bad}");
    setup(&sim, &id, "Update", "BOMSCC", "<ApplyIfEntireDocumentValid>Y</ApplyIfEntireDocumentValid>", &both).await;
    assert!(described().contains("Süd"), "{}", described());
    let partly = setup(&sim, &id, "Update", "BOMSCC", "<ApplyIfEntireDocumentValid>N</ApplyIfEntireDocumentValid>", &both).await;
    assert!(described().contains("South") && partly.contains("<RecordsInvalid>1</RecordsInvalid>"), "{partly}");
    let blank = good.replace("South", "");
    assert!(setup(&sim, &id, "Update", "BOMSCC", "", &blank).await.contains("Warning"));
    assert!(!setup(&sim, &id, "Update", "BOMSCC", "<IgnoreWarnings>Y</IgnoreWarnings>", &blank).await.contains("Warning"));
    setup(&sim, &id, "Delete", "BOMSCC", "", good).await;
    assert_eq!(sim.count("EDU1", "BomCostCentre"), Ok(before));
    let account = "<Item><Key><GlCode>99-1</GlCode></Key><AccountType>Q</AccountType></Item>";
    assert!(setup(&sim, &id, "Add", "GENSGM", "", account).await.contains("<accounttype>\n<Value>Q</Value>"));
    setup(&sim, &id, "Add", "GENSGM", "", &account.replace('Q', "E")).await;
    assert!(sim.with(|data| data.company("EDU1").unwrap().table("GenMaster").unwrap().find(&["".into(), "99-1".into()]).is_some()));
    assert_eq!(setup(&sim, &id, "Add", "GENSXX", "", account).await, "ERROR: e.net exception raised: 100000");
    sim.stop();
}

#[actix_rt::test]
async fn invoices_are_posted_and_refused_and_every_post_is_seen() {
    let sim = start(EnetSwitches::default());
    let id = logon(&sim, "EDU1").await;
    let code = sim.with(|data| {
        let table = data.company("EDU1").unwrap().table("GenMaster").unwrap();
        let at = table.schema.column("GlCode").unwrap();
        table.slots().map(|slot| table.cell(slot, at).text().to_owned()).find(|code| code != "FORCED").unwrap()
    });
    let item = |supplier: &str, invoice: &str, line: &str| {
        format!(
            "<PostApInvoice><Item><Supplier>{supplier}</Supplier><TransactionCode>I</TransactionCode><Invoice>{invoice}</Invoice>\
             <TransactionValue>12.50</TransactionValue><InvoiceDate>2026-01-31</InvoiceDate><LedgerDistribution><LedgerCode>{code}\
             </LedgerCode><LedgerValue>{line}</LedgerValue></LedgerDistribution></Item></PostApInvoice>"
        )
    };
    let parameters = "<PostApInvoice><Parameters><PostingPeriod>C</PostingPeriod></Parameters></PostApInvoice>";
    let post = async |document: &str| {
        let all = [("UserId", id.as_str()), ("BusinessObject", "APSTIN"), ("XmlParameters", parameters), ("XmlIn", document)];
        call(&sim, "Transaction/Post", &all).await.text()
    };
    let before = sim.count("EDU1", "ApInvoice").expect("table");
    for (document, word) in [
        (item("NOBODY", "T1", "12.50"), "not found"),
        (item("042", "T1", "12.49"), "add up"),
        (item("042", "T1", "12.50").replace(&code, "NOPE"), "GL code"),
        (item("042", "", "12.50"), "already"),
    ] {
        let refused = post(&document).await;
        assert!(refused.contains("<ItemsInvalid>000001</ItemsInvalid>") && refused.contains(word), "{refused}");
    }
    let done = post(&item("042", "T1", "12.50")).await;
    assert!(done.contains("\n<postapinvoice ") && done.contains("<ItemsProcessed>000001</ItemsProcessed>"), "{done}");
    assert!(post(&item("042", "T1", "12.50")).await.contains("already on file"));
    sim.switch(|switches| switches.enet.closed_periods = "C".into());
    assert!(post(&item("042", "T2", "12.50")).await.contains("period closed"));
    sim.switch(|switches| switches.enet.closed_periods = String::new());
    // `PostLD` for large documents, and an answer that is lost after the post was applied
    let large = format!(
        "<TransactionPostLD xmlns=\"http://SYSPROWcfService\"><UserId>{id}</UserId><BusinessObject>APSTIN</BusinessObject><XmlParameters>\
         <![CDATA[{parameters}]]></XmlParameters><XmlIn><![CDATA[{}]]></XmlIn></TransactionPostLD>",
        item("042", "T3", "12.50")
    );
    let url = format!("{}/Transaction/PostLD", sim.enet_url);
    let request = awc::Client::default().post(url).insert_header(("content-type", "application/xml"));
    assert_eq!(request.send_body(large).await.expect("answer").status(), 200);
    sim.faults.push(FaultRule::always(Fault::DropAfterCommit).on_path("/SYSPROWCFService/Rest/Transaction").times(1));
    let document = item("042", "T4", "12.50");
    let all = [("UserId", id.as_str()), ("BusinessObject", "APSTIN"), ("XmlParameters", parameters), ("XmlIn", document.as_str())];
    assert!(try_call(&sim, "GET", "SYSPROWCFService/Rest/Transaction/Post", &all).await.is_none());
    assert_eq!(sim.count("EDU1", "ApInvoice"), Ok(before + 3));
    assert_eq!(sim.enet_stats().calls["Transaction/Post/APSTIN"], 9);
    sim.stop();
}

#[actix_rt::test]
async fn browse_fetch_and_reports() {
    let sim = start(EnetSwitches::default());
    let id = logon(&sim, "EDU1").await;
    let browse =
        "<Browse><BrowseName>SiteSuppliers</BrowseName><StartAtKey/><StartCondition>GE</StartCondition><ReturnRows>2</ReturnRows></Browse>";
    let page = call(&sim, "Query/Browse", &[("UserId", &id), ("XmlIn", browse)]).await.text();
    assert!(page.contains("<Fwd>True</Fwd>\n<Back>False</Back>") && page.matches("<Row>").count() == 2, "{page}");
    assert!(page.find("<NextPrevKey>") < page.find("<HeaderDetails>"), "{page}");
    let none = call(&sim, "Query/Browse", &[("UserId", &id), ("XmlIn", "<Browse><BrowseName>ApSupplier</BrowseName></Browse>")]).await;
    assert!(none.text().starts_with("ERROR:"));
    let fetch = "<Fetch><TableName>ApSupplier</TableName><Key>042</Key><FullKeyProvided>Y</FullKeyProvided></Fetch>";
    let row = call(&sim, "Query/Fetch", &[("UserId", &id), ("XmlIn", fetch)]).await.text();
    assert!(row.contains("<Supplier>042</Supplier>") && row.contains("<CurrentBalance> "), "{row}");
    let gone = call(&sim, "Query/Fetch", &[("UserId", &id), ("XmlIn", &fetch.replace("042", "none"))]).await.text();
    assert!(gone.contains("<ErrorDescription>"), "{gone}");
    let order = sim.with(|data| {
        let table = data.company("EDU1").unwrap().table("PorMasterDetail").unwrap();
        let slot = table.slots().next().unwrap();
        table.cell(slot, 0).text().to_owned()
    });
    let report = query(&sim, &id, "PORQRY", &format!("<Query><Key><PurchaseOrder>{order}</PurchaseOrder></Key></Query>")).await;
    assert!(report.contains("<PorDetail ") && report.contains("<Unedited_MOrderQty>"), "{report}");
    assert!(query(&sim, &id, "COMQCO", "<Query/>").await.contains("<CompanyId>EDU1</CompanyId>"));
    sim.stop();
}

#[actix_rt::test]
async fn the_control_routes_count_and_evict() {
    let sim = start(EnetSwitches::default());
    logon(&sim, "EDU1").await;
    let post = async |path: &str, body: &str| {
        let request = awc::Client::default().post(format!("{}_sim/{path}", sim.root)).insert_header(("content-type", "application/json"));
        request.send_body(body.to_owned()).await.expect("answer").body().await.expect("body")
    };
    assert_eq!(post("enet/evict", "{\"operator\":\"TIELINE\"}").await, "{\"ended\":1}");
    logon(&sim, "EDU1").await;
    assert_eq!(post("enet/expire", "").await, "{\"ended\":1}");
    let mut stats = awc::Client::default().get(format!("{}_sim/stats", sim.root)).send().await.expect("answer");
    let stats: serde_json::Value = serde_json::from_slice(&stats.body().limit(10_000_000).await.expect("body")).expect("JSON");
    assert_eq!(stats["enet"]["sessions"]["logons"], 2);
    assert_eq!(stats["enet"]["sessions"]["leaked"], 0);
    sim.stop();
}

#[actix_rt::test]
async fn calls_of_one_session_wait_for_one_another() {
    let sim = start(EnetSwitches { slow_query_ms: 150, ..EnetSwitches::default() });
    let id = logon(&sim, "EDU1").await;
    let xml = comfnd("GenGroups", &["GlGroup"], &[], &["GlGroup"], 0);
    let begun = std::time::Instant::now();
    let all = futures_util::future::join_all((0..3).map(|_| query(&sim, &id, "COMFND", &xml))).await;
    assert!(all.iter().all(|text| text.contains("<Row>")));
    assert!(begun.elapsed() >= Duration::from_millis(450), "{:?}", begun.elapsed());
    sim.stop();
}
