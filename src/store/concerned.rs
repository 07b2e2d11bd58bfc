//! The records that an action concerns: how many, their amounts, and which exactly.

use std::collections::BTreeMap;

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::sql_query;
use diesel::sql_types::{BigInt, Nullable};
use rust_decimal::Decimal;

use super::placeholder::with_placeholders;
use super::replay::{ReplayScope, in_scope};
use super::{Conn, Store, StoreError, Tx};
use crate::domain::money::parse_decimal;
use crate::store::text::Text;

/// Records.
#[derive(Debug, Clone)]
pub enum ConcernedScope {
    /// Of a replay or a release, of these companies.
    Named {
        /// Which.
        scope: Box<ReplayScope>,
        /// The companies.
        companies: Vec<String>,
    },
    /// Records that were last mapped by another definition than the one in force.
    Outdated {
        /// Only this company.
        company: Option<String>,
        /// Only this entity.
        entity: Option<String>,
    },
}

/// Records of one flow in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConcernedGroup {
    /// The company.
    pub company: String,
    /// The entity.
    pub entity: String,
    /// The currency as in SYSPRO; empty: the company's own.
    pub currency: String,
    /// How many.
    pub records: i64,
    /// Those of them whose amount is not known.
    pub unknown: i64,
    /// The sum of their amounts without their signs; `None`: it is too large for a decimal.
    pub amount: Option<Decimal>,
}

/// Counted records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Concerned {
    /// By flow and currency.
    pub groups: Vec<ConcernedGroup>,
    /// SHA-256 over their numbers and versions.
    pub digest: String,
}

impl Concerned {
    /// How many records.
    pub fn records(&self) -> i64 {
        self.groups.iter().map(|group| group.records).sum()
    }

    /// How many of each flow, such as `3 of EDU1/invoice`.
    pub fn by_flow(&self) -> Vec<String> {
        let mut flows: BTreeMap<String, i64> = BTreeMap::new();
        for group in &self.groups {
            *flows.entry(format!("{}/{}", group.company, group.entity)).or_default() += group.records;
        }
        flows.into_iter().map(|(flow, records)| format!("{records} of {flow}")).collect()
    }
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    digest: String,
    #[diesel(sql_type = Nullable<Text>)]
    company: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    entity: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    currency: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    records: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    unknown: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    amount: Option<String>,
}

/// `$14` is free for the statement around it.
const OUTDATED: &str = "FROM document d \
     JOIN definition_in_force f ON true \
     JOIN definition_mapping m ON m.definition = f.number AND m.company = d.company AND m.entity = d.entity \
     WHERE d.mapping <> m.number AND NOT {stands_for_a_row} AND ($1 IS NULL OR d.company = $1) AND ($2 IS NULL OR d.entity = $2)";

/// A statement with `{records}` replaced by the rows of `document d` in scope.
fn over(statement: &str, scope: &ConcernedScope, last: Option<i64>) -> BoxedSqlQuery<'static, Pg, SqlQuery> {
    match scope {
        ConcernedScope::Named { scope, companies } => {
            let query = in_scope(statement, (**scope).clone(), companies.clone(), Default::default());
            match last {
                Some(last) => query.bind::<BigInt, _>(last),
                None => query,
            }
        }
        ConcernedScope::Outdated { company, entity } => {
            let sql = with_placeholders(&statement.replace("{records}", OUTDATED).replace("$14", "$3"));
            let query = sql_query(sql).into_boxed().bind::<Nullable<Text>, _>(company.clone()).bind::<Nullable<Text>, _>(entity.clone());
            match last {
                Some(last) => query.bind::<BigInt, _>(last),
                None => query,
            }
        }
    }
}

/// Counts records and their amounts, with a digest of which they are. The digest is made of parts, so that no text is as long as the list.
const COUNT: &str = "WITH s AS MATERIALIZED (SELECT d.id, d.version, d.company, d.entity, d.amount, coalesce(d.currency, '') AS currency {records}), \
     g AS (SELECT company, entity, currency, count(*) AS records, count(*) FILTER (WHERE amount IS NULL) AS unknown, \
                  coalesce(sum(abs(amount)), 0)::text AS amount \
           FROM s GROUP BY 1, 2, 3), \
     h AS (SELECT encode(sha256(coalesce(string_agg(part, ''::bytea ORDER BY place), ''::bytea)), 'hex') AS digest \
           FROM (SELECT id / 10000 AS place, sha256(convert_to(string_agg(id || ':' || version, ',' ORDER BY id), 'UTF8')) AS part \
                 FROM s GROUP BY 1) p) \
     SELECT h.digest, g.* FROM h LEFT JOIN g ON true ORDER BY g.company, g.entity, g.currency";

/// Counts records.
pub(super) fn counted(conn: &mut Conn, scope: &ConcernedScope) -> Tx<Concerned> {
    let rows: Vec<Row> = over(COUNT, scope, None).load(conn)?;
    let digest = rows.first().map(|row| row.digest.clone()).unwrap_or_default();
    let group = |row: Row| {
        Some(ConcernedGroup {
            company: row.company?,
            entity: row.entity?,
            currency: row.currency.unwrap_or_default(),
            records: row.records.unwrap_or_default(),
            unknown: row.unknown.unwrap_or_default(),
            amount: row.amount.as_deref().and_then(parse_decimal),
        })
    };
    Ok(Concerned { groups: rows.into_iter().filter_map(group).collect(), digest })
}

/// How many of the records of a request an action can still have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, utoipa::ToSchema)]
pub struct HeldRecords {
    /// Records of the request that were not queued yet.
    pub approved: i64,
    /// Those of them that are selected now and have not changed since the request.
    pub held: i64,
    /// Records that are selected now.
    pub selected: i64,
}

#[derive(QueryableByName)]
struct HeldRow {
    #[diesel(sql_type = BigInt)]
    approved: i64,
    #[diesel(sql_type = BigInt)]
    held: i64,
    #[diesel(sql_type = BigInt)]
    selected: i64,
}

/// Compares the records in scope with those of a request.
pub(super) fn held(conn: &mut Conn, scope: &ConcernedScope, approval: i64) -> Tx<HeldRecords> {
    let statement = "WITH s AS MATERIALIZED (SELECT d.id, d.version {records}) \
         SELECT (SELECT count(*) FROM approval_record WHERE approval_id = $14) AS approved, count(a.document_id) AS held, count(*) AS selected \
         FROM s LEFT JOIN approval_record a ON a.approval_id = $14 AND a.document_id = s.id AND a.version = s.version";
    let row: HeldRow = over(statement, scope, Some(approval)).get_result(conn)?;
    Ok(HeldRecords { approved: row.approved, held: row.held, selected: row.selected })
}

/// Stores which records a request is for.
pub(super) fn approved_put(conn: &mut Conn, scope: &ConcernedScope, approval: i64) -> Tx<()> {
    let statement = "INSERT INTO approval_record (approval_id, document_id, version) SELECT $14, d.id, d.version {records}";
    over(statement, scope, Some(approval)).execute(conn)?;
    Ok(())
}

impl Store {
    /// Counts records and their amounts.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn concerned(&self, scope: ConcernedScope) -> Result<Concerned, StoreError> {
        self.run("count the records of an action", move |conn| counted(conn, &scope)).await
    }
}
