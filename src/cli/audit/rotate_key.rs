//! `tieline audit rotate-key`: another key signs the audit.

use serde_json::json;

use super::super::context::Context;
use super::super::failure::{Exit, Failure};
use super::super::who::requested;
use super::super::{Global, OutputForm, output};
use crate::domain::reason::Reason;
use crate::operations::audit_key;

/// Why.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RotateKeyArgs {
    /// Why, for the audit
    #[arg(long, value_name = "TEXT")]
    why: Reason,
}

/// `tieline audit rotate-key`
pub(super) async fn rotate_key(context: &Context, global: &Global, args: &RotateKeyArgs) -> Result<Exit, Failure> {
    let changed = audit_key::change(&context.process(), requested(&args.why)).await?;
    if global.output == OutputForm::Json {
        output::json(&json!({ "key": changed.fingerprint, "former": changed.former }))?;
        return Ok(Exit::Done);
    }
    output::line(&format!("The key {} signs the audit from the next day on. Write its fingerprint down outside.", changed.fingerprint))?;
    output::line(&format!("The key {} signs that day too, and is removed then.", changed.former))?;
    Ok(Exit::Done)
}
