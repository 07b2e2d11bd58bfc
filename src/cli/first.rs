//! Advice on what to run first: records wait for others which no run of this command could bring.

use std::collections::{BTreeMap, BTreeSet};

use crate::actors::scheduler::run_set::RunSetReport;
use crate::domain::EntityName;
use crate::store::AwaitedEntity;

/// A line for each entity whose records wait for entities that this command did not run, with the command that brings those. `companies`:
/// the number of companies that are read.
pub(super) fn advice(report: &RunSetReport, awaited: &[AwaitedEntity], companies: usize) -> Vec<String> {
    let ran = |company: &str, entity: &str| {
        report.flows.iter().any(|(flow, _)| flow.company.as_str() == company && flow.entity.as_str() == entity)
    };
    let mut by_entity: BTreeMap<&str, Vec<&AwaitedEntity>> = BTreeMap::new();
    for one in awaited.iter().filter(|one| !ran(&one.company, &one.parent)) {
        by_entity.entry(&one.entity).or_default().push(one);
    }
    by_entity.into_iter().map(|(entity, rows)| line(entity, &rows, companies)).collect()
}

fn line(entity: &str, rows: &[&AwaitedEntity], companies: usize) -> String {
    let mut parents: BTreeMap<&str, i64> = BTreeMap::new();
    // one record may wait for several entities: the number is a lower bound, by company
    let mut waiting: BTreeMap<&str, i64> = BTreeMap::new();
    for row in rows {
        *parents.entry(&row.parent).or_default() += row.parents;
        let most = waiting.entry(&row.company).or_default();
        *most = row.documents.max(*most);
    }
    let waiting: i64 = waiting.values().sum();
    let wanted: Vec<String> = parents.iter().map(|(parent, count)| EntityName::new(parent).counted(*count)).collect();
    let verb = if waiting == 1 { "waits" } else { "wait" };
    let mut command = "tieline sync".to_owned();
    parents.keys().for_each(|parent| command += &format!(" --entity {parent}"));
    let of: BTreeSet<&str> = rows.iter().map(|row| row.company.as_str()).collect();
    if of.len() < companies {
        of.iter().for_each(|company| command += &format!(" --company {company}"));
    }
    format!("{} {verb} for {}: run `{command}` first", EntityName::new(entity).counted(waiting), wanted.join(" and "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actors::poller::PollError;
    use crate::domain::FlowId;

    fn row(company: &str, entity: &str, parent: &str, documents: i64, parents: i64) -> AwaitedEntity {
        AwaitedEntity { company: company.into(), entity: entity.into(), parent: parent.into(), documents, parents }
    }

    fn ran(flows: &[(&str, &str)]) -> RunSetReport {
        let flows = flows
            .iter()
            .map(|(company, entity)| (FlowId::new(*company, *entity), Err(PollError::Running { flow: FlowId::new(*company, *entity) })));
        RunSetReport { flows: flows.collect(), ..RunSetReport::default() }
    }

    #[test]
    fn only_what_this_command_did_not_run_is_advised() {
        let awaited = [row("A", "invoice", "supplier", 12, 5)];
        assert_eq!(
            advice(&ran(&[("A", "invoice")]), &awaited, 1),
            ["12 invoices wait for 5 suppliers: run `tieline sync --entity supplier` first"]
        );
        assert!(advice(&ran(&[("A", "supplier"), ("A", "invoice")]), &awaited, 1).is_empty());
        let awaited = [
            row("A", "invoice", "gl_account", 3, 1),
            row("A", "invoice", "supplier", 12, 5),
            row("B", "invoice", "supplier", 1, 1),
            row("B", "gl_posting", "gl_account", 1, 2),
        ];
        assert_eq!(
            advice(&ran(&[]), &awaited, 3),
            [
                "1 GL posting waits for 2 GL accounts: run `tieline sync --entity gl_account --company B` first",
                "13 invoices wait for 1 GL account and 6 suppliers: run `tieline sync --entity gl_account --entity supplier --company A --company B` first",
            ]
        );
    }
}
