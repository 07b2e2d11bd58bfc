//! `/_sim`: control routes, for a simulator in its own process. They are not part of SYSPRO and need no credentials.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::state::{Shared, Traffic};
use crate::dataset::{Database, EditError, SqlType, TICK, live};
use crate::faults::FaultPlan;

pub(super) fn configure(config: &mut web::ServiceConfig) {
    config
        .route("/stats", web::get().to(stats))
        .route("/tick", web::post().to(tick))
        .route("/pay", web::post().to(pay))
        .route("/edit", web::post().to(edit))
        .route("/faults", web::post().to(faults))
        .route("/enet/evict", web::post().to(evict))
        .route("/enet/expire", web::post().to(expire));
}

/// What `GET /_sim/stats` answers.
#[derive(Debug, Serialize, Deserialize)]
pub struct Stats {
    /// The server's date.
    pub today: chrono::NaiveDate,
    /// Faults that have been triggered.
    pub faults: u64,
    /// Requests to the OData service so far: every table, `$metadata` and refused requests included.
    #[serde(default)]
    pub requests: u64,
    /// e.net's sessions and calls.
    #[serde(default)]
    pub enet: super::enet::EnetStats,
    /// By company, then by table.
    pub companies: BTreeMap<String, BTreeMap<String, TableStats>>,
}

/// One table of one company.
#[derive(Debug, Serialize, Deserialize)]
pub struct TableStats {
    /// Rows now.
    pub count: usize,
    /// The exact sum of each column with money or quantities in it, as text.
    pub sums: BTreeMap<String, Decimal>,
    /// Requests so far.
    pub requests: u64,
    /// Requests refused.
    pub refused: u64,
    /// Rows sent.
    pub rows_served: u64,
}

/// Counts, sums and traffic.
pub(super) fn collect(shared: &Shared) -> Stats {
    let database = shared.database();
    let traffic = shared.traffic().clone();
    let table = |company: &str, table: &crate::dataset::Table| {
        let money = |sql| matches!(sql, SqlType::Decimal(14 | 18, _));
        let columns = table.schema.columns.iter().enumerate().filter(|(_, column)| money(column.sql));
        let sums = columns.filter_map(|(at, column)| Some((column.name.clone(), table.sum(at)?))).collect();
        let traffic = traffic.get(&(company.to_owned(), table.schema.name.clone())).copied().unwrap_or(Traffic::default());
        TableStats { count: table.len(), sums, requests: traffic.requests, refused: traffic.refused, rows_served: traffic.rows }
    };
    let company =
        |company: &crate::dataset::Company| company.tables().iter().map(|one| (one.schema.name.clone(), table(&company.id, one))).collect();
    let companies = database.companies.values().map(|one| (one.id.clone(), company(one))).collect();
    let requests = traffic.values().map(|one| one.requests).sum();
    Stats { today: database.today, faults: shared.faults.triggered(), requests, enet: shared.enet.stats(), companies }
}

async fn stats(shared: web::Data<Shared>) -> HttpResponse {
    HttpResponse::Ok().json(collect(&shared))
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Tick {
    /// New invoices.
    n: u32,
}

impl Default for Tick {
    fn default() -> Self {
        Self { n: TICK }
    }
}

async fn tick(shared: web::Data<Shared>, body: web::Bytes) -> HttpResponse {
    let tick = if body.is_empty() { Ok(Tick::default()) } else { serde_json::from_slice(&body) };
    match tick {
        Ok(Tick { n }) => outcome(live::tick(&mut shared.database_mut(), n)),
        Err(error) => HttpResponse::BadRequest().json(serde_json::json!({ "error": error.to_string() })),
    }
}

/// What `POST /_sim/pay` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pay {
    /// The company id.
    company: String,
    /// Open invoices to pay.
    n: u32,
}

async fn pay(shared: web::Data<Shared>, pay: web::Json<Pay>) -> HttpResponse {
    let paid = live::pay_open(&mut shared.database_mut(), &pay.company, pay.n);
    outcome(paid.map(|paid| serde_json::json!({ "paid": paid })))
}

/// What `POST /_sim/edit` takes: `insert` needs `set`, `update` needs both, `delete` needs `key`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// The company id.
    pub company: String,
    /// The table.
    pub table: String,
    /// `insert`, `update` or `delete`.
    pub action: Action,
    /// The key columns of the row.
    #[serde(default)]
    pub key: BTreeMap<String, String>,
    /// Columns to their new values, as text.
    #[serde(default)]
    pub set: BTreeMap<String, String>,
}

/// A change of a row.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Insert a row.
    Insert,
    /// Change values of a row.
    Update,
    /// Delete a row.
    Delete,
}

impl Edit {
    /// Applies the change.
    pub fn apply(&self, database: &mut Database) -> Result<(), EditError> {
        let pairs = |map: &'_ BTreeMap<String, String>| map.iter().map(|(a, b)| (a.clone(), b.clone())).collect::<Vec<_>>();
        let (key, set) = (pairs(&self.key), pairs(&self.set));
        let key: Vec<(&str, &str)> = key.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        let set: Vec<(&str, &str)> = set.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        match self.action {
            Action::Insert => database.insert(&self.company, &self.table, &set),
            Action::Update => database.update(&self.company, &self.table, &key, &set),
            Action::Delete => database.delete(&self.company, &self.table, &key),
        }
    }
}

async fn edit(shared: web::Data<Shared>, edit: web::Json<Edit>) -> HttpResponse {
    outcome(edit.apply(&mut shared.database_mut()))
}

async fn faults(shared: web::Data<Shared>, body: String) -> HttpResponse {
    match FaultPlan::parse(&body) {
        Ok(plan) => {
            shared.faults.replace(&plan);
            HttpResponse::NoContent().finish()
        }
        Err(error) => HttpResponse::BadRequest().json(serde_json::json!({ "error": error.to_string() })),
    }
}

/// What `POST /_sim/enet/evict` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Evict {
    /// The operator with whose code a person logs in.
    operator: String,
}

async fn evict(shared: web::Data<Shared>, evict: web::Json<Evict>) -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({ "ended": shared.enet.evict(&evict.operator) }))
}

async fn expire(shared: web::Data<Shared>) -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({ "ended": shared.enet.expire() }))
}

fn outcome<T: Serialize>(result: Result<T, EditError>) -> HttpResponse {
    match result {
        Ok(value) => HttpResponse::Ok().json(value),
        Err(error) => HttpResponse::Conflict().json(serde_json::json!({ "error": error.to_string() })),
    }
}
