//! `tieline check`: every mistake of configuration and definitions at once, offline.

use std::collections::BTreeMap;

use serde::Serialize;

use super::checked::{Checked, Refused};
use super::failure::{Exit, Failure};
use super::{Global, OutputForm, output};
use crate::config::{self, CertificateSettings};
use crate::net::{self, certificate};

#[derive(Debug, Serialize)]
struct EntityLine {
    entity: String,
    reads: String,
    change: String,
    schedule: String,
    sweep: Option<String>,
    targets: Vec<String>,
    after: Vec<String>,
}

/// One setting, for programs; the value is `***` if it may contain a password.
#[derive(Debug, Serialize)]
pub(super) struct SettingLine {
    pub(super) value: String,
    pub(super) origin: String,
}

/// Runs the command.
pub(super) fn check(global: &Global) -> Result<Exit, Failure> {
    let json = global.output == OutputForm::Json;
    let checked = match read(global) {
        Ok(checked) => checked,
        Err(refused) => {
            if json {
                let (configuration, definitions) = (&refused.configuration, &refused.definitions);
                let answer = serde_json::json!({
                    "ok": false, "file": refused.file.as_deref().map(config::shown_path), "configuration_problems": configuration, "definition_problems": definitions,
                    "definitions_checked": !refused.unchecked,
                });
                output::even_unread(output::json(&answer))?;
            }
            return Err(refused.into());
        }
    };
    let lines: Vec<EntityLine> = lines(&checked);
    let settings = settings(&checked);
    let (warnings, notes) = (&checked.loaded.warnings, &checked.definitions.notes);
    let file = checked.loaded.file.as_deref().map(config::shown_path);
    if json {
        let answer = serde_json::json!({
            "ok": true, "file": file, "entities": lines, "settings": settings, "warnings": warnings, "notes": notes
        });
        output::json(&answer)?;
        return Ok(Exit::Done);
    }
    match &file {
        Some(file) => output::line(&format!("Configuration: {file}"))?,
        None => output::line("Configuration: no file; variables and defaults only")?,
    }
    let rows = lines.iter().map(|l| {
        let sweep = l.sweep.as_ref().map(|sweep| format!("\nsweep {sweep}")).unwrap_or_default();
        vec![l.entity.clone(), l.reads.clone(), l.change.clone(), format!("{}{sweep}", l.schedule), l.targets.join("\n")]
    });
    output::line(&output::table(&["entity", "read from SYSPRO", "changes by", "schedule", "written to ServiceNow"], &[], rows))?;
    let of = checked.settings();
    let companies: Vec<&str> = of.syspro.companies.iter().map(|company| company.as_str()).collect();
    let (profile, zone) = (&of.servicenow.profile, of.syspro.time_zone);
    output::line(&format!("Companies: {}. Profile: {profile}. Schedules are in {zone}.", companies.join(", ")))?;
    let mut others = settings.iter().filter(|(_, setting)| setting.origin != "default").peekable();
    if others.peek().is_some() {
        output::line("Settings that are not defaults:")?;
    }
    for (key, setting) in others {
        output::line(&format!("  {key} = {}  ({})", setting.value, setting.origin))?;
    }
    for warning in warnings {
        output::line(&format!("warning: {warning}"))?;
    }
    for note in notes {
        output::line(&format!("note: {note}"))?;
    }
    output::line("Settings and definitions are in order.")?;
    Ok(Exit::Done)
}

/// Reads and checks settings, definitions and the files with certificates.
fn read(global: &Global) -> Result<Checked, Refused> {
    match Checked::read(global) {
        Ok(checked) => {
            let problems = certificate_problems(&CertificateSettings::of(checked.settings()));
            if problems.is_empty() { Ok(checked) } else { Err(Refused::configuration(checked.loaded.file, problems)) }
        }
        Err(mut refused) => {
            if let Some(further) = config::load_further_checks(global.config.as_deref(), config::environment()) {
                refused.configuration.extend(certificate_problems(&further.certificates));
            }
            Err(refused)
        }
    }
}

/// What is wrong with the content of the files.
fn certificate_problems(files: &CertificateSettings) -> Vec<String> {
    let own = files.own.iter().filter_map(|own| certificate::load(own).err()).map(|problem| problem.to_string());
    own.chain(net::authority_problems(files)).collect()
}

/// Every setting that has a value.
pub(super) fn settings(checked: &Checked) -> BTreeMap<&str, SettingLine> {
    let value = |key: &str| checked.loaded.values.get(key).cloned().unwrap_or_default();
    let line = |key: &str, origin: &dyn std::fmt::Display| SettingLine { value: value(key), origin: origin.to_string() };
    checked.loaded.origins.iter().map(|(key, origin)| (key.as_str(), line(key, origin))).collect()
}

fn lines(checked: &Checked) -> Vec<EntityLine> {
    let default_sweep = &checked.settings().flows.sweep;
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
            // a flow that reads everything at every run has no sweep
            sweep: (!plan.read.changes.is_empty()).then(|| plan.read.sweep.as_ref().map_or(default_sweep, |sweep| &sweep.schedule).clone()),
            targets: plan.targets.iter().map(|target| target.table.clone()).collect(),
            after: plan.after.iter().map(ToString::to_string).collect(),
        }
    };
    checked.definitions.plans.iter().map(line).collect()
}
