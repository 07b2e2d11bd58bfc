//! A tie-out as files: tables for programs and people, a workbook with all of them, and a document to sign.
//!
//! `tables` and `subledger` have the columns and cells, `paper` the document. The sums, controls and sub-ledgers are those of the report; the
//! differences, the sums by group and the entries of sub-ledgers are read page by page.

mod paper;
mod subledger;
mod tables;

use chrono::{DateTime, SecondsFormat, Utc};

pub use self::paper::document;
use super::TieOutReport;
use crate::domain::ids::{TieOutId, TieOutItemId};
use crate::domain::tie_out::Verdict;
use crate::operations::Refused;
use crate::operations::export::{ListFile, Row, STEP, Table};
use crate::process::Process;
use crate::report::{About, Cell};
use crate::store::{
    SubledgerEntry, TieOutBlock, TieOutBucket, TieOutControl, TieOutGroup, TieOutGroups, TieOutItem, TieOutItems, TieOutSubledger,
};

/// The sheet of the entries behind sub-ledgers.
const ENTRIES: &str = "Sub-ledger entries";

/// The part of a tie-out that a file shows.
pub struct Chosen<'a> {
    /// The tie-out.
    pub report: &'a TieOutReport,
    /// Its sums.
    pub buckets: Vec<&'a TieOutBucket>,
    /// Its differences; place and number are ignored.
    pub items: TieOutItems,
    /// The filter in words; empty: there is none.
    pub filter: String,
    /// Who gets the file.
    pub by: String,
}

/// A table of a tie-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The sums, with their totals.
    Sums,
    /// The differences.
    Differences,
    /// The controls of SYSPRO's documents.
    Controls,
    /// SYSPRO's AP sub-ledger against its control accounts.
    Subledger,
    /// The entries behind it.
    SubledgerEntries,
    /// What was not compared.
    NotCompared,
}

impl Part {
    /// All of them, in the order of a workbook.
    const ALL: [Self; 6] = [Self::Sums, Self::Differences, Self::Controls, Self::Subledger, Self::SubledgerEntries, Self::NotCompared];

    /// Its name in the name of a file.
    fn word(self) -> &'static str {
        match self {
            Self::Sums => "sums",
            Self::Differences => "differences",
            Self::Controls => "controls",
            Self::Subledger => "sub-ledger",
            Self::SubledgerEntries => "sub-ledger-entries",
            Self::NotCompared => "not-compared",
        }
    }
}

/// Sums as a table.
pub fn sums(buckets: &[&TieOutBucket]) -> Table {
    Table::of_rows("Sums", &tables::SUMS, buckets.iter().map(|bucket| tables::sum(bucket)).collect())
}

/// These differences as a table.
pub fn differences(items: &[TieOutItem]) -> Table {
    Table::of_rows("Differences", &tables::DIFFERENCES, items.iter().map(tables::difference).collect())
}

/// All differences that match as a table.
fn all_differences(process: &Process, items: &TieOutItems) -> Table {
    let (store, items) = (process.store.clone(), items.clone());
    let read = move |after| {
        let (store, items) = (store.clone(), TieOutItems { after, limit: STEP, ..items.clone() });
        async move { store.tie_out_items(items).await }
    };
    let begin = TieOutItemId::default();
    Table::of_pages("Differences", &tables::DIFFERENCES, begin, read, |item: &TieOutItem| item.id, tables::difference)
}

/// All sums by supplier, account or document type that match as a table; the place in the filter is ignored.
pub fn groups(process: &Process, groups: &TieOutGroups) -> Table {
    let (store, groups) = (process.store.clone(), groups.clone());
    let read = move |after| {
        let (store, groups) = (store.clone(), TieOutGroups { after, limit: STEP, ..groups.clone() });
        async move { store.tie_out_groups(groups).await }
    };
    Table::of_pages("Groups", &tables::GROUPS, 0, read, |group: &TieOutGroup| group.id, tables::group)
}

/// The entries behind the sub-ledgers of a tie-out, of a company or of all.
fn subledger_entries(process: &Process, id: TieOutId, company: Option<String>) -> Table {
    let store = process.store.clone();
    let read = move |after| {
        let store = store.clone();
        async move { store.tie_out_subledger_entries(id, after, STEP).await }
    };
    let table = Table::of_pages(ENTRIES, &tables::ENTRIES, 0, read, |entry: &SubledgerEntry| entry.id, tables::entry);
    match company {
        Some(company) => table.only(move |row| row.get(1) == Some(&Cell::Text(company.clone()))),
        None => table,
    }
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

impl Chosen<'_> {
    /// A file with one of its tables.
    ///
    /// # Errors
    /// An error of the ledger.
    pub async fn part(&self, process: &Process, part: Part) -> Result<ListFile, Refused> {
        self.file(process, Some(part.word()), vec![self.table(process, part)]).await
    }

    /// A file with sums by supplier, account or document type.
    ///
    /// # Errors
    /// An error of the ledger.
    pub async fn groups(&self, process: &Process, chosen: &TieOutGroups) -> Result<ListFile, Refused> {
        self.file(process, Some("groups"), vec![groups(process, chosen)]).await
    }

    /// A file with all its tables.
    ///
    /// # Errors
    /// An error of the ledger.
    pub async fn all(&self, process: &Process) -> Result<ListFile, Refused> {
        self.file(process, None, Part::ALL.iter().map(|part| self.table(process, *part)).collect()).await
    }

    async fn file(&self, process: &Process, what: Option<&str>, tables: Vec<Table>) -> Result<ListFile, Refused> {
        let run = &self.report.run;
        let what = what.map(|what| format!("-{what}")).unwrap_or_default();
        Ok(ListFile {
            stem: format!("tieline-tie-out-{}{what}", run.id),
            about: self.about(process).await?,
            at: run.ended_at.unwrap_or(run.started_at),
            tables,
        })
    }

    fn table(&self, process: &Process, part: Part) -> Table {
        match part {
            Part::Sums => sums(&self.buckets),
            Part::Differences => all_differences(process, &self.items),
            Part::Controls => Table::of_rows("Controls", &tables::CONTROLS, self.controls().map(tables::control).collect()),
            Part::Subledger => Table::of_rows("Sub-ledger", &subledger::FIELDS, self.subledger().map(subledger::cells).collect()),
            // they are about whole companies
            Part::SubledgerEntries if self.items.entity.is_some() => Table::of_rows(ENTRIES, &tables::ENTRIES, Vec::new()),
            Part::SubledgerEntries => subledger_entries(process, self.report.run.id, self.items.company.clone()),
            Part::NotCompared => {
                let rows = self.not_verified().map(|row| row.map(Cell::Text).to_vec());
                Table::of_rows("Not compared", &tables::NOT_COMPARED, rows.collect::<Vec<Row>>())
            }
        }
    }

    /// What a file says about itself.
    async fn about(&self, process: &Process) -> Result<About, Refused> {
        let run = &self.report.run;
        let set = process.store.tie_out_definitions(run.id).await?;
        let definitions =
            set.map_or_else(|| "not known".to_owned(), |set| format!("{} (SHA-256 {}), profile {}", set.number, set.hash, set.profile));
        let mut tables: Vec<&str> = self.report.blocks.iter().flat_map(|block| block.tables.iter().map(String::as_str)).collect();
        tables.sort_unstable();
        tables.dedup();
        let tables = if tables.is_empty() { "none".to_owned() } else { tables.join(", ") };
        let ended =
            run.ended_at.map_or_else(|| "not complete yet".to_owned(), |at| format!("both systems were read until {}", instant(at)));
        let program = concat!("Tieline ", env!("CARGO_PKG_VERSION"));
        let mut facts = vec![
            ("Tie-out", format!("{} ({})", run.id, run.state)),
            ("As of (UTC)", format!("{}; {ended}", instant(run.started_at))),
            ("Requested by", run.requested_by.clone()),
            ("Why", run.why.clone().unwrap_or_default()),
            ("Compared", run.scope_text().unwrap_or_else(|| "everything".to_owned())),
            ("Result", summary(&self.buckets, self.not_verified().count())),
            ("Controls", self.controls_words()),
            ("Filter", if self.filter.is_empty() { "none: everything that was compared".to_owned() } else { self.filter.clone() }),
            ("Source: SYSPRO", self.syspro_source()),
            ("Source: ServiceNow", self.servicenow_source(&tables)),
            ("Definitions", definitions),
            ("Program", program.to_owned()),
            ("File made for", self.by.clone()),
        ];
        if let Some(error) = &run.error {
            facts.insert(1, ("Not complete", format!("it ended early: {error}")));
        }
        Ok(About {
            title: "Tie-out of SYSPRO and ServiceNow".to_owned(),
            foot: format!("Tie-out {} as of {}; {program}; for {}", run.id, instant(run.started_at), self.by),
            facts,
        })
    }

    /// The compared tables, those of them that were read earlier, and when the first of these was read.
    fn read_earlier(&self, at: fn(&TieOutBlock) -> Option<DateTime<Utc>>) -> (usize, usize, Option<DateTime<Utc>>) {
        let fits = |wanted: &Option<String>, name: &str| wanted.as_deref().is_none_or(|wanted| wanted == name);
        let shown = |block: &&TieOutBlock| fits(&self.items.company, &block.company) && fits(&self.items.entity, &block.entity);
        let compared = self.report.blocks.iter().filter(shown).filter(|block| block.left_out.is_none());
        let (all, earlier): (Vec<_>, Vec<_>) = (compared.clone().collect(), compared.filter_map(at).collect());
        (all.len(), earlier.len(), earlier.into_iter().min())
    }

    fn syspro_source(&self) -> String {
        match self.read_earlier(|block| block.read_at) {
            (.., None) => "all records, read from SYSPRO for this tie-out and mapped with the definitions below".to_owned(),
            (all, earlier, Some(since)) => format!(
                "all records, mapped with the definitions below. Those of {earlier} of {all} lists were read from {} on, and SYSPRO answered \
                 every request of this tie-out as it did then. The others were read for this tie-out",
                instant(since)
            ),
        }
    }

    fn servicenow_source(&self, tables: &str) -> String {
        match self.read_earlier(|block| block.listed_at) {
            (.., None) => format!("all rows with a key of Tieline, read for this tie-out from the tables {tables}"),
            (all, earlier, Some(since)) => format!(
                "all rows with a key of Tieline, from the tables {tables}. Those of {earlier} of {all} lists were read from {} on, and their \
                 number, the sum of their changes and the time of the last change are still the same. The others were read for this tie-out",
                instant(since)
            ),
        }
    }

    /// What was not compared, and why: company, entity, block, reason.
    fn not_verified(&self) -> impl Iterator<Item = [String; 4]> {
        let fits = |wanted: &Option<String>, name: &str| wanted.as_deref().is_none_or(|wanted| wanted == name);
        let of = self
            .report
            .blocks
            .iter()
            .filter(move |block| fits(&self.items.company, &block.company) && fits(&self.items.entity, &block.entity));
        of.flat_map(|block| {
            let fields = (!block.not_compared.is_empty()).then(|| format!("ServiceNow returned no {}", block.not_compared.join(", ")));
            let sums = block.not_summed.as_ref().map(|why| format!("ServiceNow's own sums: {why}"));
            let why = [block.unverified.clone(), block.left_out.clone(), fields, sums];
            why.into_iter().flatten().map(|why| [block.company.clone(), block.entity.clone(), block.block.clone(), why])
        })
    }

    /// The controls of what it shows.
    fn controls(&self) -> impl Iterator<Item = &TieOutControl> {
        let fits = |wanted: &Option<String>, name: &str| wanted.as_deref().is_none_or(|wanted| wanted == name);
        self.report.controls.iter().filter(move |one| fits(&self.items.company, &one.company) && fits(&self.items.entity, &one.entity))
    }

    /// The sub-ledgers of what it shows: they are about whole companies.
    fn subledger(&self) -> impl Iterator<Item = &TieOutSubledger> {
        let fits = |one: &TieOutSubledger| self.items.company.as_ref().is_none_or(|company| *company == one.company);
        let any = self.items.entity.is_none();
        self.report.subledger.iter().filter(move |one| any && fits(one))
    }

    fn controls_words(&self) -> String {
        let (checked, violated) =
            self.controls().fold((0, 0), |(checked, violated), one| (checked + one.checked, violated + one.violated + one.unchecked));
        format!("{checked} checks of documents, {violated} violated or not possible")
    }
}

/// The result of some sums as a sentence.
fn summary(buckets: &[&TieOutBucket], not_verified: usize) -> String {
    let not = buckets.iter().filter(|bucket| !matches!(bucket.verdict, Verdict::Tied | Verdict::Balanced)).count();
    let balanced = buckets.iter().filter(|bucket| bucket.verdict == Verdict::Balanced).count();
    let (open, timing) = buckets.iter().fold((0, 0), |(open, timing), one| (open + one.open_items, timing + one.timing_items));
    let tied = buckets.len() - not - balanced;
    let compared = if not_verified == 0 { "everything was compared" } else { "not everything was compared" };
    format!(
        "of {} sums, {tied} are tied, {balanced} balanced, {not} not tied; {open} differences need a person, {timing} end with the next runs; \
         {compared}",
        buckets.len()
    )
}
