//! What lists and sums show of documents (amount, date, fiscal periods, currency), compared with what events say of them.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Integer, Nullable};

use super::super::Store;
use super::super::intake::MeasuredRow;
use super::found::{Stop, broken};
use crate::store::text::Text;

/// What an event says of a document.
pub(super) struct SaidMeasures {
    pub(super) leaf: i64,
    pub(super) document: i64,
    pub(super) version: i32,
    pub(super) measures: String,
}

#[derive(QueryableByName)]
struct Measured {
    #[diesel(embed)]
    document: MeasuredRow,
    /// Its newest version.
    #[diesel(sql_type = Nullable<Integer>)]
    newest: Option<i32>,
    /// What the newest event that names them says of its measures; read only where they differ.
    #[diesel(sql_type = Nullable<Text>)]
    said: Option<String>,
}

/// Documents with their newest versions.
const ROWS: &str = "NULL::text AS said";
/// The same, with what the newest event says: all in one statement, so that both belong to the same moment.
const NEWEST_SAID: &str = "(SELECT r.measures FROM (SELECT * FROM event WHERE documents && ARRAY[d.id] OFFSET 0) e \
     CROSS JOIN LATERAL json_to_recordset(e.line::json -> 'records') AS r (document_id bigint, measures text) \
     WHERE r.document_id = d.id AND r.measures IS NOT NULL ORDER BY e.id DESC LIMIT 1) AS said";

async fn rows(store: &Store, said: &'static str, documents: Vec<i64>) -> Result<Vec<Measured>, Stop> {
    let rows = store
        .run("verify the audit", move |conn| {
            let sql = format!(
                "SELECT {}, (SELECT max(v.version) FROM version v WHERE v.document_id = d.id) AS newest, {said} \
                 FROM document d WHERE d.id = ANY($1)",
                MeasuredRow::COLUMNS
            );
            Ok(sql_query(sql).bind::<Array<BigInt>, _>(documents).load(conn)?)
        })
        .await?;
    Ok(rows)
}

/// Compares what events say of documents with these documents. One that has a newer version by now is compared with the event of that one.
pub(super) async fn compare(store: &Store, said: &[SaidMeasures]) -> Result<(), Stop> {
    let found = rows(store, ROWS, said.iter().map(|one| one.document).collect()).await?;
    let found: HashMap<i64, Measured> = found.into_iter().map(|one| (one.document.id.0, one)).collect();
    for one in said {
        let Some(Measured { document: row, newest, .. }) = found.get(&one.document) else {
            return broken(one.leaf, format!("document {} is missing, and nothing removes documents", one.document));
        };
        let (document, version) = (one.document, row.version);
        if version < one.version || *newest != Some(version) {
            let text = format!(
                "document {document} was changed: its version is {version}, its newest stored one {}, and the audit says {}",
                newest.unwrap_or_default(),
                one.version
            );
            return broken(one.leaf, text);
        }
        if version > one.version || row.measures() == one.measures {
            continue;
        }
        // it may have been mapped again since: then a later event says so
        let now = rows(store, NEWEST_SAID, vec![document]).await?;
        let now = now.first().filter(|now| now.said.as_deref() != Some(now.document.measures().as_str()));
        if let Some(now) = now {
            let text = format!(
                "document {document} was changed: its amount, date, periods and currency are `{}`, and the audit says `{}`",
                now.document.measures(),
                now.said.as_deref().unwrap_or("nothing")
            );
            return broken(one.leaf, text);
        }
    }
    Ok(())
}
