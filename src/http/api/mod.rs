//! The JSON API: lists with stable paging, and actions that name who, when and why in the audit.

pub(crate) mod actions;
pub(super) mod backfill;
pub(super) mod conflicts;
pub(super) mod doctor;
pub(super) mod hold;
mod lists;
mod openapi;
pub(super) mod runs;
mod sending;

use actix_web::web;

/// The routes below `/api/v1`; what each needs stands in the route table.
pub(super) fn configure(config: &mut web::ServiceConfig) {
    config
        .route("/api/v1/openapi.json", web::get().to(openapi::show))
        .route("/api/v1/flows", web::get().to(lists::flows))
        .route("/api/v1/nodes", web::get().to(lists::nodes))
        .route("/api/v1/definitions", web::get().to(lists::definitions))
        .route("/api/v1/runs", web::get().to(lists::runs))
        .route("/api/v1/runs/{run}", web::get().to(runs::show))
        .route("/api/v1/records", web::get().to(lists::records))
        .route("/api/v1/records/park", web::post().to(hold::park))
        .route("/api/v1/records/release", web::post().to(hold::release))
        .route("/api/v1/records/{company}/{entity}/{key:.*}", web::get().to(lists::record))
        .route("/api/v1/failures", web::get().to(lists::failures))
        .route("/api/v1/failures/causes", web::get().to(lists::causes))
        .route("/api/v1/audit", web::get().to(lists::audit))
        .route("/api/v1/conflicts", web::get().to(conflicts::list))
        .route("/api/v1/conflicts/resolve", web::post().to(conflicts::resolve))
        .route("/api/v1/conflicts/adopt", web::post().to(conflicts::adopt))
        .route("/api/v1/conflicts/{id}", web::get().to(conflicts::show))
        .route("/api/v1/flows/{company}/{entity}/{action}", web::post().to(actions::flow))
        .route("/api/v1/doctor", web::get().to(doctor::last))
        .route("/api/v1/doctor", web::post().to(doctor::begin))
        .route("/api/v1/sending", web::get().to(sending::show))
        .route("/api/v1/sending/resume", web::post().to(sending::resume))
        .route("/api/v1/replay", web::post().to(actions::replay))
        .route("/api/v1/backfill", web::post().to(backfill::add))
        .route("/api/v1/backfills", web::get().to(backfill::list))
        .route("/api/v1/backfills/{id}", web::get().to(backfill::show))
        .route("/api/v1/backfills/{id}/cancel", web::post().to(backfill::cancel));
}
