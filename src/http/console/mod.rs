//! The console: pages for people over the same functions as the API. Signing in starts a session; every form contains its token.
//!
//! The console works without JavaScript. Its one script writes times in the reader's zone, and refreshes running work: it requests the part
//! of the page that changes, under `/live/`.

mod answer;
mod assets;
mod audit;
mod backfills;
mod conflicts;
mod doctor;
mod embedded;
mod failures;
mod filter;
mod flash;
mod hold;
mod overview;
mod record;
mod records;
mod runs;
mod session;
mod settings;
mod signed_in;
mod steps;
mod tie_out;
mod tie_out_csv;
mod view;

use super::route::Route;

pub(super) use answer::{Refusal, with_layout};
pub(super) use session::{SignInFailed, permit};

/// The routes of the console, file by file.
pub(super) const ROUTES: &[&[Route]] = &[
    assets::ROUTES,
    session::ROUTES,
    overview::ROUTES,
    runs::ROUTES,
    backfills::ROUTES,
    failures::ROUTES,
    tie_out::ROUTES,
    tie_out_csv::ROUTES,
    conflicts::ROUTES,
    doctor::ROUTES,
    settings::ROUTES,
    audit::ROUTES,
    hold::ROUTES,
    records::ROUTES,
    record::ROUTES,
];
