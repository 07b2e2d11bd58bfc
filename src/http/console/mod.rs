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
mod sent;
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

/// The routes of the console. The compiler reports a file that is missing here as dead code.
pub(super) fn routes() -> Vec<Route> {
    [
        assets::routes(),
        audit::routes(),
        backfills::routes(),
        conflicts::routes(),
        doctor::routes(),
        failures::routes(),
        hold::routes(),
        overview::routes(),
        record::routes(),
        records::routes(),
        runs::routes(),
        sent::routes(),
        session::routes(),
        settings::routes(),
        tie_out::routes(),
        tie_out_csv::routes(),
    ]
    .concat()
}
