//! The JSON API: lists with stable paging, and actions whose audit rows contain who, when and why.

pub(crate) mod actions;
pub(super) mod backfill;
pub(super) mod conflicts;
pub(super) mod doctor;
pub(super) mod hold;
mod lists;
mod openapi;
pub(super) mod runs;
mod sending;
mod texts;
pub(super) mod tie_outs;

use super::route::Route;

/// The routes below `/api/v1`, file by file, in the order in which they are described.
pub(super) const ROUTES: &[&[Route]] = &[
    openapi::ROUTES,
    lists::ROUTES,
    runs::ROUTES,
    hold::ROUTES,
    conflicts::ROUTES,
    actions::ROUTES,
    sending::ROUTES,
    backfill::ROUTES,
    tie_outs::ROUTES,
    doctor::ROUTES,
];
