//! Which records are previewed: one by its key, or the first ones of SYSPRO. They are read from SYSPRO as they are now.

use std::collections::BTreeSet;

use chrono::Utc;

use super::super::flow::configured;
use super::super::refused::Refused;
use super::page::PageWork;
use super::servicenow::ServiceNowSide;
use super::view::Preview;
use crate::actors::system::Access;
use crate::definition::{Plan, ReadPlan};
use crate::doctor::one_record;
use crate::domain::{CompanyId, Document, DocumentKey, FlowId, chain};
use crate::process::Process;
use crate::process::syspro_link::SysproLink;
use crate::syspro::{PageQuery, ReadScope};

/// What to preview.
#[derive(Debug, Clone)]
pub struct PreviewAsked {
    /// The flow.
    pub flow: FlowId,
    /// The key of one record; `None`: the first records in the order of SYSPRO's keys.
    pub key: Option<String>,
    /// The most records, at least 1.
    pub limit: u32,
}

/// What was read of SYSPRO.
struct Chosen {
    documents: Vec<Document>,
    more: bool,
    notes: Vec<String>,
}

/// Shows what Tieline would send of these records now. Writes nothing. `access`: that of the service; without it, as in a command, both
/// systems are asked with a session of its own.
///
/// # Errors
/// [`Refused::NoFlow`], [`Refused::SysproNotRead`]; an error of the ledger.
pub async fn preview(process: &Process, access: Option<&Access>, asked: &PreviewAsked) -> Result<Preview, Refused> {
    let flow = &asked.flow;
    configured(process, flow)?;
    let definitions = process.definitions.now();
    let Some(plan) = definitions.plan(&flow.entity) else {
        return Err(Refused::NotInLedger(flow.clone()));
    };
    let (read_at, key) = (Utc::now(), asked.key.as_deref().map(DocumentKey::typed));
    let Chosen { documents, more, mut notes } = chosen(process, access, plan, &flow.company, key.as_ref(), asked.limit).await?;
    let servicenow = ServiceNowSide::open(process, access).await;
    let work = PageWork::new(process, &definitions, plan, flow, &servicenow);
    let mut records = work.records(&documents).await?;
    if let Some(key) = key.filter(|_| documents.is_empty()) {
        let seen = one_record::ask(process, access, flow, key.as_str()).await;
        records.push(work.absent(&key, &seen).await?);
    }
    let in_force = process.store.definition_in_force().await?;
    notes.extend(about(plan));
    Ok(Preview {
        company: flow.company.to_string(),
        entity: flow.entity.to_string(),
        definition_in_force: in_force.is_some_and(|row| row.hash == definitions.set.hash),
        definition_hash: definitions.set.hash.clone(),
        read_at,
        not_compared: servicenow.closed().map(str::to_owned),
        notes,
        more,
        records,
    })
}

/// What a comparison of these records cannot say.
fn about(plan: &Plan) -> Option<String> {
    plan.aligned().map(|_| {
        "These records may change on both sides. A run merges each field with the values that both sides last agreed on, so a value that was \
         changed in ServiceNow can stay there or become a conflict; the preview compares the values of both sides alone."
            .to_owned()
    })
}

async fn chosen(
    process: &Process,
    access: Option<&Access>,
    plan: &Plan,
    company: &CompanyId,
    key: Option<&DocumentKey>,
    limit: u32,
) -> Result<Chosen, Refused> {
    let link = SysproLink::open(process, access.map(Access::enet_transport)).await.map_err(Refused::SysproNotRead)?;
    let read = match key {
        Some(key) => one(&link, company, &plan.read, key).await,
        None => first(&link, company, &plan.read, limit).await,
    };
    link.close().await;
    read.map_err(Refused::SysproNotRead)
}

async fn one(link: &SysproLink, company: &CompanyId, plan: &ReadPlan, key: &DocumentKey) -> Result<Chosen, String> {
    let page = link.reader.by_key(&link.credential, company, plan, std::slice::from_ref(key)).await.map_err(|error| chain(&error))?;
    Ok(Chosen { documents: page.documents, more: false, notes: missing_columns(page.missing_columns) })
}

async fn first(link: &SysproLink, company: &CompanyId, plan: &ReadPlan, limit: u32) -> Result<Chosen, String> {
    let wanted = limit.max(1) as usize;
    let (mut documents, mut missing, mut nameless, mut after) = (Vec::new(), BTreeSet::new(), false, None);
    let more = loop {
        let query = PageQuery { scope: ReadScope::All, after: after.take(), limit };
        let page = link.reader.page(&link.credential, company, plan, &query).await.map_err(|error| chain(&error))?;
        documents.extend(page.documents);
        missing.extend(page.missing_columns);
        nameless |= page.nameless;
        match page.next {
            Some(next) if documents.len() < wanted => after = Some(next),
            next => break next.is_some() || documents.len() > wanted,
        }
    };
    documents.truncate(wanted);
    let mut notes = missing_columns(missing);
    if nameless {
        notes.push(format!("A row of SYSPRO's table `{}` has a key that cannot be read, so its record is not shown.", plan.root.table));
    }
    Ok(Chosen { documents, more, notes })
}

/// Columns that the definition names and SYSPRO lacks.
fn missing_columns(columns: impl IntoIterator<Item = (String, String)>) -> Vec<String> {
    let note = |(table, column)| format!("SYSPRO's table `{table}` has no column `{column}`: it is read as empty.");
    columns.into_iter().map(note).collect()
}
