//! `tieline conflicts`: entries that wait for a person, for records that may change on both sides, and the person's decisions.

use chrono::{DateTime, Utc};

use super::context::with_ledger;
use super::failure::{Exit, Failure};
use super::who::requested;
use super::words::closed;
use super::{Global, OutputForm, output};
use crate::domain::conflict::{ConflictKind, ConflictState};
use crate::domain::csv::lines;
use crate::domain::ids::ConflictId;
use crate::domain::merge::Side;
use crate::domain::next_step::NextStep;
use crate::domain::reason::Reason;
use crate::domain::{DocumentKey, FlowId};
use crate::operations::{self, Refused};
use crate::store::{ConflictFilter, ConflictRow};

/// What to do with the list.
#[derive(Debug, clap::Subcommand)]
pub enum ConflictsCommand {
    /// Lists conflicts that need a decision (open), that the next run writes to ServiceNow (decided), or that a person must apply in SYSPRO (to_apply)
    List(ListArgs),
    /// Shows one conflict: both values with their times, and the decision
    Show {
        /// Its number
        id: ConflictId,
    },
    /// Decides which value wins; the decision applies to the present values, and the next run writes it
    Resolve(ResolveArgs),
    /// Aligns two lists for the first time: rows that exist on one side only are copied to the other
    Adopt(AdoptArgs),
}

/// Selects entries.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Only this company
    #[arg(long)]
    company: Option<String>,
    /// Only this entity
    #[arg(long)]
    entity: Option<String>,
    /// Only this record
    #[arg(long)]
    key: Option<String>,
    /// Only this state; closed entries are shown only with this option
    #[arg(long, value_parser = closed::<ConflictState>(ConflictState::WORDS.iter().copied()))]
    state: Option<ConflictState>,
    /// Only this kind
    #[arg(long, value_parser = closed::<ConflictKind>(ConflictKind::WORDS.iter().copied()))]
    kind: Option<ConflictKind>,
    /// As comma-separated values, for a spreadsheet
    #[arg(long)]
    csv: bool,
    /// At most this number
    #[arg(long, default_value_t = 1000, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
    limit: i64,
}

/// A decision.
#[derive(Debug, clap::Args)]
pub struct ResolveArgs {
    /// Up to 1000 entries
    #[arg(required = true, value_name = "ID")]
    ids: Vec<ConflictId>,
    /// The side whose value wins
    #[arg(long, value_name = "SIDE", value_parser = closed::<Side>(Side::WORDS.iter().copied()))]
    take: Side,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT")]
    why: Reason,
}

/// Selects two lists.
#[derive(Debug, clap::Args)]
pub struct AdoptArgs {
    /// The company
    #[arg(long)]
    company: String,
    /// The entity
    #[arg(long)]
    entity: String,
    /// Which value wins where both have the record and differ; without it you decide each one
    #[arg(long, value_name = "SIDE", value_parser = closed::<Side>(Side::WORDS.iter().copied()))]
    prefer: Option<Side>,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT")]
    why: Reason,
}

/// `tieline conflicts …`
pub(super) fn conflicts(global: &Global, command: &ConflictsCommand) -> Result<Exit, Failure> {
    with_ledger(global, async |context| {
        let store = &context.store;
        match command {
            ConflictsCommand::List(args) => {
                context.check_names(args.company.as_deref(), args.entity.as_deref()).await?;
                let filter = ConflictFilter {
                    company: args.company.clone(),
                    entity: args.entity.clone(),
                    key: args.key.clone(),
                    state: args.state,
                    kind: args.kind,
                    limit: args.limit,
                    ..ConflictFilter::default()
                };
                let rows = store.conflict_list(filter).await?;
                if args.csv {
                    return output::bytes(&csv(&rows).map_err(|error| Failure::plain(&error))?).map(|()| Exit::Done);
                }
                print(global, &rows, "Nothing waits for a person.")?;
                if global.output == OutputForm::Table && rows.len() as i64 == args.limit {
                    output::line(&format!("These are the first {}; narrow the list, or raise --limit.", args.limit))?;
                }
            }
            ConflictsCommand::Show { id } => {
                let row = operations::conflict::find(&context.process(), *id).await?;
                if global.output == OutputForm::Json {
                    output::json(&row)?;
                } else {
                    output::line(&story(&row))?;
                }
            }
            ConflictsCommand::Resolve(args) => {
                let resolved = operations::conflict::resolve(&context.process(), &args.ids, args.take, requested(&args.why)).await?;
                done(global, &resolved.decided)?;
                if !resolved.left_out.is_empty() {
                    output::complaint(&Failure::from(Refused::NothingToDecide(resolved.left_out)).text);
                    return Ok(Exit::Failed);
                }
            }
            ConflictsCommand::Adopt(args) => {
                let flow = FlowId::new(args.company.as_str(), args.entity.as_str());
                let decided = operations::conflict::adopt(&context.process(), flow, args.prefer, requested(&args.why)).await?;
                done(global, &decided)?;
            }
        }
        Ok(Exit::Done)
    })
}

fn done(global: &Global, rows: &[ConflictRow]) -> Result<(), Failure> {
    if global.output == OutputForm::Json {
        return output::json(&rows);
    }
    let what = if rows.len() == 1 { "1 entry is decided".to_owned() } else { format!("{} entries are decided", rows.len()) };
    output::line(&format!(
        "{what}; nothing has been written yet. The flow’s next run acts on it (`tieline sync`), and `tieline conflicts list` shows what is left."
    ))
}

fn at(time: Option<DateTime<Utc>>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| time.format("%Y-%m-%d %H:%M:%SZ").to_string())
}

fn print(global: &Global, rows: &[ConflictRow], nothing: &str) -> Result<(), Failure> {
    if global.output == OutputForm::Json {
        return output::json(&rows);
    }
    if rows.is_empty() {
        return output::line(nothing);
    }
    let table = rows.iter().map(|row| {
        vec![
            row.id.to_string(),
            format!("{}/{} {}", row.company, row.entity, DocumentKey::shown(&row.key)),
            row.field.clone(),
            row.kind.to_string(),
            row.delivery.map_or_else(|| row.state.to_string(), |delivery| format!("{}\n{delivery}", row.state)),
            format!("{}\n{}", row.syspro, at(row.syspro_at)),
            format!("{}\n{}", row.servicenow, at(row.servicenow_at)),
        ]
    });
    output::line(&output::table(&["id", "record", "field", "why", "state", "in SYSPRO", "in ServiceNow"], &[0], table))
}

fn story(row: &ConflictRow) -> String {
    let mut lines = vec![
        format!("{} of {}/{} `{}`: {} ({})", row.field, row.company, row.entity, DocumentKey::shown(&row.key), row.kind, row.state),
        format!(
            "  in SYSPRO      `{}`, read {}{}",
            row.syspro,
            at(row.syspro_at),
            row.source.as_ref().map(|c| format!(", column {c}")).unwrap_or_default()
        ),
        format!("  in ServiceNow  `{}`, changed {}, row {}", row.servicenow, at(row.servicenow_at), row.sys_id.as_deref().unwrap_or("-")),
        format!("  last agreed    {}", row.agreed.as_ref().map_or_else(|| "never".to_owned(), |text| format!("`{text}`"))),
        format!("  in the list    since {}", at(Some(row.opened_at))),
    ];
    if let (Some(side), Some(by)) = (&row.side, &row.decided_by) {
        lines.push(format!("  decided        {side} wins, by {by} {}: {}", at(row.decided_at), row.why.as_deref().unwrap_or_default()));
    }
    if let Some(said) = &row.said {
        lines.push(format!("  not in SYSPRO   {said}"));
    }
    let next = match row.state {
        ConflictState::Open => NextStep::ResolveConflict { id: row.id.to_string() },
        ConflictState::Decided => row.next_of_decided(),
        ConflictState::ToApply => NextStep::EnterInSyspro,
        ConflictState::Closed => NextStep::ConflictClosed { outcome: row.outcome.clone().unwrap_or_default(), time: at(row.closed_at) },
    };
    lines.push(format!("  next           {next}"));
    lines.join("\n")
}

/// A column of the CSV: its head, and its cell for an entry.
type Column = (&'static str, fn(&ConflictRow) -> String);

/// The columns of the CSV, in order.
const COLUMNS: [Column; 15] = [
    ("id", |row| row.id.to_string()),
    ("company", |row| row.company.clone()),
    ("entity", |row| row.entity.clone()),
    ("key", |row| row.key.clone()),
    ("field", |row| row.field.clone()),
    ("column", |row| row.source.clone().unwrap_or_default()),
    ("kind", |row| row.kind.to_string()),
    ("state", |row| row.state.to_string()),
    ("agreed", |row| row.agreed.clone().unwrap_or_default()),
    ("syspro", |row| row.syspro.clone()),
    ("syspro_at", |row| time(row.syspro_at)),
    ("servicenow", |row| row.servicenow.clone()),
    ("servicenow_at", |row| time(row.servicenow_at)),
    ("sys_id", |row| row.sys_id.clone().unwrap_or_default()),
    ("delivery", |row| row.delivery.map(|delivery| delivery.to_string()).unwrap_or_default()),
];

fn time(at: Option<DateTime<Utc>>) -> String {
    at.map(|at| at.to_rfc3339()).unwrap_or_default()
}

/// As CSV for a spreadsheet.
fn csv(rows: &[ConflictRow]) -> Result<Vec<u8>, csv::Error> {
    let head = COLUMNS.map(|(head, _)| head).join(",") + "\r\n";
    Ok([head.as_bytes(), &lines(rows.iter().map(|row| COLUMNS.map(|(_, cell)| cell(row))))?].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(syspro: &str, servicenow: &str) -> ConflictRow {
        ConflictRow {
            id: ConflictId(7),
            company: "EDU1".into(),
            entity: "cost_center".into(),
            subject: "1".into(),
            key: "100".into(),
            sys_id: Some("abc".into()),
            field: "name".into(),
            source: Some("Description".into()),
            kind: ConflictKind::BothChanged,
            state: ConflictState::Open,
            agreed: Some("old".into()),
            syspro: syspro.into(),
            syspro_at: None,
            servicenow: servicenow.into(),
            servicenow_at: None,
            side: None,
            decided_by: None,
            decided_at: None,
            why: None,
            said: None,
            opened_at: DateTime::UNIX_EPOCH,
            closed_at: None,
            outcome: None,
            delivery: None,
        }
    }

    #[test]
    fn a_spreadsheet_gets_texts_and_no_formulas() {
        let bytes = csv(&[row("a \"quoted\", text", "=HYPERLINK(\"http://x\")")]).expect("CSV");
        let text = String::from_utf8(bytes).expect("text");
        let head = "id,company,entity,key,field,column,kind,state,agreed,syspro,syspro_at,servicenow,servicenow_at,sys_id,delivery";
        assert_eq!(text.lines().next(), Some(head));
        let line = text.lines().nth(1).expect("a row");
        assert!(line.contains(r#""a ""quoted"", text""#), "{line}");
        assert!(line.contains(r#""'=HYPERLINK(""http://x"")""#), "{line}");
    }

    #[test]
    fn an_entry_tells_both_values_and_what_to_do() {
        let text = story(&row("Foundry", "Gieterij"));
        for part in ["`Foundry`", "`Gieterij`", "column Description", "last agreed    `old`", "tieline conflicts resolve 7"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
