//! `tieline check`: every mistake of configuration and definitions at once, offline.

use std::collections::BTreeMap;

use serde::Serialize;

use super::context::Checked;
use super::failure::{Exit, Failure};
use super::{Global, OutputForm, output};
use crate::domain::EntityName;
use crate::domain::schedule::Schedule;

#[derive(Debug, Serialize)]
struct EntityLine {
    entity: String,
    reads: String,
    change: String,
    schedule: String,
    targets: Vec<String>,
    after: Vec<String>,
}

/// Runs the command.
pub(super) fn check(global: &Global) -> Result<Exit, Failure> {
    let checked = Checked::load(global)?;
    let problems = schedule_problems(&checked);
    if !problems.is_empty() {
        return Err(Failure::new(
            Exit::Configuration,
            format!("the configuration has {} problem(s)\n  {}", problems.len(), problems.join("\n  ")),
        ));
    }
    let lines: Vec<EntityLine> = lines(&checked);
    let origins: BTreeMap<&String, String> = checked.loaded.origins.iter().map(|(key, origin)| (key, origin.to_string())).collect();
    let notes: Vec<&String> = checked.loaded.warnings.iter().chain(&checked.definitions.notes).collect();
    if global.output == OutputForm::Json {
        output::json(&serde_json::json!({ "ok": true, "entities": lines, "settings": origins, "notes": notes }))?;
        return Ok(Exit::Done);
    }
    let rows = lines.iter().map(|l| vec![l.entity.clone(), l.reads.clone(), l.change.clone(), l.schedule.clone(), l.targets.join("\n")]);
    output::line(
        &output::table(&["entity", "read from SYSPRO", "changes by", "schedule", "written to ServiceNow"], &[], rows).to_string(),
    )?;
    let companies: Vec<&str> = checked.settings().syspro.companies.iter().map(|company| company.as_str()).collect();
    output::line(&format!("Companies: {}. Profile: {}.", companies.join(", "), checked.settings().servicenow.profile))?;
    if let Some(file) = &checked.loaded.file {
        output::line(&format!("Configuration: {}", file.display()))?;
    }
    for (key, origin) in origins.iter().filter(|(_, origin)| *origin != "default") {
        output::line(&format!("  {key}  ({origin})"))?;
    }
    for note in notes {
        output::line(&format!("note: {note}"))?;
    }
    output::line("Settings and definitions are in order.")?;
    Ok(Exit::Done)
}

/// Schedules of entities that are none, and expressions that are none.
fn schedule_problems(checked: &Checked) -> Vec<String> {
    let settings = checked.settings();
    let known = |entity: &EntityName| checked.definitions.plan(entity).is_some();
    let mut problems = Vec::new();
    for (entity, text) in &settings.schedule {
        if !known(entity) {
            problems
                .push(format!("`schedule.{entity}` is for an entity that has no definition in profile `{}`", settings.servicenow.profile));
        }
        if let Err(problem) = Schedule::parse(text, settings.syspro.time_zone) {
            problems.push(format!("`schedule.{entity}` = `{text}` is no cron expression: {problem}"));
        }
    }
    problems
}

fn lines(checked: &Checked) -> Vec<EntityLine> {
    let line = |plan: &crate::definition::Plan| {
        let mut reads = vec![plan.read.root.table.clone()];
        reads.extend(plan.read.joins.iter().map(|join| join.table.table.clone()));
        for child in &plan.read.children {
            reads.extend(child.via.iter().map(|via| via.table.table.clone()));
            reads.push(child.table.table.clone());
        }
        let change = match plan.read.changes.len() {
            0 => "full read and hash".to_owned(),
            n => format!("{n} date quer{}, sweep", if n == 1 { "y" } else { "ies" }),
        };
        let default = checked.definitions.schedule(&plan.entity).unwrap_or("5 * * * *");
        EntityLine {
            entity: plan.entity.to_string(),
            reads: reads.join(", "),
            change,
            schedule: checked.settings().schedule.get(&plan.entity).map_or(default, String::as_str).to_owned(),
            targets: plan.targets.iter().map(|target| target.table.clone()).collect(),
            after: plan.after.iter().map(ToString::to_string).collect(),
        }
    };
    checked.definitions.plans.iter().map(line).collect()
}
