//! What a tie-out need not read completely: where neither SYSPRO's answers, ServiceNow's rows nor the ledger have changed since an earlier
//! tie-out, its results are taken over. SYSPRO is asked everything again for it, and its answers are compared byte for byte.

use std::cell::Cell;
use std::fmt::Debug;
use std::rc::Rc;

use futures_util::future::try_join;
use sha2::{Digest, Sha256};

use super::work::{FlowWork, Sides, Stop};
use crate::definition::Definitions;
use crate::domain::CompanyId;
use crate::domain::fiscal::FiscalPeriod;
use crate::domain::ids::TieOutId;
use crate::process::Process;
use crate::process::syspro_link::SysproLink;
use crate::store::{Store, StoreError, TieOutRead, TieOutReading};
use crate::syspro::trace::Trace;

/// Answers of SYSPRO that are read from the ledger at once.
const ANSWERS: i64 = 500;

/// The entity under which the answers for a company's sub-ledger are kept.
pub(super) const SUBLEDGER: &str = "";

/// What the results of a read depend on besides SYSPRO's answers and the ledger.
pub(super) struct Basis<'a> {
    pub(super) process: &'a Process,
    pub(super) definitions: &'a Definitions,
    pub(super) period: Option<FiscalPeriod>,
}

impl Basis<'_> {
    /// Of the records of an entity of a company, or of its sub-ledger. `more`: what else they depend on.
    pub(super) async fn reading(&self, link: &SysproLink, company: &CompanyId, entity: &str, more: &impl Debug) -> TieOutReading {
        let settings = &self.process.settings;
        let metadata = link.reader.metadata_digest(&link.credential, company).await;
        let parts = [
            env!("CARGO_PKG_VERSION").to_owned(),
            self.definitions.set.hash.clone(),
            format!("{:?}", (&settings.syspro, &settings.calendar, &settings.subledger)),
            format!("{:?}", (self.period, more)),
            metadata,
        ];
        let basis = hex::encode(Sha256::digest(parts.join("\n")));
        TieOutReading { company: company.as_str().to_owned(), entity: entity.to_owned(), basis }
    }
}

/// The answers of SYSPRO to a tie-out, kept as they come.
pub(super) struct Reading {
    id: TieOutId,
    of: TieOutReading,
    trace: Rc<Trace>,
    kept: Cell<i32>,
    /// Whether all answers were kept.
    whole: Cell<bool>,
}

impl Reading {
    /// Begins to read, by a link of its own. `None`: over e.net, whose answers cannot be asked for again.
    pub(super) async fn begin(
        store: &Store,
        id: TieOutId,
        link: &SysproLink,
        of: TieOutReading,
    ) -> Result<Option<(SysproLink, Self)>, StoreError> {
        let Some((link, trace)) = link.traced() else { return Ok(None) };
        store.tie_out_reading(id, of.clone()).await?;
        Ok(Some((link, Self { id, of, trace, kept: Cell::new(1), whole: Cell::new(true) })))
    }

    /// Keeps the answers that have come.
    pub(super) async fn keep(&self, store: &Store) -> Result<(), StoreError> {
        let Some(answered) = self.trace.take().filter(|_| self.whole.get()) else {
            self.whole.set(false);
            return Ok(());
        };
        let first = self.kept.get();
        let Some(next) = i32::try_from(answered.len()).ok().and_then(|more| first.checked_add(more)) else {
            self.whole.set(false);
            return Ok(());
        };
        self.kept.set(next);
        if answered.is_empty() { Ok(()) } else { store.tie_out_answered(self.id, self.of.clone(), first, answered).await }
    }

    /// The results of what was read are stored, and follow from the answers.
    pub(super) async fn end(self, store: &Store) -> Result<(), StoreError> {
        self.keep(store).await?;
        if self.whole.get() { store.tie_out_was_read(self.id, self.of).await } else { Ok(()) }
    }
}

/// Why results are not taken over.
enum Again {
    /// Something has changed, or may have.
    Changed,
    Stop(Stop),
}

impl From<StoreError> for Again {
    fn from(error: StoreError) -> Self {
        Again::Stop(error.into())
    }
}

/// Whether SYSPRO answers as it did.
async fn answers(store: &Store, link: &SysproLink, company: &CompanyId, of: &TieOutReading) -> Result<(), Again> {
    let mut after = 0;
    loop {
        let answered = store.tie_out_answers(of.clone(), after, ANSWERS).await?;
        let Some(more) = i32::try_from(answered.len()).ok().filter(|more| *more > 0) else { return Ok(()) };
        after += more;
        if !link.reader.still_answers(&link.credential, company, &answered).await {
            return Err(Again::Changed);
        }
    }
}

/// Takes over the results for a sub-ledger, if SYSPRO answers as it did.
pub(super) async fn take_over_subledger(
    store: &Store,
    id: TieOutId,
    link: &SysproLink,
    company: &CompanyId,
    of: &TieOutReading,
) -> Result<bool, StoreError> {
    let Some(earlier) = store.tie_out_read_before(of.clone()).await? else { return Ok(false) };
    match answers(store, link, company, of).await {
        Ok(()) => {
            store.tie_out_take_over(id, of.clone(), earlier).await?;
            Ok(true)
        }
        Err(Again::Stop(Stop::Ledger(error))) => Err(error),
        Err(_) => Ok(false),
    }
}

impl FlowWork<'_> {
    /// What this flow reads, and what its results depend on.
    pub(super) async fn reading(&self, link: &SysproLink) -> TieOutReading {
        let basis = Basis { process: self.process, definitions: self.definitions, period: self.period };
        basis.reading(link, &self.flow.company, self.flow.entity.as_str(), &"records").await
    }

    /// Takes over the results of an earlier tie-out, if nothing has changed on either side.
    pub(super) async fn take_over(&self, sides: Sides<'_>, of: &TieOutReading) -> Result<bool, Stop> {
        let store = &self.process.store;
        if self.fresh {
            return Ok(false);
        }
        let Some(earlier) = store.tie_out_read_before(of.clone()).await? else { return Ok(false) };
        let servicenow = async {
            for target in self.plan.targets.iter().filter(|target| self.counts(target)) {
                if self.unchanged(sides, target).await.map_err(Again::Stop)?.is_empty() {
                    return Err(Again::Changed);
                }
            }
            Ok(())
        };
        match try_join(servicenow, answers(store, sides.link, &self.flow.company, of)).await {
            Ok(_) => Ok(self.taken(of, earlier).await?),
            Err(Again::Changed) => Ok(false),
            Err(Again::Stop(stop)) => Err(stop),
        }
    }

    async fn taken(&self, of: &TieOutReading, earlier: TieOutRead) -> Result<bool, StoreError> {
        self.process.store.tie_out_take_over(self.id, of.clone(), earlier).await?;
        Ok(true)
    }
}
