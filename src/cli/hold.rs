//! `tieline park` and `tieline release`: records that a person holds back, and lets go again.

use super::failure::{Exit, Failure};
use super::ledger::with_ledger;
use super::{Global, OutputForm, output};
use crate::domain::FlowId;

/// Which records, and why.
#[derive(Debug, clap::Args)]
pub struct HoldArgs {
    /// The company
    company: String,
    /// The entity
    entity: String,
    /// The keys as SYSPRO stores them, their parts joined by `/`: 0000104/INV-7
    #[arg(required = true, num_args = 1..=1000)]
    keys: Vec<String>,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    why: String,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    /// Hold them back.
    Park,
    /// Let them go.
    Release,
}

/// Runs the command.
pub(super) fn hold(global: &Global, args: &HoldArgs, ask: Ask) -> Result<Exit, Failure> {
    with_ledger(global, async |context| {
        context.check_names(Some(&args.company), Some(&args.entity)).await?;
        let flow = FlowId::new(args.company.as_str(), args.entity.as_str());
        let (keys, who, why) = (args.keys.clone(), super::sync::user(), args.why.clone());
        let rows = match ask {
            Ask::Park => context.store.hold_put(flow, keys, who, why).await?,
            Ask::Release => context.store.hold_end(flow, keys, who, why).await?,
        };
        print(global, &rows, ask)?;
        // the others are done all the same
        match args.keys.iter().find(|key| !rows.iter().any(|row| row.key == **key)) {
            Some(unknown) => Err(super::record::never_read(&args.company, &args.entity, unknown)),
            None => Ok(Exit::Done),
        }
    })
}

fn print(global: &Global, rows: &[crate::store::HoldRow], ask: Ask) -> Result<(), Failure> {
    if global.output == OutputForm::Json {
        return output::json(&rows);
    }
    for row in rows {
        let text = match (ask, row.changed) {
            (Ask::Park, false) => "is on hold already".to_owned(),
            (Ask::Park, true) => {
                let left =
                    if row.left_alone > 0 { format!("; {} on their way cannot be called back", row.left_alone) } else { String::new() };
                format!("is on hold: {} of its records were set aside{left}", row.deliveries)
            }
            (Ask::Release, false) if row.left_alone > 0 => "has nothing that can be released: `tieline replay` maps it anew".to_owned(),
            (Ask::Release, false) => "has nothing to release".to_owned(),
            (Ask::Release, true) => {
                let left = if row.left_alone > 0 {
                    format!("; {} stay parked (`tieline record` says why)", row.left_alone)
                } else {
                    String::new()
                };
                format!("is released: {} of its records are due{left}", row.deliveries)
            }
        };
        output::line(&format!("{} {text}", row.key))?;
    }
    Ok(())
}
