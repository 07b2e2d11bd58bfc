//! Changes of ServiceNow are written to SYSPRO through the setup object that the site has named. They are tried first, checked in SYSPRO,
//! and never repeated before the row has been read.

use std::collections::BTreeSet;

use super::*;
use crate::binary::text;
use crate::support::world::World;
use tieline::domain::conflict::ConflictState;

const SETUP: &str = "/SYSPROWCFService/Rest/Setup";

/// `[setup]` of cost centres; the sim keeps them behind this object.
const COST_SETUP: &str = r#"
[setup]
object = "BOMSCC"
class = "setup"
action = "update"
template = "<SetupBomCostCentre><Item><Key><CostCentre>{CostCentre}</CostCentre></Key><Description>{Description}</Description></Item></SetupBomCostCentre>"
"#;

const GL_SETUP: &str = r#"
[setup]
object = "GENSGM"
class = "setup"
action = "update"
template = """<SetupGenMaster><Item><Key><Company>{Company}</Company><GlCode>{GlCode}</GlCode></Key>
<Description>{Description}</Description><AltDescription>{AltDescription}</AltDescription></Item></SetupGenMaster>"""
"#;

fn cost_file(setup: &str) -> (&'static str, String) {
    ("entities/cost_center.toml", format!("{}\n{setup}", include_str!("../../../config/entities/cost_center.toml")))
}

fn gl_file() -> (&'static str, String) {
    ("entities/gl_account.toml", format!("{}\n{GL_SETUP}", include_str!("../../../config/entities/gl_account.toml")))
}

fn options() -> Options {
    Options::of_one_company(30).with("SYSPRO__ENET_BACK_OFF_SECONDS", "1")
}

impl Aligned {
    /// Everything in step, and both entities written back.
    async fn writing(setup: &str) -> Self {
        let world = Self::at(options(), "change_limit_percent = 100", &[cost_file(setup), gl_file()]).await;
        world.in_step().await;
        world
    }

    /// What SYSPRO says of a cost centre.
    fn described(&self, code: &str) -> String {
        let found = source::rows(&self.rig.syspro, "EDU1", "BomCostCentre", |c| {
            (c("CostCentre").text() == code).then(|| c("Description").text().trim_end().to_owned())
        });
        found.into_iter().flatten().next().unwrap()
    }

    /// Calls of a setup object that reached it.
    fn setup_calls(&self, object: &str) -> u64 {
        let calls = self.rig.syspro.enet_stats().calls;
        assert!(calls.keys().all(|call| !call.starts_with("Transaction")), "{calls:?}");
        calls.get(&format!("Setup/Update/{object}")).copied().unwrap_or(0)
    }

    /// The one entry of the list, with what is said of it.
    async fn entry(&self) -> ConflictRow {
        let mut rows = self.conflicts().await;
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows.remove(0)
    }

    /// The one entry still waits for a person, with this message, and SYSPRO has the former value.
    async fn stays(&self, word: &str, code: &str, before: &str) {
        let entry = self.entry().await;
        let said = entry.said.clone().unwrap_or_default();
        assert!(entry.state == ConflictState::ToApply && said.contains(word), "not `{word}`: {entry:?}");
        assert_eq!(self.described(code), before);
    }

    /// No session is left open, and there were never two.
    fn disciplined(&self) {
        let counts = self.rig.syspro.enet_stats().sessions;
        assert!(counts.open == 0 && counts.most_open <= 1 && counts.leaked == 0, "{counts:?}");
    }
}

#[test]
fn an_edit_is_tried_written_read_back_and_leaves_the_list() {
    run(async {
        let world = Aligned::writing(COST_SETUP).await;
        let rig = &world.rig;
        let writes = rig.servicenow.writes();
        world.edit("100", "Gie\u{df}erei & <Form>");
        world.well().await;
        assert_eq!(world.described("100"), "Gie\u{df}erei & <Form>");
        assert_eq!(world.conflicts().await.len(), 0, "closed by what SYSPRO shows, in the same run");
        assert_eq!((world.setup_calls("BOMSCC"), rig.servicenow.writes()), (2, writes), "one trial, one call, no echo");
        for _ in 0..2 {
            world.well().await;
        }
        assert_eq!((world.setup_calls("BOMSCC"), rig.servicenow.writes()), (2, writes));
        world.disciplined();
        let said: Vec<String> = rig.audit(AuditKind::Conflict).await.into_iter().filter_map(|row| row.detail).collect();
        for step in ["\"calling\"", "\"accepted\"", "\"closed\""] {
            assert!(said.iter().any(|detail| detail.contains(step) && detail.contains("\"100\"")), "{step}: {said:?}");
        }
        let calling = said.iter().find(|detail| detail.contains("\"calling\"")).unwrap();
        assert!(calling.contains("BOMSCC") && calling.contains("Foundry") && calling.contains("Form"), "{calling}");

        // two fields of one account travel together; what else SYSPRO has there stays as it is
        let row = rig.servicenow.rows(GL).into_iter().find(|row| row["u_source_key"].starts_with("EDU1/gl_account/EDU1/")).unwrap();
        let number = row["account_number"].as_str();
        assert!(rig.servicenow.edit_row(GL, &row["sys_id"], &[("name", "A name"), ("description", "Some words")]));
        world.well().await;
        let account = source::rows(&rig.syspro, "EDU1", "GenMaster", |c| {
            let own = c("GlCode").text() == number && c("Company").text().trim_end() == "EDU1";
            own.then(|| (c("Description").text().to_owned(), c("AltDescription").text().to_owned(), c("AccountType").text().to_owned()))
        });
        let account = account.into_iter().flatten().next().unwrap();
        assert_eq!((account.0.as_str(), account.1.as_str(), account.2.is_empty()), ("A name", "Some words", false));
        assert_eq!((world.setup_calls("GENSGM"), world.conflicts().await.len()), (2, 0));

        // both changed, and a person takes ServiceNow's value
        world.describe("200", "Of SYSPRO");
        world.edit("200", "Of ServiceNow");
        world.well().await;
        let entry = world.entry().await;
        assert_eq!((entry.kind.as_str(), entry.state.as_str()), ("both_changed", "open"));
        world.decide(entry.id, Side::ServiceNow).await;
        world.well().await;
        assert_eq!((world.described("200").as_str(), world.conflicts().await.len()), ("Of ServiceNow", 0));
        world.disciplined();
    });
}

#[test]
fn without_an_object_nothing_is_called() {
    run(async {
        let world = Aligned::start("").await;
        world.in_step().await;
        world.edit("100", "Edited");
        world.well().await;
        assert_eq!(world.entry().await.said, None);
        let stats = world.rig.syspro.enet_stats();
        assert!(stats.calls.is_empty() && stats.sessions.logons == 0, "{stats:?}");
    });
}

#[test]
fn each_refusal_is_told_by_its_name_and_loses_nothing() {
    run(async {
        let world = Aligned::writing(&COST_SETUP.replace("class =", "lengths = { Description = 40 }\nclass =")).await;
        let (rig, before) = (&world.rig, world.described("100"));
        // in the words of SYSPRO: the simulated object warns of blank descriptions
        world.edit("100", "");
        world.well().await;
        world.stays("refused the change in the trial: `description`: Warning: the description is blank (240008)", "100", &before).await;
        assert_eq!(world.setup_calls("BOMSCC"), 1, "the real call was not made");
        // what does not fit is not offered at all
        world.edit("100", &"x".repeat(41));
        world.well().await;
        world.stays("the value has 41 characters and SYSPRO's column `Description` holds 40", "100", &before).await;
        world.edit("100", "Odlewnia \u{142}");
        world.well().await;
        world.stays("the character `\u{142}`", "100", &before).await;
        assert_eq!(world.setup_calls("BOMSCC"), 1);
        // not licensed
        let all = std::cell::RefCell::new(Vec::new());
        rig.syspro.enet_accounts(|accounts| {
            all.borrow_mut().clone_from(&accounts.licensed);
            accounts.licensed.retain(|object| object != "BOMSCC");
        });
        world.edit("100", "Foundry two");
        world.well().await;
        world.stays("`BOMSCC` is not installed or not licensed for operator `TIELINE` (e.net exception 100000)", "100", &before).await;
        rig.syspro.enet_accounts(|accounts| accounts.licensed.clone_from(&all.borrow()));
        world.well().await;
        assert_eq!((world.described("100").as_str(), world.conflicts().await.len()), ("Foundry two", 0));
        world.disciplined();
        let said: Vec<String> = rig.audit(AuditKind::Conflict).await.into_iter().filter_map(|row| row.detail).collect();
        for step in ["trial_refused", "not_called"] {
            assert!(said.iter().any(|detail| detail.contains(step)), "{step}");
        }
    });
}

#[test]
fn a_value_longer_than_its_column_is_refused_in_the_words_of_syspro() {
    run(async {
        let world = Aligned::writing(COST_SETUP).await;
        let before = world.described("100");
        world.edit("100", &"x".repeat(51));
        world.well().await;
        world.stays("Description is longer than 50 characters", "100", &before).await;
    });
}

#[test]
fn a_call_that_is_accepted_and_changes_nothing_is_not_made_again_by_itself() {
    run(async {
        // an element that the object does not know is ignored without a word
        let world = Aligned::writing(&COST_SETUP.replace("Description>", "Descripton>")).await;
        let before = world.described("100");
        world.edit("100", "Foundry two");
        for _ in 0..3 {
            world.well().await;
            world.stays("SYSPRO accepted the change through `BOMSCC` and still shows `Foundry`", "100", &before).await;
        }
        assert_eq!(world.setup_calls("BOMSCC"), 2, "one trial, one call");
        // once a person decides again it is tried again
        world.decide(world.entry().await.id, Side::ServiceNow).await;
        world.well().await;
        world.stays("still shows", "100", &before).await;
        assert_eq!(world.setup_calls("BOMSCC"), 4);
        // and another value is another matter
        world.edit("100", "Foundry three");
        world.well().await;
        assert_eq!(world.setup_calls("BOMSCC"), 6);
        // a person may still enter it by hand
        world.describe("100", "Foundry three");
        world.well().await;
        assert_eq!(world.conflicts().await.len(), 0);
    });
}

#[test]
fn a_lost_answer_is_followed_by_a_read_and_not_by_the_same_call() {
    run(async {
        let world = Aligned::writing(COST_SETUP).await;
        let rig = &world.rig;
        let faults = [
            (Fault::DropAfterCommit, true),
            (Fault::StatusAfterCommit(500), true),
            (Fault::CutBody, true),
            (Fault::Drop, false),
            (Fault::Status(502), false),
            (Fault::HtmlPage200, false),
        ];
        for (n, (fault, stored)) in faults.into_iter().enumerate() {
            let (before, value) = (world.setup_calls("BOMSCC"), format!("Foundry {n}"));
            // the trial goes through, the call's answer does not
            rig.syspro.faults.push(FaultRule::always(fault.clone()).on_path(SETUP).after(1).times(1));
            world.edit("100", &value);
            world.well().await;
            if stored {
                assert_eq!((world.described("100"), world.conflicts().await.len()), (value.clone(), 0), "{fault:?}");
                assert_eq!(world.setup_calls("BOMSCC"), before + 2, "{fault:?}: asked for again though it was there");
            } else {
                let entry = world.entry().await;
                let said = entry.said.unwrap_or_default();
                assert!(
                    entry.state == ConflictState::ToApply && said.contains("it is unknown whether SYSPRO has stored the change"),
                    "{fault:?}: {said}"
                );
                assert_ne!(world.described("100"), value, "{fault:?}");
                world.well().await;
                assert_eq!((world.described("100"), world.conflicts().await.len()), (value, 0), "{fault:?}");
            }
            rig.syspro.faults.clear();
        }
        world.disciplined();
        assert_eq!(rig.database.psql("SELECT count(*) FROM write_back"), "0", "no outcome is left unknown");
    });
}

#[test]
fn a_value_that_arrived_unseen_is_no_edit_of_syspro() {
    run(async {
        let world = Aligned::writing(COST_SETUP).await;
        let rig = &world.rig;
        // the call is carried out, and neither its answer nor the row can be had
        rig.syspro.faults.push(FaultRule::always(Fault::DropAfterCommit).on_path(SETUP).after(1).times(1));
        world.edit("100", "First");
        rig.process.crash.arm("aligner:after_apply", None, 0, 1);
        let said = errors(&world.run_set(RunKind::Poll).await);
        assert_eq!(said.len(), 1, "{said:?}");
        assert_eq!(world.described("100"), "First");
        // the user edits again: that is an edit of `First`, which both sides have, and no conflict
        world.edit("100", "Second");
        rig.syspro.faults.clear();
        world.well().await;
        assert_eq!((world.described("100").as_str(), world.name("100").as_str()), ("Second", "Second"));
        assert_eq!(world.conflicts().await.len(), 0);
        let kinds: BTreeSet<String> = rig.audit(AuditKind::Conflict).await.into_iter().filter_map(|row| row.detail).collect();
        assert!(!kinds.iter().any(|detail| detail.contains("both_changed")), "{kinds:?}");
    });
}

#[test]
fn a_session_that_dies_on_the_way_and_a_person_in_the_operators_place() {
    run(async {
        let world = Aligned::writing(COST_SETUP).await;
        let rig = &world.rig;
        for skip in [0, 1] {
            let value = format!("Foundry {skip}");
            rig.syspro.faults.push(FaultRule::always(Fault::Named("expire_session".into())).on_path(SETUP).after(skip).times(1));
            world.edit("100", &value);
            world.well().await;
            assert_eq!((world.described("100"), world.conflicts().await.len()), (value, 0));
            rig.syspro.faults.clear();
        }
        for skip in [0, 1] {
            let value = format!("Shop {skip}");
            rig.syspro.faults.push(FaultRule::always(Fault::Named("evict".into())).on_path(SETUP).after(skip).times(1));
            world.edit("100", &value);
            world.well().await;
            let said = world.entry().await.said.unwrap_or_default();
            assert!(said.contains("somebody logged in to SYSPRO with operator `TIELINE`"), "{said}");
            rig.syspro.faults.clear();
            world.well().await;
            assert_eq!((world.described("100"), world.conflicts().await.len()), (value, 0));
        }
        // the operator's credential is refused
        rig.syspro.enet_accounts(|accounts| accounts.operators[0].1 = "another".into());
        let before = world.described("100");
        world.edit("100", "Never");
        world.well().await;
        world.stays("refused the password of operator `TIELINE`", "100", &before).await;
        let counts = rig.syspro.enet_stats().sessions;
        assert!(counts.open == 0 && counts.most_open == 1 && counts.leaked == 0, "{counts:?}");
    });
}

/// A site whose cost centres are aligned and written back, for the real program.
struct Site {
    world: World,
    definitions: tempfile::TempDir,
}

impl Site {
    fn new(setup: &str) -> Self {
        let definitions = tempfile::tempdir().unwrap();
        let profile = format!("{}\n[header.align]\nrule = \"servicenow\"\n", include_str!("../../../config/profiles/apo/cost_center.toml"));
        for (path, text) in [cost_file(setup), ("profiles/apo/cost_center.toml", profile)] {
            let path = definitions.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self { world: World::before(), definitions }
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = self.world.command(arguments);
        command.env("TIELINE__DEFINITIONS__DIRECTORY", self.definitions.path());
        command.env("TIELINE__SYSPRO__ENET_URL", self.world.syspro.enet_url.as_str());
        command.env("TIELINE__FLOWS__LEASE_SECONDS", "2");
        command
    }
}

#[test]
fn what_is_wrong_with_an_object_is_found_before_anything_starts() {
    for (from, to, word) in [
        ("BOMSCC", "GENTJL", "`GENTJL` is a transaction object (its fourth letter is `T`): it posts, and Tieline never posts"),
        ("BOMSCC", "APSTIN", "never posts"),
        ("class = \"setup\"", "class = \"transaction\"", "the class must be `setup`"),
        ("{Description}", "{Descripton}", "`{Descripton}` is not one of the columns read"),
        ("{Description}", "{Description", "is not closed"),
        ("</Item>", "", "is not well-formed XML"),
        ("{CostCentre}", "100", "names no column of the key"),
        ("\"update\"", "\"add\"", "`add` is never called"),
        ("class", "parameters = \"<P><ValidateOnly>N</ValidateOnly></P>\"\nclass", "must hold `{ValidateOnly}` once"),
        ("class", "lengths = { Other = 5 }\nclass", "`Other` has no place in the template"),
    ] {
        let site = Site::new(&COST_SETUP.replace(from, to));
        let text_of = |arguments: &[&str]| {
            let out = site.command(arguments).output().unwrap();
            (out.status.code(), text(&out))
        };
        for arguments in [&["check"][..], &["sync"]] {
            let (code, said) = text_of(arguments);
            assert_eq!(code, Some(4), "{to}: {said}");
            assert!(said.contains(word), "{to}: {said}");
            let place = said.lines().any(|line| line.contains("cost_center.toml:") && line.contains("`setup."));
            assert!(place, "no file and line: {said}");
        }
        let stats = site.world.syspro.enet_stats();
        assert!(stats.calls.is_empty() && stats.sessions.logons == 0, "{stats:?}");
    }
    let site = Site::new(COST_SETUP);
    let out = site.command(&["check"]).output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", text(&out));
    let out = site.command(&["check"]).env_remove("TIELINE__SYSPRO__ENET_URL").output().unwrap();
    assert!(out.status.code() == Some(4) && text(&out).contains("`syspro.enet_url` is missing"), "{}", text(&out));
}

#[test]
fn killed_anywhere_a_change_is_written_and_seen_once() {
    let mut site = Site::new(COST_SETUP);
    site.world.set_credentials(&|arguments| site.command(arguments));
    site.world.credentials[0] = ("syspro-enet", "TIELINE".into(), "enet-secret".into());
    site.world.set_credentials(&|arguments| site.command(arguments));
    let sync = ["sync", "--entity", "cost_center"];
    let done = |what: &str, code: i32| {
        let out = site.command(&sync).output().unwrap();
        assert_eq!(out.status.code(), Some(code), "{what}: {}", text(&out));
    };
    let adopt = ["conflicts", "adopt", "--company", "EDU1", "--entity", "cost_center", "--why", "go live"];
    done("the two lists meet, and nothing is decided", 3);
    assert!(site.command(&adopt).output().unwrap().status.success());
    for _ in 0..2 {
        done("the lists are put in step", 0);
    }
    let row = site.world.servicenow.find(COST, "code", "100").unwrap()["sys_id"].clone();
    let edit = |name: &str| assert!(site.world.servicenow.edit_row(COST, &row, &[("name", name)]));
    let described = || {
        let rows = source::rows(&site.world.syspro, "EDU1", "BomCostCentre", |c| {
            (c("CostCentre").text().to_owned(), c("Description").text().to_owned())
        });
        rows.into_iter().find(|(code, _)| code == "100").unwrap().1.trim_end().to_owned()
    };
    let calls = || site.world.syspro.enet_stats().calls.get("Setup/Update/BOMSCC").copied().unwrap_or(0);
    let log = site.world.site.path("points");
    edit("Undisturbed");
    let out = site.command(&sync).env("TIELINE_FAILPOINT_LOG", &log).output().unwrap();
    assert_eq!((out.status.code(), described().as_str(), calls()), (Some(0), "Undisturbed", 2), "{}", text(&out));
    let names = std::fs::read_to_string(&log).unwrap();
    let mut points: Vec<String> = Vec::new();
    let ours =
        |name: &&str| ["SYSPROWCFService", "in_SYSPRO", "to_store", "an_alignment_in", "e.net"].iter().any(|part| name.contains(part));
    for name in names.lines().filter(ours) {
        if !points.iter().any(|known| known == name) {
            points.push(name.to_owned());
        }
    }
    // the second of two: the trial passes the same points as the call
    let second = |name: &String| name.contains("Setup/Update").then(|| format!("{name}#2"));
    let second: Vec<String> = points.iter().filter_map(second).collect();
    assert!(points.len() > 20 && second.len() >= 3, "{points:?}");
    let all = std::env::var("TIELINE_CRASH").is_ok_and(|which| which == "all");
    let chosen = points.iter().enumerate().filter(|(at, _)| all || at % 5 == 0).map(|(_, point)| point);
    let (mut triggered, mut missed) = (0, Vec::new());
    for (n, point) in chosen.chain(&second).enumerate() {
        let (value, before) = (format!("Round {n}"), calls());
        edit(&value);
        if point.contains(":sent") {
            site.world.syspro.faults.push(FaultRule::always(Fault::Slow(200)).on_path("/SYSPROWCFService"));
        }
        let out = site.command(&sync).env("TIELINE_FAILPOINT", format!("kill@{point}")).output().unwrap();
        site.world.syspro.faults.clear();
        if std::os::unix::process::ExitStatusExt::signal(&out.status) == Some(9) {
            triggered += 1;
        } else {
            missed.push(point);
        }
        let begun = Instant::now();
        let left = || site.world.database.psql("SELECT count(*) FROM conflict WHERE state <> 'closed'");
        while site.command(&sync).output().unwrap().status.code() != Some(0) || left() != "0" {
            assert!(begun.elapsed() < Duration::from_secs(60), "{point}: {} entries are left", left());
        }
        assert_eq!(described(), value, "{point}");
        assert_eq!(site.world.servicenow.find(COST, "code", "100").unwrap()["name"], value, "{point}");
        assert!(calls() <= before + 4, "{point}: {} calls", calls() - before);
        assert_eq!(site.world.database.psql("SELECT count(*) FROM write_back"), "0", "{point}");
        let counts = site.world.syspro.enet_stats().sessions;
        assert!(counts.open == 0 && counts.most_open <= 1, "{point}: {counts:?}");
    }
    assert!(triggered > missed.len() * 5, "{triggered} points were struck, {missed:?} were not reached");
    println!("way back: {triggered} points, {} not reached", missed.len());
    let calls = site.world.syspro.enet_stats().calls;
    assert!(calls.keys().all(|call| !call.starts_with("Transaction")), "{calls:?}");
}
