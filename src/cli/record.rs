//! `tieline record`: the history of one record, its state and the reason.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::RawValue;

use super::failure::{Exit, Failure};
use super::{Global, OutputForm, output};
use crate::definition::plan::Plan;
use crate::domain::history::{Change, ChildKeys, changes, faults, plain};
use crate::domain::ids::DeliveryId;
use crate::domain::{DocumentKey, EntityName, FlowId};
use crate::operations::explain::{Explained, explain};
use crate::store::{HoldView, RecordAttempt, RecordView, SentFilter};

/// Which record.
#[derive(Debug, clap::Args)]
pub struct RecordArgs {
    /// The company
    company: String,
    /// The entity
    entity: String,
    /// The key as SYSPRO stores it, its parts joined by `/`: 0000104/INV-7
    key: String,
    /// Show what was sent of it, or of this version: the fields, the definition in force and the attempts of each delivery
    #[arg(long, value_name = "VERSION", num_args = 0..=1, value_parser = clap::value_parser!(i32).range(1..))]
    sent: Option<Option<i32>>,
    /// With --sent: only this part, `header` or `lines`, or one line such as 'lines 2030/1/77/1/1'
    #[arg(long, requires = "sent")]
    part: Option<String>,
    /// With --sent: at most this number of deliveries, the newest
    #[arg(long, requires = "sent", default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=100_000))]
    limit: i64,
}

/// Runs the command.
pub(super) fn record(global: &Global, args: &RecordArgs) -> Result<Exit, Failure> {
    super::context::with_ledger(global, async |context| {
        if let Some(version) = args.sent {
            let asked = SentFilter {
                company: args.company.clone(),
                entity: args.entity.clone(),
                key: args.key.clone(),
                version,
                part: args.part.clone(),
                before: DeliveryId::default(),
                limit: args.limit,
            };
            return super::sent::print(global, &context.process(), asked).await.map(|()| Exit::Done);
        }
        let flow = FlowId::new(args.company.as_str(), args.entity.as_str());
        let view = match explain(&context.process(), &flow, &args.key).await? {
            Explained::Known(view) => view,
            Explained::NeverRead(seen) => {
                let text = format!("{flow} `{}` was never read: {seen}; {}", args.key, seen.next_step());
                return Err(Failure::new(Exit::Failed, text));
            }
        };
        let keys = context.checked.definitions.plan(&EntityName::new(&args.entity)).map(child_keys).unwrap_or_default();
        let changes = changes(view.versions.iter().map(|version| version.content.as_str()), &keys);
        if global.output == OutputForm::Json {
            json(&view, &changes)?
        } else {
            print(&view, &changes)?
        }
        Ok(Exit::Done)
    })
}

fn child_keys(plan: &Plan) -> ChildKeys {
    plan.read.children.iter().map(|child| (child.name.clone(), child.table.key.clone())).collect()
}

/// The view for programs. Structs instead of `json!`, whose numbers would be binary floats: content and payload keep all digits.
#[derive(Serialize)]
struct JsonRecord<'a> {
    company: &'a str,
    entity: &'a str,
    key: &'a str,
    explanation: &'a str,
    hold: Option<&'a HoldView>,
    versions: Vec<JsonVersion<'a>>,
    deliveries: Vec<JsonDelivery<'a>>,
    steps: &'a [RecordAttempt],
}

#[derive(Serialize)]
struct JsonVersion<'a> {
    version: i32,
    read_at: DateTime<Utc>,
    #[serde(rename = "gone")]
    deleted: bool,
    changes: &'a [Change],
    /// Why it could not be read, and what to do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    faults: Vec<JsonFault>,
    content: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct JsonFault {
    text: String,
    next_step: String,
}

#[derive(Serialize)]
struct JsonDelivery<'a> {
    delivery_id: DeliveryId,
    version: i32,
    block: &'a str,
    record_key: &'a str,
    state: &'a str,
    reason: Option<&'a str>,
    message: Option<&'a str>,
    next_step: Option<&'a str>,
    sys_id: Option<&'a str>,
    target_table: Option<&'a str>,
    former: bool,
    marked: bool,
    payload: Option<&'a RawValue>,
}

fn json(view: &RecordView, changes: &[Vec<Change>]) -> Result<(), Failure> {
    let versions = view.versions.iter().zip(changes).map(|(version, changes)| JsonVersion {
        version: version.version,
        read_at: version.read_at,
        deleted: version.deleted,
        changes,
        faults: faults(&version.content)
            .into_iter()
            .map(|fault| JsonFault { next_step: fault.next_step.text().into_owned(), text: fault.text.into() })
            .collect(),
        content: RawValue::from_string(plain(&version.content)).ok(),
    });
    let deliveries = view.deliveries.iter().map(|delivery| JsonDelivery {
        delivery_id: delivery.delivery_id,
        version: delivery.version,
        block: &delivery.block,
        record_key: &delivery.record_key,
        state: &delivery.state,
        reason: delivery.reason.as_deref(),
        message: delivery.message.as_deref(),
        next_step: delivery.next_step.as_deref(),
        sys_id: delivery.sys_id.as_deref(),
        target_table: delivery.target_table.as_deref(),
        former: delivery.former,
        marked: delivery.marked,
        payload: raw(&delivery.payload),
    });
    output::json(&JsonRecord {
        company: &view.company,
        entity: &view.entity,
        key: &view.key,
        explanation: &view.explanation,
        hold: view.hold.as_ref(),
        versions: versions.collect(),
        deliveries: deliveries.collect(),
        steps: &view.steps,
    })
}

fn raw(text: &str) -> Option<&RawValue> {
    serde_json::from_str(text).ok()
}

fn print(view: &RecordView, changes: &[Vec<Change>]) -> Result<(), Failure> {
    output::line(&format!("{}/{} {}", view.company, view.entity, DocumentKey::shown(&view.key)))?;
    output::line(&view.explanation)?;
    for (version, changes) in view.versions.iter().zip(changes) {
        let gone = if version.deleted { ", gone from SYSPRO" } else { "" };
        output::line(&format!("\nversion {} read {}{gone}", version.version, version.read_at.format("%Y-%m-%d %H:%M:%SZ")))?;
        for fault in faults(&version.content) {
            output::line(&format!("  could not be read: {}", fault.text))?;
            output::line(&format!("  what to do: {}", fault.next_step.text()))?;
        }
        for change in changes {
            output::line(&format!("  {}: {}", change.field, change.words()))?;
        }
    }
    let rows = view.deliveries.iter().map(|d| {
        let part = if d.record_key.is_empty() { d.block.clone() } else { format!("{} {}", d.block, d.record_key) };
        let state = d.reason.as_ref().map_or_else(|| d.state.clone(), |reason| format!("{}: {reason}", d.state));
        let row = match (&d.target_table, &d.sys_id) {
            (Some(table), Some(sys_id)) if d.former => format!("{table} {sys_id}, which is no longer written"),
            (Some(table), Some(sys_id)) => format!("{table} {sys_id}"),
            _ => String::new(),
        };
        vec![part, d.version.to_string(), state, d.message.clone().unwrap_or_default(), d.next_step.clone().unwrap_or_default(), row]
    });
    output::line(&output::table(&["part", "version", "state", "why", "next step", "in ServiceNow"], &[1], rows))?;
    let rows = view.steps.iter().map(|s| {
        vec![
            s.at.format("%Y-%m-%d %H:%M:%S%.3fZ").to_string(),
            s.kind.clone(),
            [s.block.as_deref(), s.record_key.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ").trim_end().to_owned(),
            s.version.map(|version| version.to_string()).unwrap_or_default(),
            s.actor.clone(),
            s.detail.clone().unwrap_or_default(),
        ]
    });
    output::line(&output::table(&["at", "step", "part", "version", "who", "detail"], &[3], rows))
}
