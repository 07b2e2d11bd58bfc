//! What was sent of a record: the fields of each delivery as they were stored, the definition that was in force, and the attempts.
//!
//! The fields are those that Tieline stored when it mapped the version. The Writer sends these, and fills in references by sys_id.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use super::resend::remap;
use super::{NeverRead, Refused};
use crate::definition::set::short;
use crate::definition::{Definitions, Plan, WrittenCurrency};
use crate::domain::audit::AuditKind;
use crate::domain::delivery::{Confirmation, DeliveryAction, PartState};
use crate::domain::history::{ChildKeys, Flat, flatten};
use crate::domain::ids::{BatchId, DeliveryId, RunId};
use crate::domain::{CompanyId, FlowId, LateReference, RecordRef};
use crate::process::Process;
use crate::process::in_force::Snapshot;
use crate::store::{AuditedAttempt, IntakeRecord, KeptDelivery, SentFilter, SentPage, SentVersion};

/// What was sent of a record, one page of it.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct RecordSent {
    /// The company.
    pub company: String,
    /// The entity.
    pub entity: String,
    /// The key.
    pub key: String,
    /// The number of the record's newest version.
    pub newest_version: i32,
    /// What is not known any more, or not shown, in sentences.
    pub notes: Vec<String>,
    /// The deliveries, the newest first.
    pub items: Vec<SentPart>,
    /// Send it as `after` for the following page; null: this is the last page.
    pub next: Option<String>,
}

/// One delivery: a part of a version, as it was sent or is to be sent.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct SentPart {
    /// The delivery.
    #[schema(value_type = i64)]
    pub delivery_id: DeliveryId,
    /// The version that it carries; null: not known any more.
    pub version: Option<i32>,
    /// `header`, or the name of the lines and the key of the line; null: not known any more.
    pub part: Option<String>,
    /// `upsert`: create or update; `gone`: mark as gone from SYSPRO; `unmapped`: nothing was sent. Null: not known any more.
    pub action: Option<DeliveryAction>,
    /// When it was queued; null: not known any more.
    pub queued_at: Option<DateTime<Utc>>,
    /// The run that queued it; null: not known.
    pub run_id: Option<RunId>,
    /// `delivered`, `superseded` or one of the states of an undelivered part; null: not known.
    pub state: Option<String>,
    /// The definition that was in force.
    pub definition: SentDefinition,
    /// The fields as they were stored when the version was mapped; null: not known any more.
    pub fields: Option<BTreeMap<String, String>>,
    /// The currency of each field that is an amount of money, as far as it is known.
    pub currencies: BTreeMap<String, String>,
    /// Fields that Tieline fills in with the sys_id of another record when it sends this one.
    pub references: Vec<SentReference>,
    /// Whether the stored content of the version, mapped again by the same mapping, gives the same fields; null: not compared.
    pub maps_the_same: Option<bool>,
    /// What is not known any more, and what differs, in sentences.
    pub notes: Vec<String>,
    /// The attempts, and why it was not sent: the oldest first, at most the last 50.
    pub attempts: Vec<SentAttempt>,
}

/// The definition that was in force for a delivery.
#[derive(Debug, Clone, Default, Serialize, utoipa::ToSchema)]
#[schema(as = SentDefinition)]
pub struct SentDefinition {
    /// Its number; null: not known, or one of `one_of`.
    pub number: Option<i32>,
    /// SHA-256 of its files; null as for `number`.
    pub hash: Option<String>,
    /// If it is not known which one it was: the definitions that it can have been. All of them map the record in the same way.
    pub one_of: Vec<i32>,
    /// The number of the mapping: of what the definition says about this company and entity. Null: not known.
    pub mapping: Option<i32>,
    /// SHA-256 of the mapping; null: not known.
    pub mapping_hash: Option<String>,
}

/// A field that carries the sys_id of another record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct SentReference {
    /// The field.
    pub field: String,
    /// The entity of the other record.
    pub entity: String,
    /// Its key.
    pub key: String,
    /// The sys_id of its row in ServiceNow, as the ledger knows it now; null: it is not delivered.
    pub sys_id: Option<String>,
}

/// One attempt, or the reason why nothing was sent.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct SentAttempt {
    /// When Tieline stored the outcome.
    pub at: DateTime<Utc>,
    /// When Tieline was about to send the batch or to look it up; null: no batch, or not known.
    pub began_at: Option<DateTime<Utc>>,
    /// The batch; null: nothing was sent.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub batch_id: Option<BatchId>,
    /// `sent` or `looked_up`; null: nothing was sent, or it is not known which.
    pub how: Option<&'static str>,
    /// The outcome: the kind of its audit row.
    pub outcome: String,
    /// How it was confirmed; null: it was not, or not known.
    pub result: Option<Confirmation>,
    /// The row in ServiceNow.
    pub sys_id: Option<String>,
    /// Its table.
    pub table: Option<String>,
    /// The message of ServiceNow, or the reason.
    pub message: Option<String>,
    /// Fields that ServiceNow stored with another value than was sent.
    pub not_as_sent: Vec<NotAsSent>,
}

/// A field that ServiceNow stored with another value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct NotAsSent {
    /// The field.
    pub field: String,
    /// What was sent.
    pub sent: String,
    /// What ServiceNow returned.
    pub returned: String,
}

/// What was sent of a record, as the ledger has it. Nothing is read from SYSPRO or ServiceNow.
///
/// # Errors
/// [`Refused::NoFlow`], [`Refused::NeverRead`]; an error of the ledger.
pub async fn sent(process: &Process, asked: SentFilter) -> Result<RecordSent, Refused> {
    let flow = FlowId::new(asked.company.as_str(), asked.entity.as_str());
    let Some(mut page) = process.store.record_sent(asked.clone()).await? else {
        process.names().await?.check(Some(flow.company.as_str()), Some(flow.entity.as_str())).map_err(Refused::NoFlow)?;
        return Err(Refused::NeverRead(NeverRead::of(&flow, vec![asked.key])));
    };
    let limit = usize::try_from(asked.limit).unwrap_or(usize::MAX);
    let more = page.deliveries.len() > limit;
    page.deliveries.truncate(limit);
    let next = page.deliveries.last().filter(|_| more).map(|last| last.delivery_id.to_string());
    let sys_ids = sys_ids(process, &flow, &page.deliveries).await?;
    let notes = notes(&asked, &page);
    let mut attempts: HashMap<DeliveryId, Vec<AuditedAttempt>> = HashMap::new();
    for attempt in page.attempts.drain(..) {
        attempts.entry(attempt.delivery_id).or_default().push(attempt);
    }
    let reader = Reader::new(process, &flow, &page, &sys_ids);
    let mut items: Vec<SentPart> =
        page.deliveries.iter().map(|delivery| reader.kept(delivery, attempts.remove(&delivery.delivery_id).unwrap_or_default())).collect();
    // what is left belongs to deliveries that the ledger does not have
    let mut removed: Vec<(DeliveryId, Vec<AuditedAttempt>)> = attempts.into_iter().collect();
    removed.sort_by_key(|(id, _)| std::cmp::Reverse(*id));
    let unlisted = removed.len().saturating_sub(limit);
    items.extend(removed.into_iter().take(limit).map(|(id, attempts)| removed_part(id, attempts)));
    let mut record = RecordSent {
        company: flow.company.to_string(),
        entity: flow.entity.to_string(),
        newest_version: page.newest,
        key: page.key.clone(),
        notes,
        items,
        next,
    };
    if unlisted > 0 {
        record.notes.push(format!(
            "Retention removed the fields of {unlisted} more deliveries, which are not listed; the audit has their outcomes."
        ));
    }
    if record.items.is_empty() && record.notes.is_empty() {
        record.notes.push(nothing(&asked, &page));
    }
    Ok(record)
}

/// Why nothing is listed.
fn nothing(asked: &SentFilter, page: &SentPage) -> String {
    let of = asked.part.as_deref().map(|part| format!(" as `{part}`")).unwrap_or_default();
    match asked.version {
        Some(version) if page.versions.iter().any(|one| one.version == version) => {
            format!("The ledger has no delivery of version {version}{of}: nothing had to be sent, or retention removed it.")
        }
        Some(version) => {
            format!("Version {version} and what was sent of it{of} are not known any more: retention removed them.")
        }
        None => format!("The ledger has no delivery of this record{of}: nothing had to be sent, or retention removed it."),
    }
}

fn notes(asked: &SentFilter, page: &SentPage) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(version) = asked.version.filter(|version| *version > page.newest) {
        notes.push(format!("There is no version {version}: the newest is version {}.", page.newest));
    }
    if page.attempts.iter().any(|attempt| attempt.cut) {
        notes.push(
            "The audit has more events of this record than a page reads, so attempts may be missing here. `tieline audit` lists them all."
                .to_owned(),
        );
    }
    notes
}

/// The sys_ids of the records that these refer to.
async fn sys_ids(process: &Process, flow: &FlowId, deliveries: &[KeptDelivery]) -> Result<HashMap<RecordRef, String>, Refused> {
    let references = deliveries.iter().flat_map(|delivery| references(delivery).unwrap_or_default());
    let wanted = references.map(|reference| referred(flow, &reference)).collect();
    Ok(process.store.record_resolve(wanted).await?.into_iter().collect())
}

/// `None`: they cannot be read back.
fn references(delivery: &KeptDelivery) -> Option<Vec<LateReference>> {
    delivery.refs.as_deref().map_or(Some(Vec::new()), |json| serde_json::from_str(json).ok())
}

fn referred(flow: &FlowId, reference: &LateReference) -> RecordRef {
    RecordRef { flow: FlowId::new(flow.company.as_str(), reference.entity.clone()), key: reference.key.clone() }
}

/// The currency of each amount among these fields of a block, as far as it is known. `content`: the values of the root row, by column.
pub(super) fn written_currencies(
    plan: &Plan,
    block: &str,
    definitions: &Definitions,
    company: &CompanyId,
    fields: &BTreeMap<String, String>,
    content: Option<&Flat>,
) -> BTreeMap<String, String> {
    let lists = &definitions.code_lists;
    let stored = |column: &str| content?.get(column).map(|text| text.trim().to_owned());
    let currency = |place: WrittenCurrency| match place {
        WrittenCurrency::Own => lists.own_currency(company).ok().map(String::from),
        WrittenCurrency::Field(name) => fields.get(&name).cloned(),
        WrittenCurrency::Column(name) => stored(&name).map(|code| lists.currency_shown(company, &code).into_owned()),
        WrittenCurrency::Unknown => None,
    };
    let amounts = plan.written_amounts(block);
    let sent = amounts.into_iter().filter(|(field, _)| fields.get(field).is_some_and(|text| !text.is_empty()));
    sent.filter_map(|(field, place)| Some((field, currency(place).filter(|code| !code.is_empty())?))).collect()
}

/// What is needed to read the deliveries of a page.
struct Reader<'a> {
    flow: &'a FlowId,
    definitions: Snapshot,
    sys_ids: &'a HashMap<RecordRef, String>,
    /// The root rows of the versions, by column.
    contents: HashMap<i32, Flat>,
    /// How the versions are mapped now, where a delivery of theirs has the mapping in force; `Err`: they cannot be mapped.
    again: HashMap<i32, Result<Vec<IntakeRecord>, String>>,
    /// The hash of the mapping that this process would use now; `None`: it has none for the flow.
    mapping: Option<String>,
}

impl<'a> Reader<'a> {
    fn new(process: &Process, flow: &'a FlowId, page: &SentPage, sys_ids: &'a HashMap<RecordRef, String>) -> Self {
        let definitions = process.definitions.now();
        let ours: &Definitions = &definitions;
        let mapping = ours.set.mappings.get(flow).map(|mapping| mapping.hash.clone());
        let compared = |version: i32| page.deliveries.iter().any(|one| one.version == version && comparable(one, mapping.as_deref()));
        let versions = || page.versions.iter().filter(|one| !one.stored.deleted);
        let again = versions().filter(|one| compared(one.version)).map(|one| (one.version, mapped(process, &definitions, flow, one)));
        let again = again.collect();
        let contents = versions().map(|one| (one.version, flatten(&one.stored.content, &ChildKeys::new()))).collect();
        Self { flow, sys_ids, contents, again, mapping, definitions }
    }

    fn plan(&self) -> Option<&Plan> {
        self.definitions.plan(&self.flow.entity)
    }

    fn kept(&self, delivery: &KeptDelivery, audited: Vec<AuditedAttempt>) -> SentPart {
        let mut notes = Vec::new();
        let fields: Option<BTreeMap<String, String>> = serde_json::from_str(&delivery.payload).ok();
        let references = references(delivery);
        if fields.is_none() || references.is_none() {
            notes.push("The stored fields cannot be read back from the ledger.".to_owned());
        }
        if delivery.action == DeliveryAction::Unmapped {
            notes.push("Nothing was sent: this version could not be mapped.".to_owned());
        }
        let left_out = audited.first().map_or(0, |first| first.attempts - audited.len() as i64);
        if left_out > 0 {
            notes.push(format!("{left_out} earlier attempts are not listed; the audit has them."));
        }
        let definition = definition(delivery);
        if definition.is_unknown() {
            notes.push("The definition that was in force is not known: the ledger did not keep it then.".to_owned());
        }
        let maps_the_same = fields.as_ref().and_then(|fields| self.compare(delivery, fields, &mut notes));
        let attempts: Vec<SentAttempt> = audited.iter().map(attempt).collect();
        SentPart {
            delivery_id: delivery.delivery_id,
            version: Some(delivery.version),
            part: Some(part(&delivery.block, &delivery.record_key)),
            action: Some(delivery.action),
            queued_at: Some(delivery.queued_at),
            run_id: delivery.run_id,
            state: delivery.state.clone().or_else(|| state(&attempts)),
            currencies: fields.as_ref().map(|fields| self.currencies(delivery, fields)).unwrap_or_default(),
            // a record that could not be mapped has no fields, as opposed to an unknown number of them
            fields,
            references: references.unwrap_or_default().into_iter().map(|reference| self.reference(reference)).collect(),
            definition,
            maps_the_same,
            notes,
            attempts,
        }
    }

    fn reference(&self, reference: LateReference) -> SentReference {
        let sys_id = self.sys_ids.get(&referred(self.flow, &reference)).cloned();
        SentReference { field: reference.field, entity: reference.entity.to_string(), key: String::from(reference.key), sys_id }
    }

    /// The currency of each amount. It is read from what was sent, or else from the version.
    fn currencies(&self, delivery: &KeptDelivery, fields: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let Some(plan) = self.plan() else { return BTreeMap::new() };
        written_currencies(plan, &delivery.block, &self.definitions, &self.flow.company, fields, self.contents.get(&delivery.version))
    }

    /// Compares the stored fields with those that the same mapping makes of the stored content now.
    fn compare(&self, delivery: &KeptDelivery, fields: &BTreeMap<String, String>, notes: &mut Vec<String>) -> Option<bool> {
        if !comparable(delivery, self.mapping.as_deref()) {
            return None;
        }
        let records = match self.again.get(&delivery.version)? {
            Ok(records) => records,
            Err(problem) => {
                notes.push(format!("Mapped again now by the same mapping, version {} fails: {problem}", delivery.version));
                return Some(false);
            }
        };
        let own = records.iter().find(|record| record.block == delivery.block && record.record_key == delivery.record_key);
        let Some(own) = own else {
            notes.push(format!("Mapped again now by the same mapping, version {} does not have this part.", delivery.version));
            return Some(false);
        };
        let now: BTreeMap<String, String> = serde_json::from_str(&own.payload).ok()?;
        let mut differing: Vec<&str> =
            fields.iter().filter(|(name, text)| now.get(*name) != Some(*text)).map(|(name, _)| name.as_str()).collect();
        differing.extend(now.keys().filter(|name| !fields.contains_key(*name)).map(String::as_str));
        if own.refs.as_deref() != delivery.refs.as_deref() {
            differing.push("the references");
        }
        if differing.is_empty() {
            return Some(true);
        }
        notes.push(format!("Mapped again now by the same mapping, these differ from what was stored: {}.", differing.join(", ")));
        Some(false)
    }
}

/// Whether the stored fields can be compared with those that the mapping of this process makes: both are the same mapping.
fn comparable(delivery: &KeptDelivery, mapping: Option<&str>) -> bool {
    delivery.action == DeliveryAction::Upsert && mapping.is_some() && delivery.mapping_hash.as_deref() == mapping
}

fn mapped(process: &Process, definitions: &Snapshot, flow: &FlowId, version: &SentVersion) -> Result<Vec<IntakeRecord>, String> {
    remap(process, definitions, flow, &version.stored)?.mapped.map_err(|failure| failure.message.to_string())
}

/// A delivery that retention removed.
fn removed_part(id: DeliveryId, audited: Vec<AuditedAttempt>) -> SentPart {
    let attempts: Vec<SentAttempt> = audited.iter().map(attempt).collect();
    SentPart {
        delivery_id: id,
        version: audited.iter().find_map(|one| one.version),
        part: None,
        action: None,
        queued_at: None,
        run_id: None,
        state: state(&attempts),
        definition: SentDefinition::default(),
        fields: None,
        currencies: BTreeMap::new(),
        references: Vec::new(),
        maps_the_same: None,
        notes: vec![
            "Retention removed this delivery: its fields and its definition are not known any more. The audit still has its outcome."
                .to_owned(),
        ],
        attempts,
    }
}

/// A part, as people write it.
fn part(block: &str, record_key: &str) -> String {
    format!("{block} {record_key}").trim_end().to_owned()
}

fn definition(delivery: &KeptDelivery) -> SentDefinition {
    let mapping_hash = delivery.mapping_hash.clone().filter(|hash| !hash.is_empty());
    let mapping = delivery.mapping.filter(|_| mapping_hash.is_some());
    let number = delivery.definition;
    // without the number of its run, the mapping tells which ones it can have been
    let one_of = if number.is_none() && mapping.is_some() { delivery.alike.clone() } else { Vec::new() };
    SentDefinition { number, hash: delivery.definition_hash.clone(), one_of, mapping, mapping_hash }
}

impl SentDefinition {
    fn is_unknown(&self) -> bool {
        self.number.is_none() && self.one_of.is_empty()
    }

    /// The definition in words, with short hashes.
    pub fn words(&self) -> String {
        let mapping = match (self.mapping, &self.mapping_hash) {
            (Some(number), Some(hash)) => format!(", mapping {number} ({})", short(hash)),
            _ => String::new(),
        };
        match (self.number, &self.hash, self.one_of.as_slice()) {
            (Some(number), Some(hash), _) => format!("{number} ({}){mapping}", short(hash)),
            (Some(number), None, _) => format!("{number}{mapping}"),
            (None, _, []) => "not known any more".to_owned(),
            (None, _, [one]) => format!("{one}{mapping}"),
            (None, _, many) => {
                let numbers = many.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                format!("one of {numbers}, which map it in the same way{mapping}")
            }
        }
    }
}

/// The state of a delivery that is not among the undelivered ones: what its last outcome says.
fn state(attempts: &[SentAttempt]) -> Option<String> {
    if attempts.iter().any(SentAttempt::is_confirmed) {
        return Some(PartState::Delivered.as_str().to_owned());
    }
    let replaced = |one: &SentAttempt| one.outcome == AuditKind::Superseded.as_str();
    attempts.iter().any(replaced).then(|| AuditKind::Superseded.as_str().to_owned())
}

fn attempt(audited: &AuditedAttempt) -> SentAttempt {
    let detail: Value = audited.detail.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let text = |name: &str| detail.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(ToOwned::to_owned);
    let kind = audited.kind.parse().ok();
    let how = match (audited.batch_id, audited.look_up, kind) {
        (None, ..) => None,
        (_, Some(true), _) | (_, None, Some(AuditKind::LookedUp)) => Some("looked_up"),
        (_, Some(false), _) | (_, None, Some(AuditKind::Confirmed | AuditKind::Deferred)) => Some("sent"),
        (_, None, _) => None,
    };
    let field = |one: &Value| {
        let text = |name: &str| one.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        NotAsSent { field: text("field"), sent: text("sent"), returned: text("returned") }
    };
    SentAttempt {
        at: audited.at,
        began_at: audited.began_at,
        batch_id: audited.batch_id,
        how,
        outcome: audited.kind.clone(),
        result: text("how").and_then(|how| how.parse().ok()),
        sys_id: text("sys_id"),
        table: text("table"),
        message: text("message").or_else(|| text("why")).or_else(|| text("said")),
        not_as_sent: detail.get("fields").and_then(Value::as_array).into_iter().flatten().map(field).collect(),
    }
}

impl SentAttempt {
    /// Whether ServiceNow has the record since then.
    pub fn is_confirmed(&self) -> bool {
        match self.outcome.parse() {
            Ok(AuditKind::Confirmed | AuditKind::PartialWrite) => true,
            Ok(AuditKind::LookedUp) => self.sys_id.is_some(),
            _ => false,
        }
    }

    /// Whether Tieline sent the record or looked it up, in words.
    pub fn how_words(&self) -> &'static str {
        match (self.how, self.batch_id) {
            (Some("looked_up"), _) => "looked up",
            (Some(_), _) => "sent",
            (None, Some(_)) => "sent or looked up (not known which)",
            (None, None) => "not sent",
        }
    }

    /// The outcome in words, without the message.
    pub fn words(&self) -> String {
        let result = self.result.map(|result| format!(": {}", result.text())).unwrap_or_default();
        match (self.outcome.parse(), self.batch_id) {
            (Ok(AuditKind::Confirmed), _) => format!("ServiceNow has it{result}"),
            (Ok(AuditKind::PartialWrite), _) => format!("ServiceNow has it{result}, with other values than were sent"),
            (Ok(AuditKind::LookedUp), _) if self.sys_id.is_some() => format!("ServiceNow has it{result}"),
            (Ok(AuditKind::LookedUp), _) => "ServiceNow does not have it: Tieline sends it again".to_owned(),
            (Ok(AuditKind::Deferred), _) => "error, and Tieline sends it again".to_owned(),
            (Ok(AuditKind::Unknown), _) => "the outcome is unknown: Tieline looks it up".to_owned(),
            (Ok(AuditKind::Superseded), Some(_)) => "nothing was written".to_owned(),
            (Ok(AuditKind::Superseded), None) => "a newer delivery replaced it".to_owned(),
            _ => self.outcome.replace('_', " "),
        }
    }
}

/// What a delivery does, in words.
pub fn action_words(action: Option<DeliveryAction>) -> &'static str {
    action.map_or("not known any more", DeliveryAction::text)
}
