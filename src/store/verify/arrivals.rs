//! Where records arrived, and with which fields, compared with what events say of their deliveries.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable};

use super::super::{Store, payload_digest};
use super::found::{Stop, broken};
use crate::store::text::Text;

/// Deliveries that are remembered as named by an event, so that the events of a record that was sent often are not searched each time.
const REMEMBERED: usize = 50_000;

/// The version of a row that somebody else wrote.
const SOMEBODY_ELSE: i32 = i32::MAX;

/// What an event says of a record that arrived.
pub(super) struct SaidArrival {
    pub(super) leaf: i64,
    pub(super) document: i64,
    pub(super) delivery: i64,
    pub(super) version: Option<i32>,
    pub(super) sys_id: String,
    pub(super) table: String,
    /// The digest of the fields that were sent; events of earlier releases do not say it.
    pub(super) payload: Option<String>,
}

/// A delivery as it is stored, and the row of its record.
#[derive(QueryableByName)]
struct Arrived {
    #[diesel(sql_type = BigInt)]
    document_id: i64,
    #[diesel(sql_type = BigInt)]
    delivery_id: i64,
    /// The document of the delivery; `None`: it is not stored any more.
    #[diesel(sql_type = Nullable<BigInt>)]
    of_document: Option<i64>,
    #[diesel(sql_type = Nullable<Integer>)]
    of_version: Option<i32>,
    #[diesel(sql_type = Nullable<Text>)]
    payload: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    refs: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    row_delivery: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    sys_id: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    target_table: Option<String>,
    #[diesel(sql_type = Nullable<Integer>)]
    version: Option<i32>,
    /// The delivery of its row in a table that is not written any more.
    #[diesel(sql_type = Nullable<BigInt>)]
    former_delivery: Option<i64>,
    /// Whether the ledger was ever restored: then rows may be known from the comparison with ServiceNow.
    #[diesel(sql_type = Bool)]
    restored: bool,
}

/// A row of a record.
#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    document_id: i64,
    #[diesel(sql_type = BigInt)]
    delivery_id: i64,
}

#[derive(QueryableByName)]
struct SaidSo {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

/// What was seen of arrivals so far.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    /// Rows of records whose deliveries events name.
    pub(super) rows: i64,
    /// Deliveries of documents that some event names.
    named: HashSet<(i64, i64)>,
}

/// What a page found.
#[derive(Default)]
pub(super) struct PageFound {
    /// The first leaf of each delivery that is not stored any more.
    pub(super) missing: Vec<i64>,
    /// Deliveries whose fields were compared.
    pub(super) payloads: i64,
}

impl Arrivals {
    /// Compares some of them.
    pub(super) async fn compare(&mut self, store: &Store, said: &[SaidArrival]) -> Result<PageFound, Stop> {
        let documents: Vec<i64> = said.iter().map(|one| one.document).collect();
        let deliveries: Vec<i64> = said.iter().map(|one| one.delivery).collect();
        let rows: Vec<Arrived> = store
            .run("verify the audit", move |conn| {
                Ok(sql_query(include_str!("../sql/verify_arrivals.sql"))
                    .bind::<Array<BigInt>, _>(documents)
                    .bind::<Array<BigInt>, _>(deliveries)
                    .load(conn)?)
            })
            .await?;
        let rows: HashMap<(i64, i64), Arrived> = rows.into_iter().map(|row| ((row.document_id, row.delivery_id), row)).collect();
        let mut found = PageFound::default();
        let mut newer: Vec<(i64, i64, i64)> = Vec::new();
        for one in said {
            let Some(row) = rows.get(&(one.document, one.delivery)) else { continue };
            if row.of_document.is_none() {
                found.missing.push(one.leaf);
            } else {
                found.payloads += i64::from(sent(one, row)?);
            }
            self.rows += i64::from(row.row_delivery == Some(one.delivery));
            if let Some(delivery) = arrived(store, one, row).await?
                && !self.named.contains(&(one.document, delivery))
            {
                newer.push((one.leaf, one.document, delivery));
            }
        }
        self.named(store, newer).await?;
        Ok(found)
    }

    /// Later deliveries that stand in rows must be named by events, which are compared with these rows where they come.
    async fn named(&mut self, store: &Store, mut newer: Vec<(i64, i64, i64)>) -> Result<(), Stop> {
        if newer.is_empty() {
            return Ok(());
        }
        newer.sort_unstable_by_key(|one| (one.1, one.2));
        newer.dedup_by_key(|one| (one.1, one.2));
        let documents: Vec<i64> = newer.iter().map(|one| one.1).collect();
        let deliveries: Vec<i64> = newer.iter().map(|one| one.2).collect();
        let unnamed: Vec<Row> = store
            .run("verify the audit", move |conn| {
                let sql = format!(
                    "SELECT n.document_id, n.delivery_id FROM unnest($1::bigint[], $2::bigint[]) AS n (document_id, delivery_id) WHERE NOT {NAMED}"
                );
                Ok(sql_query(sql).bind::<Array<BigInt>, _>(documents).bind::<Array<BigInt>, _>(deliveries).load(conn)?)
            })
            .await?;
        if let Some(row) = unnamed.first() {
            let leaf = newer.iter().find(|one| one.2 == row.delivery_id).map_or(0, |one| one.0);
            return broken(leaf, no_event(row));
        }
        if self.named.len() > REMEMBERED {
            self.named.clear();
        }
        self.named.extend(newer.iter().map(|one| (one.1, one.2)));
        Ok(())
    }

    /// Rows of records that no event names, and second rows of a delivery. `at_first`: how many rows there were when the walk began: not more than events name, unless some
    /// event came late into the order.
    pub(super) async fn unnamed(&self, store: &Store, at_first: i64) -> Result<(), Stop> {
        if at_first <= self.rows {
            return Ok(());
        }
        let row: Option<Row> = store
            .without_time_limit()
            .run("verify the audit", |conn| {
                sql_query(super::NO_LIMIT).execute(conn)?;
                let sql = format!(
                    "SELECT n.document_id, n.delivery_id FROM record n WHERE n.delivery_id > 0 AND n.version <> {SOMEBODY_ELSE} \
                     AND (NOT {NAMED} OR NOT EXISTS (SELECT FROM delivery l WHERE l.id = n.delivery_id AND l.document_id = n.document_id \
                                                     AND l.block = n.block AND l.record_key = n.record_key)) LIMIT 1"
                );
                Ok(sql_query(sql).get_result(conn).optional()?)
            })
            .await?;
        row.map_or(Ok(()), |row| broken(0, no_event(&row)))
    }
}

/// Whether some event says that the delivery of `n` arrived. Within a line, text of others has its quotes escaped.
const NAMED: &str = "EXISTS (SELECT FROM (SELECT * FROM event WHERE documents && ARRAY[n.document_id] OFFSET 0) e \
     WHERE e.kind IN ('confirmed', 'looked_up', 'partial_write') AND strpos(e.line, '\"delivery_id\":' || n.delivery_id || ',') > 0)";

fn no_event(row: &Row) -> String {
    format!("a row says that delivery {} of document {} arrived there, and no event says so", row.delivery_id, row.document_id)
}

/// Compares the fields that were sent; false: the event does not say them.
fn sent(one: &SaidArrival, row: &Arrived) -> Result<bool, Stop> {
    if row.of_document != Some(one.document) || one.version.is_some_and(|version| row.of_version != Some(version)) {
        let text = format!(
            "delivery {} was changed: it is of version {} of document {}, and the audit says version {} of document {}",
            one.delivery,
            row.of_version.unwrap_or_default(),
            row.of_document.unwrap_or_default(),
            one.version.unwrap_or_default(),
            one.document
        );
        return broken(one.leaf, text);
    }
    let Some(said) = &one.payload else { return Ok(false) };
    let digest = payload_digest(row.payload.as_deref().unwrap_or_default(), row.refs.as_deref());
    if digest != *said {
        let text = format!(
            "the fields of delivery {} of document {} were changed: their hash is {digest}, and the audit says {said}",
            one.delivery, one.document
        );
        return broken(one.leaf, text);
    }
    Ok(true)
}

/// Compares the row of a record with where its delivery arrived; answers a later delivery that stands there now.
async fn arrived(store: &Store, one: &SaidArrival, row: &Arrived) -> Result<Option<i64>, Stop> {
    let (document, delivery) = (one.document, one.delivery);
    let (Some(now), Some(sys_id), Some(table), Some(version)) = (row.row_delivery, &row.sys_id, &row.target_table, row.version) else {
        // the row is in a table that is not written any more; or the place of the delivery is not known
        return if row.former_delivery.is_some() || row.of_document.is_none() {
            Ok(None)
        } else {
            broken(one.leaf, format!("the row where delivery {delivery} of document {document} arrived is missing in the ledger"))
        };
    };
    if version == SOMEBODY_ELSE {
        return Ok(None);
    }
    match now {
        0 if row.restored => return Ok(None),
        now if now > delivery => return Ok(Some(now)),
        // a table is written again that was not written for a time
        now if now < delivery && now > 0 && row.former_delivery.is_some_and(|former| former >= delivery) => return Ok(Some(now)),
        now if now < delivery => {
            let text =
                format!("the row of delivery {delivery} of document {document} was changed: it is that of delivery {now}, which is older");
            return broken(one.leaf, text);
        }
        _ => {}
    }
    let same = *sys_id == one.sys_id && *table == one.table && one.version.is_none_or(|said| said == version);
    // another event of the same delivery may say it, such as a look-up
    if !same && !said_elsewhere(store, (document, delivery, version), (sys_id, table)).await? {
        let text = format!(
            "the row where delivery {delivery} of document {document} arrived was changed: it is {sys_id} in {table} with version {version}, and \
             the audit says {} in {} with version {}",
            one.sys_id,
            one.table,
            one.version.unwrap_or_default()
        );
        return broken(one.leaf, text);
    }
    Ok(None)
}

async fn said_elsewhere(
    store: &Store,
    (document, delivery, version): (i64, i64, i32),
    (sys_id, table): (&str, &str),
) -> Result<bool, Stop> {
    let (sys_id, table) = (sys_id.to_owned(), table.to_owned());
    let said: SaidSo = store
        .run("verify the audit", move |conn| {
            Ok(sql_query(
                "SELECT EXISTS (SELECT FROM (SELECT * FROM event WHERE documents && ARRAY[$1] OFFSET 0) e \
                 CROSS JOIN LATERAL json_to_recordset(e.line::json -> 'records') AS r (document_id bigint, version integer, delivery_id bigint, detail json) \
                 WHERE r.document_id = $1 AND r.delivery_id = $2 AND r.version = $3 AND r.detail ->> 'sys_id' = $4 AND r.detail ->> 'table' = $5) AS yes",
            )
            .bind::<BigInt, _>(document)
            .bind::<BigInt, _>(delivery)
            .bind::<Integer, _>(version)
            .bind::<Text, _>(sys_id)
            .bind::<Text, _>(table)
            .get_result(conn)?)
        })
        .await?;
    Ok(said.yes)
}
