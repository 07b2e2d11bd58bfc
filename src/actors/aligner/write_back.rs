//! Writes the changes of the work list to SYSPRO, through the setup object that the site has named (`[setup]` of the entity's file).
//!
//! For each document: it reads the row, so that no decision uses an old value; it validates the change with `ValidateOnly` = `Y`; it stores
//! the intent in the ledger; it makes the real call; and it reads the row back. A change counts as applied only when SYSPRO shows it: the
//! row that was read back is stored like any other read, and the next comparison closes the entry. After a lost answer the same call is not
//! repeated at once: the next run reads the row first and decides by its value. Where the entity names no object, the list is for a person.

use std::sync::Arc;

use actix::prelude::*;
use futures_util::future::LocalBoxFuture;
use tracing::{info, warn};

use super::work::{AlignError, AlignNow, Work};
use crate::actors::mapper::{Presence, map_document};
use crate::actors::syspro_session::{EnetQuery, GetCredential, LogOff, log_off};
use crate::config::settings::SysproSource;
use crate::credentials::credential_store::{SYSPRO_ENET, syspro_credential};
use crate::credentials::secret::Credential;
use crate::definition::Plan;
use crate::definition::align::Fields;
use crate::definition::plan::Back;
use crate::domain::chain;
use crate::domain::ids::DocumentId;
use crate::domain::setup_object::{SetupCall, SetupMode};
use crate::domain::{Document, DocumentKey};
use crate::process::heartbeat::Heartbeat;
use crate::servicenow::same;
use crate::store::{Intake, StoreError, WriteBackDue, WriteBackStep, WriteBackUnder};
use crate::syspro::SysproReader;
use crate::syspro::enet::{EnetCall, EnetError, SetupOutcome, setup_outcome, unstorable};

/// Entries read from the list at once.
const PAGE: i64 = 500;

/// How long to wait for the end of the session.
const LOG_OFF: std::time::Duration = std::time::Duration::from_secs(30);

/// Access to SYSPRO: how rows are read, and the actor of the one session that writing needs.
#[derive(Clone)]
pub struct WriteBack {
    /// Reads rows back.
    pub reader: SysproReader,
    /// Hands out the credential for reading.
    pub credential: Recipient<GetCredential>,
    /// Calls business objects, one after another.
    pub session: Recipient<EnetQuery>,
    /// Ends the session.
    pub log_off: Recipient<LogOff>,
    /// Whether other nodes consider this one alive.
    pub heartbeat: Arc<Heartbeat>,
}

/// What was written to SYSPRO.
#[derive(Debug, Default)]
pub(super) struct Applied {
    /// Documents that differ between SYSPRO and the ledger and have not been stored yet.
    documents: Vec<Document>,
    /// Some documents were stored: both sides must be compared once more.
    pub(super) changed: bool,
    /// Values that SYSPRO shows after the call.
    pub(super) stored: usize,
}

/// Why the rest of the list waits for the next run.
enum Halt {
    /// e.net or SYSPRO does not work at present: every remaining entry gets this reason.
    Syspro(String),
    /// The ledger does not answer, or another node took over the flow.
    Align(AlignError),
}

impl From<AlignError> for Halt {
    fn from(error: AlignError) -> Self {
        Halt::Align(error)
    }
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        Halt::Align(error.into())
    }
}

/// A change with its column and the new value for SYSPRO.
struct Write {
    due: WriteBackDue,
    column: String,
    value: String,
}

impl Work {
    /// Writes the listed changes through the entity's setup object. A failure here does not fail the run: an entry that was not applied
    /// stays in the list with the reason.
    pub(super) async fn apply(&self, plan: &Plan, ask: &AlignNow) -> Result<Applied, AlignError> {
        let mut applied = Applied::default();
        let (Some(call), Some(way)) = (&plan.setup, &self.write_back) else { return Ok(applied) };
        let under =
            WriteBackUnder { lease: ask.lease.clone(), ttl: self.parts.lease, run: ask.run, object: call.object.as_str().to_owned() };
        let apply = Apply { work: self, plan, call, way, under };
        let mut rest = apply.due(DocumentId::default()).await?;
        let mut called = false;
        while !rest.is_empty() && !self.parts.stopping.has_begun() {
            let document = rest[0].document_id;
            let of_others = rest.iter().position(|due| due.document_id != document).unwrap_or(rest.len());
            let mut changes: Vec<WriteBackDue> = rest.drain(..of_others).collect();
            if rest.is_empty() {
                // a page may end between the changes of one document
                rest = apply.due(document).await?;
                changes = apply.whole(document, changes).await?;
            }
            called = true;
            match apply.document(&changes, &mut applied).await {
                Ok(()) if applied.documents.len() as i64 >= PAGE => self.take_back(plan, ask, &mut applied).await?,
                Ok(()) => {}
                Err(Halt::Align(error)) => return Err(error),
                Err(Halt::Syspro(text)) => {
                    warn!(flow = %self.flow, text, "changes of ServiceNow cannot be written to SYSPRO at present; they stay in the list");
                    changes.append(&mut rest);
                    apply.say(changes, WriteBackStep::NotCalled, &text).await?;
                    break;
                }
            }
        }
        // where SYSPRO is read through e.net, the session stays in use
        if called && matches!(self.parts.source, SysproSource::OData { .. }) {
            log_off(&way.log_off, LOG_OFF).await;
        }
        self.take_back(plan, ask, &mut applied).await?;
        Ok(applied)
    }

    /// Stores what was read back, like any other read.
    async fn take_back(&self, plan: &Plan, ask: &AlignNow, applied: &mut Applied) -> Result<(), AlignError> {
        let documents = std::mem::take(&mut applied.documents);
        if documents.is_empty() {
            return Ok(());
        }
        let map = |document: &Document| map_document(plan, &self.definitions, &self.flow.company, document, Presence::There);
        let intake = Intake {
            lease: Some((ask.lease.clone(), self.parts.lease)),
            aligned: true,
            ..Intake::of(self.flow.clone(), ask.run, documents.iter().map(map).collect())
        };
        self.parts.store.intake(intake).await?;
        applied.changed = true;
        Ok(())
    }
}

/// One run over the list.
struct Apply<'a> {
    work: &'a Work,
    plan: &'a Plan,
    call: &'a SetupCall,
    way: &'a WriteBack,
    under: WriteBackUnder,
}

impl Apply<'_> {
    async fn due(&self, after: DocumentId) -> Result<Vec<WriteBackDue>, AlignError> {
        Ok(self.work.parts.store.write_back_due(self.work.flow.clone(), after, PAGE).await?)
    }

    /// All changes of a document.
    async fn whole(&self, document: DocumentId, known: Vec<WriteBackDue>) -> Result<Vec<WriteBackDue>, AlignError> {
        let mut all = self.due(DocumentId(document.0 - 1)).await?;
        all.retain(|due| due.document_id == document);
        Ok(if all.is_empty() { known } else { all })
    }

    async fn say(&self, changes: Vec<WriteBackDue>, step: WriteBackStep, said: &str) -> Result<(), AlignError> {
        Ok(self.work.parts.store.write_back_note(self.under.clone(), changes, step, Some(said.to_owned())).await?)
    }

    /// The current row in SYSPRO and the fields mapped from it.
    async fn read(&self, key: &str) -> Result<Option<(Document, Fields)>, String> {
        let source = &self.work.parts.source;
        let credential = self.way.credential.send(GetCredential).await;
        let credential = credential.map_err(|_| {
            format!("credential `{}` cannot be read at this moment: the credential store is being restarted", syspro_credential(source))
        })?;
        let credential = credential.map_err(|error| error.to_string())?;
        let keys = [DocumentKey::from_text(key)];
        let page = self.way.reader.by_key(&credential, &self.work.flow.company, &self.plan.read, &keys).await;
        let page = page.map_err(|error| chain(&error))?;
        let Some(document) = page.documents.into_iter().next() else { return Ok(None) };
        let fields = self.work.mapped(self.plan, &document)?;
        Ok(Some((document, fields)))
    }

    /// One document's changes, from the first read of the row to the read after the call.
    async fn document(&self, changes: &[WriteBackDue], applied: &mut Applied) -> Result<(), Halt> {
        let key = changes[0].key.as_str();
        let unread = |problem| Halt::Syspro(format!("nothing is written, because SYSPRO's row cannot be read: {problem}"));
        let Some((document, fields)) = self.read(key).await.map_err(unread)? else {
            self.say(changes.to_vec(), WriteBackStep::NotCalled, "SYSPRO has no such record any more").await?;
            return Ok(());
        };
        let writes = self.writes(changes, &fields).await?;
        if writes.is_empty() {
            // SYSPRO may have stored the change although the call failed
            if changes.iter().any(|due| fields.get(&due.field).is_some_and(|now| !self.same(due, now, &due.syspro))) {
                applied.documents.push(document);
            }
            return Ok(());
        }
        let columns = &self.plan.read.columns;
        let value = |column: &str| {
            let own = writes.iter().find(|write| write.column == column).map(|write| write.value.clone());
            own.or_else(|| columns.iter().position(|name| name == column).and_then(|at| document.root.get(at)).map(|value| value.to_text()))
        };
        let text = self.call.document(value).map_err(|column| Halt::Syspro(format!("the template has no value for `{column}`")))?;
        let due: Vec<WriteBackDue> = writes.iter().map(|write| write.due.clone()).collect();
        if !self.trial(key, &text, &due).await? {
            return Ok(());
        }
        self.work.parts.crash.at("aligner:before_apply", self.work.flow.entity.as_str());
        let begun = std::time::Instant::now();
        self.work.parts.store.write_back_begin(self.under.clone(), due.clone()).await?;
        if !self.way.heartbeat.alive_since(begun) {
            let text = "this node missed its heartbeat and starts nothing; another node may have taken over the flow".to_owned();
            return Err(Halt::Align(AlignError::Store { text }));
        }
        let step = self.real(key, &text, &due).await?;
        self.work.parts.crash.at("aligner:after_apply", self.work.flow.entity.as_str());
        if step != WriteBackStep::Refused {
            self.read_back(key, &writes, step, applied).await?;
        }
        Ok(())
    }

    /// Whether two texts mean the same value of the changed field.
    fn same(&self, due: &WriteBackDue, a: &str, b: &str) -> bool {
        same(self.plan.aligned().map(|(target, _)| target.form(&due.field)).unwrap_or_default(), a, b)
    }

    /// The changes that can be written now; the others get the reason why not.
    async fn writes(&self, changes: &[WriteBackDue], fields: &Fields) -> Result<Vec<Write>, Halt> {
        let mut writes: Vec<Write> = Vec::new();
        for due in changes {
            let now = fields.get(&due.field).map_or("", String::as_str);
            let ready = match self.plan.goes_back(&due.field) {
                None => Err(format!("`[setup]` does not write `{}`: a person applies the change", due.field)),
                // SYSPRO has the value already, or a newer one: the next comparison decides
                Some(_) if self.same(due, now, &due.servicenow) || !self.same(due, now, &due.syspro) => continue,
                Some(_) if due.accepted => Err(self.unchanged(now)),
                Some((column, back)) => self.value(column, &due.servicenow, back).map(|value| (column.to_owned(), value)),
            };
            match ready {
                Ok((column, _)) if writes.iter().any(|write| write.column == column) => {
                    self.say(vec![due.clone()], WriteBackStep::NotCalled, &format!("another field is written to `{column}` too")).await?;
                }
                Ok((column, value)) => writes.push(Write { due: due.clone(), column, value }),
                Err(why) => {
                    let step = if due.accepted { WriteBackStep::Unchanged } else { WriteBackStep::NotCalled };
                    self.say(vec![due.clone()], step, &why).await?;
                }
            }
        }
        Ok(writes)
    }

    fn value(&self, column: &str, text: &str, back: Back) -> Result<String, String> {
        let value = back.value(text)?;
        if let Some(c) = unstorable(&value) {
            let shown =
                if c.is_control() { format!("a control character (U+{:04X})", u32::from(c)) } else { format!("the character `{c}`") };
            return Err(format!(
                "the value holds {shown}, which SYSPRO's column `{column}` cannot store: it holds one line in Windows-1252"
            ));
        }
        self.call
            .fits(column, &value)
            .map(|()| value)
            .map_err(|why| format!("{why}; shorten it in ServiceNow, or decide for SYSPRO's value"))
    }

    fn unchanged(&self, now: &str) -> String {
        format!(
            "SYSPRO accepted the change through `{}` and still shows `{now}`, so it is not called again. Compare the template's element \
             names with the object's XSD (unknown elements are silently ignored), then decide the entry again: `tieline conflicts resolve`",
            self.call.object
        )
    }

    /// Whether SYSPRO would accept the change; stores nothing.
    async fn trial(&self, key: &str, text: &str, due: &[WriteBackDue]) -> Result<bool, Halt> {
        let asked = format!("the trial of `{key}` through `{}`", self.call.object);
        let why = match self.put(SetupMode::Trial, text, asked).await {
            Ok(answer) => match setup_outcome(&answer) {
                SetupOutcome::Accepted => return Ok(true),
                SetupOutcome::Refused(words) => format!("SYSPRO refused the change in the trial: {words}"),
                SetupOutcome::Unclear(problem) => {
                    format!("`{}` was not called, because the trial had no usable result: {problem}", self.call.object)
                }
            },
            Err(EnetError::Refused { answer, .. }) => format!("SYSPRO refused the change in the trial: {answer}"),
            Err(error) => return Err(Halt::Syspro(chain(&error))),
        };
        warn!(flow = %self.work.flow, key, why, "a change of ServiceNow is not written to SYSPRO");
        self.say(due.to_vec(), WriteBackStep::TrialRefused, &why).await?;
        Ok(false)
    }

    /// The call that stores the change. The intent is in the ledger by then.
    async fn real(&self, key: &str, text: &str, due: &[WriteBackDue]) -> Result<WriteBackStep, Halt> {
        let asked = format!("the change of `{key}` through `{}`", self.call.object);
        let (step, said, halt) = match self.put(SetupMode::Real, text, asked).await {
            Ok(answer) => match setup_outcome(&answer) {
                SetupOutcome::Accepted => (WriteBackStep::Accepted, None, None),
                SetupOutcome::Refused(words) => (WriteBackStep::Refused, Some(format!("SYSPRO refused the change: {words}")), None),
                SetupOutcome::Unclear(problem) => (WriteBackStep::Lost, Some(lost(&problem)), None),
            },
            Err(error) => {
                let text = chain(&error);
                if is_unknown(&error) {
                    (WriteBackStep::Lost, Some(lost(&text)), None)
                } else if matches!(error, EnetError::Refused { .. }) {
                    (WriteBackStep::Refused, Some(format!("SYSPRO refused the change: {text}")), None)
                } else {
                    (WriteBackStep::Refused, Some(text.clone()), Some(Halt::Syspro(text)))
                }
            }
        };
        self.work.parts.store.write_back_note(self.under.clone(), due.to_vec(), step, said).await?;
        halt.map_or(Ok(step), Err)
    }

    /// Reads the row back: a change counts only when the row shows it.
    async fn read_back(&self, key: &str, writes: &[Write], step: WriteBackStep, applied: &mut Applied) -> Result<(), Halt> {
        let (document, fields) = match self.read(key).await {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(()),
            Err(problem) => {
                let due = writes.iter().map(|write| write.due.clone()).collect();
                let said = format!(
                    "`{}` was called, but the row cannot be read back: {problem}. The next run shows whether SYSPRO has stored the change",
                    self.call.object
                );
                self.say(due, WriteBackStep::Lost, &said).await?;
                return Ok(());
            }
        };
        let stored = |write: &&Write| fields.get(&write.due.field).is_some_and(|now| self.same(&write.due, now, &write.due.servicenow));
        let (there, missing): (Vec<&Write>, Vec<&Write>) = writes.iter().partition(stored);
        applied.stored += there.len();
        info!(flow = %self.work.flow, key, object = %self.call.object, stored = there.len(), missing = missing.len(), "SYSPRO was asked to store a change");
        if step == WriteBackStep::Accepted {
            for write in missing {
                let now = fields.get(&write.due.field).map_or("", String::as_str);
                warn!(flow = %self.work.flow, key, field = write.due.field, "SYSPRO accepted a change but does not show it");
                self.say(vec![write.due.clone()], WriteBackStep::Unchanged, &self.unchanged(now)).await?;
            }
        }
        applied.documents.push(document);
        Ok(())
    }

    fn put<'a>(&'a self, mode: SetupMode, text: &str, asked: String) -> LocalBoxFuture<'a, Result<String, EnetError>> {
        let call = EnetCall::setup(self.call, mode, text.to_owned(), asked.clone());
        Box::pin(async move {
            let operator: Credential = self
                .work
                .parts
                .credential_store
                .credential(SYSPRO_ENET)
                .await
                .map_err(|error| EnetError::Credential { problem: error.to_string() })?;
            let query = EnetQuery { operator, company: self.work.flow.company.clone(), call };
            self.way.session.send(query).await.unwrap_or(Err(EnetError::Restarting { asked }))
        })
    }
}

fn lost(problem: &str) -> String {
    format!("it is unknown whether SYSPRO has stored the change: {problem}. The next run reads the row and decides by its value")
}

/// Whether SYSPRO may have carried out a call that failed.
fn is_unknown(error: &EnetError) -> bool {
    matches!(
        error,
        EnetError::Unreachable { .. }
            | EnetError::NotData { .. }
            | EnetError::Malformed { .. }
            | EnetError::Restarting { .. }
            | EnetError::SessionLost { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_surely_was_not_carried_out_may_be_said_again_at_once() {
        let asked = || "the change".to_owned();
        let unlicensed = EnetError::Unlicensed { object: "BOMSCC".into(), operator: "TIELINE".into() };
        assert!(!is_unknown(&unlicensed) && !is_unknown(&EnetError::Refused { asked: asked(), status: 200, answer: "ERROR".into() }));
        assert!(is_unknown(&EnetError::Restarting { asked: asked() }));
        assert!(is_unknown(&EnetError::NotData { asked: asked(), status: 500, answer: "".into() }));
        assert!(is_unknown(&EnetError::Malformed { asked: asked(), problem: "".into() }));
    }
}
