//! Random edits on both sides with faults, from a seed: in the end both sides agree, or the conflict list says why not.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::*;

/// A record that both sides may edit.
struct Subject {
    entity: &'static str,
    key: String,
    code: String,
    sys_id: String,
}

/// The fields with their columns.
fn columns(entity: &str) -> &'static [(&'static str, &'static str)] {
    if entity == "cost_center" { &[("name", "Description")] } else { &[("name", "Description"), ("description", "AltDescription")] }
}

struct Storm {
    world: Aligned,
    /// One for the whole storm: an actor system that is stopped drops requests which are on their way, and they would arrive after the next edit.
    system: ActorSystem,
    random: fastrand::Rng,
    subjects: Vec<Subject>,
    /// (subject, field, whether in ServiceNow) to every value that somebody put there, in order.
    edits: BTreeMap<(usize, &'static str, bool), Vec<String>>,
    made: u32,
}

const FAULTS: &[(Fault, f64)] = &[
    (Fault::DropAfterCommit, 0.04),
    (Fault::StatusAfterCommit(500), 0.04),
    (Fault::Status(502), 0.04),
    (Fault::BrokenJsonAfterCommit, 0.03),
    (Fault::CutBody, 0.02),
];

impl Storm {
    fn table(entity: &str) -> &'static str {
        if entity == "cost_center" { COST } else { GL }
    }

    fn syspro(&self, subject: &Subject, column: &str) -> String {
        let (table, key) = if subject.entity == "cost_center" { ("BomCostCentre", "CostCentre") } else { ("GenMaster", "GlCode") };
        self.world.rig.syspro.with(|database| {
            let table = database.company("EDU1").unwrap().table(table).unwrap();
            let at = |name: &str| table.schema.column(name).unwrap();
            let slot = table.slots().find(|slot| {
                let own = table.cell(*slot, at(key)).text() == subject.code;
                own && (subject.entity == "cost_center" || table.cell(*slot, at("Company")).text() == "EDU1")
            });
            table.cell(slot.unwrap(), at(column)).text().trim().to_owned()
        })
    }

    fn servicenow(&self, rows: &BTreeMap<String, BTreeMap<String, String>>, subject: &Subject, field: &str) -> String {
        rows[&subject.sys_id].get(field).map(|text| text.trim().to_owned()).unwrap_or_default()
    }

    /// Every row of both tables by its sys_id.
    fn rows(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        let rows = [COST, GL].into_iter().flat_map(|table| self.world.rig.servicenow.rows(table));
        rows.map(|row| (row["sys_id"].clone(), row)).collect()
    }

    fn write_syspro(&self, subject: &Subject, column: &str, value: &str) {
        let rig = &self.world.rig;
        let code = subject.code.as_str();
        match subject.entity {
            "cost_center" => rig.syspro.update("EDU1", "BomCostCentre", &[("CostCentre", code)], &[(column, value)]),
            _ => rig.syspro.update("EDU1", "GenMaster", &[("Company", "EDU1"), ("GlCode", code)], &[(column, value)]),
        }
        .unwrap();
    }

    /// Somebody edits something somewhere.
    fn edit(&mut self) {
        self.made += 1;
        // some records are edited again and again, so that both sides meet
        let few = (self.subjects.len() / 8).max(1);
        let at = if self.random.bool() { self.random.usize(0..few) } else { self.random.usize(0..self.subjects.len()) };
        let subject = &self.subjects[at];
        let all = columns(subject.entity);
        let (field, column) = all[self.random.usize(0..all.len())];
        let side = self.random.bool();
        let value = format!("edit {}", self.made);
        if side {
            self.world.rig.servicenow.edit_row(Self::table(subject.entity), &subject.sys_id, &[(field, &value)]);
        } else {
            self.write_syspro(subject, column, &value);
        }
        self.edits.entry((at, field, side)).or_default().push(value);
    }

    /// A person works through the list: applies in SYSPRO what is to be applied, and decides some of what is open.
    async fn person(&mut self, all: bool) {
        for row in self.world.conflicts().await {
            if !all && self.random.bool() {
                continue;
            }
            match row.state.as_str() {
                "to_apply" => {
                    let at = self.subjects.iter().position(|s| s.entity == row.entity && s.key == row.key).unwrap();
                    let column = row.source.as_deref().unwrap();
                    // a person who applies a change sees what it replaces
                    if self.syspro(&self.subjects[at], column) == row.syspro {
                        self.write_syspro(&self.subjects[at], column, &row.servicenow);
                    }
                }
                "open" => {
                    let side = if self.random.bool() { Side::Syspro } else { Side::ServiceNow };
                    self.world.decide(row.id, side).await;
                }
                _ => {}
            }
        }
    }

    /// A cycle, to the last answer.
    async fn run_set(&self, kind: RunKind) -> RunSetReport {
        let wanted =
            self.world.rig.process.flows().into_iter().filter(|flow| ["cost_center", "gl_account"].contains(&flow.entity.as_str()));
        let report = run_set_of(&self.system, wanted.collect(), kind).await;
        let started = Instant::now();
        while self.world.rig.database.psql("SELECT count(*) FROM undelivered WHERE state = 'sending'") != "0" {
            assert!(started.elapsed() < Duration::from_secs(60), "a batch does not come back");
            tokio::task::yield_now().await;
        }
        report
    }

    async fn settle(&self) {
        for _ in 0..60 {
            let report = self.run_set(RunKind::Poll).await;
            let again = self.world.rig.database.psql("SELECT count(*) FROM base_version WHERE again");
            if errors(&report).is_empty() && !self.world.rig.unsettled().await && again == "0" {
                return;
            }
            // the quota after a lost answer is real time
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("still something on its way: {:#?}", self.world.rig.failures().await.into_iter().take(3).collect::<Vec<_>>());
    }

    /// Both sides are equal, or the conflict list says what they say.
    async fn agree(&self) -> usize {
        let (rows, listed) = (self.rows(), self.world.conflicts().await);
        for subject in &self.subjects {
            for (field, column) in columns(subject.entity) {
                let (syspro, servicenow) = (self.syspro(subject, column), self.servicenow(&rows, subject, field));
                let entry = listed.iter().find(|row| row.entity == subject.entity && row.key == subject.key && row.field == *field);
                let told = entry.is_some_and(|row| row.syspro == syspro && row.servicenow == servicenow);
                assert!(syspro == servicenow || told, "{} {field}: `{syspro}` / `{servicenow}`, listed: {entry:?}", subject.key);
            }
        }
        listed.len()
    }

    /// No edit vanished without a later one on its side, or a person who decided against it.
    async fn none_lost(&self) {
        let mut outvoted: BTreeSet<String> = BTreeSet::new();
        for row in self.world.rig.audit(AuditKind::Conflict).await {
            let detail: serde_json::Value = serde_json::from_str(&row.detail.unwrap()).unwrap();
            if detail["state"] == "decided" {
                let loser = if detail["side"] == "syspro" { "servicenow" } else { "syspro" };
                outvoted.insert(detail[loser].as_str().unwrap().to_owned());
            }
        }
        let rows = self.rows();
        for ((at, field, side), values) in &self.edits {
            let (subject, value) = (&self.subjects[*at], values.last().unwrap());
            let column = columns(subject.entity).iter().find(|(name, _)| name == field).unwrap().1;
            let now = if *side { self.servicenow(&rows, subject, field) } else { self.syspro(subject, column) };
            // replaced by an edit of the other side, when this one had arrived there first
            let other = self.edits.get(&(*at, *field, !*side)).is_some_and(|values| values.contains(&now));
            let arrived = || self.arrived(subject, field, value);
            let fair = now == *value || outvoted.contains(value) || (other && arrived());
            assert!(
                fair,
                "{} {field}: the edit `{value}` {} is lost, now it is `{now}`:\n{}",
                subject.key,
                if *side { "in ServiceNow" } else { "in SYSPRO" },
                self.history(subject)
            );
        }
    }

    /// What the audit and the deliveries say of a record.
    fn history(&self, subject: &Subject) -> String {
        let of = format!("d.entity = '{}' AND d.key = '{}'", subject.entity, subject.key);
        self.world.rig.database.psql(&format!(
            "SELECT a.at, a.kind, a.version, a.delivery_id, a.detail, l.payload, l.expects FROM audit a JOIN document d ON d.id = a.document_id \
             LEFT JOIN delivery l ON l.id = a.delivery_id WHERE {of} ORDER BY a.id"
        ))
    }

    /// Whether both sides are known to have agreed on a value at some time.
    fn arrived(&self, subject: &Subject, field: &str, value: &str) -> bool {
        let sql = format!(
            "SELECT (SELECT count(*) FROM delivery l JOIN document d ON d.id = l.document_id JOIN audit a ON a.delivery_id = l.id \
                     AND a.kind IN ('confirmed', 'looked_up', 'partial_write') \
                     WHERE d.entity = '{0}' AND d.key = '{1}' AND l.payload::jsonb ->> '{2}' = '{3}') \
             + (SELECT count(*) FROM conflict c WHERE c.entity = '{0}' AND c.key = '{1}' AND c.field = '{2}' AND c.servicenow = '{3}' AND c.state = 'closed')",
            subject.entity, subject.key, field, value
        );
        self.world.rig.database.psql(&sql) != "0"
    }
}

/// Sizes: (accounts, cost centres, edits, rounds). `TIELINE_BOTH_WAYS=full` for the large one.
fn size() -> (usize, usize, u32, u32) {
    if std::env::var("TIELINE_BOTH_WAYS").is_ok_and(|size| size == "full") { (2_000, 300, 1_000, 10) } else { (60, 12, 90, 6) }
}

#[test]
fn random_edits_on_both_sides_lose_nothing_and_never_go_to_and_fro() {
    run(async {
        let seed = std::env::var("TIELINE_BOTH_WAYS_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
        println!("both ways: TIELINE_BOTH_WAYS_SEED={seed} plays it again");
        let (accounts, costs, edits, rounds) = size();
        let world = Aligned::start("change_limit_percent = 100\noverlap_seconds = 2").await;
        let rig = &world.rig;
        let missing = |table: &str, wanted: usize| wanted.saturating_sub(rig.syspro.count("EDU1", table).unwrap());
        for n in 0..missing("GenMaster", accounts) {
            let code = format!("77.{n:05}");
            let row = [("Company", "EDU1"), ("GlCode", code.as_str()), ("Description", "Account"), ("AccountType", "E")];
            rig.syspro.insert("EDU1", "GenMaster", &row).unwrap();
        }
        for n in 0..missing("BomCostCentre", costs) {
            let code = format!("K{n:04}");
            rig.syspro.insert("EDU1", "BomCostCentre", &[("CostCentre", &code), ("Description", "Centre")]).unwrap();
        }
        world.in_step().await;
        let sql = "SELECT d.entity || '|' || d.key || '|' || r.sys_id FROM document d JOIN record r ON r.document_id = d.id \
                   WHERE d.entity IN ('cost_center', 'gl_account') AND (d.entity = 'cost_center' OR d.key LIKE 'EDU1/%') AND d.key NOT LIKE '%\\%%%' ORDER BY 1";
        let subject = |line: &str| {
            let mut parts = line.split('|');
            let (entity, key, sys_id) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
            let entity = if entity == "cost_center" { "cost_center" } else { "gl_account" };
            let code = key.strip_prefix("EDU1/").unwrap_or(key).to_owned();
            Subject { entity, key: key.to_owned(), code, sys_id: sys_id.to_owned() }
        };
        let mut subjects: Vec<Subject> = rig.database.psql(sql).lines().map(subject).collect();
        let mut random = fastrand::Rng::with_seed(seed);
        random.shuffle(&mut subjects);
        assert!(subjects.len() >= costs, "{}", subjects.len());
        let system = world.rig.system();
        let mut storm = Storm { world, system, random, subjects, edits: BTreeMap::new(), made: 0 };
        let before = storm.world.rig.servicenow.writes();
        for round in 0..rounds {
            let rules = FAULTS.iter().map(|(fault, rate)| FaultRule::always(fault.clone()).rate(*rate).on_path("/api/now")).collect();
            storm.world.rig.servicenow.set_faults(&FaultPlan { seed: seed + u64::from(round), rules });
            for _ in 0..edits / rounds {
                storm.edit();
            }
            for _ in 0..storm.random.u32(1..3) {
                let kind = if storm.random.u8(0..4) == 0 { RunKind::Sweep } else { RunKind::Poll };
                storm.run_set(kind).await;
            }
            storm.person(false).await;
        }
        storm.world.rig.servicenow.clear_faults();
        storm.settle().await;
        let left = storm.agree().await;
        println!("both ways: {} edits, {left} entries in the list, {} faults", storm.made, storm.world.rig.servicenow.faults_triggered());
        storm.none_lost().await;
        // nothing is written twice: every edit has a value of its own
        let twice = "SELECT d.key || ' ' || e.key || ' ' || e.value FROM delivery l JOIN document d ON d.id = l.document_id \
                     JOIN audit a ON a.delivery_id = l.id AND a.kind = 'confirmed' CROSS JOIN LATERAL jsonb_each_text(l.payload::jsonb) e \
                     WHERE e.value LIKE 'edit %' GROUP BY 1 HAVING count(*) > 1";
        if let Some(first) = storm.world.rig.database.psql(twice).lines().next() {
            let subject = storm.subjects.iter().find(|subject| first.starts_with(&format!("{} ", subject.key))).unwrap();
            panic!("{first} was written twice:\n{}", storm.history(subject));
        }
        // the person works until the list is empty, and everything comes to rest
        for _ in 0..6 {
            storm.person(true).await;
            storm.settle().await;
        }
        assert_eq!((storm.agree().await, storm.world.conflicts().await.len()), (0, 0));
        storm.none_lost().await;
        let writes = storm.world.rig.servicenow.writes();
        storm.settle().await;
        assert_eq!(storm.run_set(RunKind::Sweep).await.flows.len(), 2);
        assert_eq!(storm.world.rig.servicenow.writes(), writes, "nothing is left to write");
        let written = writes - before;
        assert!(written <= u64::from(storm.made), "{written} writes for {} edits", storm.made);
        storm.system.stop(Duration::from_secs(20)).await;
    });
}
