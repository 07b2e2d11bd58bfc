//! `tieline prove`: no record has two rows in ServiceNow.

use super::context::Context;
use super::failure::{Exit, Failure};
use super::{Global, OutputForm, output, sync};
use crate::actors::system::ActorSystem;
use crate::cli::checked::Checked;
use crate::operations::prove::{Proof, prove};
use crate::process::mode::Mode;
use crate::servicenow::Repeated;
use crate::supervision::guard::RestartPolicy;

/// How long running work may take to finish.
const STOP_DEADLINE: std::time::Duration = std::time::Duration::from_secs(20);
/// Keys that are named for one table.
const NAMED: usize = 20;

/// Which flows.
#[derive(Debug, clap::Args)]
pub struct ProveArgs {
    /// Only this company; may be repeated
    #[arg(long = "company", value_name = "COMPANY")]
    companies: Vec<String>,
    /// Only this entity; may be repeated
    #[arg(long = "entity", value_name = "ENTITY")]
    entities: Vec<String>,
}

/// `tieline prove`
pub(super) fn run(global: &Global, args: &ProveArgs) -> Result<Exit, Failure> {
    let checked = Checked::load(global)?;
    sync::check_names(&checked, &args.companies, &args.entities)?;
    super::start_logging(global, &checked, super::Logs::Command)?;
    super::block_on(async {
        let context = Context::open(checked).await?;
        let process = context.process();
        let result = async {
            let system = ActorSystem::start(&process, RestartPolicy::default(), Mode::Command)
                .map_err(|error| Failure::new(Exit::Configuration, error.to_string()))?;
            let proofs = prove(&process, &system.access(), &args.companies, &args.entities).await;
            system.stop(STOP_DEADLINE).await;
            print(global, &proofs?)
        }
        .await;
        context.close().await;
        result
    })
}

/// The rows that were looked at, and the keys that several carry; then the result for each table.
fn as_json(proofs: &[Proof]) -> serde_json::Value {
    let duplicates = proofs.iter().flat_map(|proof| {
        let named = |one: &Repeated| serde_json::json!({ "table": proof.table, "key": one.key, "sys_ids": one.sys_ids });
        proof.repeated.iter().map(named).collect::<Vec<_>>()
    });
    let rows: u64 = proofs.iter().map(|proof| proof.rows).sum();
    serde_json::json!({ "rows": rows, "duplicates": duplicates.collect::<Vec<_>>(), "tables": proofs })
}

/// Prints the proofs. Answers 3 if a key has two rows, 8 when it could not be proven.
fn print(global: &Global, proofs: &[Proof]) -> Result<Exit, Failure> {
    let proven = proofs.iter().all(|proof| proof.repeated.is_empty() && proof.unverified.is_none());
    let exit = match proofs.iter().any(|proof| proof.unverified.is_some()) {
        true => Exit::Unverified,
        false if proven => Exit::Done,
        false => Exit::Partly,
    };
    if global.output == OutputForm::Json {
        return output::json(&as_json(proofs)).map(|()| exit);
    }
    let row = |proof: &Proof| {
        let block = if proof.block == "header" { proof.entity.clone() } else { format!("{} {}", proof.entity, proof.block) };
        let twice = if proof.unverified.is_some() { "not proven".to_owned() } else { proof.repeated.len().to_string() };
        vec![proof.company.clone(), block, proof.table.clone().unwrap_or_default(), proof.rows.to_string(), twice]
    };
    output::line(&output::table(&["company", "records", "table", "rows checked", "duplicate keys"], &[3, 4], proofs.iter().map(row)))?;
    for proof in proofs {
        let of = format!("{}/{}", proof.company, proof.entity);
        if let Some(why) = &proof.unverified {
            output::line(&format!("{of} {} is not proven: {why}.", proof.block))?;
        }
        for one in proof.repeated.iter().take(NAMED) {
            let table = proof.table.as_deref().unwrap_or_default();
            output::line(&format!("{} rows of {table} carry the key {}.", one.rows, one.key))?;
        }
        if let Some(more) = proof.repeated.len().checked_sub(NAMED).filter(|more| *more > 0) {
            output::line(&format!("{of}: and {more} more."))?;
        }
    }
    let rows: u64 = proofs.iter().map(|proof| proof.rows).sum();
    if proven {
        output::line(&format!("No duplicate keys in {rows} rows."))?;
    }
    Ok(exit)
}
