//! The ledger: its server's version, its schema, its size, and the free space.

use chrono::TimeDelta;

use super::{Finding, disk, machine};
use crate::config::Settings;
use crate::config::settings::{AuditSettings, SysproSettings};
use crate::definition::set::short;
use crate::domain::chain;
use crate::domain::name::{doubles, twice};
use crate::domain::next_step::NextStep;
use crate::domain::outside::OutsidePlace;
use crate::process::in_force::{View, request_words};
use crate::store::{ApiKeyRow, KeyState, OLDEST_SERVER, Store, StoreError};

/// The allowed difference of clocks.
const APART: TimeDelta = TimeDelta::seconds(30);

/// Rows of heads outside that are read: a week at each place.
const NEWEST_HEADS: i64 = 14;

/// How long a restore of the ledger is reported.
const RECENT: TimeDelta = TimeDelta::days(7);

pub(super) async fn database(settings: &Settings, store: &Store) -> Vec<Finding> {
    let server = match store.server().await {
        Ok(server) => server,
        Err(error) => {
            let full = disk::full(settings).map(|full| format!("{full}. What failed: "));
            let finding = Finding::failed("database", full.unwrap_or_default() + &chain(&error), NextStep::Database);
            return vec![finding.unreachable_if(error.is_passing())];
        }
    };
    let found = format!("PostgreSQL {}, the ledger holds {}", server.version, server.size);
    let mut findings = vec![if server.number / 10_000 < OLDEST_SERVER {
        Finding::failed("database", found, NextStep::UpgradeServer { oldest: OLDEST_SERVER.to_string() })
    } else {
        Finding::ok("database", found)
    }];
    findings.push(match store.schema_state().await {
        Ok(state) if state.pending.is_empty() => {
            Finding::ok("database schema", format!("up to date: {} migrations, the newest is {}", state.run, state.newest))
        }
        Ok(state) => {
            let found = format!("{} migrations have not been run: {}", state.pending.len(), state.pending.join(", "));
            Finding::failed("database schema", found, NextStep::Migrate)
        }
        Err(error) => Finding::failed("database schema", chain(&error), NextStep::Database),
    });
    findings.push(life(store).await);
    findings.push(clock(store.clock_ahead()));
    findings.push(match &settings.database.url {
        None => machine::space("database space", &settings.state.directory.join("postgres"), "a full disk stops the database"),
        Some(_) => {
            let found = format!("the ledger holds {}; PostgreSQL does not report how much of the disk is free", server.size);
            Finding::unknown("database space", found, NextStep::WatchDatabaseDisk)
        }
    });
    findings
}

/// The difference between the clock of the ledger's server and this machine's.
fn clock(ahead: TimeDelta) -> Finding {
    const WHAT: &str = "ledger's clock";
    let seconds = ahead.num_seconds();
    if seconds.abs() <= APART.num_seconds() {
        return Finding::ok(WHAT, format!("{} s apart", seconds.abs()));
    }
    let direction = if seconds > 0 { "ahead of" } else { "behind" };
    Finding::warning(WHAT, format!("the server is {} s {direction} this machine", seconds.abs()), NextStep::SetClocks)
}

/// Whether records were mapped under another definition than the one in force.
pub(super) async fn outdated(store: &Store) -> Result<Finding, StoreError> {
    let flows = store.outdated().await?;
    let said: Vec<String> = flows.iter().map(|(flow, records)| format!("{records} of {flow}")).collect();
    Ok(if said.is_empty() {
        Finding::ok("mapped records", "all were mapped under the definitions in force")
    } else {
        Finding::warning(
            "mapped records",
            format!("mapped under other definitions than those in force: {}", said.join(", ")),
            NextStep::ReplayOutdated,
        )
    })
}

/// Whether the definitions of this process, and those in its files, are the ones that were approved.
pub(super) async fn approved_definitions(view: &View, store: &Store) -> Result<Finding, StoreError> {
    const WHAT: &str = "approval of definitions";
    let in_force = store.definition_in_force().await?;
    let other = in_force.filter(|row| row.hash != view.hash);
    let (found, hash) = match (&view.awaited, other) {
        (Some(awaited), None) => (format!("the definition files have changed (now {})", short(&awaited.hash)), awaited.hash.clone()),
        (_, Some(row)) => (
            format!("the definition files ({}) are not those in force ({}, number {})", view.short(), short(&row.hash), row.number),
            view.hash.clone(),
        ),
        (None, None) => return Ok(Finding::ok(WHAT, format!("the definitions of the files ({}) are in force", view.short()))),
    };
    let request = store.approval_of_definitions(hash).await?;
    Ok(Finding::warning(WHAT, format!("{found}; {}", request_words(request.as_ref())), NextStep::ApproveDefinitions))
}

/// Whether the tasks in ServiceNow are as they should be.
pub(super) async fn tasks(store: &Store) -> Result<Finding, StoreError> {
    const WHAT: &str = "tasks in ServiceNow";
    let counts = store.task_counts().await?;
    if let Some(error) = counts.error {
        let found = format!("{} could not be written; the last error: {error}", counts.failing);
        return Ok(Finding::warning(WHAT, found, NextStep::TasksFailing));
    }
    let states: Vec<String> = counts.states.iter().map(|(state, tasks)| format!("{tasks} {}", state.as_str().replace('_', " "))).collect();
    Ok(Finding::ok(WHAT, if states.is_empty() { "none is open".to_owned() } else { states.join(", ") }))
}

/// Whether the heads of the newest signed days of the audit are outside the ledger, at each place of the settings.
pub(super) async fn audit_heads(audit: &AuditSettings, store: &Store) -> Result<Vec<Finding>, StoreError> {
    let (rows, mut findings) = (store.outside_list(NEWEST_HEADS).await?, Vec::new());
    for (place, configured) in [(OutsidePlace::ServiceNow, audit.head.is_some()), (OutsidePlace::Timestamp, audit.timestamp_url.is_some())]
    {
        if !configured {
            continue;
        }
        let what = match place {
            OutsidePlace::ServiceNow => "head of the audit in ServiceNow",
            OutsidePlace::Timestamp => "time stamp of the audit",
        };
        let newest = rows.iter().find(|row| row.place == place.as_str());
        let error = newest.and_then(|row| Some((row, row.said.as_ref()?))).filter(|(row, _)| row.done_at.is_none());
        findings.push(match (newest, error) {
            (_, Some((row, said))) => {
                let waiting = rows.iter().filter(|row| row.place == place.as_str() && row.done_at.is_none()).count();
                let found = format!("{waiting} of the newest days are not there; {}, after {} attempts: {said}", row.day, row.tries);
                Finding::warning(what, found, NextStep::HeadNotOutside)
            }
            (Some(row), None) if row.done_at.is_some() => Finding::ok(what, format!("that of {} is there", row.day)),
            (Some(row), None) => Finding::ok(what, format!("that of {} is being put there", row.day)),
            (None, None) => Finding::ok(what, "no day is signed yet"),
        });
    }
    Ok(findings)
}

/// The life of the ledger: whether it was restored, when, and from what.
async fn life(store: &Store) -> Finding {
    const WHAT: &str = "ledger";
    let (life, tells) = match store.life_now().await {
        Ok(life) => life,
        Err(error) => return Finding::failed(WHAT, chain(&error), NextStep::Database),
    };
    match (&life.why, life.place.cluster.filter(|_| tells)) {
        (Some(why), _) if life.compared_at.is_none() => {
            Finding::failed(WHAT, format!("{why}; it has not been compared with ServiceNow, and no flow runs"), NextStep::LedgerRestored)
        }
        (Some(_), _) if store.now_there() - life.began_at < RECENT => Finding::ok(WHAT, life.said().unwrap_or_default()),
        (_, None) => {
            let found = "the server does not show its cluster identifier, so Tieline recognises a restored ledger only by its transaction \
                 numbers and tables";
            Finding::unknown(WHAT, found, NextStep::TellCluster)
        }
        (_, Some(cluster)) => {
            let since = life.began_at.format("%Y-%m-%d %H:%M:%SZ");
            Finding::ok(WHAT, format!("in database cluster {cluster}, life {} since {since}", life.number))
        }
    }
}

/// The API keys: which end soon or have ended, and which have no end.
pub(super) async fn api_keys(settings: &Settings, store: &Store) -> Result<Finding, StoreError> {
    let (keys, now) = (store.api_key_list().await?, store.now_there());
    let of = |wanted: KeyState| -> Vec<String> {
        let named = |key: &ApiKeyRow| match key.expires_at.filter(|_| wanted != KeyState::Valid) {
            Some(end) => format!("`{}` ({})", key.name, end.format("%Y-%m-%d %H:%M:%SZ")),
            None => format!("`{}`", key.name),
        };
        keys.iter().filter(|key| key.state(settings.sign_in.key_notice_days, now) == wanted).map(named).collect()
    };
    let (endless, soon, expired) = (of(KeyState::Endless), of(KeyState::ExpiresSoon), of(KeyState::Expired));
    let mut said = Vec::new();
    for (names, what) in [(&soon, "end soon"), (&expired, "have ended"), (&endless, "have no end")] {
        if !names.is_empty() {
            said.push(format!("{what}: {}", names.join(", ")));
        }
    }
    if said.is_empty() {
        said.push("each has an end, and none ends soon".to_owned());
    }
    let found = said.join("; ");
    Ok(if soon.is_empty() && expired.is_empty() {
        Finding::ok("API keys", found)
    } else {
        Finding::warning("API keys", found, NextStep::RenewKey)
    })
}

/// Whether the ledger knows a company of the settings in another spelling.
pub(super) async fn companies(syspro: &SysproSettings, store: &Store) -> Result<Finding, StoreError> {
    let known = store.companies().await?;
    Ok(match doubles(&syspro.companies, &known) {
        Some((ours, other)) if !syspro.companies_differ_by_case => {
            Finding::failed("companies", twice(&ours, &other), NextStep::OtherSpelling)
        }
        _ => Finding::ok("companies", "the ledger has no other spelling of them"),
    })
}
