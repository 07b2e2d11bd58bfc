//! The console: pages for people over the same functions as the API. Signing in starts a session; every form contains its token.
//!
//! The console works without JavaScript. Its one script writes times in the reader's zone, and refreshes running work: it requests the part
//! of the page that changes, under `/live/`.

mod answer;
mod approvals;
mod assets;
mod audit;
mod backfills;
mod chart;
mod close;
mod conflicts;
mod doctor;
mod embedded;
mod evidence;
mod failures;
mod files;
mod filter;
mod flash;
mod hold;
mod overview;
mod preview;
mod provider;
mod record;
mod records;
mod runs;
mod sent;
mod session;
mod settings;
mod signed_in;
mod steps;
mod tasks;
mod tie_out;
mod tie_out_files;
mod tie_out_groups;
mod tie_out_live;
mod tie_out_names;
mod tie_out_subledger;
mod view;

use super::route::Route;

pub(super) use answer::{Refusal, with_layout};
pub(super) use session::{SignInFailed, permit};

/// The routes of the console. The compiler reports a file that is missing here as dead code.
pub(super) fn routes() -> Vec<Route> {
    [
        approvals::routes(),
        assets::routes(),
        audit::routes(),
        backfills::routes(),
        close::routes(),
        conflicts::routes(),
        doctor::routes(),
        evidence::routes(),
        failures::routes(),
        hold::routes(),
        overview::routes(),
        preview::routes(),
        provider::routes(),
        record::routes(),
        records::routes(),
        runs::routes(),
        sent::routes(),
        session::routes(),
        settings::routes(),
        tasks::routes(),
        tie_out::routes(),
        tie_out_files::routes(),
        tie_out_groups::routes(),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::fs;

    use super::*;

    /// What the forms of the templates send besides the session's token: the fields, by the end of the path.
    fn sent() -> BTreeMap<String, BTreeSet<String>> {
        let attributes = |html: &str, name: &str| -> Vec<String> {
            let begin = format!(" {name}=\"");
            html.split(&begin).skip(1).filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())).collect()
        };
        let mut sent: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for entry in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/templates")).expect("the templates") {
            let html = fs::read_to_string(entry.expect("a template").path()).expect("text");
            for form in html.split("<form ").skip(1).filter_map(|rest| Some(rest.split_once("</form>")?.0)) {
                let head = format!(" {}", form.split_once('>').expect("a whole tag").0);
                if !head.contains(" method=\"post\"") {
                    continue;
                }
                let fields: BTreeSet<String> = attributes(form, "name").into_iter().filter(|name| name != "csrf").collect();
                let paths = attributes(&head, "action").into_iter().chain(attributes(form, "formaction"));
                // what a page fills in comes first: `{{ flow.path }}/run`
                let end = |path: String| path.rsplit_once("}}").map_or_else(|| path.clone(), |(_, end)| end.to_owned());
                paths.map(end).for_each(|path| sent.entry(path).or_default().extend(fields.clone()));
            }
        }
        sent
    }

    #[test]
    fn the_forms_send_what_their_actions_read() {
        let read: [(&str, &[&str]); 19] = [
            ("/approvals", approvals::FIELDS),
            ("/backfills", backfills::ADD_FIELDS),
            ("/cancel", backfills::CANCEL_FIELDS),
            ("/conflicts/adopt", conflicts::ADOPT_FIELDS),
            ("/conflicts/resolve", conflicts::RESOLVE_FIELDS),
            ("/doctor", doctor::FIELDS),
            ("/evidence", evidence::FIELDS),
            ("/explain", close::EXPLAIN_FIELDS),
            ("/forget", overview::FORGET_FIELDS),
            ("/hold", hold::FIELDS),
            ("/pause", overview::FIELDS),
            ("/release", hold::FIELDS),
            ("/replay", failures::FIELDS),
            ("/resume", overview::RESUME_FIELDS),
            ("/run", overview::FIELDS),
            ("/sign-in", &["key", "to"]),
            ("/sign-out", &[]),
            ("/step", close::STEP_FIELDS),
            ("/tie-out", tie_out::FIELDS),
        ];
        let read: BTreeMap<String, BTreeSet<String>> =
            read.into_iter().map(|(path, fields)| (path.to_owned(), fields.iter().map(ToString::to_string).collect())).collect();
        let mut sent = sent();
        // one form has a button for each of these actions; only the button of one sends this field
        for path in ["/run", "/pause"] {
            sent.get_mut(path).expect("the form of a flow").remove("accept_smaller");
        }
        assert_eq!(sent, read);
    }
}
