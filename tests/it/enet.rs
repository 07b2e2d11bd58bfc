//! e.net against its simulator: both doors give the same documents, and the session's discipline is what the server counts.

use std::rc::Rc;
use std::time::Duration;

use tieline::config::secret::Credential;
use tieline::config::settings::{EnetSettings, RetrySettings, SysproSettings, SysproSource};
use tieline::definition::{self, ReadPlan};
use tieline::domain::{Document, DocumentKey};
use tieline::sim::dataset::DatasetOptions;
use tieline::sim::faults::{Fault, FaultRule};
use tieline::sim::syspro::enet::{DeadSession, WrapMode};
use tieline::sim::syspro::{EnetSwitches, Release, Switches, SysproOptions, SysproSim};
use tieline::syspro::enet::{Enet, EnetCall, EnetError, Operation};
use tieline::syspro::{OData, PageQuery, Scope, SysproError};

use super::odata;
use super::support::{Options, Rig, run};

const QUERIES: &str = "/SYSPROWCFService/Rest/Query";

fn start(documents: u32, switches: Switches) -> SysproSim {
    let dataset = DatasetOptions { documents, ..DatasetOptions::default() };
    SysproSim::start(SysproOptions { dataset, switches, workers: 2, ..SysproOptions::default() }).expect("simulator")
}

fn settings(sim: &SysproSim) -> SysproSettings {
    SysproSettings { enet_url: Some(sim.enet_url.clone()), source: SysproSource::Enet, ..odata::settings(sim) }
}

fn retry() -> RetrySettings {
    RetrySettings { min_delay: Duration::from_millis(1), max_delay: Duration::from_millis(2), max_attempts: 3, read_attempts: 3 }
}

fn password(text: &str) -> Credential {
    Credential { username: "TIELINE".into(), password: text.to_owned().into() }
}

/// Both doors to one simulator.
struct Doors {
    odata: OData,
    enet: OData,
    session: Enet,
}

fn doors(settings: &SysproSettings) -> Doors {
    let session = Enet::new(settings, String::new().into()).expect("client");
    let enet = OData::over_enet(settings, &retry(), Rc::new(session.clone()));
    Doors { odata: OData::new(settings, &retry()).expect("client"), enet, session }
}

async fn read(
    door: &OData,
    credential: &str,
    company: &str,
    plan: &ReadPlan,
    scope: Scope,
    limit: u32,
) -> Result<Vec<Document>, SysproError> {
    let (mut documents, mut after) = (Vec::new(), None);
    loop {
        let query = PageQuery { scope, after, limit };
        let page = door.page(&password(credential), &company.into(), plan, &query).await?;
        documents.extend(page.documents);
        after = page.next;
        if after.is_none() {
            return Ok(documents);
        }
    }
}

/// Every way of reading every entity, through both doors; answers how many documents were compared.
async fn compare(sim: &SysproSim, limit: u32) -> usize {
    let doors = doors(&settings(sim));
    let today = sim.with(|data| data.today);
    let mut compared = 0;
    for profile in ["apo", "s2p"] {
        let definitions = definition::load(None, profile, &[]).expect("definitions");
        assert_eq!(definitions.plans.len(), 6);
        for plan in &definitions.plans {
            let mut scopes = vec![Scope::All];
            for (query, change) in plan.read.changes.iter().enumerate() {
                let since = (!change.any_of.is_empty()).then(|| today - chrono::Days::new(20));
                scopes.push(Scope::Changed { query, since });
            }
            for scope in scopes.into_iter().filter(|_| profile == "apo" || limit > 100) {
                let place = format!("{profile} {} {scope:?}", plan.entity);
                let by_odata = read(&doors.odata, "odata-secret", "EDU1", &plan.read, scope, limit).await;
                let by_odata = by_odata.unwrap_or_else(|error| panic!("{place}: {error}"));
                let by_enet = read(&doors.enet, "enet-secret", "EDU1", &plan.read, scope, limit).await;
                let by_enet = by_enet.unwrap_or_else(|error| panic!("{place}: {error}"));
                assert!(scope != Scope::All || !by_odata.is_empty(), "{place}: nothing to compare");
                let (mut by_odata, mut by_enet) = (by_odata, by_enet);
                if scope != Scope::All {
                    // documents that another table names are looked up in lists, several at once
                    by_odata.sort_by(|a, b| a.key.cmp(&b.key));
                    by_enet.sort_by(|a, b| a.key.cmp(&b.key));
                }
                let keys = |documents: &[Document]| documents.iter().map(|one| one.key.to_string()).collect::<Vec<_>>();
                assert_eq!(keys(&by_odata), keys(&by_enet), "{place}");
                for (one, other) in by_odata.iter().zip(&by_enet) {
                    assert_eq!(one, other, "{place}");
                    assert_eq!(one.hash(), other.hash(), "{place}");
                    let map =
                        |document| format!("{:?}", plan.map(&"EDU1".into(), document, &definitions.lookups).map(|mapped| mapped.records));
                    assert_eq!(map(one), map(other), "{place}");
                }
                compared += by_odata.len();
            }
            let keys: Vec<DocumentKey> = read(&doors.odata, "odata-secret", "1", &plan.read, Scope::All, 500)
                .await
                .expect("the other company")
                .into_iter()
                .map(|document| document.key)
                .take(40)
                .collect();
            let page = doors.odata.by_key(&password("odata-secret"), &"1".into(), &plan.read, &keys).await.expect("by key");
            let other = doors.enet.by_key(&password("enet-secret"), &"1".into(), &plan.read, &keys).await.expect("by key");
            let sorted = |mut documents: Vec<Document>| {
                documents.sort_by(|a, b| a.key.cmp(&b.key));
                documents
            };
            assert_eq!(sorted(page.documents), sorted(other.documents), "{profile} {} by key", plan.entity);
        }
    }
    doors.session.log_off().await;
    let counts = sim.enet_stats().sessions;
    assert_eq!((counts.open, counts.most_open, counts.leaked), (0, 1, 0), "{counts:?}");
    assert_eq!(counts.logons, counts.logoffs);
    compared
}

#[test]
fn both_doors_give_the_same_documents_of_all_six_entities() {
    run(async {
        let sim = start(400, Switches::default());
        let compared = compare(&sim, 300).await;
        assert!(compared > 2_000, "{compared}");
        sim.stop();
    });
}

#[test]
fn both_doors_give_the_same_documents_whatever_the_server_is_like() {
    run(async {
        let enet = EnetSwitches { wrap: WrapMode::Json, trailing_minus: true, max_url_length: Some(4000), ..EnetSwitches::default() };
        let small = EnetSwitches { wrap: WrapMode::Element, unknown_as_xml: false, ..EnetSwitches::default() };
        for switches in [Switches { enet, ..Switches::default() }, Switches { enet: small, release: Release::Old, ..Switches::default() }] {
            let sim = start(120, switches);
            assert!(compare(&sim, 37).await > 300);
            sim.stop();
        }
    });
}

#[test]
fn a_session_that_dies_while_reading_costs_one_logon() {
    run(async {
        for dead_session in [DeadSession::Text, DeadSession::Xml, DeadSession::Status500] {
            let sim = start(200, Switches { enet: EnetSwitches { dead_session, ..EnetSwitches::default() }, ..Switches::default() });
            let doors = doors(&settings(&sim));
            sim.faults.push(FaultRule::always(Fault::Named("expire_session".into())).on_path(QUERIES).after(2).times(3));
            let definitions = definition::load(None, "apo", &[]).expect("definitions");
            let plan = definitions.plan(&"invoice".into()).expect("plan");
            let documents = read(&doors.enet, "enet-secret", "EDU1", &plan.read, Scope::All, 50).await.expect("documents");
            assert_eq!(documents.len(), 200);
            doors.session.log_off().await;
            let counts = sim.enet_stats().sessions;
            // struck three times: a strike in the repeat of a call counts as a second death, which the reader's own retry gets over
            assert!((2..=4).contains(&counts.logons) && counts.expired == counts.logons - 1, "{counts:?}");
            assert_eq!((counts.open, counts.leaked), (0, 0), "{counts:?}");
            sim.stop();
        }
    });
}

#[test]
fn a_person_in_the_operators_place_is_left_alone() {
    run(async {
        let sim = start(60, Switches::default());
        let enet = EnetSettings { back_off: Duration::from_millis(300), ..EnetSettings::default() };
        let doors = doors(&SysproSettings { enet, ..settings(&sim) });
        let definitions = definition::load(None, "apo", &[]).expect("definitions");
        let plan = definitions.plan(&"supplier".into()).expect("plan");
        read(&doors.enet, "enet-secret", "EDU1", &plan.read, Scope::All, 500).await.expect("documents");
        assert_eq!(sim.evict("TIELINE"), 1);
        let evicted = read(&doors.enet, "enet-secret", "EDU1", &plan.read, Scope::All, 500).await.expect_err("evicted");
        assert!(matches!(&evicted, SysproError::Enet { source: EnetError::Evicted { .. } }), "{evicted}");
        assert_eq!(sim.enet_stats().sessions.logons, 1, "the person is not thrown out again");
        let begun = std::time::Instant::now();
        while let Err(error) = read(&doors.enet, "enet-secret", "EDU1", &plan.read, Scope::All, 500).await {
            assert!(begun.elapsed() < Duration::from_secs(20), "{error}");
            actix_rt::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(begun.elapsed() >= Duration::from_millis(200), "the pause was not kept");
        assert_eq!(sim.enet_stats().sessions.logons, 2);
        sim.stop();
    });
}

#[test]
fn setup_objects_are_called_and_no_post_can_be() {
    run(async {
        let sim = start(60, Switches::default());
        let doors = doors(&settings(&sim));
        let call = EnetCall {
            operation: Operation::SetupAdd,
            object: "BOMSCC".into(),
            parameters: Some("<SetupCostCentre><Parameters><ValidateOnly>N</ValidateOnly></Parameters></SetupCostCentre>".into()),
            xml: "<SetupCostCentre><Item><Key><CostCentre>TL-9</CostCentre></Key><Description>x</Description></Item></SetupCostCentre>"
                .into(),
            asked: "adding cost centre `TL-9`".into(),
        };
        let answer = doors.session.call(&password("enet-secret"), &"EDU1".into(), &call).await.expect("answer");
        assert!(answer.contains("<RecordsInvalid>0</RecordsInvalid>"), "{answer}");
        let unlicensed = EnetCall { object: "GENTJL".into(), ..call };
        let error = doors.session.call(&password("enet-secret"), &"EDU1".into(), &unlicensed).await.expect_err("unlicensed");
        assert!(matches!(error, EnetError::Unlicensed { .. }), "{error}");
        let calls = sim.enet_stats().calls;
        assert!(calls.keys().all(|call| !call.starts_with("Transaction")), "{calls:?}");
        sim.stop();
    });
}

#[test]
fn the_service_reads_everything_through_one_session() {
    run(async {
        let by_odata = Rig::start(Options::new(80)).await;
        by_odata.sync_well().await;
        let rig = Rig::start(Options::new(80).with("SYSPRO__SOURCE", "enet")).await;
        rig.sync_well().await;
        rig.sync_well().await;
        assert_eq!(rig.sweep(&["supplier", "invoice"]).await.flows.len(), 4);
        let stats = rig.syspro.stats();
        let requests: u64 = stats.companies.values().flat_map(|tables| tables.values()).map(|table| table.requests).sum();
        assert_eq!(requests, 0, "nothing was asked of OData");
        let counts = stats.enet.sessions;
        assert_eq!((counts.open, counts.most_open, counts.leaked), (0, 1, 0), "{counts:?}");
        assert!(counts.logons == counts.logoffs && counts.logons > 0, "{counts:?}");
        for table in ["sn_apo_supplier", "sn_apo_invoice", "sn_apo_invoice_line", "proc_po", "proc_po_item", "sn_apo_gl_posting"] {
            assert_eq!(rig.servicenow.rows(table).len(), by_odata.servicenow.rows(table).len(), "{table}");
        }
    });
}
