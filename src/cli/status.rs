//! `tieline status`: flows, runs and running services.

use chrono::Utc;

use super::context::with_ledger;
use super::failure::{Exit, Failure};
use super::output::at;
use super::{Global, OutputForm, output};
use crate::definition::set::short;
use crate::doctor::disk;
use crate::domain::backlog::Backlog;
use crate::domain::budget::{Breaker, UNRESPONSIVE_AFTER};
use crate::domain::run::RunOutcome;
use crate::store::{FlowStatus, LedgerSize, NodeRow, RunFilter};

/// What to show.
#[derive(Debug, clap::Args)]
pub struct StatusArgs {
    /// How many of the last runs
    #[arg(long, default_value_t = 6, value_name = "N", value_parser = clap::value_parser!(i64).range(0..=100_000))]
    runs: i64,
}

/// `tieline status`
pub(super) fn status(global: &Global, args: &StatusArgs) -> Result<Exit, Failure> {
    with_ledger(global, async |context| {
        let flows = context.flow_status().await?;
        let runs = context.store.run_list(RunFilter { limit: args.runs, ..RunFilter::default() }).await?;
        let nodes = context.store.node_list(UNRESPONSIVE_AFTER).await?;
        let in_force = context.store.definition_in_force().await?;
        let size = context.store.ledger_size().await?;
        let full = disk::full(context.checked.settings());
        if global.output == OutputForm::Json {
            output::json(
                &serde_json::json!({ "restored": context.uncompared(), "flows": flows, "runs": runs, "nodes": nodes, "definitions": in_force, "ledger": size, "disk_full": full.map(|full| full.to_string()) }),
            )?;
            return Ok(Exit::Done);
        }
        if let Some(full) = full {
            output::complaint(&full.to_string());
        }
        if let Some(why) = context.uncompared().and_then(|life| life.why) {
            output::line(&format!(
                "RESTORED, NOT COMPARED: {why}. The list below shows the state in the backup, not the state of ServiceNow. No flow runs before \
                 `tieline restored` has compared both."
            ))?;
        }
        if flows.is_empty() {
            output::line("No flow has run yet: `tieline sync` runs each once, `tieline run` by their schedules.")?;
            return Ok(Exit::Done);
        }
        let (made, ghosts): (Vec<&FlowStatus>, Vec<&FlowStatus>) = flows.iter().partition(|flow| flow.configured);
        let rows = made.iter().chain(&ghosts).map(|f| {
            let backlog = f.backlog();
            let counts = [f.documents, backlog.moving(), backlog.waiting, backlog.on_hold, backlog.failed];
            let watermark = f.watermark.map_or_else(|| "-".to_owned(), |date| date.to_string());
            [format!("{}/{}", f.company, f.entity), watermark, at(f.last_success_at)]
                .into_iter()
                .chain(counts.iter().map(ToString::to_string))
                .chain([f.state().0])
                .collect()
        });
        let headers = ["flow", "read up to", "last success", "records", "in progress", "waiting", "on hold", "failed", "state"];
        output::line(&output::table(&headers, &[3, 4, 5, 6, 7], rows))?;
        for flow in &made {
            let why = flow.stopped.as_ref().or(flow.last_error.as_ref());
            if let Some(why) = why {
                output::line(&format!("{}/{}: {why}", flow.company, flow.entity))?;
            }
        }
        let rows = runs.iter().map(|r| {
            let flow = format!("{}/{}", r.company, r.entity);
            let backlog = r.backlog();
            let counts =
                [r.read, r.new, r.changed, r.deleted, r.delivered, backlog.moving(), backlog.waiting, backlog.on_hold, backlog.failed];
            let outcome = r.outcome.unwrap_or(RunOutcome::Running).to_string();
            [at(Some(r.started_at)), flow, r.kind.to_string(), outcome].into_iter().chain(counts.iter().map(ToString::to_string)).collect()
        });
        output::line(
            &output::table(
                &[
                    "run began",
                    "flow",
                    "kind",
                    "outcome",
                    "read",
                    "new",
                    "changed",
                    "gone",
                    "delivered",
                    "in progress",
                    "waiting",
                    "on hold",
                    "failed",
                ],
                &[4, 5, 6, 7, 8, 9, 10, 11, 12],
                rows,
            )
            .to_string(),
        )?;
        for run in &runs {
            if let Some(error) = &run.error {
                output::line(&format!("{} {}/{}: {error}", at(Some(run.started_at)), run.company, run.entity))?;
            }
        }
        show_nodes(&nodes)?;
        if let Some(set) = &in_force {
            let since = set.in_force_since.map(|since| format!(" since {}", at(Some(since)))).unwrap_or_default();
            output::line(&format!("Definitions {} (number {}) are in force{since}.", short(&set.hash), set.number))?;
        }
        output::line(&size_sentence(&size))?;
        if let Some(ghost) = ghosts.first() {
            let count = if ghosts.len() == 1 { "1 flow is".to_owned() } else { format!("{} flows are", ghosts.len()) };
            output::line(&format!(
                "{count} no longer configured. Tieline does not read them and does not count them as failures. `tieline flow forget {} {} --why …` removes one from this list.",
                ghost.company, ghost.entity
            ))?;
        }
        let mut all = Backlog::default();
        made.iter().for_each(|flow| all += flow.backlog());
        if let Some(sentence) = all.not_delivered() {
            output::line(&format!("{sentence}."))?;
        }
        if let Some(sentence) = FlowStatus::conflict_sentence(&flows) {
            output::line(&sentence)?;
        }
        if let Some(sentence) = FlowStatus::outdated_sentence(&flows) {
            output::line(&sentence)?;
        }
        let different: i64 = flows.iter().map(|f| f.not_as_sent).sum();
        if different > 0 {
            let records = if different == 1 { "record" } else { "records" };
            output::line(&format!(
                "ServiceNow stored a field of {different} {records} with another value than Tieline sent; `tieline audit --kind partial_write` names the fields."
            ))?;
        }
        Ok(Exit::Done)
    })
}

/// The size of the ledger and its growth.
fn size_sentence(size: &LedgerSize) -> String {
    let grown = match (size.growth, &size.shown_growth) {
        (Some(growth), Some(shown)) if growth >= 0 => format!("; it grew by {shown} within a day"),
        (Some(_), Some(shown)) => format!("; it shrank by {} within a day", shown.trim_start_matches('-')),
        _ => String::new(),
    };
    format!("The ledger has {}{grown}.", size.shown)
}

/// The running services, and what ServiceNow accepts from each.
fn show_nodes(nodes: &[NodeRow]) -> Result<(), Failure> {
    let alive: Vec<&NodeRow> = nodes.iter().filter(|node| node.alive).collect();
    if alive.is_empty() {
        return Ok(());
    }
    let rows = alive.iter().map(|node| {
        let words = node.breaker.words();
        let sending = match node.breaker {
            _ if !node.in_force => {
                format!("nothing is sent: it has definitions number {}, and others are in force", node.definition.unwrap_or_default())
            }
            Breaker::Open => format!("{words}; one trial batch at {}", at(Some(node.paused_until))),
            Breaker::Closed if node.paused_until > Utc::now() => match node.pause_asked {
                Some(asked) => format!(
                    "ServiceNow asked to wait {asked:.0} s: waits until {} and tries one record from time to time; `tieline resume` ends the wait",
                    at(Some(node.paused_until))
                ),
                None => format!("asked to wait until {}", at(Some(node.paused_until))),
            },
            Breaker::HalfOpen | Breaker::Closed => words.to_owned(),
        };
        vec![node.name.clone(), at(Some(node.seen_at)), node.batch_size.to_string(), node.concurrency.to_string(), sending]
    });
    let headers = ["service", "seen", "records per batch", "concurrent batches", "sending"];
    output::line(&output::table(&headers, &[2, 3], rows))
}
