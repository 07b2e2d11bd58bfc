//! Records that may change on both sides, with a profile whose mark for gone records is a fixed text.

use std::collections::BTreeMap;

use super::site::site;
use super::*;
use crate::definition::align::{Aligned, Fields, ROW, Record, RowState, align};
use crate::domain::conflict::{ConflictKind as Kind, ConflictState as State};
use crate::domain::merge::{BaseVersion, Decided, Side};

const ENTITY: &str = "[root]\ntable = \"AssetMaster\"\nkey = [\"Asset\"]\ncolumns = [\"Name\"]\n";
const PROFILE: &str = "[header]\ntable = \"x_asset\"\nwrite = \"table\"\nkey_column = \"u_source_key\"\nnatural_key = [\"u_code\"]\n\
                       gone = { u_mark = \"gone\" }\n[header.fields]\nu_code = \"Asset\"\nu_name = \"Name\"\n\
                       u_mark = { constant = \"current\" }\nu_other = { constant = \"fixed\" }\n\
                       [header.align]\nrule = \"review\"\ninactive = { u_retired = \"true\" }\n";

fn fields(values: &[(&str, &str)]) -> Fields {
    values.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

fn agreed(values: &[(&str, &str, &str)]) -> BTreeMap<String, BaseVersion> {
    let pair = |syspro: &str, servicenow: &str| BaseVersion { syspro: syspro.into(), servicenow: servicenow.into() };
    values.iter().map(|(name, syspro, servicenow)| ((*name).to_owned(), pair(syspro, servicenow))).collect()
}

/// A record whose name is `name` in SYSPRO, under the align rule `rule`.
struct Case {
    definitions: Definitions,
    name: &'static str,
    present: bool,
    agreed: BTreeMap<String, BaseVersion>,
    decided: Option<Side>,
    adopted: bool,
}

impl Case {
    fn new(rule: &str, name: &'static str) -> Self {
        let profile = PROFILE.replace("\"review\"", &format!("\"{rule}\""));
        let site = site(&[("entities/asset.toml", ENTITY), ("profiles/apo/asset.toml", &profile)]);
        let definitions =
            load(Some(site.path()), "apo", &["asset".into()], &own()).unwrap_or_else(|problems| panic!("{}", lines(&problems)));
        let agreed = agreed(&[(ROW, "present", "present"), ("u_code", "A1", "A1"), ("u_name", "Lathe", "Lathe")]);
        Self { definitions, name, present: true, agreed, decided: None, adopted: true }
    }

    /// SYSPRO had dropped the record before.
    fn back(mut self) -> Self {
        self.agreed.extend(agreed(&[(ROW, "gone", "present")]));
        self
    }

    fn run(&self, row: RowState<'_>) -> Aligned {
        let (target, plan) = plan(&self.definitions, "asset").aligned().expect("aligned");
        let syspro = fields(&[("u_code", "A1"), ("u_name", self.name), ("u_mark", "current"), ("u_other", "fixed")]);
        let decided = self.decided.map(|side| Decided { side, syspro: "present".into(), servicenow: "gone".into() });
        let decided = decided.into_iter().map(|decided| (ROW.to_owned(), decided)).collect();
        let record = Record { syspro: &syspro, present: self.present, row, agreed: &self.agreed, decided: &decided, adopted: self.adopted };
        align(target, plan, record, &|_, a, b| a == b)
    }
}

fn row(name: &str) -> Fields {
    fields(&[("u_code", "A1"), ("u_name", name), ("u_mark", "gone"), ("u_other", "fixed"), ("u_retired", "false")])
}

fn said(out: &Aligned) -> Vec<(&str, Kind, State)> {
    out.items.iter().map(|item| (item.field.as_str(), item.kind, item.state)).collect()
}

#[test]
fn a_record_that_came_back_loses_its_mark_and_nothing_else_is_written() {
    let out = Case::new("review", "Lathe").back().run(RowState::There(&row("Lathe")));
    let send = out.send.expect("the mark is taken back");
    assert_eq!((send.gone, send.fields, send.expects), (false, fields(&[("u_mark", "current")]), Some(Fields::new())));
    assert_eq!((out.items, out.by_itself), (Vec::new(), 0));
    let stayed = Case::new("review", "Lathe").run(RowState::There(&row("Lathe")));
    assert_eq!((stayed.send, stayed.by_itself), (None, 0), "it never was away");
    let with_a_change = Case { decided: Some(Side::Syspro), ..Case::new("review", "Drill").back() }.run(RowState::There(&row("Lathe")));
    let send = with_a_change.send.expect("both");
    assert_eq!(send.fields, fields(&[("u_mark", "current"), ("u_name", "Drill")]));
    assert_eq!(send.expects, Some(fields(&[("u_name", "Lathe")])), "what is replaced is named");
}

#[test]
fn nothing_is_sent_for_a_record_that_came_back_where_no_mark_is_written() {
    let mut case = Case::new("review", "Lathe").back();
    for target in &mut case.definitions.plans[0].targets {
        target.on_gone.clear();
    }
    assert_eq!(case.run(RowState::There(&row("Lathe"))).send, None);
}

#[test]
fn where_servicenows_content_counts_for_a_code_that_came_back_it_waits_until_syspro_says_the_same() {
    let decided = |name| Case { decided: Some(Side::ServiceNow), ..Case::new("review", name).back() };
    let differs = decided("Drill").run(RowState::There(&row("Press")));
    assert_eq!((said(&differs), differs.send.clone()), (vec![(ROW, Kind::Reused, State::ToApply)], None));
    let same = decided("Drill").run(RowState::There(&row("Drill")));
    assert_eq!(said(&same), [], "SYSPRO says what ServiceNow says");
    assert_eq!(same.send.expect("the mark").fields, fields(&[("u_mark", "current")]));
}

#[test]
fn a_record_that_only_syspro_has_goes_by_the_rule_until_the_lists_have_met() {
    let never = |rule, adopted| Case { agreed: BTreeMap::new(), adopted, ..Case::new(rule, "Lathe") }.run(RowState::Never);
    let held = never("review", false);
    assert_eq!((said(&held), held.send.clone()), (vec![(ROW, Kind::OnlySyspro, State::Open)], None));
    let made = never("syspro", false);
    assert_eq!((said(&made), made.send.clone().map(|send| send.fields.len())), (Vec::new(), Some(4)));
    let kept_out = never("servicenow", false);
    assert_eq!((said(&kept_out), kept_out.send.clone()), (vec![(ROW, Kind::OnlySyspro, State::Open)], None), "a rule asks for no deletion");
    for rule in ["review", "syspro", "servicenow"] {
        let new = never(rule, true);
        assert_eq!((said(&new), new.send.clone().map(|send| send.fields.len())), (Vec::new(), Some(4)), "{rule}: it is simply new");
    }
    let decided = |side| Case { agreed: BTreeMap::new(), decided: Some(side), ..Case::new("review", "Lathe") }.run(RowState::Never);
    assert_eq!(said(&decided(Side::Syspro)), [(ROW, Kind::OnlySyspro, State::Decided)]);
    assert_eq!(said(&decided(Side::ServiceNow)), [(ROW, Kind::OnlySyspro, State::ToApply)]);
}

#[test]
fn a_retired_row_is_made_current_again_when_a_person_says_so() {
    let mut retired = row("Lathe");
    retired.insert("u_retired".into(), " true ".into());
    let back = Case { decided: Some(Side::Syspro), ..Case::new("review", "Lathe") }.run(RowState::There(&retired));
    assert_eq!(said(&back), [(ROW, Kind::Deleted, State::Decided)]);
    assert_eq!(back.send.clone().expect("sent").fields.get("u_retired").map(String::as_str), Some("false"));
    let known = Case { agreed: BTreeMap::new(), ..Case::new("review", "Lathe") }.run(RowState::There(&retired));
    assert_eq!((said(&known), known.by_itself), (vec![(ROW, Kind::Deleted, State::Open)], 0), "it was retired when the lists met");
    let vanished = Case { agreed: BTreeMap::new(), ..Case::new("review", "Lathe") }.run(RowState::Missing);
    assert_eq!(vanished.by_itself, 1);
}

#[test]
fn each_record_that_syspro_dropped_counts_for_the_change_limit_once() {
    let mut case = Case { present: false, ..Case::new("review", "Lathe") };
    let out = case.run(RowState::There(&row("Lathe")));
    assert_eq!((out.send.map(|send| (send.gone, send.fields)), out.by_itself), (Some((true, fields(&[("u_mark", "gone")]))), 1));
    case = case.back();
    let told = case.run(RowState::There(&row("Lathe")));
    assert_eq!((told.send, told.by_itself), (None, 0));
    let unknown = Case { present: false, agreed: BTreeMap::new(), ..Case::new("review", "Lathe") }.run(RowState::There(&row("Lathe")));
    assert_eq!((unknown.send, unknown.by_itself), (None, 0), "nobody ever saw it in SYSPRO");
    let never = Case { present: false, ..Case::new("syspro", "Lathe") }.run(RowState::Never);
    assert_eq!(never, Aligned::default());
}

#[test]
fn the_natural_key_of_a_record_that_cannot_be_read_is_made_of_its_key_alone() {
    let case = Case::new("review", "Lathe");
    let plan = plan(&case.definitions, "asset");
    let made = plan.natural_of_key(&"EDU1".into(), &plan.targets[0], &DocumentKey::from_text("A%2F1"), &case.definitions.code_lists);
    assert_eq!(made, Some(fields(&[("u_code", "A/1")])));
}
