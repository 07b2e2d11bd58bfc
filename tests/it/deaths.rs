//! Actors that crash during their work, in the real actor system: they are restarted, and each record arrives once.

use std::time::Duration;

use tieline::actors::audit_recorder::Seal;
use tieline::actors::system::ActorSystem;
use tieline::domain::FlowId;
use tieline::domain::audit::AuditKind;
use tieline::domain::run::RunKind;
use tieline::process::mode::Mode;
use tieline::store::ReplayScope;
use tieline::supervision::guard::RestartPolicy;
use tieline::telemetry::metrics::metrics;
use tieline_sim::dataset::Cell;

use crate::support::{Options, Rig, ask, errors, run, source};

/// As the product's, but without its long waits.
fn quick() -> RestartPolicy {
    RestartPolicy { min: Duration::from_millis(20), max: Duration::from_millis(200), limit: 20, ..RestartPolicy::default() }
}

/// Restarts of a kind of actor in this process.
fn restarts(kind: &str) -> u64 {
    ["panic", "stop"].into_iter().map(|cause| deaths(kind, cause)).sum()
}

/// Deaths of a kind of actor in this process, by their cause.
fn deaths(kind: &str, cause: &str) -> u64 {
    let named = format!("tieline_actor_restarts_total{{actor=\"{kind}\",cause=\"{cause}\"}} ");
    let lines = metrics().gather();
    let count = lines.lines().find_map(|line| line.strip_prefix(&named));
    count.map_or(0, |count| count.parse::<f64>().unwrap() as u64)
}

/// Asks the same actor system again and again until nothing is on its way; nothing is started again by hand.
async fn settle(rig: &Rig, system: &ActorSystem) -> Vec<String> {
    let mut said = Vec::new();
    for _ in 0..60 {
        let report = ask(system, rig.process.flows(), RunKind::Poll).await;
        let wrong = errors(&report);
        let quiet = wrong.is_empty() && !rig.unsettled().await && rig.process.crash.left() == 0;
        said.extend(wrong);
        if quiet {
            return said;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("it does not settle, {} crashes are still to come: {said:#?}", rig.process.crash.left());
}

fn all_once(rig: &Rig, less: &[(&str, usize)]) {
    for (table, rows) in source::expected(&rig.syspro, &["EDU1"]) {
        let less = less.iter().find(|(name, _)| *name == table).map_or(0, |(_, less)| *less);
        assert_eq!((rig.servicenow.count(table), rig.servicenow.duplicates(table, "u_source_key")), (rows - less, 0), "{table}");
    }
}

/// Rows that were written in ServiceNow more than once, or versions that were confirmed more than once.
fn confirmed_twice(rig: &Rig) -> String {
    rig.database.psql("SELECT delivery_id, count(*) FROM audit WHERE kind = 'confirmed' GROUP BY delivery_id HAVING count(*) > 1")
}

#[test]
fn actors_that_die_in_the_middle_of_work_come_back_and_each_record_arrives_once() {
    run(async {
        let options = Options::of_one_company(60).with("SERVICENOW__BATCH_SIZE", "20").with("SYSPRO__PAGE_SIZE", "20");
        let rig = Rig::start(options).await;
        let crash = &rig.process.crash;
        // a Mapper dies once of each of two pages, without any document being to blame
        crash.arm("mapper:document", None, 3, 1);
        crash.arm("mapper:document", None, 70, 1);
        crash.arm("poller:before_intake", Some("supplier"), 1, 1);
        crash.arm("poller:after_intake", Some("invoice"), 1, 2);
        crash.arm("poller:after_intake", Some("gl_posting"), 0, 1);
        crash.arm("writer:before_send", None, 2, 1);
        crash.arm("writer:after_send", Some("supplier"), 1, 1);
        crash.arm("writer:after_send", Some("invoice"), 3, 2);
        crash.arm("writer:after_settle", Some("purchase_order"), 2, 1);
        let system = ActorSystem::start(&rig.process, quick(), Mode::Command).unwrap();
        let said = settle(&rig, &system).await;
        assert_eq!(rig.process.crash.left(), 0);
        let counts = ["mapper", "poller", "writer"].map(restarts);
        assert!(counts[0] >= 2 && counts[1] == 4 && counts[2] == 5, "{counts:?} {said:#?}");
        assert!(system.fatal.borrow().is_none(), "{:?}", *system.fatal.borrow());
        let failures = rig.failures().await;
        assert!(failures.is_empty(), "{failures:#?}");
        all_once(&rig, &[]);
        assert_eq!(confirmed_twice(&rig), "");
        // what had been sent and never answered was looked up, not sent again
        assert!(!rig.audit(AuditKind::Unknown).await.is_empty() && !rig.audit(AuditKind::LookedUp).await.is_empty());
        assert_eq!(rig.database.psql("SELECT count(*) FROM intent"), "0");
        // nothing is left of the lives that ended
        assert_eq!(rig.database.psql("SELECT company, entity, kind, started_at FROM run WHERE ended_at IS NULL"), "");
        assert_eq!(rig.database.psql("SELECT entity FROM flow WHERE holder IS NOT NULL"), "");
        let writes = rig.servicenow.writes();
        assert_eq!(errors(&ask(&system, rig.process.flows(), RunKind::Poll).await), Vec::<String>::new());
        assert_eq!(rig.servicenow.writes(), writes);
        system.stop(Duration::from_secs(20)).await;
    });
}

#[test]
fn the_actors_that_all_depend_on_die_at_every_place_and_come_back() {
    run(async {
        let mut options = Options::of_one_company(60).with("SERVICENOW__BATCH_SIZE", "20").with("SERVICENOW__TOKEN_MARGIN_SECONDS", "0");
        // every token is dead at once, so that there are many
        options.servicenow.token_lifetime = Duration::from_secs(1);
        let rig = Rig::start(options).await;
        let crash = &rig.process.crash;
        crash.arm("token:started", None, 0, 2);
        crash.arm("token:asked", None, 3, 2);
        crash.arm("token:fetched", None, 1, 2);
        crash.arm("session:started", None, 0, 2);
        crash.arm("session:asked", None, 4, 2);
        crash.arm("recorder:started", None, 0, 2);
        crash.arm("recorder:asked", None, 0, 1);
        let system = ActorSystem::start(&rig.process, quick(), Mode::Command).unwrap();
        let _ = system.seal.send(Seal).await;
        settle(&rig, &system).await;
        // the recorder's own timer may have sealed before this does. It seals no event while an older transaction is open, and other tests
        // use the same server
        let sealed = tokio::time::timeout(Duration::from_secs(60), async {
            loop {
                system.seal.send(Seal).await.expect("the recorder answers again");
                if rig.database.psql("SELECT count(*) FROM audit_seal") != "0" {
                    break;
                }
            }
        });
        sealed.await.expect("it seals again");
        assert_eq!(crash.left(), 0);
        assert_eq!(["servicenow_token", "syspro_session", "audit_recorder"].map(restarts), [6, 4, 3]);
        assert!(system.fatal.borrow().is_none());
        all_once(&rig, &[]);
        assert_eq!(confirmed_twice(&rig), "");
        system.stop(Duration::from_secs(20)).await;
    });
}

#[test]
fn one_that_dies_again_and_again_ends_the_process_by_name() {
    let dying = [
        ("token:asked", "servicenow_token"),
        ("session:asked", "syspro_session"),
        ("recorder:asked", "audit_recorder"),
        ("writer:before_send", "writer"),
    ];
    for (point, actor) in dying {
        run(async {
            let rig = Rig::start(Options::of_one_company(26)).await;
            rig.process.crash.arm(point, None, 0, 1_000);
            let policy =
                RestartPolicy { min: Duration::from_millis(1), max: Duration::from_millis(2), limit: 5, ..RestartPolicy::default() };
            let system = ActorSystem::start(&rig.process, policy, Mode::Command).unwrap();
            let mut fatal = system.fatal.clone();
            let why = async { fatal.wait_for(Option::is_some).await.unwrap().clone().unwrap() };
            let work = async {
                loop {
                    let _ = system.seal.send(Seal).await;
                    ask(&system, rig.process.flows(), RunKind::Poll).await;
                }
            };
            let why = tokio::select! { why = why => why, () = work => unreachable!() };
            assert!(why.why.contains(&format!("actor {actor} crashed too often")) && why.why.contains(point) && !why.stuck, "{why:?}");
            assert_eq!((deaths(actor, "panic"), deaths(actor, "give_up")), (5, 1), "{actor}");
            system.stop(Duration::from_secs(20)).await;
        });
    }
}

#[test]
fn records_that_kill_their_mapper_fail_by_name_and_their_neighbours_arrive() {
    run(async {
        let rig = Rig::start(Options::of_one_company(30)).await;
        let suppliers = source::rows(&rig.syspro, "EDU1", "ApSupplier", |c: &dyn Fn(&str) -> Cell| c("Supplier").text().to_owned());
        let without = |supplier: &str| {
            let of = |table: &str| source::rows(&rig.syspro, "EDU1", table, |c: &dyn Fn(&str) -> Cell| c("Supplier").text() == supplier);
            !["ApInvoice", "PorMasterHdr"].into_iter().flat_map(of).any(|is| is)
        };
        let poison: Vec<&String> = suppliers.iter().filter(|supplier| !supplier.starts_with(' ') && without(supplier)).take(4).collect();
        assert_eq!(poison.len(), 4, "too few suppliers without documents in {suppliers:?}");
        for supplier in &poison {
            rig.process.crash.arm("mapper:document", Some(supplier), 0, 1_000);
        }
        // the product's own limit of deaths, which N records would use up
        let system =
            ActorSystem::start(&rig.process, RestartPolicy { min: Duration::from_millis(20), ..RestartPolicy::default() }, Mode::Command)
                .unwrap();
        for cycle in 1..=3 {
            let report = ask(&system, rig.process.flows(), RunKind::Poll).await;
            assert_eq!(errors(&report), Vec::<String>::new(), "cycle {cycle}");
            let failures = rig.failures().await;
            let mut keys: Vec<&String> = failures.iter().map(|row| &row.key).collect();
            keys.sort();
            let mut expected = poison.clone();
            expected.sort();
            assert_eq!(keys, expected, "cycle {cycle}: {failures:#?}");
            for row in &failures {
                assert_eq!(
                    (row.entity.as_str(), row.state.as_str(), row.reason.map(|reason| reason.as_str())),
                    ("supplier", "failed", Some("poison"))
                );
                assert!(row.message.as_deref().unwrap().contains("crashed twice") && row.next_step.is_some(), "{row:#?}");
            }
            all_once(&rig, &[("x_apo_supplier", 4)]);
        }
        // one death of the page and two of each record; later polls know them
        assert_eq!(restarts("mapper"), 9);

        // a replay without a fix makes it fail again, and affects nothing else
        let scope = |key: &str| ReplayScope {
            company: Some("EDU1".into()),
            entity: Some("supplier".into()),
            key: Some(key.into()),
            ..ReplayScope::default()
        };
        rig.replay(scope(poison[0]), "try").await;
        assert_eq!(rig.failures().await.iter().filter(|row| row.reason.map(|reason| reason.as_str()) == Some("poison")).count(), 4);
        system.stop(Duration::from_secs(20)).await;
    });
}

#[test]
fn a_mapper_that_gave_up_blames_no_record_that_it_has_not_tried() {
    run(async {
        let rig = Rig::start(Options::of_one_company(30)).await;
        // every document kills it: a fault of the program, not of a record
        const MANY: usize = 1_000_000;
        rig.process.crash.arm("mapper:document", None, 0, MANY);
        let policy = RestartPolicy { min: Duration::from_millis(1), max: Duration::from_millis(2), ..RestartPolicy::default() };
        let system = ActorSystem::start(&rig.process, policy, Mode::Command).unwrap();
        let flows = vec![FlowId::new("EDU1", "gl_account")];
        let report = ask(&system, flows, RunKind::Poll).await;
        let said = errors(&report);
        assert!(said.iter().any(|text| text.contains("gl_account") && text.contains("crashed too often")), "{said:?}");
        let (deaths, failed) = (MANY - rig.process.crash.left(), rig.failures().await.len());
        assert!(deaths > 5 && failed * 2 < deaths, "{failed} records failed after {deaths} deaths");
        assert!(rig.syspro.count("EDU1", "GenMaster").unwrap() > failed + 10);
        system.stop(Duration::from_secs(20)).await;
    });
}

#[test]
fn actors_that_start_later_read_no_certificate_file() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("ca.pem");
        std::fs::write(&file, rcgen::generate_simple_self_signed(vec!["site.example".to_owned()]).unwrap().cert.pem()).unwrap();
        let named = file.to_str().unwrap();
        let options = Options::of_one_company(5).with("SYSPRO__CA_FILE", named).with("SERVICENOW__CA_FILE", named);
        let rig = Rig::start(options).await;
        let system = ActorSystem::start(&rig.process, quick(), Mode::Command).unwrap();

        // the file breaks; then a reload starts the actors of every flow again
        std::fs::write(&file, "no certificate").unwrap();
        let before = restarts("poller") + restarts("aligner");
        system.handle().take_up_definitions().await;
        assert_eq!(settle(&rig, &system).await, Vec::<String>::new());
        all_once(&rig, &[]);
        assert_eq!(restarts("poller") + restarts("aligner"), before, "no actor died of the file");
        system.stop(Duration::from_secs(20)).await;

        // the next start names it
        let error = ActorSystem::start(&rig.process, quick(), Mode::Command).err().unwrap().to_string();
        assert!(error.contains(named) && error.contains("no certificate in PEM form"), "{error}");
    });
}
