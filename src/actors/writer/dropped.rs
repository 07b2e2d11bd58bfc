//! Fields of which ServiceNow keeps nothing: a column that does not exist, or that may not be written. Over some records without one that
//! kept it, that is a mistake of the definition or of a right, and no record's: the flow is to be stopped.

use std::collections::BTreeMap;

use crate::definition::plan::{PartialWrite, TargetPlan};
use crate::domain::FlowId;
use crate::servicenow::{FieldDifference, How, OutRecord, Outcome, Settled};
use crate::store::Claim;

/// Records of which a field came back empty, without one that kept it, before the flow is to be stopped.
const RECORDS: u32 = 3;

/// What has been seen of each field since the program began, by company, block and field.
#[derive(Debug, Default)]
pub(super) struct Seen(BTreeMap<(String, String, String), Field>);

#[derive(Debug, Default)]
struct Field {
    kept: bool,
    dropped: u32,
}

/// A field of which nothing was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dropped {
    pub(super) company: String,
    pub(super) field: String,
    records: u32,
    /// What was sent for the last of them, and its key.
    sent: String,
    key: String,
}

/// What came back of one record that was written; `None`: nothing is known of its fields.
pub(super) fn of_outcome(outcome: &Outcome) -> Option<&[FieldDifference]> {
    match outcome {
        Outcome::Confirmed { partial, how, .. } if *how != How::Unchanged => Some(partial),
        _ => None,
    }
}

/// The same for one that was looked up.
pub(super) fn of_settled(settled: &Settled) -> Option<&[FieldDifference]> {
    match settled {
        Settled::Confirmed { partial, .. } if !partial.is_empty() => Some(partial),
        _ => None,
    }
}

impl Seen {
    /// Notes what came back of a batch, and names the fields of which nothing was kept so far. A definition that says `stop` stops at the
    /// first record.
    pub(super) fn note(
        &mut self,
        target: &TargetPlan,
        claim: &Claim,
        records: &[OutRecord],
        returned: &[Option<&[FieldDifference]>],
    ) -> Vec<Dropped> {
        let mut found: BTreeMap<(String, String), Dropped> = BTreeMap::new();
        for ((delivery, record), differences) in claim.deliveries.iter().zip(records).zip(returned) {
            let Some(differences) = differences else { continue };
            let version = target.version_column.iter().map(|column| (column.clone(), record.version.to_string()));
            let fields = record.fields.iter().map(|(name, text)| (name.clone(), text.clone()));
            for (name, sent) in version.chain(fields).filter(|(_, text)| !text.trim().is_empty()) {
                let gone = differences.iter().any(|d| d.field == name && d.returned.as_deref().unwrap_or_default().trim().is_empty());
                let field = self.0.entry((delivery.company.clone(), target.block.clone(), name.clone())).or_default();
                field.kept |= !gone;
                if !gone {
                    continue;
                }
                field.dropped = field.dropped.saturating_add(1);
                if target.partial_write == PartialWrite::Stop || !field.kept && field.dropped >= RECORDS {
                    let (company, key, records) = (delivery.company.clone(), delivery.key.clone(), field.dropped);
                    let dropped = Dropped { company: company.clone(), field: name.clone(), records, sent, key };
                    found.insert((company, name), dropped);
                }
            }
        }
        let still = |dropped: &Dropped| {
            let place = (dropped.company.clone(), target.block.clone(), dropped.field.clone());
            target.partial_write == PartialWrite::Stop || self.0.get(&place).is_some_and(|field| !field.kept)
        };
        found.into_values().filter(still).collect()
    }

    /// The field is kept after all.
    pub(super) fn kept(&mut self, target: &TargetPlan, dropped: &Dropped) {
        self.0.entry((dropped.company.clone(), target.block.clone(), dropped.field.clone())).or_default().kept = true;
    }

    /// The flow is stopped: what comes after a person has resumed it counts anew.
    pub(super) fn stopped(&mut self, target: &TargetPlan, dropped: &Dropped) {
        self.0.remove(&(dropped.company.clone(), target.block.clone(), dropped.field.clone()));
    }
}

impl Dropped {
    /// The flow and why it is stopped.
    pub(super) fn stop(&self, target: &TargetPlan, entity: &str) -> (FlowId, String) {
        let records = if self.records == 1 { "1 record".to_owned() } else { format!("{} records", self.records) };
        let why = format!(
            "ServiceNow kept nothing of field `{}` in table `{}`: it was sent for {records}, `{}` for `{}`, and came back empty or not at all. \
             Correct the column's name in `[{}.fields]` of the profile, have the column made, or give the OAuth application's user the right to \
             write it, then resume the flow: `tieline flow resume {} {entity} --why …`, and send the records again with `tieline replay`",
            self.field, target.table, self.sent, self.key, target.block, self.company
        );
        (FlowId::new(self.company.as_str(), entity), why)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::definition::plan::{ClearWith, WriteMode};
    use crate::store::{Claimed, Lane};

    fn target(partial_write: PartialWrite) -> TargetPlan {
        TargetPlan {
            align: None,
            watch: None,
            block: "header".into(),
            table: "t".into(),
            write: WriteMode::Table,
            target_table: "t".into(),
            key_column: Some("u_key".into()),
            version_column: None,
            natural_key: Vec::new(),
            fields: Vec::new(),
            child: None,
            on_gone: Vec::new(),
            only_if: Vec::new(),
            partial_write,
            clear_with: ClearWith::Null,
        }
    }

    fn batch(count: usize) -> (Claim, Vec<OutRecord>) {
        let claimed = |n: usize| Claimed {
            delivery_id: n as i64,
            document_id: n as i64,
            company: "EDU1".into(),
            key: format!("k{n}"),
            version: 1,
            record_key: String::new(),
            attempts: 1,
            payload: "{}".into(),
            refs: None,
            expects: None,
            sys_id: None,
            sys_table: None,
            stands: false,
            run_id: None,
            sent_ago: None,
            reason: None,
            said: None,
        };
        let record = |n: usize| OutRecord {
            delivery: n as i64,
            source_key: format!("k{n}"),
            version: 1,
            fields: [("nmae".to_owned(), format!("Name {n}")), ("u_empty".to_owned(), String::new())].into(),
            cleared: Default::default(),
            sys_id: None,
            sys_table: None,
            derived_sys_id: String::new(),
            may_exist: false,
            alone: false,
            expects: None,
        };
        let lane = Lane { entity: "gl_account".into(), block: "header".into() };
        (Claim { batch_id: Uuid::nil(), lane, deliveries: (0..count).map(claimed).collect() }, (0..count).map(record).collect())
    }

    fn gone(field: &str) -> Vec<FieldDifference> {
        vec![FieldDifference { field: field.into(), sent: "x".into(), returned: None }]
    }

    #[test]
    fn a_field_of_which_nothing_is_kept_is_named_after_three_records() {
        let (claim, records) = batch(2);
        let (lost, none) = (gone("nmae"), Vec::new());
        for policy in [PartialWrite::Fail, PartialWrite::Record] {
            let (target, mut seen) = (target(policy), Seen::default());
            assert!(seen.note(&target, &claim, &records, &[Some(&lost), Some(&lost)]).is_empty());
            let found = seen.note(&target, &claim, &records, &[Some(&lost), None]);
            assert_eq!(found.iter().map(|d| (d.field.as_str(), d.records)).collect::<Vec<_>>(), [("nmae", 3)]);
            let (flow, why) = found[0].stop(&target, "gl_account");
            assert_eq!(flow, FlowId::new("EDU1", "gl_account"));
            assert!(
                why.contains("kept nothing of field `nmae` in table `t`") && why.contains("3 records") && why.contains("`k0`"),
                "{why}"
            );
            // a person resumed it: counted anew
            seen.stopped(&target, &found[0]);
            assert!(seen.note(&target, &claim, &records, &[Some(&lost), Some(&lost)]).is_empty());

            // one that kept it is enough, before or after the others
            let mut seen = Seen::default();
            let (claim, records) = batch(5);
            assert!(seen.note(&target, &claim, &records, &[Some(&lost), Some(&lost), Some(&lost), Some(&lost), Some(&none)]).is_empty());
            assert!(seen.note(&target, &claim, &records, &[Some(&lost[..]); 5]).is_empty());
        }
        let (target, mut seen) = (target(PartialWrite::Stop), Seen::default());
        assert_eq!(seen.note(&target, &claim, &records, &[Some(&none), Some(&lost)]).len(), 1, "`stop` stops at the first");
    }
}
