//! Fields of which ServiceNow stores nothing: the column does not exist or may not be written. If several records lose the field and none
//! keeps it, the cause is the definition or a right, not a record: the flow must stop.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::definition::plan::{PartialWrite, TargetPlan};
use crate::domain::FlowId;
use crate::servicenow::{FieldDifference, How, OutRecord, Outcome, Settled};
use crate::store::Claim;

/// The number of records that must lose a field, with none that keeps it, before the flow stops.
const RECORDS: u32 = 3;

/// What has been seen of each field since the program started: by flow and block, and then by the field's name, so that a record's fields
/// are found by their names alone.
#[derive(Debug, Default)]
pub(super) struct ObservedFields(BTreeMap<(FlowId, String), BTreeMap<String, Field>>);

/// One field of one block. Two entities may have columns with the same name, in two tables with different rights.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    flow: FlowId,
    block: String,
    field: String,
}

#[derive(Debug, Default)]
struct Field {
    kept: bool,
    dropped: u32,
}

/// A field of which nothing was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dropped {
    place: Place,
    records: u32,
    /// What was sent for the last of these records, and its key.
    sent: String,
    key: String,
}

/// The fields that came back for one written record; `None`: nothing is known of them.
pub(super) fn of_outcome(outcome: &Outcome) -> Option<&[FieldDifference]> {
    match outcome {
        Outcome::Confirmed { partial, how, .. } if *how != How::Unchanged => Some(partial),
        _ => None,
    }
}

/// The same for a record that was looked up.
pub(super) fn of_settled(settled: &Settled) -> Option<&[FieldDifference]> {
    match settled {
        Settled::Confirmed { partial, .. } if !partial.is_empty() => Some(partial),
        _ => None,
    }
}

impl ObservedFields {
    /// Notes what came back for a batch, and names the fields of which nothing has been stored so far. A definition with `stop` stops the
    /// flow at the first record.
    pub(super) fn note(
        &mut self,
        target: &TargetPlan,
        claim: &Claim,
        records: &[OutRecord],
        returned: &[Option<&[FieldDifference]>],
    ) -> Vec<Dropped> {
        let mut found: BTreeMap<Place, Dropped> = BTreeMap::new();
        for ((delivery, record), differences) in claim.deliveries.iter().zip(records).zip(returned) {
            let Some(differences) = differences else { continue };
            let flow = FlowId::new(delivery.company.as_str(), claim.queue.entity.as_str());
            let observed = self.0.entry((flow.clone(), claim.queue.block.clone())).or_default();
            let version = target.version_column.iter().map(|column| (column.as_str(), Cow::Owned(record.version.to_string())));
            let fields = record.fields.iter().map(|(name, text)| (name, Cow::Borrowed(text)));
            for (name, sent) in version.chain(fields).filter(|(_, text)| !text.trim().is_empty()) {
                let gone = differences.iter().any(|d| d.field == name && d.returned.as_deref().unwrap_or_default().trim().is_empty());
                if !observed.contains_key(name) {
                    observed.insert(name.to_owned(), Field::default());
                }
                let Some(field) = observed.get_mut(name) else { continue };
                field.kept |= !gone;
                if !gone {
                    continue;
                }
                field.dropped = field.dropped.saturating_add(1);
                if target.partial_write == PartialWrite::Stop || !field.kept && field.dropped >= RECORDS {
                    let place = Place { flow: flow.clone(), block: claim.queue.block.clone(), field: name.to_owned() };
                    let (key, records, sent) = (delivery.key.clone(), field.dropped, sent.into_owned());
                    found.insert(place.clone(), Dropped { place, records, sent, key });
                }
            }
        }
        let still =
            |dropped: &Dropped| target.partial_write == PartialWrite::Stop || self.of(&dropped.place).is_some_and(|field| !field.kept);
        found.into_values().filter(still).collect()
    }

    fn of(&self, place: &Place) -> Option<&Field> {
        self.0.get(&(place.flow.clone(), place.block.clone()))?.get(&place.field)
    }

    fn of_block(&mut self, place: &Place) -> &mut BTreeMap<String, Field> {
        self.0.entry((place.flow.clone(), place.block.clone())).or_default()
    }

    /// The field is stored after all.
    pub(super) fn kept(&mut self, dropped: &Dropped) {
        self.of_block(&dropped.place).entry(dropped.place.field.clone()).or_default().kept = true;
    }

    /// The flow is stopped: after a person has resumed it, the count starts from zero.
    pub(super) fn stopped(&mut self, dropped: &Dropped) {
        self.of_block(&dropped.place).remove(&dropped.place.field);
    }
}

impl Dropped {
    /// The flow that must stop.
    pub(super) fn flow(&self) -> &FlowId {
        &self.place.flow
    }

    /// The field, as the target table's column is named.
    pub(super) fn field(&self) -> &str {
        &self.place.field
    }

    /// Why the flow is stopped.
    pub(super) fn why(&self, target: &TargetPlan) -> String {
        let records = if self.records == 1 { "1 record".to_owned() } else { format!("{} records", self.records) };
        let Place { flow, block, field } = &self.place;
        format!(
            "ServiceNow did not store field `{field}` in table `{}`: Tieline sent it for {records}, such as `{}` for `{}`, and it came \
             back empty or not at all. Correct the column's name in `[{block}.fields]` of the profile, create the column, or give the \
             OAuth application's user the right to write it, then resume the flow: `tieline flow resume {} {} --why …`, and send the \
             records again with `tieline replay`",
            target.table, self.sent, self.key, flow.company, flow.entity
        )
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::definition::plan::{ClearWith, WriteMode};
    use crate::domain::ids::{BatchId, DeliveryId, DocumentId};
    use crate::domain::version::VersionText;
    use crate::store::{Claimed, Queue};

    fn target(partial_write: PartialWrite) -> TargetPlan {
        TargetPlan {
            align: None,
            watch: None,
            tie_out: Default::default(),
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
            delivery_id: DeliveryId(n as i64),
            document_id: DocumentId(n as i64),
            company: "EDU1".into(),
            key: format!("k{n}"),
            version: 1,
            payload_hash: Vec::new(),
            record_key: String::new(),
            attempts: 1,
            failed_lookups: 0,
            payload: "{}".into(),
            refs: None,
            expects: None,
            sys_id: None,
            sys_table: None,
            confirmed_before: false,
            run_id: None,
            sent_ago: None,
            elsewhere: false,
            known: true,
            reason: None,
            said: None,
        };
        let record = |n: usize| OutRecord {
            delivery: DeliveryId(n as i64),
            source_key: format!("k{n}"),
            version: VersionText::new(1, &[]),
            fields: [("nmae".to_owned(), format!("Name {n}")), ("u_empty".to_owned(), String::new())].into(),
            cleared: Default::default(),
            sys_id: None,
            sys_table: None,
            derived_sys_id: String::new(),
            may_exist: false,
            alone: false,
            expects: None,
        };
        let queue = Queue { entity: "gl_account".into(), block: "header".into() };
        (Claim { batch_id: BatchId(Uuid::nil()), queue, deliveries: (0..count).map(claimed).collect() }, (0..count).map(record).collect())
    }

    fn gone(field: &str) -> Vec<FieldDifference> {
        vec![FieldDifference { field: field.into(), sent: "x".into(), returned: None }]
    }

    #[test]
    fn a_field_of_which_nothing_is_kept_is_named_after_three_records() {
        let (claim, records) = batch(2);
        let (lost, none) = (gone("nmae"), Vec::<FieldDifference>::new());
        for policy in [PartialWrite::Fail, PartialWrite::Record] {
            let (target, mut seen) = (target(policy), ObservedFields::default());
            assert!(seen.note(&target, &claim, &records, &[Some(&lost), Some(&lost)]).is_empty());
            let found = seen.note(&target, &claim, &records, &[Some(&lost), None]);
            assert_eq!(found.iter().map(|d| (d.field(), d.records)).collect::<Vec<_>>(), [("nmae", 3)]);
            let why = found[0].why(&target);
            assert_eq!(*found[0].flow(), FlowId::new("EDU1", "gl_account"));
            assert!(why.contains("did not store field `nmae` in table `t`") && why.contains("3 records") && why.contains("`k0`"), "{why}");
            // a person resumed it: the count starts from zero
            seen.stopped(&found[0]);
            assert!(seen.note(&target, &claim, &records, &[Some(&lost), Some(&lost)]).is_empty());

            // one record that kept the field is enough, before or after the others
            let mut seen = ObservedFields::default();
            let (claim, records) = batch(5);
            assert!(seen.note(&target, &claim, &records, &[Some(&lost), Some(&lost), Some(&lost), Some(&lost), Some(&none)]).is_empty());
            assert!(seen.note(&target, &claim, &records, &[Some(&lost[..]); 5]).is_empty());
        }
        // another company, entity or block with a column of this name shows nothing about this one
        let (target, (claim, records)) = (target(PartialWrite::Fail), batch(3));
        let elsewhere: [fn(&mut Claim); 3] = [
            |claim| claim.deliveries.iter_mut().for_each(|delivery| delivery.company = "EDU2".into()),
            |claim| claim.queue.entity = "cost_center".into(),
            |claim| claim.queue.block = "lines".into(),
        ];
        for change in elsewhere {
            let (mut seen, (mut other, sent)) = (ObservedFields::default(), batch(3));
            change(&mut other);
            assert!(seen.note(&target, &other, &sent, &[Some(&none[..]); 3]).is_empty());
            assert_eq!(seen.note(&target, &claim, &records, &[Some(&lost[..]); 3]).len(), 1);
        }
        let (target, mut seen) = (self::target(PartialWrite::Stop), ObservedFields::default());
        assert_eq!(seen.note(&target, &claim, &records, &[Some(&none), Some(&lost)]).len(), 1, "`stop` stops at the first");
    }
}
