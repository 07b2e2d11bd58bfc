//! People who sign in through the provider of the site, their sessions, and attempts to sign in.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::dsl::now;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_query;
use serde::Serialize;
use serde_json::json;

use super::audit::{NewAudit, audit_append};
use super::schema::{console_session, person, sign_in_attempt};
use super::time::{after, ago};
use super::{Conn, Store, StoreError, Tx};
use crate::domain::audit::AuditKind;
use crate::domain::person::{folded, provider_actor};
use crate::domain::reason::Reason;
use crate::domain::role::Role;
use crate::store::text::text;

/// A person who signed in through the provider.
#[derive(Debug, Clone, Queryable, Selectable, Serialize)]
#[diesel(table_name = person, check_for_backend(Pg))]
pub struct PersonRow {
    #[serde(skip)]
    id: i64,
    /// The provider.
    pub issuer: String,
    /// The provider's own name for the person, which stays the same.
    pub subject: String,
    /// The name that people read: that of the first sign-in.
    pub name: String,
    /// The role of the last sign-in.
    pub role: Role,
    /// The first sign-in.
    pub first_signed_in_at: DateTime<Utc>,
    /// The last sign-in.
    pub last_signed_in_at: DateTime<Utc>,
    /// When an administrator freed the name; null: the person has it.
    pub freed_at: Option<DateTime<Utc>>,
}

/// A person whom the provider vouches for.
#[derive(Debug, Clone)]
pub struct KnownPerson {
    /// The provider.
    pub issuer: String,
    /// The provider's own name for the person.
    pub subject: String,
    /// The name that people read.
    pub name: String,
    /// The role.
    pub role: Role,
}

/// Whether a person was signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersonSignIn {
    /// A session is open.
    Done,
    /// Another person has the name.
    NameTaken,
}

/// What became of the request to free a name.
#[derive(Debug, Clone)]
pub enum PersonFreed {
    /// Another account may have the name.
    Done(Box<PersonRow>),
    /// Nobody has the name.
    Missing,
    /// People of several providers have it.
    Several(Vec<String>),
}

/// Names that are compared at once.
const PAGE: i64 = 1000;

/// An attempt ends after this time; a row that is older says nothing any more.
const KEPT: Duration = Duration::from_hours(1);

/// Who has a name, or one that looks the same; of one provider, if given.
fn named(conn: &mut Conn, issuer: Option<&str>, name: &str) -> Tx<Vec<PersonRow>> {
    let (wanted, mut after, mut found) = (folded(name), 0, Vec::new());
    loop {
        let mut page = person::table.filter(person::freed_at.is_null().and(person::id.gt(after))).into_boxed::<Pg>();
        if let Some(issuer) = issuer {
            page = page.filter(person::issuer.eq(text(issuer)));
        }
        let rows: Vec<PersonRow> = page.order(person::id).limit(PAGE).select(PersonRow::as_select()).load(conn)?;
        let Some(last) = rows.last() else { return Ok(found) };
        after = last.id;
        found.extend(rows.into_iter().filter(|row| folded(&row.name) == wanted));
    }
}

/// One change of names at a time: two people must not get one name.
fn lock(conn: &mut Conn) -> Tx<()> {
    sql_query("LOCK TABLE person IN SHARE ROW EXCLUSIVE MODE").execute(conn)?;
    Ok(())
}

impl Store {
    /// Uses an attempt to sign in, once: `false` if it was used before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sign_in_attempt(&self, hash: [u8; 32]) -> Result<bool, StoreError> {
        self.run("use an attempt to sign in", move |conn| {
            diesel::delete(sign_in_attempt::table.filter(sign_in_attempt::used_at.lt(ago(KEPT)))).execute(conn)?;
            let new = diesel::insert_into(sign_in_attempt::table).values(sign_in_attempt::token_hash.eq(&hash[..]));
            Ok(new.on_conflict_do_nothing().execute(conn)? == 1)
        })
        .await
    }

    /// Opens a session for a person. A name that another person of the provider has is refused: one name is one person. Whoever signed in
    /// before keeps the name of the first time, whatever the provider says now: a new name must not make another person of them. A freed name
    /// is the person's again, unless another one has it by now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn person_sign_in(
        &self,
        known: KnownPerson,
        hash: [u8; 32],
        life: Duration,
        from: String,
    ) -> Result<PersonSignIn, StoreError> {
        self.run("sign a person in", move |conn| {
            lock(conn)?;
            let found = person::table
                .filter(person::issuer.eq(text(&known.issuer)).and(person::subject.eq(text(&known.subject))))
                .select(PersonRow::as_select());
            let before: Option<PersonRow> = found.first(conn).optional()?;
            let name = match &before {
                None => Some(&known.name),
                Some(before) => before.freed_at.is_some().then_some(&before.name),
            };
            if let Some(name) = name
                && !named(conn, Some(&known.issuer), name)?.is_empty()
            {
                return Ok(PersonSignIn::NameTaken);
            }
            let role = person::role.eq(text(known.role.as_str()));
            let id: i64 = match &before {
                Some(row) => diesel::update(person::table.find(row.id))
                    .set((role, person::last_signed_in_at.eq(now), person::freed_at.eq(None::<DateTime<Utc>>)))
                    .returning(person::id)
                    .get_result(conn)?,
                None => diesel::insert_into(person::table)
                    .values((
                        person::issuer.eq(text(&known.issuer)),
                        person::subject.eq(text(&known.subject)),
                        person::name.eq(text(&known.name)),
                        role,
                    ))
                    .returning(person::id)
                    .get_result(conn)?,
            };
            diesel::insert_into(console_session::table)
                .values((
                    console_session::token_hash.eq(&hash[..]),
                    console_session::person_id.eq(Some(id)),
                    console_session::role.eq(Some(text(known.role.as_str()))),
                    console_session::expires_at.eq(after(life)),
                ))
                .execute(conn)?;
            let name = before.as_ref().map_or(&known.name, |before| &before.name);
            let mut detail = json!({
                "action": "sign in", "issuer": known.issuer, "subject": known.subject, "name": name, "role": known.role,
            });
            if let Some(before) = &before {
                let name = (before.name != known.name).then(|| format!("name at the provider = {}, known as {}", known.name, before.name));
                let role = (before.role != known.role).then(|| format!("role = {}, was {}", known.role, before.role));
                let freed = before.freed_at.map(|at| format!("the name was freed at {}", at.format("%Y-%m-%d %H:%M:%SZ")));
                let changed: Vec<String> = name.into_iter().chain(role).chain(freed).collect();
                if !changed.is_empty() {
                    detail["difference"] = json!(changed);
                }
            }
            let actor = format!("{}{from}", provider_actor(name));
            audit_append(conn, &[NewAudit { actor, ..NewAudit::of(AuditKind::Action).detail(&detail) }])?;
            Ok(PersonSignIn::Done)
        })
        .await
    }

    /// Stores that a sign-in through the provider was refused. `subject`: of whoever tried, if the provider vouched for them. `left_out`:
    /// refusals before this one that are no events.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sign_in_refused(&self, why: String, subject: Option<String>, left_out: u64, actor: String) -> Result<(), StoreError> {
        self.run("store a refused sign-in", move |conn| {
            let mut detail = json!({ "action": "sign in refused", "why": why });
            if let Some(subject) = subject {
                detail["subject"] = json!(subject);
            }
            if left_out > 0 {
                detail["left_out"] = json!(left_out);
            }
            audit_append(conn, &[NewAudit { actor, ..NewAudit::of(AuditKind::Action).detail(&detail) }])
        })
        .await
    }

    /// Frees the name of a person whose account at the provider no longer exists, so that another account can have it. Ends the person's
    /// sessions. `issuer`: the provider, needed where people of several have the name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn person_free(&self, issuer: Option<String>, name: String, why: Reason, actor: String) -> Result<PersonFreed, StoreError> {
        self.run("free the name of a person", move |conn| {
            lock(conn)?;
            let found = named(conn, issuer.as_deref(), &name)?;
            let row = match found.as_slice() {
                [] => return Ok(PersonFreed::Missing),
                [row] => row.clone(),
                several => return Ok(PersonFreed::Several(several.iter().map(|row| row.issuer.clone()).collect())),
            };
            let row: PersonRow = diesel::update(person::table.find(row.id))
                .set(person::freed_at.eq(now))
                .returning(PersonRow::as_select())
                .get_result(conn)?;
            diesel::delete(console_session::table.filter(console_session::person_id.eq(row.id))).execute(conn)?;
            let detail = json!({
                "action": "free name", "issuer": row.issuer, "subject": row.subject, "name": row.name, "role": row.role, "why": why,
            });
            audit_append(conn, &[NewAudit { actor, ..NewAudit::of(AuditKind::Action).detail(&detail) }])?;
            Ok(PersonFreed::Done(Box::new(row)))
        })
        .await
    }

    /// The people who signed in through the provider, by their names.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn person_list(&self) -> Result<Vec<PersonRow>, StoreError> {
        self.run("list people", |conn| Ok(person::table.order(person::name).select(PersonRow::as_select()).load(conn)?)).await
    }
}
