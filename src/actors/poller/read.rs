//! Reading: which queries, page by page. A page is stored while the next one is being read.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{Days, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tracing::{debug, info, warn};

use super::super::mapper::{MapPage, Presence, poisoned};
use super::super::syspro_session::GetCredential;
use super::super::writer::Nudge;
use super::bound::Bound;
use super::complete::{Sizes, short};
use super::doubted::{Doubted, faulty};
use super::extent::Extent;
use super::reported_rows::ReportedRows;
use super::{PollError, Reader};
use crate::credentials::credential_store::{CredentialError, syspro_credential};
use crate::credentials::secret::Credential;
use crate::definition::drift::Kinds;
use crate::definition::plan::TypeChange;
use crate::definition::{Plan, ReadPlan};
use crate::domain::chain;
use crate::domain::ids::{BackfillId, RunId};
use crate::domain::run::{BackfillState, RunKind};
use crate::domain::{Document, DocumentKey};
use crate::retry::{self, Backoff};
use crate::store::{BackfillFilter, BackfillRow, BackfillStep, FlowRow, Intake, IntakeDocument, Lease, StoreError};
use crate::syspro::page_size::PageSize;
use crate::syspro::{Page, PageQuery, Position, ReadScope, SysproError};
use crate::telemetry::metrics::metrics;

/// How long reading rests before it checks again whether sending has caught up: the first of these while it moves.
const CATCH_UP: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));

/// How often the Writer is reminded during the wait.
const NUDGE_EVERY: Duration = Duration::from_secs(2);

/// How long a backfill reads before the flow's polls get their turn.
const SLICE: Duration = Duration::from_secs(60);

/// Where an interrupted read continues; stored with each page.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Bookmark {
    /// The day on which the read started; it becomes the watermark.
    started: NaiveDate,
    /// The current query, as an index.
    scope: usize,
    /// The number of queries: a position of another definition is not valid.
    scopes: usize,
    /// The last key stored.
    after: Option<Position>,
    /// Rows of the root table that a whole read has stored so far; `None` in a read started by an older version.
    #[serde(default)]
    rows: Option<u64>,
    /// The number of rows at its start, where the service counts.
    #[serde(default)]
    counted: Option<u64>,
}

/// A read that has reached its end: only the end is left to be stored.
pub(super) struct Read {
    /// What is to be stored.
    end: Intake,
    /// It pauses before the end: there is nothing to store.
    rests: bool,
    /// Whether the read met a row whose key cannot be read.
    pub(super) nameless: bool,
    /// Whether the number of rows read is the number that the service counts.
    pub(super) proven: bool,
}

/// The queries of a run: the whole table for a first read or a sweep, else the union of the change queries.
///
/// The window starts `overlap_days` before the watermark, because documents arrive back-dated.
pub(super) fn scopes(plan: &Plan, watermark: Option<NaiveDate>, since: Option<NaiveDate>, extent: Extent) -> Vec<ReadScope> {
    if extent == Extent::Whole || plan.read.changes.is_empty() || (watermark.is_none() && since.is_none()) {
        return vec![ReadScope::All];
    }
    let changes = plan.read.changes.iter().enumerate();
    changes
        .map(|(query, change)| {
            let since = match watermark {
                Some(date) => date.checked_sub_days(Days::new(u64::from(change.overlap_days))),
                None => since,
            };
            ReadScope::Changed { query, since: since.filter(|_| !change.any_of.is_empty()), until: None }
        })
        .collect()
}

/// What to read, from which position, and where its progress is stored.
pub(super) struct Reading {
    scopes: Vec<ReadScope>,
    bookmark: Bookmark,
    keep: Keep,
}

/// Where the progress of a read is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    /// With the flow, whose watermark moves at the end.
    Flow,
    /// Nowhere: a whole read starts from the beginning. The watermark moves at its end as well.
    Sweep,
    /// With the backfill; the flow's position and watermark do not move. It pauses at this time, so that the flow's polls get their turn.
    Backfill { id: BackfillId, rests_at: Instant },
}

impl Reading {
    /// The flow's own read: what may have changed, or everything.
    pub(super) fn of_flow(reader: &Reader, plan: &Plan, row: &FlowRow, extent: Extent) -> Self {
        let scopes = scopes(plan, row.watermark, reader.parts.flows.since, extent);
        let (position, keep) = match extent {
            Extent::Whole => (None, Keep::Sweep),
            Extent::Changes => (row.position.clone(), Keep::Flow),
        };
        Self { bookmark: Bookmark::read(position, reader, &scopes), scopes, keep }
    }

    /// Whether it is a poll for what may have changed, and starts at the beginning.
    pub(super) fn is_fresh_poll(&self) -> bool {
        self.keep == Keep::Flow && self.scopes.as_slice() != [ReadScope::All] && self.bookmark.scope == 0 && self.bookmark.after.is_none()
    }

    /// One slice of a backfill.
    pub(super) fn of_backfill(reader: &Reader, plan: &Plan, row: &BackfillRow) -> Self {
        let scopes = backfill_scopes(plan, row.since, row.until);
        let keep = Keep::Backfill { id: row.id, rests_at: Instant::now() + SLICE };
        Self { bookmark: Bookmark::read(row.position.clone(), reader, &scopes), scopes, keep }
    }
}

impl Bookmark {
    /// Where a read continues after a page. After the last page it repeats the last query and then stores the end.
    fn beyond(&self, scope: usize, after: Option<Position>, rows: Option<u64>) -> Self {
        let over = after.is_none() && scope + 1 < self.scopes;
        let rows = rows.filter(|_| after.is_some());
        Self { scope: scope + usize::from(over), after, rows, ..self.clone() }
    }

    /// Where a read continues, or its start.
    fn read(position: Option<Value>, reader: &Reader, scopes: &[ReadScope]) -> Self {
        let today = || Utc::now().with_timezone(&reader.parts.syspro.time_zone).date_naive();
        position
            .and_then(|position| serde_json::from_value::<Self>(position).ok())
            .filter(|bookmark| bookmark.scopes == scopes.len() && bookmark.scope < scopes.len())
            .unwrap_or_else(|| Self { started: today(), scope: 0, scopes: scopes.len(), after: None, rows: Some(0), counted: None })
    }
}

/// The queries of a backfill: the queries by date within the period; everything where no period was given or no query goes by date.
fn backfill_scopes(plan: &Plan, since: Option<NaiveDate>, until: Option<NaiveDate>) -> Vec<ReadScope> {
    let dated = plan.read.changes.iter().enumerate().filter(|(_, change)| !change.any_of.is_empty());
    let scopes: Vec<ReadScope> = dated.map(|(query, _)| ReadScope::Changed { query, since, until }).collect();
    if scopes.is_empty() || (since.is_none() && until.is_none()) { vec![ReadScope::All] } else { scopes }
}

impl Reader {
    /// Reads page by page and stores each page. [`Reader::end_reading`] stores the end; a backfill may pause before it.
    pub(super) async fn read_all(
        &self,
        plan: &Plan,
        reading: Reading,
        run: RunId,
        lease: &Lease,
        row: &FlowRow,
    ) -> Result<Read, PollError> {
        let mut reported = ReportedRows::of(&reading);
        let Reading { scopes, mut bookmark, keep } = reading;
        let first = bookmark.scope;
        let mut after = bookmark.after.clone();
        let known = Sizes::of(row);
        // only a complete whole read shows which records are gone; a backfill never does
        let whole = scopes.as_slice() == [ReadScope::All] && !matches!(keep, Keep::Backfill { .. });
        let extent = if whole { Extent::Whole } else { Extent::Changes };
        let mut sizes = self.sizes_before(plan, &known, extent).await?;
        if whole && after.is_none() {
            (bookmark.rows, bookmark.counted) = (Some(0), self.count_root(plan).await?);
        }
        let mut stored = serde_json::to_value(&bookmark).ok();
        let (mut rows, mut nameless, mut doubted) = (bookmark.rows, false, Doubted::default());
        let mut kinds: Kinds = row.kinds.clone().and_then(|kinds| serde_json::from_value(kinds).ok()).unwrap_or_default();
        self.know(plan, row, &kinds);
        let intake = |documents, (kinds, notes)| Intake {
            lease: Some((lease.clone(), self.parts.flows.lease)),
            kinds,
            notes,
            sweep: keep == Keep::Sweep,
            on_gone: plan.line_marks(),
            aligned: plan.aligned().is_some(),
            ..Intake::of(self.flow.clone(), run, documents)
        };
        // the position that is stored with the page
        let placed = |intake: Intake, position: Option<Value>| match keep {
            Keep::Flow => Intake { position, ..intake },
            Keep::Sweep => intake,
            Keep::Backfill { id, .. } => Intake { backfill: Some(BackfillStep { id, position, done: false }), ..intake },
        };
        let mut bound = Bound::new(self, plan, bookmark.counted);
        // whether documents were read since the backlog was last checked: nothing else adds to it
        let mut grown = true;
        for (number, scope) in scopes.iter().enumerate().skip(first) {
            let mut size = PageSize::new(self.parts.syspro.page_size);
            if std::mem::take(&mut grown) {
                self.catch_up().await?;
            }
            let mut coming = Some(self.page(plan, scope, after.take(), &mut size).await?);
            while let Some(page) = coming.take() {
                bound.took(self, plan, scope, &page)?;
                size.learn(page.rows_read);
                nameless |= page.nameless;
                let documents = self.without_reported(&mut reported, page.documents).await?;
                sizes.add(plan, &documents);
                rows = rows.map(|rows| rows + page.root_rows);
                let learnt = self.learn(plan, &mut kinds, &documents)?;
                let next = page.next.clone();
                let before = stored.clone();
                let position = serde_json::to_value(bookmark.beyond(number, next.clone(), rows)).ok();
                stored.clone_from(&position);
                let doubted = &mut doubted;
                let accept = known.accept;
                let empty = documents.is_empty();
                grown |= !empty;
                // the end of a query without documents changes nothing in the ledger: after an interruption, the query is sent once more
                let nothing = empty && next.is_none() && !matches!(keep, Keep::Backfill { .. });
                let take_in = async {
                    if nothing {
                        return Ok(());
                    }
                    let faulty = faulty(&documents);
                    let mut documents = self.map(plan, documents).await?;
                    if !accept {
                        documents = self.set_aside(plan, doubted, &faulty, documents, before.as_ref()).await?;
                    }
                    // after an interruption, the read must meet the records again that wait for their second read
                    let position = if doubted.any() { doubted.position.clone() } else { position };
                    let placed = placed(intake(documents, learnt), position);
                    self.take_in_whole(plan, placed, before).await
                };
                let last = next.is_none() && number + 1 == scopes.len();
                if !last && self.rests(keep).await? {
                    take_in.await?;
                    let page = |documents, position| placed(intake(documents, (None, Vec::new())), position);
                    if doubted.any() {
                        let at = doubted.position.clone();
                        self.take_in_doubted(plan, std::mem::take(doubted), |documents| page(documents, at.clone())).await?;
                        self.take_in(page(Vec::new(), stored)).await?;
                    }
                    let end = intake(Vec::new(), (None, Vec::new()));
                    return Ok(Read { end, nameless, proven: false, rests: true });
                }
                // the next page is read while this one is stored
                coming = match next {
                    None => {
                        take_in.await?;
                        None
                    }
                    Some(next) => {
                        // this page may not be stored yet when the backlog is checked
                        let check = std::mem::replace(&mut grown, !empty);
                        let coming = async {
                            if check {
                                self.catch_up().await?;
                            }
                            self.page(plan, scope, Some(next), &mut size).await
                        };
                        let (taken, page) = futures_util::future::join(take_in, coming).await;
                        taken?;
                        Some(page?)
                    }
                };
            }
        }
        let at = doubted.position.clone();
        self.take_in_doubted(plan, doubted, |documents| placed(intake(documents, (None, Vec::new())), at.clone())).await?;
        let end = intake(Vec::new(), (None, Vec::new()));
        let mut proven = false;
        if whole
            && bookmark.counted.is_some()
            && let Some(read) = rows
        {
            let after = self.count_root(plan).await?;
            if let Some((before, after)) = short(bookmark.counted, after, read) {
                let asked = format!("table `{}` in company `{}`", plan.read.root.table, self.flow.company);
                return Err(self.syspro_error(&SysproError::Short { asked, before, after, read }));
            }
            proven = after.is_some();
        }
        let sizes = if whole { serde_json::to_value(&sizes).ok() } else { None };
        let end = match keep {
            Keep::Flow | Keep::Sweep => Intake { watermark: Some(bookmark.started), sizes, ..end },
            Keep::Backfill { id, .. } => Intake { backfill: Some(BackfillStep { id, position: None, done: true }), ..end },
        };
        Ok(Read { end, nameless, proven, rests: false })
    }

    /// Stores the end of a read. `false`: it paused before the end.
    pub(super) async fn end_reading(&self, read: Read) -> Result<bool, PollError> {
        if read.rests {
            return Ok(false);
        }
        self.take_in(read.end).await.map(|()| true)
    }

    /// The end of a read that took nothing in, to be stored with the end of its run; `None`: it must be stored by itself.
    pub(super) fn quiet_end(&self, read: &Read, kind: RunKind) -> Option<(NaiveDate, Option<Value>)> {
        if kind != RunKind::Poll || read.rests || self.took_in.get() || self.aligner.is_some() {
            return None;
        }
        read.end.watermark.map(|watermark| (watermark, read.end.sizes.clone()))
    }

    /// Whether a backfill must pause after the current page: its slice is over, or a person cancelled it.
    async fn rests(&self, keep: Keep) -> Result<bool, PollError> {
        let Keep::Backfill { id, rests_at } = keep else { return Ok(false) };
        let filter = BackfillFilter { ids: vec![id], state: Some(BackfillState::Open), limit: 1, ..BackfillFilter::default() };
        let open = self.parts.store.backfill_list(filter).await.map_err(|error| self.store_error(&error))?;
        Ok(open.is_empty() || Instant::now() >= rests_at)
    }

    /// Tells the SYSPRO reader which columns have held a value, so that none of them is treated as empty when the service leaves it out.
    fn know(&self, plan: &Plan, row: &FlowRow, kinds: &Kinds) {
        let company = &self.flow.company;
        if row.kinds.is_none() || plan.read.type_change != TypeChange::Stop {
            // nothing has been read yet, or a person said that the tables have changed, or the definition has changed
            self.syspro.forget_columns(company);
        }
        if plan.read.type_change != TypeChange::Stop {
            return;
        }
        self.syspro.know(company, kinds.columns(plan));
        if row.watermark.is_some() {
            // the columns of the change queries have been read before
            let changes = plan.read.changes.iter().flat_map(|change| {
                let names = change.key.iter().chain(change.touches.iter().map(|(_, name)| name));
                names.map(|name| (change.table.clone(), name.clone()))
            });
            self.syspro.know(company, changes);
        }
    }

    /// Learns from a page about its columns: the flow's new knowledge, and messages for the log.
    fn learn(&self, plan: &Plan, kinds: &mut Kinds, documents: &[Document]) -> Result<(Option<Value>, Vec<String>), PollError> {
        // a document with errors shows nothing about its columns
        let whole: Vec<Document>;
        let shown = match documents.iter().all(|document| document.faults.is_empty()) {
            true => documents,
            false => {
                whole = documents.iter().filter(|document| document.faults.is_empty()).cloned().collect();
                &whole
            }
        };
        let (new, drifts) = kinds.learn(plan, shown);
        let said: Vec<String> = drifts.iter().map(ToString::to_string).collect();
        if !said.is_empty() {
            if plan.read.type_change == TypeChange::Stop {
                return Err(PollError::Drift { flow: self.flow.clone(), what: said.join("; ") });
            }
            warn!(flow = %self.flow, what = said.join("; "), "columns of SYSPRO changed; the flow continues, as its definition requires");
        }
        Ok((new.then(|| serde_json::to_value(&*kinds).ok()).flatten(), said))
    }

    /// Reads one page from SYSPRO, with fewer documents where they take too much memory.
    async fn page(&self, plan: &Plan, scope: &ReadScope, after: Option<Position>, size: &mut PageSize) -> Result<Page, PollError> {
        if self.parts.stopping.has_begun() {
            return Err(PollError::Stopping { flow: self.flow.clone() });
        }
        let credential = self.credential().await?;
        // derived documents come all at once and are small: only the rows behind them are paged
        let derived = plan.read.root.derive.is_some();
        let page = loop {
            let limit = if derived { self.parts.syspro.page_size } else { size.documents() };
            let query = PageQuery { scope: *scope, after: after.clone(), limit };
            match self.syspro.page(&credential, &self.flow.company, &plan.read, &query).await {
                Err(error) if error.is_heavy() && !derived && size.shrink() => {
                    debug!(flow = %self.flow, documents = limit, "a page takes too much memory and is read with fewer documents");
                }
                page => break page.map_err(|error| self.syspro_error(&error))?,
            }
        };
        for (table, column) in &page.missing_columns {
            warn!(flow = %self.flow, table, column, "this SYSPRO release lacks an optional column; Tieline reads without it");
        }
        debug!(flow = %self.flow, documents = page.documents.len(), rows = page.rows_read, "page read");
        Ok(page)
    }

    /// The operator's credential.
    pub(super) async fn credential(&self) -> Result<Credential, PollError> {
        let credential = match self.session.send(GetCredential).await {
            Ok(credential) => credential,
            Err(_) => Err(CredentialError::Restarting { name: syspro_credential(&self.parts.syspro.source) }),
        };
        credential.map_err(|problem| PollError::Credential { flow: self.flow.clone(), problem })
    }

    /// Reading stops while more than `flows.backlog` deliveries of this flow wait: at most one page per flow is in memory.
    ///
    /// It stays stopped as long as a delivery succeeds now and then, even if ServiceNow is slow. When nothing has been delivered for
    /// `flows.backlog_wait_minutes`, the run ends and releases the flow, and the next run continues from here.
    async fn catch_up(&self) -> Result<(), PollError> {
        let settings = &self.parts.flows;
        let most = i64::from(settings.backlog);
        let Some(plan) = self.definitions.plan(&self.flow.entity) else { return Ok(()) };
        let blocks: Vec<String> = plan.targets.iter().map(|target| target.block.clone()).collect();
        let (mut seen, mut moved, mut nudged, mut checks) = (None, Instant::now(), None::<Instant>, 0);
        loop {
            // beyond twice the limit, the exact number does not matter
            let backlog = self.parts.store.delivery_backlog(self.flow.clone(), blocks.clone(), 2 * most).await;
            let backlog = backlog.map_err(|error| self.store_error(&error))?;
            if backlog.waiting < most || self.parts.stopping.has_begun() {
                return Ok(());
            }
            if let Some(why) = backlog.stopped {
                return Err(PollError::Stopped { flow: self.flow.clone(), why });
            }
            // another node may deliver them: then only their number shows progress
            let state = (backlog.waiting, self.parts.progress.of(&self.flow));
            if seen.replace(state).is_some_and(|before| before != state) {
                moved = Instant::now();
            } else if moved.elapsed() >= settings.backlog_wait {
                let minutes = settings.backlog_wait.as_secs() / 60;
                return Err(PollError::Backlog { flow: self.flow.clone(), waiting: backlog.waiting, minutes });
            }
            if checks == 0 {
                info!(flow = %self.flow, waiting = backlog.waiting, "reading pauses until fewer records wait to be sent");
            }
            if nudged.is_none_or(|at| at.elapsed() >= NUDGE_EVERY) {
                self.nudge.do_send(Nudge { entity: self.flow.entity.clone() });
                nudged = Some(Instant::now());
            }
            tokio::time::sleep(retry::delay(checks + 1, CATCH_UP)).await;
            checks = if moved.elapsed() < CATCH_UP.longest { 1 } else { checks + 1 };
        }
    }

    /// Maps a page. When the Mapper crashes, the documents are sent one by one, and the one that crashes it twice fails.
    ///
    /// The content that crashed it is remembered for the life of the process, so that the next polls do not crash it again.
    pub(super) async fn map(&self, plan: &Plan, documents: Vec<Document>) -> Result<Vec<IntakeDocument>, PollError> {
        let (known, documents): (Vec<Document>, Vec<Document>) = documents.into_iter().partition(|document| self.is_poison(document));
        let mut all: Vec<IntakeDocument> = known.iter().map(|document| poisoned(plan, document)).collect();
        let documents = Arc::new(documents);
        if let Ok(mapped) = self.mapper.send(MapPage { documents: documents.clone(), presence: Presence::There }).await {
            all.extend(mapped);
            return Ok(all);
        }
        warn!(flow = %self.flow, "the Mapper crashed on a page; its documents are mapped one by one");
        for document in &*documents {
            let mut mapped = None;
            for _ in 0..2 {
                if let Ok(one) = self.mapper.send(MapPage { documents: Arc::new(vec![document.clone()]), presence: Presence::There }).await
                {
                    mapped = one.into_iter().next();
                    break;
                }
            }
            // a Mapper that has ended for good answers nothing, which shows nothing about this document
            if mapped.is_none() && !self.mapper.connected() {
                return Err(PollError::MapperEnded { flow: self.flow.clone() });
            }
            all.push(mapped.unwrap_or_else(|| {
                warn!(flow = %self.flow, key = %document.key, "mapping this document crashed twice; the record fails");
                self.poison.borrow_mut().insert(document.key.clone(), document.hash().0);
                poisoned(plan, document)
            }));
        }
        Ok(all)
    }

    /// The keys out of these that SYSPRO has.
    pub(super) async fn by_key(&self, plan: &ReadPlan, keys: &[DocumentKey]) -> Result<Vec<DocumentKey>, String> {
        let credential = self.session.send(GetCredential).await.map_err(|_| "the credential is being read again".to_owned())?;
        let credential = credential.map_err(|error| error.to_string())?;
        let page = self.syspro.by_key(&credential, &self.flow.company, plan, keys).await.map_err(|error| chain(&error))?;
        Ok(page.documents.into_iter().map(|document| document.key).collect())
    }

    fn is_poison(&self, document: &Document) -> bool {
        let poison = self.poison.borrow();
        !poison.is_empty() && poison.get(&document.key).is_some_and(|hash| *hash == document.hash().0)
    }

    /// Stores a page in the ledger and notifies the Writer.
    pub(super) async fn take_in(&self, intake: Intake) -> Result<(), PollError> {
        self.take_in_shared(Arc::new(intake)).await.map_err(|error| self.store_error(&error))
    }

    /// As [`Reader::take_in`], for a caller that keeps the page.
    pub(super) async fn take_in_shared(&self, intake: Arc<Intake>) -> Result<(), StoreError> {
        for document in &intake.documents {
            for (_, warning) in &document.warnings {
                debug!(flow = %self.flow, key = %document.key, %warning, "mapped with a warning");
            }
        }
        let documents = intake.documents.len() as i64;
        self.parts.crash.at("poller:before_intake", self.flow.entity.as_str());
        let counts = self.parts.store.intake_of(intake).await?;
        self.parts.crash.at("poller:after_intake", self.flow.entity.as_str());
        if counts.unchanged < documents {
            self.took_in.set(true);
        }
        self.parts.progress.add(&self.flow, counts);
        metrics().records.documents_read(&self.flow.entity, counts.read.unsigned_abs());
        metrics().records.versions_taken_in(&self.flow.entity, (counts.new + counts.changed + counts.deleted).unsigned_abs());
        if documents > 0 {
            self.nudge.do_send(Nudge { entity: self.flow.entity.clone() });
        }
        Ok(())
    }
}
