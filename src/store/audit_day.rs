//! The days of the audit: what the manifest of a day covers, the signed manifests, and the keys that sign them.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Binary, Bool, Date, Nullable, Timestamptz, Uuid as SqlUuid};
use serde_json::json;
use uuid::Uuid;

use super::audit::{LOCK, NewAudit, audit_append};
use super::schema::{audit_day, audit_key, audit_seal, credential};
use super::{Conn, EncryptedCredential, Store, StoreError, Tx};
use crate::domain::DocumentKey;
use crate::domain::audit::AuditKind;
use crate::evidence::head::AuditHead;
use crate::evidence::merkle::Peaks;
use crate::evidence::signature::{PublicKey, Signer};
use crate::store::text::{Text, text};

/// Lines that are read at once: each has up to 1,000 records.
const PAGE: i64 = 100;

/// A signed day.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = audit_day, check_for_backend(Pg))]
pub struct AuditDayRow {
    /// The day, by UTC.
    pub day: NaiveDate,
    /// The manifest's text.
    pub manifest: String,
    /// Its signature.
    pub signature: String,
    /// The signature of the former key, on the first day of another one.
    pub former_signature: Option<String>,
}

/// A key that signs or has signed.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = audit_key, check_for_backend(Pg))]
pub struct AuditKeyRow {
    /// As OpenSSH writes it.
    pub fingerprint: String,
    /// As OpenSSH writes it.
    pub public_key: String,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// The first day that it may sign; `None`: no day is too early.
    pub first_day: Option<NaiveDate>,
    /// The last day that it may sign; `None`: it has no end yet.
    pub last_day: Option<NaiveDate>,
}

impl AuditKeyRow {
    /// The key with its days.
    ///
    /// # Errors
    /// Why it is no key.
    pub fn signer(&self) -> Result<Signer, String> {
        Ok(Signer { key: PublicKey::read(&self.public_key)?, first_day: self.first_day, last_day: self.last_day })
    }
}

/// Who signed the days that are stored.
#[derive(Debug, Clone)]
pub struct SignedBy {
    /// The fingerprint of the key.
    pub key: String,
    /// The names of the credentials with the key, and with the key before it.
    pub names: [&'static str; 2],
    /// The name of the credential with the former key, if that one signed the first of these days too: it is not needed any more.
    pub former: Option<&'static str>,
}

/// The columns of an encrypted credential without its name.
macro_rules! content {
    ($encrypted:expr) => {
        (
            credential::username.eq(text(&$encrypted.username)),
            credential::key_id.eq(text(&$encrypted.key_id)),
            credential::nonce.eq(&$encrypted.nonce),
            credential::ciphertext.eq(&$encrypted.ciphertext),
        )
    };
}

/// How far the audit is signed, and how far it could be.
#[derive(Debug, Clone, QueryableByName)]
pub struct AuditDays {
    /// Which ledger: the same through all restores.
    #[diesel(sql_type = SqlUuid)]
    pub installation: Uuid,
    /// Today, by the ledger's clock.
    #[diesel(sql_type = Date)]
    pub today: NaiveDate,
    /// Now, by the ledger's clock.
    #[diesel(sql_type = Timestamptz)]
    pub now: DateTime<Utc>,
    /// The first day with leaves; `None`: nothing is sealed.
    #[diesel(sql_type = Nullable<Date>)]
    pub first: Option<NaiveDate>,
    /// Whether an event of an earlier day is not sealed yet.
    #[diesel(sql_type = Bool)]
    pub waits: bool,
}

/// What a day covers.
#[derive(Debug, Clone)]
pub struct AuditDayRange {
    /// The tree before the day's first leaf.
    pub before: Peaks,
    /// The tree at the day's last leaf.
    pub after: Peaks,
    /// Whether events of the day were removed.
    pub removed: bool,
    /// The next day with a seal, this one included.
    pub sealed: Option<NaiveDate>,
}

/// A leaf as it is exported.
#[derive(Debug, Clone, QueryableByName)]
pub struct LeafLine {
    /// Its number.
    #[diesel(sql_type = BigInt)]
    pub leaf: i64,
    /// The line of its event.
    #[diesel(sql_type = Text)]
    pub line: String,
}

/// Which leaves of records.
#[derive(Debug, Clone, Default)]
pub struct LeafFilter {
    /// Only this company.
    pub company: Option<String>,
    /// Only this entity.
    pub entity: Option<String>,
    /// Only this document key.
    pub key: Option<String>,
}

#[derive(QueryableByName)]
struct TreeRow {
    #[diesel(sql_type = BigInt)]
    last_leaf: i64,
    #[diesel(sql_type = Binary)]
    peaks: Vec<u8>,
}

#[derive(QueryableByName)]
struct Exists {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

/// The tree at the end of the last seal of a condition.
fn tree(conn: &mut super::Conn, condition: &str, day: NaiveDate) -> Tx<Peaks> {
    let sql =
        format!("SELECT s.last_leaf, s.peaks FROM audit_seal s WHERE s.first_leaf IS NOT NULL AND {condition} ORDER BY s.id DESC LIMIT 1");
    let Some(row) = sql_query(sql).bind::<Date, _>(day).get_result::<TreeRow>(conn).optional()? else { return Ok(Peaks::default()) };
    let size = u64::try_from(row.last_leaf).unwrap_or_default();
    Peaks::stored(size, &row.peaks).ok_or_else(|| {
        let problem = format!("a seal that ends with leaf {} has no tree of that many leaves", row.last_leaf);
        StoreError::Corrupt { what: "an audit".into(), problem }.into()
    })
}

impl Store {
    /// How far the audit is signed, and how far it could be.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_days_now(&self) -> Result<AuditDays, StoreError> {
        self.run("see which days are to be signed", |conn| {
            // only the newest events are read, as in `sealing.rs`
            sql_query("SET LOCAL enable_seqscan = off").execute(conn)?;
            Ok(sql_query(
                "SELECT (SELECT id FROM ledger_life WHERE number = 1) AS installation, (now() AT TIME ZONE 'UTC')::date AS today, now() AS now, \
                 (SELECT day FROM audit_seal WHERE first_leaf IS NOT NULL ORDER BY id LIMIT 1) AS first, \
                 EXISTS (SELECT FROM event e \
                         LEFT JOIN LATERAL (SELECT s.to_xid, s.to_id FROM audit_seal s WHERE s.life = e.life ORDER BY s.id DESC LIMIT 1) s ON true \
                         WHERE e.life = (SELECT max(number) FROM ledger_life) \
                           AND e.xid >= coalesce((SELECT CASE WHEN s.life = (SELECT max(number) FROM ledger_life) THEN s.to_xid END \
                                                  FROM audit_seal s ORDER BY s.id DESC LIMIT 1), 0) \
                           AND (s.to_id IS NULL OR (e.xid, e.id) >= (s.to_xid, s.to_id)) \
                           AND e.at < date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC') AS waits",
            )
            .get_result(conn)?)
        })
        .await
    }

    /// What a day covers.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_day_range(&self, day: NaiveDate) -> Result<AuditDayRange, StoreError> {
        self.run("read what a day covers", move |conn| {
            let (before, after) = (tree(conn, "s.day < $1", day)?, tree(conn, "s.day <= $1", day)?);
            let sql = "SELECT EXISTS (SELECT FROM audit_seal WHERE day = $1 AND removed_at IS NOT NULL AND first_leaf <= last_leaf) AS yes";
            let removed: Exists = sql_query(sql).bind::<Date, _>(day).get_result(conn)?;
            let sealed = audit_seal::table.filter(audit_seal::day.ge(day)).filter(audit_seal::first_leaf.is_not_null());
            let sealed = sealed.select(diesel::dsl::min(audit_seal::day)).get_result(conn)?;
            Ok(AuditDayRange { before, after, removed: removed.yes, sealed })
        })
        .await
    }

    /// The lines of leaves after one up to another, in their order, a page of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn leaf_lines(&self, after: i64, up_to: i64) -> Result<Vec<LeafLine>, StoreError> {
        self.run("read leaves of the audit", move |conn| {
            Ok(sql_query(
                "SELECT l.leaf, e.line FROM (SELECT leaf, event_id FROM audit_leaf WHERE leaf > $1 AND leaf <= $2 ORDER BY leaf LIMIT $3) l \
                 CROSS JOIN LATERAL (SELECT e.line FROM event e WHERE e.id = l.event_id OFFSET 0) e ORDER BY l.leaf",
            )
            .bind::<BigInt, _>(after)
            .bind::<BigInt, _>(up_to)
            .bind::<BigInt, _>(PAGE)
            .load(conn)?)
        })
        .await
    }

    /// The leaves whose events name a record, after one, a page of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn leaf_lines_of(&self, filter: LeafFilter, after: i64) -> Result<Vec<LeafLine>, StoreError> {
        self.run("read leaves of the audit", move |conn| {
            let key = filter.key.map(|key| String::from(DocumentKey::typed(&key)));
            let from = match &key {
                // the few events of a key are found by the index first
                Some(_) => {
                    "(SELECT id, line FROM event WHERE documents && ARRAY(SELECT id FROM document WHERE key = $3 AND ($1 IS NULL OR company = $1) \
                      AND ($2 IS NULL OR entity = $2)) OFFSET 0) e JOIN audit_leaf l ON l.event_id = e.id WHERE l.leaf > $4"
                }
                None => {
                    "audit_leaf l JOIN event e ON e.id = l.event_id WHERE l.leaf > $4 AND $3::text IS NULL \
                     AND (($1 IS NULL OR e.company = $1) AND ($2 IS NULL OR e.entity = $2) \
                          OR e.documents && ARRAY(SELECT id FROM document d WHERE d.id = ANY (e.documents) AND ($1 IS NULL OR d.company = $1) \
                                                  AND ($2 IS NULL OR d.entity = $2)))"
                }
            };
            Ok(sql_query(format!("SELECT l.leaf, e.line FROM {from} ORDER BY l.leaf LIMIT $5"))
                .bind::<Nullable<Text>, _>(filter.company)
                .bind::<Nullable<Text>, _>(filter.entity)
                .bind::<Nullable<Text>, _>(key)
                .bind::<BigInt, _>(after)
                .bind::<BigInt, _>(PAGE)
                .load(conn)?)
        })
        .await
    }

    /// Stores the signed manifests of days that follow each other; the last one ends with this leaf. False: another node did, an event of one
    /// of these days was sealed meanwhile, or another key signs by now; then nothing is stored.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_day_put(&self, rows: Vec<AuditDayRow>, last_leaf: i64, by: SignedBy) -> Result<bool, StoreError> {
        self.run("store the manifest of a day", move |conn| {
            sql_query(LOCK).execute(conn)?;
            let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(false) };
            let sealed = tree(conn, "s.day <= $1", last.day)?.size();
            let signed: i64 = audit_day::table.filter(audit_day::day.ge(first.day)).count().get_result(conn)?;
            if i64::try_from(sealed).ok() != Some(last_leaf) || signed > 0 {
                return Ok(false);
            }
            if !still_signs(conn, &by)? {
                return Ok(false);
            }
            for row in &rows {
                let values = (
                    audit_day::day.eq(row.day),
                    audit_day::manifest.eq(text(&row.manifest)),
                    audit_day::signature.eq(text(&row.signature)),
                    audit_day::former_signature.eq(row.former_signature.as_deref().map(text)),
                );
                diesel::insert_into(audit_day::table).values(values).execute(conn)?;
            }
            key_change(conn, first.day, &by)?;
            Ok(true)
        })
        .await
    }

    /// The audit's signing key changes: stores the new one, and the former one under the name under which it signs the first day of the new
    /// one too. Both private parts are encrypted. False: another process changed it at the same moment.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_key_change(&self, former: EncryptedCredential, new: EncryptedCredential, by: KeyChange) -> Result<bool, StoreError> {
        self.run("change the key of the audit", move |conn| {
            let replaced = credential::table.find(text(&new.name)).filter(credential::username.eq(text(&former.username)));
            if diesel::update(replaced).set(content!(new)).execute(conn)? == 0 {
                return Ok(false);
            }
            let values = (credential::name.eq(text(&former.name)), content!(former));
            diesel::insert_into(credential::table).values(values).execute(conn)?;
            let detail = json!({ "why": by.why, "former": by.former });
            key_add(conn, &new, &by.fingerprint, &by.actor, detail)?;
            Ok(true)
        })
        .await
    }

    /// Writes the head of the audit after a day was signed into the audit itself, from where a notice takes it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_head_note(&self, day: NaiveDate, head: AuditHead, manifest: String, key: String) -> Result<(), StoreError> {
        let message = format!("leaf {}, head {head}, SHA-256 of the manifest {manifest}, signed by {key}", head.leaf);
        let detail = json!({
            "action": "audit day", "key": day, "leaf": head.leaf, "root": hex::encode(head.root), "manifest": manifest, "signed_by": key,
            "message": message,
        });
        self.run("write the head of the audit", move |conn| audit_append(conn, &[NewAudit::of(AuditKind::Action).detail(&detail)])).await
    }

    /// Signed days after one, in their order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_days(&self, after: Option<NaiveDate>, limit: i64) -> Result<Vec<AuditDayRow>, StoreError> {
        self.run("read signed days", move |conn| {
            let days = audit_day::table.select(AuditDayRow::as_select()).order(audit_day::day).limit(limit);
            Ok(match after {
                Some(after) => days.filter(audit_day::day.gt(after)).load(conn)?,
                None => days.load(conn)?,
            })
        })
        .await
    }

    /// The newest signed day.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_day_newest(&self) -> Result<Option<AuditDayRow>, StoreError> {
        self.run("read signed days", |conn| {
            let newest = audit_day::table.select(AuditDayRow::as_select()).order(audit_day::day.desc());
            Ok(newest.first(conn).optional()?)
        })
        .await
    }

    /// The end of the audit as it is sealed; `None`: nothing is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_head(&self) -> Result<Option<AuditHead>, StoreError> {
        self.run("read the head of the audit", |conn| {
            let last: Vec<TreeRow> =
                sql_query("SELECT last_leaf, peaks FROM audit_seal WHERE first_leaf IS NOT NULL ORDER BY id DESC LIMIT 1").load(conn)?;
            Ok(last.first().and_then(|row| {
                let tree = Peaks::stored(u64::try_from(row.last_leaf).ok()?, &row.peaks)?;
                Some(AuditHead { leaf: row.last_leaf, root: tree.root() })
            }))
        })
        .await
    }

    /// The keys that sign or have signed, in the order in which they were made.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_key_list(&self) -> Result<Vec<AuditKeyRow>, StoreError> {
        self.run("list the keys of the audit", |conn| {
            let order = (audit_key::made_at, audit_key::fingerprint);
            Ok(audit_key::table.select(AuditKeyRow::as_select()).order(order).load(conn)?)
        })
        .await
    }

    /// Stores a new key that signs, its private part encrypted; false: another process was faster, and its key is used.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_key_add(&self, encrypted: EncryptedCredential, fingerprint: String) -> Result<bool, StoreError> {
        self.run("add a key of the audit", move |conn| {
            let values = (credential::name.eq(text(&encrypted.name)), content!(encrypted));
            if diesel::insert_into(credential::table).values(values).on_conflict_do_nothing().execute(conn)? == 0 {
                return Ok(false);
            }
            key_add(conn, &encrypted, &fingerprint, "tieline", json!({}))?;
            Ok(true)
        })
        .await
    }
}

/// A change of the key that signs.
#[derive(Debug, Clone)]
pub struct KeyChange {
    /// The fingerprint of the new key.
    pub fingerprint: String,
    /// That of the former one.
    pub former: String,
    /// Who asked for it.
    pub actor: String,
    /// Why.
    pub why: String,
}

/// Stores the public part of a key, with its event. `more`: further details.
fn key_add(conn: &mut Conn, encrypted: &EncryptedCredential, fingerprint: &str, actor: &str, mut more: serde_json::Value) -> Tx<()> {
    diesel::insert_into(audit_key::table)
        .values((audit_key::fingerprint.eq(text(fingerprint)), audit_key::public_key.eq(text(&encrypted.username))))
        .execute(conn)?;
    more["action"] = "audit key add".into();
    more["fingerprint"] = fingerprint.into();
    more["public_key"] = encrypted.username.as_str().into();
    let mut row = NewAudit::of(AuditKind::Action).detail(&more);
    actor.clone_into(&mut row.actor);
    audit_append(conn, &[row])
}

#[derive(QueryableByName)]
struct Signs {
    #[diesel(sql_type = Bool)]
    former: bool,
}

/// Whether this key still signs, and the key before it still must or must not: neither changes until this transaction ends.
fn still_signs(conn: &mut Conn, by: &SignedBy) -> Tx<bool> {
    let [name, former] = by.names;
    let signs: Option<Signs> = sql_query(
        "SELECT EXISTS (SELECT FROM credential f WHERE f.name = $3) AS former FROM credential c \
         JOIN audit_key k ON k.public_key = c.username WHERE c.name = $1 AND k.fingerprint = $2 FOR SHARE OF c",
    )
    .bind::<Text, _>(name)
    .bind::<Text, _>(&by.key)
    .bind::<Text, _>(former)
    .get_result(conn)
    .optional()?;
    Ok(signs.is_some_and(|signs| signs.former == by.former.is_some()))
}

/// On the first day of another key, the days of both are set: a former key may sign this day too if it did, and no later one.
fn key_change(conn: &mut Conn, day: NaiveDate, by: &SignedBy) -> Tx<()> {
    let last_day = if by.former.is_some() { Some(day) } else { day.pred_opt() };
    let former = audit_key::table.filter(audit_key::fingerprint.ne(text(&by.key))).filter(audit_key::last_day.is_null());
    let former: Vec<String> =
        diesel::update(former).set(audit_key::last_day.eq(last_day)).returning(audit_key::fingerprint).get_results(conn)?;
    if former.is_empty() {
        return Ok(());
    }
    diesel::update(audit_key::table.find(text(&by.key))).set(audit_key::first_day.eq(Some(day))).execute(conn)?;
    if let Some(name) = by.former {
        diesel::delete(credential::table.find(text(name))).execute(conn)?;
    }
    let detail = json!({ "action": "audit key change", "fingerprint": by.key, "first_day": day, "former": former, "last_day": last_day });
    audit_append(conn, &[NewAudit::of(AuditKind::Action).detail(&detail)])
}
