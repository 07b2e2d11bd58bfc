//! The OData service through HTTP requests.

mod fuzz;

use std::time::Duration;

use awc::http::StatusCode;

use super::*;
use crate::dataset::DatasetOptions;
use crate::faults::{Fault, FaultRule};

fn start(switches: Switches) -> SysproSim {
    let dataset = DatasetOptions { documents: 60, ..DatasetOptions::default() };
    SysproSim::start(SysproOptions { dataset, switches, workers: 1, ..SysproOptions::default() }).expect("simulator")
}

struct Answer {
    status: StatusCode,
    html: bool,
    challenge: bool,
    text: String,
}

impl Answer {
    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text).expect("JSON")
    }
}

async fn ask(method: &str, url: &str, password: &str) -> Answer {
    let client = awc::Client::builder().timeout(Duration::from_secs(30)).finish();
    let request = client.request(method.parse().expect("verb"), url).basic_auth("TIELINE", password);
    let mut response = request.send().await.expect("answer");
    let has =
        |name: &str, part: &str| response.headers().get(name).is_some_and(|value| value.to_str().is_ok_and(|value| value.contains(part)));
    let (html, challenge) = (has("content-type", "text/html"), has("www-authenticate", "Basic"));
    let body = response.body().limit(100_000_000).await.expect("body");
    Answer { status: response.status(), html, challenge, text: String::from_utf8(body.to_vec()).expect("UTF-8") }
}

async fn get(sim: &SysproSim, path: &str) -> Answer {
    ask("GET", &format!("{}{path}", sim.url), "odata-secret").await
}

#[actix_rt::test]
async fn who_may_ask_and_how() {
    let sim = start(Switches::default());
    let url = format!("{}/EDU1/TblCurrency", sim.url);
    let wrong = ask("GET", &url, "wrong").await;
    assert!(wrong.status == 401 && wrong.challenge && wrong.html, "{}", wrong.status);
    for verb in ["POST", "PUT", "PATCH", "DELETE"] {
        assert_eq!(ask(verb, &url, "odata-secret").await.status, 405, "{verb}");
    }
    let rows = get(&sim, "/EDU1/TblCurrency?$orderby=Currency&$select=Currency").await.json();
    assert_eq!(
        rows["value"],
        serde_json::json!([{ "Currency": "$  " }, { "Currency": "EUR" }, { "Currency": "JPY" }, { "Currency": "KWD" }, { "Currency": "R  " }])
    );
    assert_eq!(rows["@odata.context"], format!("{}/EDU1/$metadata#TblCurrency(Currency)", sim.url));
    sim.set_operator("TIELINE", "new");
    assert_eq!(ask("GET", &url, "new").await.status, 401);
    sim.restart_service();
    assert_eq!(ask("GET", &url, "new").await.status, 200);
    sim.stop();
}

#[actix_rt::test]
async fn refusals_have_the_form_that_the_switches_say() {
    let sim = start(Switches::default());
    for (path, status) in [("/NOPE/ApInvoice", 404), ("/EDU1/apinvoice", 404), ("/EDU1/ApInvoice?$filter=Nope%20eq%201", 400)] {
        let answer = get(&sim, path).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.json()["error"]["message"].is_string() && answer.json()["error"]["code"].is_string(), "{path}");
    }
    let long = format!("/EDU1/ApInvoice?$filter=Invoice%20eq%20'{}'", "x".repeat(2_100));
    let answer = get(&sim, &long).await;
    assert!(answer.status == 404 && answer.html);
    sim.switch(|switches| switches.iis_html_errors = true);
    assert!(get(&sim, "/EDU1/Nope").await.html);
    sim.switch(|switches| switches.busy = true);
    assert_eq!(get(&sim, "/EDU1/ApInvoice").await.status, 503);
    sim.stop();
}

#[actix_rt::test]
async fn metadata_names_what_is_served() {
    let sim = start(Switches::default());
    let edmx = get(&sim, "/EDU1/$metadata").await.text;
    assert!(edmx.contains("<EntitySet Name=\"ApInvoice\" EntityType=\"SYSPRO.ApInvoice\" />"));
    assert!(edmx.contains("<Property Name=\"OrigInvValue\" Type=\"Edm.Decimal\" Precision=\"14\" Scale=\"2\" Nullable=\"false\" />"));
    assert!(edmx.contains("Name=\"PoEmail\"") && !edmx.contains("TimeStamp"));
    assert_eq!(edmx.matches("<EntityType ").count(), edmx.matches("</EntityType>").count());
    sim.switch(|switches| switches.release = Release::Old);
    assert!(!get(&sim, "/EDU1/$metadata").await.text.contains("PoEmail"));
    sim.switch(|switches| switches.metadata = false);
    assert_eq!(get(&sim, "/EDU1/$metadata").await.status, 404);
    sim.stop();
}

#[actix_rt::test]
async fn rows_change_between_two_pages() {
    let sim = start(Switches { row_cap: 10, ..Switches::default() });
    let mut pages = 0;
    sim.live_writes(Some(Box::new(move |database, read| {
        pages += 1;
        assert!(read.rows <= 10);
        let group = format!("LIVE{pages}");
        database.insert("EDU1", "GenGroups", &[("GlGroup", group.as_str())]).expect("insert");
    })));
    let count = |answer: &Answer| answer.json()["value"].as_array().expect("rows").len();
    assert_eq!(count(&get(&sim, "/EDU1/GenGroups").await), 5);
    assert_eq!(count(&get(&sim, "/EDU1/GenGroups").await), 6);
    sim.live_writes(None);
    assert_eq!(sim.count("EDU1", "GenGroups"), Ok(7));
    assert_eq!(sim.traffic("EDU1", "GenGroups").rows, 11);
    sim.stop();
}

#[actix_rt::test]
async fn the_control_routes_and_the_faults_work() {
    let sim = start(Switches::default());
    let root = sim.root.clone();
    let post = async |path: &str, body: &str| {
        let mut answer = awc::Client::default()
            .post(format!("{root}_sim/{path}"))
            .insert_header(("content-type", "application/json"))
            .send_body(body.to_owned())
            .await
            .expect("answer");
        (answer.status().as_u16(), String::from_utf8(answer.body().await.expect("body").to_vec()).expect("UTF-8"))
    };
    let (status, ticked) = post("tick", "{\"n\":3}").await;
    assert!(status == 200 && ticked.contains("\"invoices\":6"), "{ticked}");
    let edit =
        "{\"company\":\"1\",\"table\":\"ApSupplier\",\"action\":\"update\",\"key\":{\"Supplier\":\"042\"},\"set\":{\"OnHold\":\"Y\"}}";
    assert_eq!(post("edit", edit).await.0, 200);
    let (status, refusal) = post("edit", &edit.replace("042", "none")).await;
    assert!(status == 409 && refusal.contains("ApSupplier"), "{refusal}");
    let payments = sim.count("EDU1", "ApInvoicePay").expect("table");
    assert_eq!(post("pay", "{\"company\":\"EDU1\",\"n\":2}").await, (200, "{\"paid\":2}".to_owned()));
    assert_eq!(sim.count("EDU1", "ApInvoicePay"), Ok(payments + 2));
    assert_eq!(post("pay", "{\"company\":\"none\",\"n\":2}").await.0, 409);
    let stats = ask("GET", &format!("{root}_sim/stats"), "").await.json();
    assert_eq!(stats["companies"]["EDU1"]["ApInvoice"]["count"], 63);
    assert_eq!(stats["requests"], 0, "control routes are not counted");
    let sum = sim.sum("EDU1", "ApInvoice", "OrigInvValue").expect("sum");
    assert_eq!(stats["companies"]["EDU1"]["ApInvoice"]["sums"]["OrigInvValue"], sum.to_string());
    sim.faults.push(FaultRule::always(Fault::Status(502)).on_table("ApInvoice").times(1));
    assert_eq!(get(&sim, "/EDU1/ApInvoice?$top=1").await.status, 502);
    assert_eq!(get(&sim, "/EDU1/ApInvoice?$top=1").await.status, 200);
    assert_eq!(sim.stats().requests, 1, "a request that a fault answers is not counted");
    sim.stop();
}

#[actix_rt::test]
async fn business_goes_on_by_itself() {
    let dataset = DatasetOptions { documents: 26, ..DatasetOptions::default() };
    let feed = Some((Duration::from_millis(1), 2));
    let sim = SysproSim::start(SysproOptions { dataset, feed, workers: 1, ..SysproOptions::default() }).expect("simulator");
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while sim.count("EDU1", "ApInvoice").expect("table") < 32 {
        assert!(std::time::Instant::now() < deadline, "nothing came");
        actix_rt::time::sleep(Duration::from_millis(2)).await;
    }
    let (lines, invoices) =
        sim.with(|data| (data.sum("EDU1", "ApJnlSummary", "InvoiceValue"), data.sum("EDU1", "ApInvoice", "OrigInvValue")));
    assert_eq!(lines, invoices, "nobody sees half a tick");
    sim.stop();
}

#[actix_rt::test]
async fn https_is_served_with_an_authority_to_trust() {
    let dataset = DatasetOptions { documents: 26, ..DatasetOptions::default() };
    let sim = SysproSim::start(SysproOptions { dataset, tls: true, ..SysproOptions::default() }).expect("simulator");
    assert_eq!(sim.url.scheme(), "https");
    assert!(sim.ca_pem.as_ref().is_some_and(|pem| pem.starts_with("-----BEGIN CERTIFICATE-----")));
    sim.stop();
}

/// Prints how fast pages by key and queries for lines are: `cargo test --lib -- --ignored --nocapture serving_speed`.
#[test]
#[ignore = "a measurement"]
fn serving_speed() {
    use crate::syspro::query::Query;
    use std::time::Instant;
    let documents = std::env::var("DOCUMENTS").ok().and_then(|n| n.parse().ok()).unwrap_or(20_000);
    let begun = Instant::now();
    let database =
        generate(&crate::dataset::DatasetOptions { documents, lines_per_invoice: Some(1), ..DatasetOptions::default() }).expect("data");
    println!("{documents} invoices made in {:?}", begun.elapsed());
    let (company, switches) = (database.company("EDU1").expect("company"), Switches::default());
    let run = |table: &str, query: &str| {
        let table = company.table(table).expect("table");
        Query::read(query, table.schema, &switches).expect("query").run(table, &switches, "http://x/EDU1", query)
    };
    let begun = Instant::now();
    let (mut rows, mut bytes, mut keys, mut last) = (0, 0, vec![], None::<(String, String)>);
    loop {
        let filter = last.as_ref().map_or(String::new(), |(supplier, invoice)| {
            let (supplier, invoice) = (supplier.replace('\'', "''"), invoice.replace('\'', "''"));
            let filter = format!("Supplier gt '{supplier}' or (Supplier eq '{supplier}' and Invoice gt '{invoice}')");
            format!("&$filter={}", url::form_urlencoded::byte_serialize(filter.as_bytes()).collect::<String>())
        });
        let page = run("ApInvoice", &format!("$orderby=Supplier,Invoice&$top=1000{filter}"));
        rows += page.rows;
        bytes += page.body.len();
        assert!(page.examined <= 1_000, "a page by key reads nothing else");
        let json: serde_json::Value = serde_json::from_slice(&page.body).expect("JSON");
        let found = json["value"].as_array().expect("rows");
        keys.extend(found.iter().map(|row| (row["Supplier"].to_string(), row["Invoice"].to_string())));
        match found.last() {
            Some(row) => last = Some((row["Supplier"].as_str().expect("key").into(), row["Invoice"].as_str().expect("key").into())),
            None => break,
        }
    }
    println!("{rows} whole rows, {} MB, read back in {:?}", bytes / 1_000_000, begun.elapsed());
    assert_eq!(rows, company.table("ApInvoice").expect("table").len());
    assert_eq!(keys.iter().collect::<std::collections::HashSet<_>>().len(), rows);
    let begun = Instant::now();
    for _ in 0..20 {
        run("ApInvoice", "$orderby=Supplier,Invoice&$top=1000");
    }
    println!("20 000 whole rows written in {:?}", begun.elapsed());
    let begun = Instant::now();
    let summaries = company.table("ApJnlSummary").expect("table");
    let all: Vec<[i64; 4]> = summaries.slots().map(|slot| [0, 1, 2, 3].map(|at| summaries.cell(slot, at).number())).collect();
    let mut found = 0;
    for chunk in all.chunks(20).take(200) {
        let filter: Vec<String> = chunk
            .iter()
            .map(|[year, month, journal, entry]| {
                format!("(TrnYear eq {year} and TrnMonth eq {month} and Journal eq {journal} and EntryNumber eq {entry})")
            })
            .collect();
        let table = company.table("ApJnlDistrib").expect("table");
        let loose = Switches { max_filter_nodes: None, ..Switches::default() };
        let query = format!("$filter={}&$orderby=TrnYear,TrnMonth,Journal,EntryNumber,SubEntry", filter.join(" or ").replace(' ', "+"));
        let page = Query::read(&query, table.schema, &loose).expect("query").run(table, &loose, "http://x/EDU1", &query);
        assert!(page.examined <= page.rows, "{} examined for {}", page.examined, page.rows);
        found += page.rows;
    }
    println!("{found} lines found by 200 requests of 20 keys in {:?}", begun.elapsed());
}
