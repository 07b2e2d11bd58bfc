//! What SYSPRO's tables say of the AP sub-ledger and its control accounts, read by pages and added up. No table is ever held whole.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::MONTHS;
use crate::definition::code_lists::{CURRENCY, CodeLists};
use crate::domain::CompanyId;
use crate::domain::calendar::Calendar;
use crate::domain::fiscal::FiscalPeriod;
use crate::domain::subledger::{Entries, SubledgerEntryKind};
use crate::operations::syspro_table::{SysproRow, SysproTable, quoted};
use crate::process::Process;
use crate::process::syspro_link::SysproLink;
use crate::store::NewSubledgerEntry;

/// The most entries of one kind, account and period that are named; all are counted.
const NAMED: usize = 200;

/// Values that are no numbers and are named of one account and month; all are counted.
const NAMED_VALUES: usize = 3;

/// An AP month and its period in the general ledger.
type Month = (FiscalPeriod, FiscalPeriod);

/// The books of one company.
pub(super) struct Books<'a> {
    pub(super) link: &'a SysproLink,
    pub(super) company: &'a CompanyId,
    pub(super) process: &'a Process,
    pub(super) code_lists: &'a CodeLists,
    /// The company's own currency, by its ISO code.
    pub(super) currency: String,
    pub(super) calendar: &'a Calendar,
    /// The company in the tables of the general ledger.
    pub(super) ledger: &'a str,
}

/// What is known of a control account. What increases the liability is positive; the current month is first.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) branches: BTreeSet<String>,
    pub(super) balances: [Decimal; MONTHS],
    /// Balances in other currencies, each with the number of invoices: balances that cancel each other are still there.
    pub(super) others: BTreeMap<String, [Entries; MONTHS]>,
    /// Values that are no numbers, by the months whose sums they would be part of.
    pub(super) unreadable: [Unreadable; MONTHS],
    /// The same of journals that are not posted, by period.
    pub(super) unreadable_unposted: BTreeMap<FiscalPeriod, Unreadable>,
    pub(super) control: [Option<Decimal>; MONTHS],
    pub(super) control_movements: [Decimal; MONTHS],
    pub(super) foreign: [Entries; MONTHS],
    pub(super) not_integrated: [Entries; MONTHS],
    /// By period.
    pub(super) unposted: BTreeMap<FiscalPeriod, Entries>,
    /// Whether the general ledger does not name AP journals.
    pub(super) in_summary: bool,
    /// AP journals of each month: their amount in the company's own currency.
    journals: [BTreeMap<String, Decimal>; MONTHS],
    /// AP journals that the general ledger has, posted or not, by period.
    integrated: BTreeSet<(FiscalPeriod, String)>,
}

/// Values of SYSPRO that are no numbers.
#[derive(Debug, Clone, Default)]
pub(super) struct Unreadable {
    count: usize,
    /// The first ones: record, column and text.
    named: Vec<String>,
}

impl Unreadable {
    /// `record`: the table and key of the row.
    fn add(&mut self, record: &str, column: &str, text: &str) {
        self.count += 1;
        if self.named.len() < NAMED_VALUES {
            self.named.push(format!("`{column}` of {record} is `{}`", shortened(text)));
        }
    }

    /// Why a sum is not known, for people; `None`: every value was a number.
    pub(super) fn why(&self) -> Option<String> {
        let further = self.count.checked_sub(self.named.len())?;
        let more = if further > 0 { format!(" and {further} further values") } else { String::new() };
        (self.count > 0).then(|| format!("{}{more}: not a number", self.named.join(", ")))
    }
}

/// The most characters of a value that are shown.
const SHOWN: usize = 40;

fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// Everything that was read.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) accounts: BTreeMap<String, Account>,
    /// Branches with open invoices and without a control account.
    pub(super) unassigned: BTreeSet<String>,
    /// The latest AP month of an open invoice.
    pub(super) latest: Option<FiscalPeriod>,
    pub(super) currency: String,
    /// Why closing balances of former periods could not be read.
    pub(super) no_history: Option<String>,
    pub(super) entries: Vec<NewSubledgerEntry>,
    /// The account of each branch.
    by_branch: BTreeMap<String, String>,
}

impl Read {
    /// The account of a branch.
    fn account(&mut self, branch: &str) -> Option<&mut Account> {
        self.accounts.get_mut(self.by_branch.get(branch)?)
    }

    fn name(&mut self, entry: NewSubledgerEntry) {
        let same = |one: &&NewSubledgerEntry| (one.kind, one.period, &one.account) == (entry.kind, entry.period, &entry.account);
        if self.entries.iter().rev().filter(same).count() < NAMED {
            self.entries.push(entry);
        }
    }
}

impl Books<'_> {
    /// The current AP month.
    ///
    /// # Errors
    /// Why it is not known.
    pub(super) async fn current_month(&self) -> Result<FiscalPeriod, String> {
        let settings = &self.process.settings.subledger;
        let key = if settings.month_company.is_empty() { settings.month_year.as_str() } else { &settings.month_company };
        let table = SysproTable::new(&settings.month_table, &[key], &[&settings.month_year, &settings.month_period]);
        let mut found = Vec::new();
        self.each(&table, |row, _| {
            if settings.month_company.is_empty() || row.text(&settings.month_company) == self.ledger {
                found.push(row.whole(&settings.month_year).and_then(|year| FiscalPeriod::of(year, row.whole(&settings.month_period))));
            }
            Ok(())
        })
        .await?;
        match found.as_slice() {
            [Some(month)] if month.period().is_some() => Ok(*month),
            [_] => Err(format!("`{}` does not name the current AP month", settings.month_table)),
            rows => Err(format!("`{}` has {} rows for the company: its current AP month is not known", settings.month_table, rows.len())),
        }
    }

    async fn each(
        &self,
        table: &SysproTable,
        each: impl FnMut(SysproRow<'_>, Vec<SysproRow<'_>>) -> Result<(), String>,
    ) -> Result<(), String> {
        table.read(self.link, self.company, self.process.settings.syspro.page_size, each).await
    }

    /// Reads both sides of these months.
    ///
    /// # Errors
    /// Why not, for people.
    pub(super) async fn read(&self, months: &[Month]) -> Result<Read, String> {
        let mut read = Read { currency: self.currency.clone(), ..Read::default() };
        self.branches(&mut read).await?;
        self.balances(&mut read).await?;
        for (at, (month, _)) in months.iter().enumerate() {
            self.journals(&mut read, at, *month).await?;
        }
        let names: Vec<String> = read.accounts.keys().cloned().collect();
        for name in &names {
            self.control(&mut read, name, months).await?;
            for (at, (_, period)) in months.iter().enumerate() {
                self.postings(&mut read, name, at, *period).await?;
            }
        }
        self.unposted(&mut read).await?;
        for name in &names {
            self.not_integrated(&mut read, name, months);
        }
        Ok(read)
    }

    async fn branches(&self, read: &mut Read) -> Result<(), String> {
        let table = SysproTable::new("ApBranch", &["Branch"], &["ApBrnGlCode"]);
        self.each(&table, |row, _| {
            let (branch, own) = (row.text("Branch"), row.text("ApBrnGlCode"));
            let account = if own.trim().is_empty() { self.process.settings.subledger.control_account.clone() } else { own };
            if !account.is_empty() {
                read.accounts.entry(account.clone()).or_default().branches.insert(branch.clone());
                read.by_branch.insert(branch, account);
            }
            Ok(())
        })
        .await
    }

    /// The currency of an amount, by its ISO code; `None`: the company's own.
    fn other_currency(&self, code: &str) -> Option<String> {
        let code = code.trim();
        if code.is_empty() {
            return None;
        }
        // a code in no list stands for itself
        let iso = self.code_lists.resolve(CURRENCY, self.company, code).map_or_else(|_| code.to_owned(), |iso| iso.into_owned());
        (iso != self.currency).then_some(iso)
    }

    /// The balances of the invoices that are open in one of the months.
    async fn balances(&self, read: &mut Read) -> Result<(), String> {
        const BALANCES: [&str; MONTHS] = ["MthInvBal1", "MthInvBal2", "MthInvBal3"];
        let columns = ["Branch", "Currency", "InvoiceYear", "InvoiceMonth", BALANCES[0], BALANCES[1], BALANCES[2]];
        let table =
            SysproTable::new("ApInvoice", &["Supplier", "Invoice"], &columns).only("MthInvBal1 ne 0 or MthInvBal2 ne 0 or MthInvBal3 ne 0");
        self.each(&table, |row, _| {
            let branch = row.text("Branch");
            let month = row.whole("InvoiceYear").and_then(|year| FiscalPeriod::of(year, row.whole("InvoiceMonth")));
            read.latest = read.latest.max(month);
            let Some(account) = read.account(&branch) else {
                read.unassigned.insert(branch);
                return Ok(());
            };
            let currency = self.other_currency(&row.text("Currency"));
            for (at, name) in BALANCES.into_iter().enumerate() {
                let balance = match row.amount(name) {
                    Ok(balance) => balance,
                    Err(text) => {
                        account.unreadable[at].add(&invoice(&row), name, &text);
                        continue;
                    }
                };
                match &currency {
                    None => account.balances[at] += balance,
                    Some(_) if balance.is_zero() => {}
                    Some(currency) => account.others.entry(currency.clone()).or_default()[at].add(balance),
                }
            }
            Ok(())
        })
        .await
    }

    /// The AP journals of a month, by the invoices that they posted.
    async fn journals(&self, read: &mut Read, at: usize, month: FiscalPeriod) -> Result<(), String> {
        let table = SysproTable::new("ApInvoice", &["Supplier", "Invoice"], &["Branch", "Currency", "Journal", "OrigInvValue"])
            .only(&of_month("InvoiceYear", "InvoiceMonth", month));
        self.each(&table, |row, _| {
            let own = self.other_currency(&row.text("Currency")).is_none();
            let Some(account) = read.account(&row.text("Branch")).filter(|_| own) else { return Ok(()) };
            match row.amount("OrigInvValue") {
                Ok(amount) => *account.journals[at].entry(row.text("Journal")).or_default() += amount,
                // what is still to come is also missing in the months after it
                Err(text) => account.unreadable[..=at].iter_mut().for_each(|one| one.add(&invoice(&row), "OrigInvValue", &text)),
            }
            Ok(())
        })
        .await
    }

    /// A value of the general ledger: what increases the liability is positive.
    fn owed(&self, value: Decimal) -> Decimal {
        if self.process.settings.subledger.credit_is_negative { -value } else { value }
    }

    fn of_account(&self, account: &str) -> String {
        format!("Company eq {} and GlCode eq {}", quoted(self.ledger), quoted(account))
    }

    /// The balances of an account: now, and at the end of former periods.
    async fn control(&self, read: &mut Read, name: &str, months: &[Month]) -> Result<(), String> {
        let (mut now, mut closing, mut unreadable) = (None, BTreeMap::new(), Vec::new());
        let table = SysproTable::new("GenMaster", &["Company", "GlCode"], &["CurrentBalance"]).only(&self.of_account(name));
        self.each(&table, |row, _| {
            now = Some(row.amount("CurrentBalance").map(|value| self.owed(value)));
            Ok(())
        })
        .await?;
        let Some(now) = now else { return Err(format!("the control account {} is not in SYSPRO's table `GenMaster`", quoted(name))) };
        let settings = &self.process.settings.subledger;
        let column = |period: i32| format!("{}{period}", settings.history_closing);
        let columns: Vec<String> = months.iter().filter_map(|(_, period)| period.period()).map(column).collect();
        let named: Vec<&str> = columns.iter().map(String::as_str).collect();
        let table = SysproTable::new(&settings.history_table, &["Company", "GlCode", &settings.history_year], &named);
        let former = self
            .each(&table.only(&self.of_account(name)), |row, _| {
                let Some(year) = row.whole(&settings.history_year) else { return Ok(()) };
                for (_, of) in months.iter().filter(|(_, period)| period.year() == year) {
                    let Some(column) = of.period().map(column) else { continue };
                    match row.amount(&column) {
                        Ok(value) => {
                            closing.insert(*of, self.owed(value));
                        }
                        Err(text) => unreadable.push((*of, column, text)),
                    }
                }
                Ok(())
            })
            .await;
        read.no_history = read.no_history.take().or(former.err());
        if let Some(account) = read.accounts.get_mut(name) {
            for (at, (_, period)) in months.iter().enumerate() {
                let current = self.calendar.current.is_some_and(|current| *period >= current);
                account.control[at] = if current { now.as_ref().ok().copied() } else { closing.get(period).copied() };
                match &now {
                    Err(text) if current => account.unreadable[at].add(&format!("`GenMaster` {name}"), "CurrentBalance", text),
                    _ => {}
                }
                for (_, column, text) in unreadable.iter().filter(|(of, ..)| of == period && !current) {
                    account.unreadable[at].add(&format!("`{}` {name}/{}", settings.history_table, period.year()), column, text);
                }
            }
        }
        Ok(())
    }

    /// The postings on an account in a period.
    async fn postings(&self, read: &mut Read, name: &str, at: usize, period: FiscalPeriod) -> Result<(), String> {
        let key = ["Company", "GlCode", "GlYear", "GlPeriod", "GlLine"];
        let table = SysproTable::new("GenTransaction", &key, &["Source", "Journal", "Reference", "EntryValue", "SubModJournal"])
            .only(&format!("{} and {}", self.of_account(name), of_month("GlYear", "GlPeriod", period)));
        self.each(&table, |row, _| {
            let Some(account) = read.accounts.get_mut(name) else { return Ok(()) };
            let source = row.text("Source");
            let from_ap = self.process.settings.subledger.sources.contains(&source);
            if from_ap {
                account.integrate(period, &row);
            }
            let amount = match row.amount("EntryValue") {
                Ok(value) => self.owed(value),
                Err(text) => {
                    let record = format!("`GenTransaction` {name}/{period}/{}", row.text("GlLine"));
                    // a posting from elsewhere is also between the balances of the months after it
                    let months = if from_ap { at..=at } else { 0..=at };
                    account.unreadable[months].iter_mut().for_each(|one| one.add(&record, "EntryValue", &text));
                    return Ok(());
                }
            };
            account.control_movements[at] += amount;
            if from_ap {
                return Ok(());
            }
            account.foreign[at].add(amount);
            let (journal, reference) = (row.text("Journal"), row.text("Reference"));
            read.name(NewSubledgerEntry {
                account: name.to_owned(),
                kind: SubledgerEntryKind::Foreign,
                period,
                journal,
                source,
                reference,
                amount,
            });
            Ok(())
        })
        .await
    }

    /// Lines on control accounts of journals from AP that are made and not posted.
    async fn unposted(&self, read: &mut Read) -> Result<(), String> {
        if self.process.settings.subledger.unposted.is_empty() {
            return Ok(());
        }
        let states: Vec<String> =
            self.process.settings.subledger.unposted.iter().map(|state| format!("JnlStatus eq {}", quoted(state))).collect();
        let table =
            SysproTable::new("GenJournalCtl", &["GlYear", "GlPeriod", "GlJournal"], &["JournalSource"]).only(&states.join(" or ")).lines(
                "GenJournalDetail",
                &["GlYear", "GlPeriod", "Journal", "EntryNumber"],
                &[("GlYear", "GlYear"), ("GlPeriod", "GlPeriod"), ("GlJournal", "Journal")],
                &["Company", "GlCode", "EntryValue", "Reference", "Source", "SubModJournal"],
            );
        self.each(&table, |journal, lines| {
            let period = journal.whole("GlYear").and_then(|year| FiscalPeriod::of(year, journal.whole("GlPeriod")));
            let Some(period) = period else { return Ok(()) };
            for line in lines {
                let (name, company) = (line.text("GlCode"), line.text("Company"));
                let source = if line.text("Source").is_empty() { journal.text("JournalSource") } else { line.text("Source") };
                let own = (company.is_empty() || company == self.ledger) && self.process.settings.subledger.sources.contains(&source);
                let Some(account) = read.accounts.get_mut(&name).filter(|_| own) else { continue };
                account.integrate(period, &line);
                let amount = match line.amount("EntryValue") {
                    Ok(value) => self.owed(value),
                    Err(text) => {
                        let record = format!("`GenJournalDetail` {period}/{}/{}", journal.text("GlJournal"), line.text("EntryNumber"));
                        account.unreadable_unposted.entry(period).or_default().add(&record, "EntryValue", &text);
                        continue;
                    }
                };
                account.unposted.entry(period).or_default().add(amount);
                let (journal, reference) = (journal.text("GlJournal"), line.text("Reference"));
                read.name(NewSubledgerEntry {
                    account: name,
                    kind: SubledgerEntryKind::Unposted,
                    period,
                    journal,
                    source,
                    reference,
                    amount,
                });
            }
            Ok(())
        })
        .await
    }

    /// Finds the AP journals that the general ledger has no journal for.
    fn not_integrated(&self, read: &mut Read, name: &str, months: &[Month]) {
        let Some(account) = read.accounts.get_mut(name) else { return };
        let any = account.journals.iter().any(|journals| !journals.is_empty());
        account.in_summary = any && account.integrated.is_empty();
        if account.in_summary {
            return;
        }
        let mut found = Vec::new();
        for (at, (month, period)) in months.iter().enumerate() {
            for (journal, amount) in &account.journals[at] {
                if account.integrated.contains(&(*period, journal.clone())) {
                    continue;
                }
                // it may have been posted into a later period, unless that one's AP month has a journal with the same number
                let elsewhere = months.iter().enumerate().any(|(other, (_, period))| {
                    !account.journals[other].contains_key(journal) && account.integrated.contains(&(*period, journal.clone()))
                });
                if !elsewhere {
                    account.not_integrated[at].add(*amount);
                    found.push(NewSubledgerEntry {
                        account: name.to_owned(),
                        kind: SubledgerEntryKind::NotIntegrated,
                        period: *month,
                        journal: journal.clone(),
                        source: "AP".to_owned(),
                        reference: String::new(),
                        amount: *amount,
                    });
                }
            }
        }
        found.into_iter().for_each(|entry| read.name(entry));
    }
}

impl Account {
    /// Notes the AP journal of a line of the general ledger.
    fn integrate(&mut self, period: FiscalPeriod, line: &SysproRow<'_>) {
        let journal = line.text("SubModJournal");
        if !journal.is_empty() && journal != "0" {
            self.integrated.insert((period, journal));
        }
    }
}

/// An invoice, for people.
fn invoice(row: &SysproRow<'_>) -> String {
    format!("`ApInvoice` {}/{}", row.text("Supplier"), row.text("Invoice"))
}

fn of_month(year: &str, period: &str, of: FiscalPeriod) -> String {
    format!("{year} eq {} and {period} eq {}", of.year(), of.period().unwrap_or_default())
}
