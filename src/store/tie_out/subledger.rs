//! SYSPRO's AP sub-ledger against its control accounts, as a tie-out found it.

use diesel::pg::Pg;
use diesel::prelude::*;
use rust_decimal::Decimal;
use serde::{Serialize, Serializer};

use crate::domain::fiscal::FiscalPeriod;
use crate::domain::ids::TieOutId;
use crate::domain::subledger::{SubledgerEntryKind, SubledgerVerdict};
use crate::store::schema::{tie_out_subledger, tie_out_subledger_entry};
use crate::store::text::text;
use crate::store::{Store, StoreError};

/// One control account and AP month.
#[derive(Debug, Clone, Queryable, Selectable, Serialize, utoipa::ToSchema)]
#[diesel(table_name = tie_out_subledger, check_for_backend(Pg))]
pub struct TieOutSubledger {
    /// The company.
    pub company: String,
    /// The control account; empty: nothing of the company could be compared.
    pub account: String,
    /// 0: the current AP month; 1 and 2: those before.
    pub months_back: i32,
    /// The AP branches of the account.
    pub branches: Vec<String>,
    /// The AP month, such as `2026-03`.
    #[serde(serialize_with = "as_period")]
    #[schema(value_type = Option<String>)]
    pub month: Option<i32>,
    /// The period of the general ledger with which it is compared.
    #[serde(serialize_with = "as_period")]
    #[schema(value_type = Option<String>)]
    pub period: Option<i32>,
    /// The company's own currency; all amounts are in it.
    pub currency: String,
    /// What AP owes at the end of the month.
    #[schema(value_type = Option<String>)]
    pub subledger_balance: Option<Decimal>,
    /// What the account owes at the end of the period.
    #[schema(value_type = Option<String>)]
    pub control_balance: Option<Decimal>,
    /// The invoices of the month less its payments.
    #[schema(value_type = Option<String>)]
    pub subledger_movement: Option<Decimal>,
    /// The postings of the period.
    #[schema(value_type = Option<String>)]
    pub control_movement: Option<Decimal>,
    /// Lines of journals that are made and not posted, up to this period.
    pub unposted_entries: i64,
    /// Their amount.
    #[schema(value_type = String)]
    pub unposted_amount: Decimal,
    /// AP journals without a journal of the general ledger, up to this month.
    pub not_integrated_entries: i64,
    /// Their amount.
    #[schema(value_type = String)]
    pub not_integrated_amount: Decimal,
    /// Postings that do not come from AP, up to this period.
    pub foreign_entries: i64,
    /// Their amount.
    #[schema(value_type = String)]
    pub foreign_amount: Decimal,
    /// Balances in other currencies, each as `USD 12.00`. They are in no other number.
    pub other_currencies: Vec<String>,
    /// What it shows.
    pub verdict: SubledgerVerdict,
    /// Why it is not compared, or what is not known.
    pub why: Option<String>,
}

impl TieOutSubledger {
    /// A company of which nothing could be compared.
    pub fn not_compared(company: &str, why: String) -> Self {
        Self {
            company: company.to_owned(),
            account: String::new(),
            months_back: 0,
            branches: Vec::new(),
            month: None,
            period: None,
            currency: String::new(),
            subledger_balance: None,
            control_balance: None,
            subledger_movement: None,
            control_movement: None,
            unposted_entries: 0,
            unposted_amount: Decimal::ZERO,
            not_integrated_entries: 0,
            not_integrated_amount: Decimal::ZERO,
            foreign_entries: 0,
            foreign_amount: Decimal::ZERO,
            other_currencies: Vec::new(),
            verdict: SubledgerVerdict::NotCompared,
            why: Some(why),
        }
    }

    /// What AP owes less what the account owes.
    pub fn difference(&self) -> Option<Decimal> {
        Some(self.subledger_balance? - self.control_balance?)
    }

    /// The AP month, for people.
    pub fn month_text(&self) -> String {
        self.month.map(|number| FiscalPeriod::from_number(number).to_string()).unwrap_or_default()
    }

    /// The period of the general ledger, for people.
    pub fn period_text(&self) -> String {
        self.period.map(|number| FiscalPeriod::from_number(number).to_string()).unwrap_or_default()
    }
}

/// A posting or journal behind the numbers.
#[derive(Debug, Clone, Queryable, Selectable, Serialize, utoipa::ToSchema)]
#[diesel(table_name = tie_out_subledger_entry, check_for_backend(Pg))]
pub struct SubledgerEntry {
    /// Its number, ascending.
    pub id: i64,
    /// The company.
    pub company: String,
    /// The control account.
    pub account: String,
    /// What it is.
    pub kind: SubledgerEntryKind,
    /// Its period in the general ledger, or for a journal without one its AP month.
    #[serde(serialize_with = "one_period")]
    #[schema(value_type = String)]
    pub period: i32,
    /// The journal.
    pub journal: String,
    /// Its source, in SYSPRO's words.
    pub source: String,
    /// Its reference.
    pub reference: String,
    /// Its amount; what increases the liability is positive.
    #[schema(value_type = String)]
    pub amount: Decimal,
}

/// An entry that was found.
#[derive(Debug, Clone)]
pub struct NewSubledgerEntry {
    /// The control account.
    pub account: String,
    /// What it is.
    pub kind: SubledgerEntryKind,
    /// Its period.
    pub period: FiscalPeriod,
    /// The journal.
    pub journal: String,
    /// Its source.
    pub source: String,
    /// Its reference.
    pub reference: String,
    /// Its amount.
    pub amount: Decimal,
}

fn as_period<S: Serializer>(number: &Option<i32>, serializer: S) -> Result<S::Ok, S::Error> {
    number.map(FiscalPeriod::from_number).serialize(serializer)
}

fn one_period<S: Serializer>(number: &i32, serializer: S) -> Result<S::Ok, S::Error> {
    FiscalPeriod::from_number(*number).serialize(serializer)
}

impl Store {
    /// Stores what was found of a company.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_subledger_keep(
        &self,
        id: TieOutId,
        company: String,
        lines: Vec<TieOutSubledger>,
        entries: Vec<NewSubledgerEntry>,
    ) -> Result<(), StoreError> {
        self.run("store a sub-ledger against its control accounts", move |conn| {
            for line in &lines {
                diesel::insert_into(tie_out_subledger::table)
                    .values((
                        (
                            tie_out_subledger::tie_out_id.eq(id),
                            tie_out_subledger::company.eq(text(&company)),
                            tie_out_subledger::account.eq(text(&line.account)),
                            tie_out_subledger::months_back.eq(line.months_back),
                            tie_out_subledger::branches.eq(&line.branches),
                            tie_out_subledger::month.eq(line.month),
                            tie_out_subledger::period.eq(line.period),
                            tie_out_subledger::currency.eq(text(&line.currency)),
                            tie_out_subledger::subledger_balance.eq(line.subledger_balance),
                            tie_out_subledger::control_balance.eq(line.control_balance),
                        ),
                        (
                            tie_out_subledger::subledger_movement.eq(line.subledger_movement),
                            tie_out_subledger::control_movement.eq(line.control_movement),
                            tie_out_subledger::unposted_entries.eq(line.unposted_entries),
                            tie_out_subledger::unposted_amount.eq(line.unposted_amount),
                            tie_out_subledger::not_integrated_entries.eq(line.not_integrated_entries),
                            tie_out_subledger::not_integrated_amount.eq(line.not_integrated_amount),
                            tie_out_subledger::foreign_entries.eq(line.foreign_entries),
                            tie_out_subledger::foreign_amount.eq(line.foreign_amount),
                            tie_out_subledger::other_currencies.eq(&line.other_currencies),
                            tie_out_subledger::verdict.eq(text(line.verdict.as_str())),
                            tie_out_subledger::why.eq(line.why.as_deref().map(text)),
                        ),
                    ))
                    .execute(conn)?;
            }
            let rows: Vec<_> = entries
                .iter()
                .map(|entry| {
                    (
                        tie_out_subledger_entry::tie_out_id.eq(id),
                        tie_out_subledger_entry::company.eq(text(&company)),
                        tie_out_subledger_entry::account.eq(text(&entry.account)),
                        tie_out_subledger_entry::kind.eq(text(entry.kind.as_str())),
                        tie_out_subledger_entry::period.eq(entry.period.number()),
                        tie_out_subledger_entry::journal.eq(text(&entry.journal)),
                        tie_out_subledger_entry::source.eq(text(&entry.source)),
                        tie_out_subledger_entry::reference.eq(text(&entry.reference)),
                        tie_out_subledger_entry::amount.eq(entry.amount),
                    )
                })
                .collect();
            // nine parameters each, and a statement has at most 65,535
            for rows in rows.chunks(1000) {
                diesel::insert_into(tie_out_subledger_entry::table).values(rows).execute(conn)?;
            }
            Ok(())
        })
        .await
    }

    /// The sub-ledgers of a tie-out, by company, account and month, the current one first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_subledger(&self, id: TieOutId) -> Result<Vec<TieOutSubledger>, StoreError> {
        self.run("list the sub-ledgers of a tie-out", move |conn| {
            let order = (tie_out_subledger::company, tie_out_subledger::account, tie_out_subledger::months_back);
            let lines = tie_out_subledger::table.filter(tie_out_subledger::tie_out_id.eq(id)).order(order);
            Ok(lines.select(TieOutSubledger::as_select()).load(conn)?)
        })
        .await
    }

    /// A page of the entries behind them, after this one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_subledger_entries(&self, id: TieOutId, after: i64, limit: i64) -> Result<Vec<SubledgerEntry>, StoreError> {
        self.run("list the entries of sub-ledgers", move |conn| {
            let rows = tie_out_subledger_entry::table.filter(tie_out_subledger_entry::tie_out_id.eq(id));
            let rows = rows.filter(tie_out_subledger_entry::id.gt(after)).order(tie_out_subledger_entry::id).limit(limit);
            Ok(rows.select(SubledgerEntry::as_select()).load(conn)?)
        })
        .await
    }
}
