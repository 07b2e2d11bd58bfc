//! `tieline restored`: after a restore, compares ServiceNow with the ledger, before any flow runs.

use super::checked::Checked;
use super::context::Context;
use super::failure::{Exit, Failure};
use super::signals::Signals;
use super::{Global, OutputForm, output};
use crate::operations;
use crate::operations::restored::{ComparedFlow, NotCompared};

/// Runs the command.
pub(super) fn restored(global: &Global) -> Result<Exit, Failure> {
    let checked = Checked::load(global)?;
    super::start_logging(global, &checked, super::Logs::Command)?;
    super::block_on(async {
        let mut signals = Signals::listen();
        let context = Context::open(checked).await?;
        let (process, own_name, by) = (context.process(), context.own_name(), super::who::user());
        let result = tokio::select! {
            result = operations::restored::compare(&process, own_name.as_deref(), &by) => result.map_err(Failure::from),
            () = signals.next() => Err(Failure::new(Exit::Failed, "stopped by a signal; nothing is lost, and the next `tieline restored` continues there")),
        };
        context.close().await;
        let lines = result?;
        output::even_unread(print(global, &lines))?;
        Ok(Exit::Done)
    })
}

fn print(global: &Global, lines: &[ComparedFlow]) -> Result<(), Failure> {
    if global.output == OutputForm::Json {
        return output::json(&serde_json::json!({ "flows": lines }));
    }
    let rows = lines.iter().map(|line| {
        let unreadable: Vec<&str> = line.unreadable.keys().map(String::as_str).collect();
        let flow = vec![line.company.clone(), line.entity.clone()];
        let numbers = [line.adopted, line.again, line.unknown].iter().map(ToString::to_string).collect();
        [flow, numbers, vec![unreadable.join(", ")]].concat()
    });
    let headers = ["company", "entity", "adopted", "to send again", "unknown to the ledger", "not readable"];
    output::line(&output::table(&headers, &[2, 3, 4], rows))?;
    for line in lines {
        if !line.configured {
            output::complaint(&format!(
                "{}/{} is not configured and was not compared: its pending records were dropped, none of its records counts as delivered, \
                 and the flow is stopped. If you configure it again, run `tieline restored` once more before the service",
                line.company, line.entity
            ));
        }
        if !line.left_alone.is_empty() {
            output::complaint(&format!(
                "{}/{}: rows with keys that no record of the flow can have were not changed: {}; find out who wrote them, and correct or \
                 delete them in ServiceNow",
                line.company,
                line.entity,
                line.left_alone.join(", ")
            ));
        }
        for (block, why) in &line.unreadable {
            output::complaint(&format!(
                "{}/{}: `{block}` could not be compared; all its delivered records are sent again: {why}",
                line.company, line.entity
            ));
        }
    }
    let (still, others): (Vec<&ComparedFlow>, Vec<&ComparedFlow>) =
        lines.iter().filter(|line| line.configured).partition(|line| line.stopped.is_some());
    for line in &still {
        output::complaint(&format!("{}/{} does not run yet: {}", line.company, line.entity, line.stopped.as_deref().unwrap_or_default()));
    }
    let who = match (still.is_empty(), others.is_empty()) {
        (true, _) => "Flows may run again.",
        (false, false) => "The other flows may run again.",
        (false, true) => return output::line("The comparison is done. No flow runs before the problems above are solved."),
    };
    output::line(&format!("{who} Their next run reads everything, and sends what differs."))
}

impl From<NotCompared> for Failure {
    fn from(why: NotCompared) -> Self {
        let exit = match &why {
            NotCompared::NodeAtWork | NotCompared::Comparing | NotCompared::OtherNodes(_) => Exit::Held,
            NotCompared::LockLost | NotCompared::Unreachable { .. } => Exit::Unreachable,
            NotCompared::Settings(_) => Exit::Configuration,
            NotCompared::Ledger(_) => Exit::Failed,
        };
        match why {
            NotCompared::Ledger(error) => error.into(),
            why => Self::new(exit, why.to_string()),
        }
    }
}
