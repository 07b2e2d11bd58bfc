//! One record that may change on both sides: decides what is sent, what waits for a person, and what the new base version is. Pure.
//!
//! It uses the merge of single fields in `domain::merge`, and adds the record itself: rows on one side only, deleted rows, edited keys, and
//! codes that are used again with another meaning.

use std::collections::BTreeMap;

use crate::domain::conflict::{ConflictKind as Kind, ConflictState as State};
use crate::domain::merge::{BaseVersion, Clash, Decided, Decision, Rule, Side, Why, merge};

use super::plan::{AlignPlan, Form, TargetPlan};

/// The pseudo field for the existence of a record.
pub const ROW: &str = "@row";
/// It exists.
const PRESENT: &str = "present";
/// It does not exist, or counts as deleted.
const GONE: &str = "gone";

/// Texts by field.
pub type Fields = BTreeMap<String, String>;

/// What ServiceNow has for a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowState<'a> {
    /// No row, and there never was one as far as is known.
    Never,
    /// The row that it had cannot be found any more.
    Missing,
    /// Several rows could belong to it.
    Ambiguous,
    /// A row; only the columns that could be read.
    There(&'a Fields),
}

/// An entry for the conflict list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The field, or [`ROW`].
    pub field: String,
    /// The kind.
    pub kind: Kind,
    /// The state.
    pub state: State,
    /// SYSPRO's value when both sides agreed.
    pub agreed: Option<String>,
    /// SYSPRO's value now.
    pub syspro: String,
    /// ServiceNow's value now.
    pub servicenow: String,
}

/// A record to be sent to ServiceNow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Whether SYSPRO no longer has it: then the fields are its marks.
    pub gone: bool,
    /// Only the changed fields; all fields for a new row.
    pub fields: Fields,
    /// The values that the row must still have when it is written, so that an edit in the meantime is not lost. `None` for a new row.
    pub expects: Option<Fields>,
}

/// One record with the state of both sides.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// SYSPRO's content, mapped.
    pub syspro: &'a Fields,
    /// Whether SYSPRO still has it.
    pub present: bool,
    /// ServiceNow's row.
    pub row: RowState<'a>,
    /// The base version of each field.
    pub agreed: &'a BTreeMap<String, BaseVersion>,
    /// The decisions of people, by field.
    pub decided: &'a BTreeMap<String, Decided>,
    /// Whether the two lists have been matched before: then a new record on one side is simply new.
    pub adopted: bool,
}

/// What to do with a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Aligned {
    /// The new base versions.
    pub pairs: BTreeMap<String, BaseVersion>,
    /// The record to send, if any.
    pub send: Option<Outgoing>,
    /// Its entries in the conflict list; its other entries are removed.
    pub items: Vec<Item>,
    /// The number of changes and removals without a person's decision.
    pub by_itself: usize,
}

/// Compares two texts as values of this kind; `true` if they mean the same.
pub type Same<'a> = dyn Fn(Form, &str, &str) -> bool + 'a;

/// Decides about a record.
pub fn align(target: &TargetPlan, plan: &AlignPlan, record: Record<'_>, same: &Same<'_>) -> Aligned {
    let mut out = Aligned::default();
    let was = record.agreed.get(ROW);
    let decided = record.decided.get(ROW).map(|decided| decided.side);
    let mut row_item = |kind, state, syspro: &str, servicenow: &str| {
        let agreed = was.map(|pair| pair.syspro.clone());
        out.items.push(Item { field: ROW.into(), kind, state, agreed, syspro: syspro.into(), servicenow: servicenow.into() });
    };
    let row = match record.row {
        RowState::Ambiguous => {
            row_item(Kind::Ambiguous, State::Open, PRESENT, "several rows");
            return out;
        }
        RowState::Never => {
            if !record.present {
                return out;
            }
            match decided.or_else(|| plan.rule.side().filter(|_| !record.adopted)).or(record.adopted.then_some(Side::Syspro)) {
                None => row_item(Kind::OnlySyspro, State::Open, PRESENT, GONE),
                Some(Side::Syspro) => {
                    if decided.is_some() {
                        row_item(Kind::OnlySyspro, State::Decided, PRESENT, GONE);
                    }
                    out.send = Some(Outgoing { gone: false, fields: record.syspro.clone(), expects: None });
                }
                // a person keeps it out of ServiceNow until SYSPRO has removed it; a rule alone never asks for a deletion
                Some(Side::ServiceNow) => {
                    let state = if decided.is_some() { State::ToApply } else { State::Open };
                    row_item(Kind::OnlySyspro, state, PRESENT, GONE);
                }
            }
            return out;
        }
        RowState::Missing => None,
        RowState::There(row) => Some(row),
    };
    let inactive =
        row.and_then(|row| plan.inactive.iter().find(|(column, text)| row.get(column).is_some_and(|value| value.trim() == text)));
    let (here, there) = (if record.present { PRESENT } else { GONE }, if row.is_some() && inactive.is_none() { PRESENT } else { GONE });
    let presence = || BaseVersion { syspro: here.into(), servicenow: there.into() };
    match (record.present, there == PRESENT) {
        (false, false) => {
            out.pairs.insert(ROW.into(), presence());
            return out;
        }
        (false, true) => {
            let told = was.is_some_and(|pair| pair.syspro == GONE);
            if let (false, Some(_), Some(case)) = (told, was, target.on_gone.last()) {
                out.send = Some(Outgoing { gone: true, fields: case.fields.clone(), expects: Some(Fields::new()) });
                out.by_itself += 1;
            }
            out.pairs.insert(ROW.into(), presence());
            return out;
        }
        (true, false) => {
            let known_inactive = was.is_none() && row.is_some();
            match decided {
                Some(Side::Syspro) => {
                    row_item(Kind::Deleted, State::Decided, PRESENT, GONE);
                    let mut fields = record.syspro.clone();
                    if let Some((column, text)) = inactive {
                        match text.as_str() {
                            "false" => _ = fields.insert(column.clone(), "true".into()),
                            "true" => _ = fields.insert(column.clone(), "false".into()),
                            _ => {}
                        }
                    }
                    out.send = Some(Outgoing { gone: false, fields, expects: None });
                }
                Some(Side::ServiceNow) => row_item(Kind::Deleted, State::ToApply, PRESENT, GONE),
                None => {
                    row_item(Kind::Deleted, State::Open, PRESENT, GONE);
                    out.by_itself += usize::from(!known_inactive);
                }
            }
            return out;
        }
        (true, true) => {}
    }
    let Some(row) = row else { return out };
    let mut preferred = None;
    if was.is_some_and(|pair| pair.syspro == GONE) {
        let other = |field: &&super::plan::AlignField| {
            let (pair, now) = (record.agreed.get(&field.name), record.syspro.get(&field.name));
            pair.zip(now).is_some_and(|(pair, now)| !same(target.form(&field.name), &pair.syspro, now))
        };
        if plan.fields.iter().any(|field| other(&field)) {
            match decided {
                None => {
                    row_item(Kind::Reused, State::Open, PRESENT, PRESENT);
                    return out;
                }
                // until SYSPRO has ServiceNow's value
                Some(Side::ServiceNow) if differ(target, plan, record.syspro, row, same) => {
                    row_item(Kind::Reused, State::ToApply, PRESENT, PRESENT);
                    return out;
                }
                side => preferred = side,
            }
        }
    }
    out.pairs.insert(ROW.into(), presence());
    align_fields(target, plan, &record, row, preferred, same, &mut out);
    if was.is_some_and(|pair| pair.syspro == GONE) {
        take_back(target, plan, record.syspro, &mut out);
    }
    out
}

/// Removes the marks of a record that came back, where a mark is a fixed text, which is not aligned.
fn take_back(target: &TargetPlan, plan: &AlignPlan, syspro: &Fields, out: &mut Aligned) {
    let marked =
        target.on_gone.iter().flat_map(|case| case.fields.keys()).filter(|name| !plan.fields.iter().any(|field| field.name == **name));
    let back: Fields = marked.filter_map(|name| Some((name.clone(), syspro.get(name)?.clone()))).collect();
    if !back.is_empty() {
        let empty = || Outgoing { gone: false, fields: Fields::new(), expects: Some(Fields::new()) };
        out.send.get_or_insert_with(empty).fields.extend(back);
    }
}

/// Whether any readable field differs.
fn differ(target: &TargetPlan, plan: &AlignPlan, syspro: &Fields, row: &Fields, same: &Same<'_>) -> bool {
    let pairs = plan.fields.iter().filter_map(|field| Some((&field.name, syspro.get(&field.name)?, row.get(&field.name)?)));
    pairs.into_iter().any(|(name, syspro, servicenow)| !same(target.form(name), syspro, servicenow))
}

/// Compares field by field. `preferred`: the code is used again, and a person decided whose content counts.
fn align_fields(
    target: &TargetPlan,
    plan: &AlignPlan,
    record: &Record<'_>,
    row: &Fields,
    preferred: Option<Side>,
    same: &Same<'_>,
    out: &mut Aligned,
) {
    let (mut fields, mut expects) = (Fields::new(), Fields::new());
    for field in &plan.fields {
        // a column that cannot be read is unknown, and not empty
        let (Some(syspro), Some(servicenow)) = (record.syspro.get(&field.name), row.get(&field.name)) else { continue };
        let agreed = record.agreed.get(&field.name).filter(|_| preferred.is_none());
        let rule = match preferred {
            None => field.rule,
            Some(Side::Syspro) => Rule::Syspro,
            Some(Side::ServiceNow) => Rule::ServiceNow,
        };
        let form = target.form(&field.name);
        let alike = |a: &str, b: &str| same(form, a, b);
        let mut decision = merge(agreed, syspro, servicenow, rule, record.decided.get(&field.name), alike);
        let renamed =
            field.identity && agreed.is_some() && matches!(decision, Decision::Take(_, Why::Alone | Why::Rule) | Decision::Review(_));
        if renamed {
            decision = Decision::Review(Clash::BothChanged);
        }
        let mut item = |kind, state| {
            out.items.push(Item {
                field: field.name.clone(),
                kind: if renamed { Kind::Renamed } else { kind },
                state,
                agreed: agreed.map(|pair| pair.syspro.clone()),
                syspro: syspro.clone(),
                servicenow: servicenow.clone(),
            });
        };
        // a decision does not turn an edit of one side into a change of both
        let clash = agreed.map_or(Kind::FirstContact, |was| if alike(&was.syspro, syspro) { Kind::Edited } else { Kind::BothChanged });
        match decision {
            Decision::InStep => {
                let pair = BaseVersion { syspro: syspro.clone(), servicenow: servicenow.clone() };
                if record.agreed.get(&field.name) != Some(&pair) {
                    out.pairs.insert(field.name.clone(), pair);
                }
            }
            Decision::Unchanged => {}
            Decision::Review(_) => item(clash, State::Open),
            Decision::Take(Side::Syspro, why) => {
                if why == Why::Person {
                    item(clash, State::Decided);
                } else {
                    out.by_itself += 1;
                }
                fields.insert(field.name.clone(), syspro.clone());
                expects.insert(field.name.clone(), servicenow.clone());
            }
            Decision::Take(Side::ServiceNow, why) => {
                item(if why == Why::Alone { Kind::Edited } else { clash }, State::ToApply);
                out.by_itself += usize::from(why != Why::Person);
            }
        }
    }
    if !fields.is_empty() {
        out.send = Some(Outgoing { gone: false, fields, expects: Some(expects) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::load;
    use crate::definition::plan::Plan;

    fn fields(values: &[(&str, &str)]) -> Fields {
        values.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    fn pairs(values: &[(&str, &str, &str)]) -> BTreeMap<String, BaseVersion> {
        let pair = |a: &str, b: &str| BaseVersion { syspro: a.into(), servicenow: b.into() };
        values.iter().map(|(name, a, b)| ((*name).to_owned(), pair(a, b))).collect()
    }

    fn same(a: &str, b: &str) -> bool {
        a.trim() == b.trim()
    }

    /// The shipped cost centres, aligned.
    fn plan() -> Plan {
        let directory = tempfile::tempdir().expect("a directory");
        let folder = directory.path().join("profiles/apo");
        std::fs::create_dir_all(&folder).expect("folders");
        let text = include_str!("../../config/profiles/apo/cost_center.toml");
        let text = text.replace("gone = { u_active = \"false\" }\n", "");
        let text = format!("{text}\n[header.align]\ninactive = {{ active = \"false\" }}\n[header.gone]\nactive = \"false\"\n");
        std::fs::write(folder.join("cost_center.toml"), text).expect("a file");
        load(Some(directory.path()), "apo", &[], &Default::default())
            .expect("definitions")
            .plan(&"cost_center".into())
            .expect("a plan")
            .clone()
    }

    struct Case {
        plan: Plan,
        syspro: Fields,
        present: bool,
        agreed: BTreeMap<String, BaseVersion>,
        decided: BTreeMap<String, Decided>,
        adopted: bool,
    }

    impl Case {
        /// Cost centre 100, with `Foundry` on both sides.
        fn new() -> Self {
            Self {
                plan: plan(),
                syspro: fields(&[("code", "100"), ("account_number", "100"), ("name", "Foundry")]),
                present: true,
                agreed: pairs(&[
                    (ROW, PRESENT, PRESENT),
                    ("code", "100", "100"),
                    ("account_number", "100", "100"),
                    ("name", "Foundry", "Foundry"),
                ]),
                decided: BTreeMap::new(),
                adopted: true,
            }
        }

        fn row(name: &str) -> Fields {
            fields(&[("code", "100"), ("account_number", "100"), ("name", name), ("active", "true")])
        }

        fn run(&self, row: RowState<'_>) -> Aligned {
            let (target, plan) = self.plan.aligned().expect("aligned");
            let record = Record {
                syspro: &self.syspro,
                present: self.present,
                row,
                agreed: &self.agreed,
                decided: &self.decided,
                adopted: self.adopted,
            };
            align(target, plan, record, &|_, a, b| same(a, b))
        }

        fn name(mut self, name: &str) -> Self {
            self.syspro.insert("name".into(), name.into());
            self
        }

        fn decide(mut self, field: &str, side: Side, syspro: &str, servicenow: &str) -> Self {
            self.decided.insert(field.into(), Decided { side, syspro: syspro.into(), servicenow: servicenow.into() });
            self
        }
    }

    fn kinds(aligned: &Aligned) -> Vec<(&str, Kind, State)> {
        aligned.items.iter().map(|item| (item.field.as_str(), item.kind, item.state)).collect()
    }

    #[test]
    fn a_change_in_syspro_sends_that_field_alone_and_names_what_it_replaces() {
        let out = Case::new().name("Foundry two").run(RowState::There(&Case::row("Foundry")));
        let send = out.send.expect("something to send");
        assert_eq!(send.fields, fields(&[("name", "Foundry two")]), "a user's edit of another column must survive");
        assert_eq!(send.expects, Some(fields(&[("name", "Foundry")])));
        assert_eq!((out.items.len(), out.by_itself), (0, 1));
        let nothing = Case::new().run(RowState::There(&Case::row("Foundry")));
        assert_eq!((nothing.send, nothing.by_itself), (None, 0));
    }

    #[test]
    fn an_edit_in_servicenow_waits_for_a_person_to_apply_it_and_is_not_overwritten() {
        let out = Case::new().run(RowState::There(&Case::row("Gieterij")));
        assert_eq!((out.send.clone(), kinds(&out)), (None, vec![("name", Kind::Edited, State::ToApply)]));
        assert_eq!(out.by_itself, 1, "edits by the thousand meet the change limit");
        let asked = Case::new().decide("name", Side::ServiceNow, "Foundry", "Gieterij").run(RowState::There(&Case::row("Gieterij")));
        assert_eq!((kinds(&asked), asked.by_itself), (vec![("name", Kind::Edited, State::ToApply)], 0), "a person decided");
        let of_both = Case::new().name("Foundry two").decide("name", Side::ServiceNow, "Foundry two", "Gieterij");
        let of_both = of_both.run(RowState::There(&Case::row("Gieterij")));
        assert_eq!(kinds(&of_both), [("name", Kind::BothChanged, State::ToApply)], "a decision says nothing of who changed what");
        let applied = Case::new().name("Gieterij").run(RowState::There(&Case::row("Gieterij")));
        assert_eq!((applied.items.len(), applied.pairs["name"].syspro.as_str()), (0, "Gieterij"));
        let both = Case::new().name("Foundry two").run(RowState::There(&Case::row("Gieterij")));
        assert_eq!((both.send.clone(), kinds(&both)), (None, vec![("name", Kind::BothChanged, State::Open)]));
    }

    #[test]
    fn a_column_that_cannot_be_read_is_not_an_empty_one() {
        let mut row = Case::row("Foundry");
        row.remove("name");
        let out = Case::new().run(RowState::There(&row));
        assert_eq!((out.send, out.items.len()), (None, 0));
    }

    #[test]
    fn two_lists_that_meet_are_reported_and_nothing_is_written() {
        let mut case = Case::new();
        (case.agreed, case.adopted) = (BTreeMap::new(), false);
        let out = case.run(RowState::There(&Case::row("Gieterij")));
        assert_eq!((out.send.clone(), kinds(&out)), (None, vec![("name", Kind::FirstContact, State::Open)]));
        assert_eq!(out.pairs["code"].servicenow, "100");
        let alone = case.run(RowState::Never);
        assert_eq!((alone.send.clone(), kinds(&alone)), (None, vec![(ROW, Kind::OnlySyspro, State::Open)]));
        let case = case.decide(ROW, Side::Syspro, PRESENT, GONE);
        let made = case.run(RowState::Never).send.expect("adopted");
        assert_eq!((made.fields.len(), made.expects), (3, None));
    }

    #[test]
    fn after_adoption_a_new_record_is_simply_new() {
        let mut case = Case::new();
        case.agreed = BTreeMap::new();
        let out = case.run(RowState::Never);
        assert_eq!((out.send.map(|send| send.fields.len()), out.items.len()), (Some(3), 0));
    }

    #[test]
    fn a_row_that_vanished_is_not_made_again_before_a_person_says_so() {
        let inactive = {
            let mut row = Case::row("Foundry");
            row.insert("active".into(), "false".into());
            row
        };
        for row in [RowState::Missing, RowState::There(&inactive)] {
            let out = Case::new().name("Foundry two").run(row);
            assert_eq!((out.send.clone(), kinds(&out)), (None, vec![(ROW, Kind::Deleted, State::Open)]));
            assert_eq!(out.by_itself, 1, "a list that vanishes as a whole meets the change limit");
        }
        let again = Case::new().decide(ROW, Side::Syspro, PRESENT, GONE);
        assert_eq!(again.run(RowState::There(&inactive)).send.expect("sent").fields["active"], "true");
        assert_eq!(again.run(RowState::Missing).send.expect("sent").expects, None);
        let gone = Case::new().decide(ROW, Side::ServiceNow, PRESENT, GONE);
        assert_eq!(kinds(&gone.run(RowState::Missing)), [(ROW, Kind::Deleted, State::ToApply)]);
    }

    #[test]
    fn what_syspro_deleted_is_marked_once() {
        let mut case = Case::new();
        case.present = false;
        let out = case.run(RowState::There(&Case::row("Foundry")));
        assert_eq!(out.send.clone().map(|send| (send.gone, send.fields)), Some((true, fields(&[("active", "false")]))));
        case.agreed.extend(out.pairs);
        assert_eq!(case.run(RowState::There(&Case::row("Foundry"))).send, None, "told already");
    }

    #[test]
    fn a_code_that_comes_back_with_another_meaning_waits_for_a_person() {
        let mut case = Case::new().name("Paint shop");
        case.agreed.insert(ROW.into(), BaseVersion { syspro: GONE.into(), servicenow: PRESENT.into() });
        let row = Case::row("Foundry");
        assert_eq!(kinds(&case.run(RowState::There(&row))), [(ROW, Kind::Reused, State::Open)]);
        let case = case.decide(ROW, Side::Syspro, PRESENT, PRESENT);
        assert_eq!(case.run(RowState::There(&row)).send.expect("sent").fields, fields(&[("name", "Paint shop")]));
        let mut same_again = Case::new();
        same_again.agreed.insert(ROW.into(), BaseVersion { syspro: GONE.into(), servicenow: PRESENT.into() });
        assert_eq!(same_again.run(RowState::There(&row)).items, []);
    }

    #[test]
    fn an_edited_key_is_held_whatever_the_rule() {
        let mut case = Case::new();
        let align = case.plan.targets[0].align.as_mut().expect("aligned");
        align.fields.iter_mut().for_each(|field| field.rule = Rule::ServiceNow);
        let mut row = Case::row("Foundry");
        row.insert("code".into(), "101".into());
        assert_eq!(kinds(&case.run(RowState::There(&row))), [("code", Kind::Renamed, State::Open)]);
        let case = case.decide("code", Side::Syspro, "100", "101");
        assert_eq!(case.run(RowState::There(&row)).send.expect("sent").fields, fields(&[("code", "100")]));
    }

    #[test]
    fn what_the_target_cut_is_not_sent_again() {
        let mut case = Case::new().name("A very long name");
        case.agreed.extend(pairs(&[("name", "A very long name", "A very lo")]));
        assert_eq!(case.run(RowState::There(&Case::row("A very lo"))).send, None);
    }
}
