//! Queries and the probe.

use serde_json::{Value, json};

use super::support::*;
use crate::definition::plan::{AlignPlan, WatchPlan, WatchRow};
use crate::domain::SysId;
use crate::domain::merge::Rule;
use crate::servicenow::*;

fn keys(count: usize) -> Vec<String> {
    (1..=count).map(|n| format!("EDU1/e/{n:04}")).collect()
}

/// An instance that understands `IN`, `=` and `STARTSWITH` on the key column of some rows.
fn instance(rows: Vec<Value>) -> Server {
    Server::start(move |seen| {
        let query = seen.q("sysparm_query");
        let condition = query.split('^').next().unwrap();
        let hit = |row: &&Value| {
            let key = row["u_source_key"].as_str().unwrap();
            let rest = condition.strip_prefix("u_source_key").unwrap();
            match (rest.strip_prefix("IN"), rest.strip_prefix("STARTSWITH"), rest.strip_prefix('=')) {
                (Some(list), ..) => list.split(',').any(|value| value.eq_ignore_ascii_case(key)),
                (_, Some(start), _) => key.starts_with(start),
                (.., Some(value)) => value.eq_ignore_ascii_case(key),
                _ => panic!("{condition}"),
            }
        };
        let limit = seen.q("sysparm_limit").parse().unwrap();
        let found: Vec<&Value> = rows.iter().filter(hit).take(limit).collect();
        reply(200, json!({"result": found}))
    })
}

#[actix_rt::test]
async fn many_keys_travel_in_few_short_requests() {
    let server = instance((1..=300).filter(|n| n % 2 == 0).map(|n| row(n, 3)).collect());
    let found = server.client().find_by_key(&Tokens::default(), &table(), &keys(300)).await.unwrap();
    for (at, found) in found.iter().enumerate() {
        assert_eq!(found.is_some(), (at + 1) % 2 == 0, "{at}");
    }
    let one = found[1].as_ref().unwrap();
    assert_eq!(
        (one.sys_id.as_str(), one.version.as_ref().map(|there| there.number()), one.fields["u_amount"].as_str()),
        (format!("{:032x}", 2).as_str(), Some(3), "12.5")
    );
    let seen = server.seen();
    assert!(seen.len() <= 8, "{}", seen.len());
    for request in &seen {
        assert!(request.length <= 1800, "{}", request.length);
        assert!(request.q("sysparm_fields").contains("u_source_key") && !request.q("sysparm_limit").is_empty());
        assert!(request.q("sysparm_query").ends_with("^ORDERBYsys_id"));
    }
}

#[actix_rt::test]
async fn only_the_exact_key_counts_and_special_characters_do_no_harm() {
    let with = |key: &str, id: &str| json!({"sys_id": id, "u_source_key": key, "u_source_version": "1"});
    let rows = vec![with("edu1/e/a", "lower"), with("EDU1/e/a,b", "comma"), with("EDU1/e/a^b", "caret"), with("EDU1/e/a", "plain")];
    let server = instance(rows);
    let asked = ["EDU1/e/A", "EDU1/e/a,b", "EDU1/e/a^b", "EDU1/e/a", "EDU1/e/a^c"].map(str::to_owned);
    let found = server.client().find_by_key(&Tokens::default(), &table(), &asked).await.unwrap();
    let ids: Vec<Option<SysId>> = found.into_iter().map(|found| found.map(|found| found.sys_id)).collect();
    assert_eq!(ids, [None, Some(id("comma")), Some(id("caret")), Some(id("plain")), None]);
}

#[actix_rt::test]
async fn a_dropped_clause_is_seen() {
    let server = Server::start(|_| reply(200, json!({"result": [{"sys_id": "a"}, {"sys_id": "b", "name": "x"}]})));
    let error = server.client().find_by_key(&Tokens::default(), &table(), &keys(2)).await.unwrap_err();
    assert!(
        matches!(&error, ServiceNowError::UnknownColumn { table, column } if table == "x_row" && column == "u_source_key"),
        "{error:?}"
    );
    // unrelated rows that do have the column are not a match
    let server = Server::start(|_| reply(200, json!({"result": [row(7, 1), row(8, 1)]})));
    assert_eq!(server.client().find_by_key(&Tokens::default(), &table(), &keys(2)).await.unwrap(), [None, None]);
}

#[actix_rt::test]
async fn reads_are_tried_three_times_and_no_more() {
    let mut calls = 0;
    let server = Server::start(move |_| {
        calls += 1;
        match calls {
            1 => page(503),
            2 => Reply::Http(200, vec![], r#"{"result":[{"sys_id":"a"},{"error"#.into()),
            _ => reply(200, json!({"result": row(1, 3)})),
        }
    });
    assert!(server.client().find_by_key(&Tokens::default(), &table(), &keys(1)).await.unwrap()[0].is_some());
    let server = Server::start(|_| Reply::Cut);
    server.client().find_by_key(&Tokens::default(), &table(), &keys(1)).await.unwrap_err();
    assert_eq!(server.seen().len(), 3);
    let server = Server::start(|_| refusal(404, "No Record found", ""));
    assert_eq!(server.client().find_by_key(&Tokens::default(), &table(), &keys(1)).await.unwrap(), [None], "version 1 of the API");
}

#[actix_rt::test]
async fn natural_keys_of_several_columns_are_compared_whole() {
    let server = Server::start(|seen| {
        assert!(seen.q("sysparm_query").starts_with("nameINName 1,Name 2^u_amount=12.50^"), "{}", seen.q("sysparm_query"));
        let found = |id: &str, name: &str, amount: &str| json!({"sys_id": id, "name": name, "u_amount": amount, "u_source_key": ""});
        reply(200, json!({"result": [found("a", "Name 1", "99"), found("b", "Name 1", "12.50"), found("c", "Name 2", "1")]}))
    });
    let mut target = table();
    target.natural_key = vec!["u_amount".into(), "name".into()];
    let found = server.client().find_by_natural_key(&Tokens::default(), &target, &records(2)).await.unwrap();
    assert_eq!(found.into_iter().map(|found| found.map(|found| found.sys_id)).collect::<Vec<_>>(), [Some(id("b")), None]);
}

#[actix_rt::test]
async fn the_probe_names_columns_that_are_not_there() {
    let server = Server::start(|seen| match seen.path.as_str() {
        "/api/now/table/x_row" => reply(200, json!({"result": [{"sys_id": "a", "name": "x", "u_source_key": "k"}]})),
        "/api/now/table/sys_db_object" if seen.q("sysparm_query").starts_with("name=x_row^") => {
            reply(200, json!({"result": [{"name": "x_row", "super_class.name": "x_base"}]}))
        }
        "/api/now/table/sys_db_object" => reply(200, json!({"result": [{"name": "x_base", "super_class.name": ""}]})),
        "/api/now/table/sys_dictionary" => {
            let element = |table: &str, name: &str| json!({"name": table, "element": name});
            reply(
                200,
                json!({"result": [element("x_row", "u_source_version"), element("x_base", "name"), element("unrelated", "u_amount")]}),
            )
        }
        _ => refusal(400, "Invalid table x_stage", ""),
    });
    let (client, tokens) = (server.client(), Tokens::default());
    let findings = client.probe(&tokens, &[&table()]).await;
    assert_eq!((findings.len(), findings[0].verdict), (1, ProbeVerdict::Failed));
    assert!(findings[0].message.contains("`u_amount`") && !findings[0].message.contains("u_source_version"), "{findings:?}");

    // a list selected by a missing column would be the whole table
    let mut aligned = table();
    aligned.fields.clear();
    assert_eq!(client.probe(&tokens, &[&aligned]).await[0].verdict, ProbeVerdict::Ok);
    aligned.align = Some(AlignPlan {
        rule: Rule::Review,
        fields: Vec::new(),
        change_limit_percent: 20,
        overlap_seconds: 300,
        sweep_hours: 24,
        inactive: vec![("u_retired".into(), "true".into())],
        filter: Some("u_compny={company}^ORname.first=x^sys_class_name!=y".into()),
    });
    let findings = client.probe(&tokens, &[&aligned]).await;
    assert_eq!(findings[0].verdict, ProbeVerdict::Failed);
    assert!(findings[0].message.contains("no column `u_compny`, `u_retired`:"), "{findings:?}");

    let findings = client.probe(&tokens, &[&staging()]).await;
    assert!(findings.iter().all(|finding| finding.verdict == ProbeVerdict::Failed && finding.next_step.is_some()), "{findings:?}");
    assert_eq!(findings.iter().map(|finding| finding.table.as_str()).collect::<Vec<_>>(), ["x_stage", "x_landed"]);

    // a tracked column is checked where it is tracked: in the table of the record, or in its staging row
    let watch = |row: WatchRow| WatchPlan {
        row,
        column: Some("u_state".into()),
        done: vec!["approved".into()],
        failed: Vec::new(),
        message: Some("u_said".into()),
        first_minutes: 5,
        give_up_days: 7,
        replay_failed: 0,
    };
    let shown = |table: &str| match table {
        "/api/now/table/x_stage" => json!({"u_source_key": "k", "u_source_version": "1", "name": "x", "u_amount": "1"}),
        _ => json!({"u_source_key": "k", "u_state": "approved"}),
    };
    let watched = Server::start(move |seen| match seen.path.as_str() {
        path @ ("/api/now/table/x_stage" | "/api/now/table/x_landed") => reply(200, json!({"result": [shown(path)]})),
        "/api/now/table/sys_db_object" => reply(200, json!({"result": []})),
        _ => reply(200, json!({"result": [{"name": "x_stage", "element": "name"}, {"name": "x_landed", "element": "u_state"}]})),
    });
    for (row, missing) in
        [(WatchRow::Target, [None, Some("no column `u_said`:")]), (WatchRow::Staging, [Some("no column `u_said`, `u_state`:"), None])]
    {
        let target = crate::definition::plan::TargetPlan { watch: Some(watch(row)), ..staging() };
        // several blocks that write to one table are one table
        let found = watched.client().probe(&tokens, &[&target, &staging()]).await;
        assert_eq!(found.iter().map(|one| one.table.as_str()).collect::<Vec<_>>(), ["x_stage", "x_landed"]);
        for (finding, missing) in found.iter().zip(missing) {
            assert_eq!(finding.verdict, if missing.is_some() { ProbeVerdict::Failed } else { ProbeVerdict::Ok }, "{found:?}");
            assert!(missing.is_none_or(|words| finding.message.contains(words)), "{found:?}");
        }
    }

    // a parent that may not be queried may have the column
    let server = Server::start(|seen| match seen.path.as_str() {
        "/api/now/table/x_row" => reply(200, json!({"result": [{"sys_id": "a", "name": "x", "u_source_key": "k"}]})),
        "/api/now/table/sys_dictionary" => reply(200, json!({"result": [{"name": "x_row", "element": "name"}]})),
        _ => refusal(403, "Insufficient rights to query records", ""),
    });
    let found = server.client().probe(&tokens, &[&table()]).await;
    assert_eq!(found[0].verdict, ProbeVerdict::Failed, "{found:?}");

    let server = Server::start(|seen| match seen.path.as_str() {
        "/api/now/table/x_row" => reply(200, json!({"result": []})),
        _ => refusal(403, "Insufficient rights to query records", ""),
    });
    assert_eq!(server.client().probe(&tokens, &[&table()]).await[0].verdict, ProbeVerdict::Unknown);
    let server = Server::start(|_| reply(200, json!({"result": [row(1, 1)]})));
    assert_eq!(server.client().probe(&tokens, &[&table()]).await[0].verdict, ProbeVerdict::Ok);
}
