//! Cost centres and GL accounts that change on both sides: nothing is overwritten without a decision, and nothing is copied back and forth.

mod cost;
mod decided;
mod resolved;
mod storm;
mod unread;
mod values;
mod write_back;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use tieline::actors::scheduler::run_set::RunSetReport;
use tieline::actors::system::ActorSystem;
use tieline::domain::audit::AuditKind;
use tieline::domain::ids::{ConflictId, DocumentId};
use tieline::domain::merge::Side;
use tieline::domain::run::{RunKind, Trigger};
use tieline::domain::{DocumentKey, FlowId};
use tieline::store::{
    AlignDelivery, AlignIntake, Compared, Comparing, ConflictFilter, ConflictRow, Intake, IntakeDocument, LeaseResult, NewConflict,
    SetNumber, Store,
};
use tieline_sim::faults::{Fault, FaultPlan, FaultRule};
use tieline_sim::servicenow::schema::ColumnKind;

use crate::support::database::{Database, settings};
use crate::support::{Options, Rig, ask as run_set_of, errors, node, run, run_set, source};

const COST: &str = "cmn_cost_center";
const GL: &str = "itfm_gl_accounts";

/// The shipped files with alignment turned on, and a second free field for accounts.
struct Aligned {
    rig: Rig,
    _site: tempfile::TempDir,
}

impl Aligned {
    /// `align` is the content of both `[header.align]`.
    async fn start(align: &str) -> Self {
        Self::with(Options::of_one_company(30), align).await
    }

    async fn with(options: Options, align: &str) -> Self {
        Self::at(options, align, &[]).await
    }

    /// With files of the site's own beside the two profiles, or in their place.
    async fn at(options: Options, align: &str, files: &[(&str, String)]) -> Self {
        let site = tempfile::tempdir().unwrap();
        let folder = site.path().join("profiles/apo");
        std::fs::create_dir_all(&folder).unwrap();
        let cost = include_str!("../../config/profiles/apo/cost_center.toml");
        let gl = include_str!("../../config/profiles/apo/gl_account.toml");
        std::fs::write(folder.join("cost_center.toml"), format!("{cost}\n[header.align]\n{align}\n")).unwrap();
        std::fs::write(folder.join("gl_account.toml"), format!("{gl}description = \"AltDescription\"\n\n[header.align]\n{align}\n"))
            .unwrap();
        for (path, text) in files {
            let path = site.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let options = options.with("DEFINITIONS__DIRECTORY", site.path().to_str().unwrap());
        Self { rig: Rig::start(options).await, _site: site }
    }

    async fn run_set(&self, kind: RunKind) -> RunSetReport {
        let wanted = self.rig.process.flows().into_iter().filter(|flow| ["cost_center", "gl_account"].contains(&flow.entity.as_str()));
        run_set(&self.rig.process, wanted.collect(), kind).await
    }

    async fn well(&self) {
        assert_eq!(errors(&self.run_set(RunKind::Poll).await), Vec::<String>::new());
    }

    /// Everything is in step: both lists adopted, nothing in the conflict list.
    async fn in_step(&self) {
        self.well().await;
        self.adopt(None).await;
        self.well().await;
        self.well().await;
        assert_eq!(self.conflicts().await.len(), 0);
    }

    async fn adopt(&self, prefer: Option<Side>) {
        for entity in ["cost_center", "gl_account"] {
            self.rig.store.conflict_adopt(FlowId::new("EDU1", entity), prefer, "tester".into(), "go live".parse().unwrap()).await.unwrap();
        }
    }

    async fn conflicts(&self) -> Vec<ConflictRow> {
        self.rig.store.conflict_list(ConflictFilter { limit: 1_000_000, ..ConflictFilter::default() }).await.unwrap()
    }

    async fn decide(&self, id: ConflictId, side: Side) {
        assert_eq!(self.rig.store.conflict_decide(vec![id], side, "tester".into(), "as agreed".parse().unwrap()).await.unwrap().len(), 1);
    }

    fn cost(&self, code: &str) -> BTreeMap<String, String> {
        self.rig.servicenow.find(COST, "code", code).unwrap_or_else(|| panic!("no cost centre {code}"))
    }

    fn name(&self, code: &str) -> String {
        self.cost(code).get("name").cloned().unwrap_or_default()
    }

    /// A user of ServiceNow edits a cost centre.
    fn edit(&self, code: &str, name: &str) {
        assert!(self.rig.servicenow.edit_row(COST, &self.cost(code)["sys_id"], &[("name", name)]));
    }

    /// A user of SYSPRO does.
    fn describe(&self, code: &str, name: &str) {
        self.rig.syspro.update("EDU1", "BomCostCentre", &[("CostCentre", code)], &[("Description", name)]).unwrap();
    }
}

fn brief(rows: &[ConflictRow]) -> Vec<(&str, &str, &str, &str)> {
    rows.iter().map(|row| (row.key.as_str(), row.field.as_str(), row.kind.as_str(), row.state.as_str())).collect()
}

#[test]
fn two_lists_that_meet_are_compared_and_nothing_is_written_before_somebody_says_so() {
    run(async {
        let world = Aligned::start("").await;
        let rig = &world.rig;
        let row =
            |code: &str, name: &str| rig.servicenow.insert_row(COST, &[("code", code), ("account_number", code), ("name", name)]).unwrap();
        let (same, other, alone) = (row("100", "Foundry"), row("200", "Kept by hand"), row("X900", "Only here"));
        for _ in 0..2 {
            world.well().await;
        }
        assert_eq!(rig.servicenow.writes(), 0, "the two lists have only been compared");
        let costs = rig.syspro.count("EDU1", "BomCostCentre").unwrap();
        let found = world.conflicts().await;
        let of = |kind: &str| found.iter().filter(|row| row.entity == "cost_center" && row.kind.as_str() == kind).collect::<Vec<_>>();
        assert_eq!(of("only_syspro").len(), costs - 2);
        let differing = of("first_contact");
        assert_eq!((differing.len(), differing[0].key.as_str(), differing[0].servicenow.as_str()), (1, "200", "Kept by hand"));
        assert!(differing[0].syspro_at.is_some() && differing[0].servicenow_at.is_some());
        let lone = of("only_servicenow");
        assert_eq!((lone.len(), lone[0].key.as_str(), lone[0].sys_id.as_deref()), (1, "X900", Some(alone.as_str())));

        world.adopt(None).await;
        world.well().await;
        world.well().await;
        assert_eq!(rig.servicenow.count(COST), costs + 1, "rows were matched, not doubled");
        assert_eq!((world.cost("100")["sys_id"].clone(), world.cost("200")["sys_id"].clone()), (same, other));
        assert_eq!(world.name("200"), "Kept by hand", "that one is still a person's to decide");
        let left = world.conflicts().await;
        let expected = [("200", "name", "first_contact", "open"), ("X900", "@row", "only_servicenow", "to_apply")];
        assert_eq!(brief(&left).into_iter().collect::<BTreeSet<_>>(), expected.into_iter().collect());

        // a person applies the new one in SYSPRO, and takes ServiceNow's name for the other
        rig.syspro.insert("EDU1", "BomCostCentre", &[("CostCentre", "X900"), ("Description", "Only here")]).unwrap();
        let open = left.iter().find(|row| row.key == "200").unwrap();
        world.decide(open.id, Side::ServiceNow).await;
        world.well().await;
        assert_eq!(brief(&world.conflicts().await), [("200", "name", "first_contact", "to_apply")]);
        world.describe("200", "Kept by hand");
        world.well().await;
        assert_eq!(world.conflicts().await.len(), 0, "the list closes itself when SYSPRO shows the value");
        assert_eq!((world.name("200").as_str(), rig.servicenow.count(COST)), ("Kept by hand", costs + 1));
        let said: Vec<String> = rig.audit(AuditKind::Conflict).await.into_iter().filter_map(|row| row.detail).collect();
        for word in ["\"open\"", "\"decided\"", "\"to_apply\"", "\"closed\"", "as agreed"] {
            assert!(said.iter().any(|detail| detail.contains(word)), "{word}");
        }
    });
}

#[test]
fn an_edit_of_a_user_survives_a_change_in_syspro() {
    run(async {
        let world = Aligned::start("").await;
        world.in_step().await;
        let rig = &world.rig;
        // SYSPRO's change goes over
        world.describe("100", "Foundry two");
        world.well().await;
        assert_eq!(world.name("100"), "Foundry two");
        // a user's edit of another field of the same account stays
        let code = rig.servicenow.rows(GL).into_iter().find(|row| row["u_source_key"].starts_with("EDU1/gl_account/EDU1/")).unwrap();
        let number = code["account_number"].as_str();
        let key = [("Company", "EDU1"), ("GlCode", number)];
        assert!(rig.servicenow.edit_row(GL, &code["sys_id"], &[("description", "A user's words")]));
        rig.syspro.update("EDU1", "GenMaster", &key, &[("Description", "The ledger's words")]).unwrap();
        world.well().await;
        let row = || rig.servicenow.find(GL, "account_number", number).unwrap();
        assert_eq!((row()["name"].as_str(), row()["description"].as_str()), ("The ledger's words", "A user's words"));
        let listed = world.conflicts().await;
        assert_eq!(brief(&listed), [(format!("EDU1/{number}").as_str(), "description", "edited", "to_apply")]);
        assert_eq!(listed[0].source.as_deref(), Some("AltDescription"));
        rig.syspro.update("EDU1", "GenMaster", &key, &[("AltDescription", "A user's words")]).unwrap();
        world.well().await;
        assert_eq!(world.conflicts().await.len(), 0);

        // both sides: a person decides, for the values that were seen
        world.describe("100", "Foundry of SYSPRO");
        world.edit("100", "Foundry of ServiceNow");
        world.well().await;
        let listed = world.conflicts().await;
        assert_eq!(brief(&listed), [("100", "name", "both_changed", "open")]);
        assert_eq!((listed[0].agreed.as_deref(), listed[0].syspro.as_str()), (Some("Foundry two"), "Foundry of SYSPRO"));
        let explanation = async || rig.store.record_view("EDU1".into(), "cost_center".into(), "100".into()).await.unwrap().explanation;
        let flow = async || rig.store.flow_status().await.unwrap().into_iter().find(|flow| flow.entity == "cost_center").unwrap();
        let said = explanation().await;
        assert!(said.starts_with("in conflict, last delivered at "), "{said}");
        assert!(said.contains("`name`: SYSPRO has `Foundry of SYSPRO`, ServiceNow `Foundry of ServiceNow`;"), "{said}");
        assert_eq!(flow().await.state().0, "1 in conflict");
        world.decide(listed[0].id, Side::Syspro).await;
        world.edit("100", "Foundry of ServiceNow, again");
        world.well().await;
        assert_eq!(world.name("100"), "Foundry of ServiceNow, again", "the person has not seen this value");
        assert_eq!(brief(&world.conflicts().await), [("100", "name", "both_changed", "open")]);
        world.decide(listed[0].id, Side::Syspro).await;
        world.well().await;
        world.well().await;
        assert_eq!((world.name("100").as_str(), world.conflicts().await.len()), ("Foundry of SYSPRO", 0));
        assert!(explanation().await.starts_with("delivered at "), "{}", explanation().await);
        assert_eq!(flow().await.state().0, "all delivered");
        let writes = rig.servicenow.writes();
        world.well().await;
        assert_eq!(rig.servicenow.writes(), writes, "an echo of our own write is no edit");

        // a decision that has been carried out says nothing of what is edited after it
        world.describe("100", "Once more of SYSPRO");
        world.edit("100", "Once more of ServiceNow");
        world.well().await;
        world.decide(world.conflicts().await[0].id, Side::Syspro).await;
        world.well().await;
        assert_eq!(world.name("100"), "Once more of SYSPRO");
        world.edit("100", "And a user again");
        for _ in 0..3 {
            world.well().await;
            assert_eq!(world.name("100"), "And a user again");
        }
        let listed = world.conflicts().await;
        assert_eq!((brief(&listed), &listed[0].side), (vec![("100", "name", "edited", "to_apply")], &None));
    });
}

#[test]
fn rows_that_vanish_and_keys_that_are_edited_wait_for_a_person() {
    run(async {
        let world = Aligned::start("inactive = { active = \"false\" }").await;
        world.in_step().await;
        let rig = &world.rig;
        let gone = world.cost("100");
        assert!(rig.servicenow.delete_row(COST, &gone["sys_id"]));
        assert!(rig.servicenow.edit_row(COST, &world.cost("200")["sys_id"], &[("active", "false")]));
        let renamed = world.cost("042")["sys_id"].clone();
        assert!(rig.servicenow.edit_row(COST, &renamed, &[("code", "043")]));
        world.describe("100", "Foundry two");
        assert_eq!(errors(&world.run_set(RunKind::Sweep).await), Vec::<String>::new());
        assert!(rig.servicenow.find(COST, "code", "100").is_none(), "nobody has asked for it again");
        let listed = world.conflicts().await;
        let expected = [("100", "@row", "deleted", "open"), ("200", "@row", "deleted", "open"), ("042", "code", "renamed", "open")];
        assert_eq!(brief(&listed).into_iter().collect::<BTreeSet<_>>(), expected.into_iter().collect());
        for row in &listed {
            world.decide(row.id, Side::Syspro).await;
        }
        world.well().await;
        world.well().await;
        assert_eq!(brief(&world.conflicts().await), []);
        assert_eq!((world.name("100").as_str(), world.cost("200")["active"].as_str()), ("Foundry two", "true"));
        assert_eq!(rig.servicenow.find(COST, "sys_id", &renamed).unwrap()["code"], "042");

        // SYSPRO drops a code and has it again with another meaning
        rig.syspro.delete("EDU1", "BomCostCentre", &[("CostCentre", "100")]).unwrap();
        world.well().await;
        rig.syspro.insert("EDU1", "BomCostCentre", &[("CostCentre", "100"), ("Description", "Paint shop")]).unwrap();
        world.well().await;
        let listed = world.conflicts().await;
        assert_eq!((brief(&listed), world.name("100").as_str()), (vec![("100", "@row", "reused", "open")], "Foundry two"));
        world.decide(listed[0].id, Side::Syspro).await;
        world.well().await;
        assert_eq!((world.conflicts().await.len(), world.name("100").as_str()), (0, "Paint shop"));
    });
}

#[test]
fn what_comes_back_in_syspro_is_active_again_in_its_old_row() {
    run(async {
        let aligned = Aligned::start("").await;
        let rig = &aligned.rig;
        aligned.in_step().await;
        let (before, key) = (aligned.cost("200"), [("CostCentre", "200")]);
        rig.syspro.delete("EDU1", "BomCostCentre", &key).unwrap();
        aligned.run_set(RunKind::Sweep).await;
        aligned.well().await;
        assert_eq!(aligned.cost("200")["u_active"], "false");
        rig.syspro.insert("EDU1", "BomCostCentre", &[("CostCentre", "200"), ("Description", &before["name"])]).unwrap();
        aligned.well().await;
        aligned.well().await;
        assert_eq!(aligned.conflicts().await.len(), 0, "{:#?}", aligned.conflicts().await);
        let after = aligned.cost("200");
        assert_eq!((&*after["u_active"], &after["sys_id"], &after["name"]), ("true", &before["sys_id"], &before["name"]));
        // with another meaning a person decides
        rig.syspro.delete("EDU1", "BomCostCentre", &key).unwrap();
        aligned.run_set(RunKind::Sweep).await;
        rig.syspro.insert("EDU1", "BomCostCentre", &[("CostCentre", "200"), ("Description", "Something else")]).unwrap();
        aligned.well().await;
        aligned.well().await;
        let open = aligned.conflicts().await;
        assert_eq!(brief(&open), [("200", "@row", "reused", "open")], "{open:#?}");
        assert_eq!((&*aligned.cost("200")["u_active"], &aligned.name("200")), ("false", &before["name"]));
    });
}

#[test]
fn a_run_that_would_change_too_much_changes_nothing() {
    run(async {
        let world = Aligned::start("change_limit_percent = 50").await;
        world.in_step().await;
        let rig = &world.rig;
        let writes = rig.servicenow.writes();
        let codes: Vec<String> = source::rows(&rig.syspro, "EDU1", "BomCostCentre", |c| c("CostCentre").text().to_owned());
        assert!(codes.len() > 5, "{codes:?}");
        for code in &codes {
            world.describe(code, "A script went wrong");
        }
        let said = errors(&world.run_set(RunKind::Poll).await).join("\n");
        assert!(said.contains(&format!("would change {} of {} records", codes.len(), codes.len())), "{said}");
        assert!(said.contains("`align.change_limit_percent` (50)"), "{said}");
        assert_eq!((rig.servicenow.writes(), world.conflicts().await.len()), (writes, 0));
    });
}

#[test]
fn lists_of_several_pages_are_compared_as_one() {
    run(async {
        let world = Aligned::start("change_limit_percent = 50").await;
        let rig = &world.rig;
        let flow = FlowId::new("EDU1", "cost_center");
        let codes: Vec<String> = (0..2_300).map(|n| format!("K{n:04}")).collect();
        // the other way round, so that a record and its row never meet on one page by chance
        for (n, code) in codes.iter().enumerate().rev() {
            let name = if [3, 1_500, 2_299].contains(&n) { "Kept by hand" } else { "Centre" };
            rig.syspro.insert("EDU1", "BomCostCentre", &[("CostCentre", code), ("Description", "Centre")]).unwrap();
            rig.servicenow.insert_row(COST, &[("code", code), ("account_number", code), ("name", name)]).unwrap();
        }
        for code in ["K0007", "K2298"] {
            rig.servicenow.insert_row(COST, &[("code", code), ("account_number", code), ("name", "Once more")]).unwrap();
        }
        for n in 0..1_100 {
            rig.servicenow
                .insert_row(COST, &[("code", &format!("X{n}")), ("account_number", &format!("X{n}")), ("name", "Alone")])
                .unwrap();
        }
        let poll = || async { errors(&run_set(&rig.process, vec![flow.clone()], RunKind::Poll).await) };
        assert_eq!(poll().await, Vec::<String>::new());
        let of = |kind: &str, found: &[ConflictRow]| -> Vec<String> {
            found.iter().filter(|row| row.kind.as_str() == kind && !row.key.starts_with('1')).map(|row| row.key.clone()).collect()
        };
        let found = world.conflicts().await;
        assert_eq!(of("first_contact", &found).into_iter().collect::<BTreeSet<_>>(), ["K0003", "K1500", "K2299"].map(str::to_owned).into());
        assert_eq!(of("ambiguous", &found).into_iter().collect::<BTreeSet<_>>(), ["K0007", "K2298"].map(str::to_owned).into());
        assert_eq!((of("only_servicenow", &found).len(), rig.servicenow.writes()), (1_100, 0));
        let linked = "SELECT count(*) FROM record r JOIN document d ON d.id = r.document_id WHERE d.key LIKE 'K%'";
        assert_eq!(rig.database.psql(linked), "2298");

        world.adopt(Some(Side::Syspro)).await;
        assert_eq!(poll().await, Vec::<String>::new());
        assert_eq!(poll().await, Vec::<String>::new());
        assert_eq!(world.name("K1500"), "Centre");
        assert_eq!(of("first_contact", &world.conflicts().await), Vec::<String>::new());

        // no page alone has as many changes as the change limit would stop
        let writes = rig.servicenow.writes();
        for code in codes.iter().step_by(2).chain(codes.iter().skip(1).step_by(20)) {
            world.describe(code, "A script went wrong");
        }
        let said = poll().await.join("\n");
        // one of them is still somebody's to decide
        assert!(said.contains("would change 1264 of 2312 ") && said.contains("`align.change_limit_percent` (50)"), "{said}");
        assert_eq!(rig.servicenow.writes(), writes);
        // what SYSPRO takes back is no change
        for code in codes.iter().step_by(2).chain(codes.iter().skip(1).step_by(20)) {
            world.describe(code, if code == "K0000" { "New" } else { "Centre" });
        }
        assert_eq!(poll().await, Vec::<String>::new());
        assert_eq!((world.name("K0000").as_str(), rig.servicenow.writes()), ("New", writes + 1));
    });
}

#[test]
fn rows_that_may_not_be_seen_and_columns_that_cannot_be_read_are_not_taken_for_deleted() {
    run(async {
        let mut options = Options::of_one_company(30);
        options.servicenow.table(COST).unwrap().hidden = Some(("location".into(), "11111111111111111111111111111111".into()));
        let world = Aligned::with(options, "").await;
        let rig = &world.rig;
        // more rows than a page holds, none of which may be seen, before and between the others
        for n in 0..1_200 {
            let code = format!("H{n}");
            rig.servicenow.insert_row(COST, &[("code", &code), ("location", "11111111111111111111111111111111")]).unwrap();
        }
        world.in_step().await;
        let costs = rig.syspro.count("EDU1", "BomCostCentre").unwrap();
        assert_eq!(rig.servicenow.count(COST), costs + 1_200);
        for code in ["100", "200"] {
            world.edit(code, "Edited");
        }
        assert_eq!(errors(&world.run_set(RunKind::Sweep).await), Vec::<String>::new());
        let listed = world.conflicts().await;
        assert_eq!(brief(&listed), [("100", "name", "edited", "to_apply"), ("200", "name", "edited", "to_apply")]);
    });
}

#[test]
fn what_the_instance_cuts_is_no_edit_and_is_not_sent_again() {
    run(async {
        let mut options = Options::of_one_company(30);
        let table = options.servicenow.table(COST).unwrap();
        table.columns.iter_mut().find(|column| column.name == "name").unwrap().kind = ColumnKind::Text(6);
        // by default each of them would fail
        let cost = include_str!("../../config/profiles/apo/cost_center.toml");
        let cost = cost.replacen("key_column", "partial_write = \"record\"\nkey_column", 1) + "\n[header.align]\n";
        let world = Aligned::at(options, "", &[("profiles/apo/cost_center.toml", cost)]).await;
        world.in_step().await;
        world.describe("100", "Foundry and more");
        world.well().await;
        assert_eq!(world.name("100"), "Foundr");
        let writes = world.rig.servicenow.writes();
        for _ in 0..2 {
            world.well().await;
        }
        assert_eq!((world.conflicts().await.len(), world.rig.servicenow.writes()), (0, writes));
        world.edit("100", "Shop");
        world.well().await;
        assert_eq!(brief(&world.conflicts().await), [("100", "name", "edited", "to_apply")]);
    });
}
