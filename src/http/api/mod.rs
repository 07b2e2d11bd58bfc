//! The JSON API: lists with stable paging, and actions whose audit rows contain who, when and why.

pub(crate) mod actions;
mod approvals;
pub(super) mod backfill;
pub(super) mod closes;
pub(super) mod conflicts;
pub(super) mod doctor;
mod entry;
pub(super) mod hold;
mod lists;
mod openapi;
pub(super) mod preview;
pub(super) mod runs;
mod sending;
mod sent;
mod tasks;
mod texts;
mod tie_out_groups;
pub(super) mod tie_outs;

use super::route::Route;

/// The routes below `/api/v1`. The compiler reports a file that is missing here as dead code.
pub(super) fn routes() -> Vec<Route> {
    [
        actions::routes(),
        approvals::routes(),
        backfill::routes(),
        closes::routes(),
        conflicts::routes(),
        doctor::routes(),
        hold::routes(),
        lists::routes(),
        openapi::routes(),
        preview::routes(),
        runs::routes(),
        sending::routes(),
        sent::routes(),
        tie_out_groups::routes(),
        tasks::routes(),
        tie_outs::routes(),
    ]
    .concat()
}
