//! Whether a version arrived is decided by number and content hash together: after a restore of the ledger, numbers are used again.

use serde_json::{Value, json};

use super::support::*;
use crate::definition::TargetPlan;
use crate::domain::version::VersionText;
use crate::servicenow::*;

/// The value of a column for version 3 with another content.
fn another() -> String {
    VersionText::new(3, &[0x2f; 32]).to_string()
}

/// How an unknown outcome of record 1 is settled when every table has these rows.
async fn settled(target: TargetPlan, shown: Value) -> Settled {
    let server = Server::start(move |_| reply(200, json!({"result": [shown]})));
    server.client().settle(&Tokens::default(), &target, &records(1)).await.unwrap().remove(0)
}

fn with_version(version: &str) -> Value {
    let mut shown = row(1, 3);
    shown["u_source_version"] = json!(version);
    shown
}

#[actix_rt::test]
async fn another_content_under_the_same_number_is_not_what_was_sent() {
    let confirmed = settled(table(), with_version(&version_of(3))).await;
    assert!(matches!(confirmed, Settled::Confirmed { .. }), "{confirmed:?}");
    assert_eq!(settled(table(), with_version(&another())).await, Settled::Absent);
    // a staging row of it that the transform accepted: the verdict belongs to the other content
    let staged = |version: &str| {
        let mut shown = with_version(version);
        shown["sys_import_state"] = json!("inserted");
        shown["sys_target_sys_id"] = json!("t1");
        shown
    };
    let confirmed = settled(staging(), staged(&version_of(3))).await;
    assert!(matches!(confirmed, Settled::Confirmed { .. }), "{confirmed:?}");
    assert_eq!(settled(staging(), staged(&another())).await, Settled::Absent);
}

#[actix_rt::test]
async fn a_number_alone_of_an_earlier_release_counts_with_its_fields_only() {
    for target in [table(), staging()] {
        let same = settled(target.clone(), with_version("3")).await;
        assert!(matches!(same, Settled::Confirmed { .. }), "{same:?}");
        let mut other = with_version("3");
        other["u_amount"] = json!("99.00");
        assert_eq!(settled(target.clone(), other).await, Settled::Absent);
        assert_eq!(settled(target, with_version("2")).await, Settled::Absent, "another number is another version, whatever the fields");
    }
}

#[actix_rt::test]
async fn what_the_transform_ignored_counts_only_with_the_same_content() {
    let outcome = async |shown: Value| {
        let ignored =
            json!({"result": [{"transform_map": "m", "table": "x_landed", "status": "ignored", "sys_id": format!("{:032x}", 1)}]});
        let server = Server::start(move |seen| match seen.method.as_str() {
            "GET" => reply(200, json!({"result": [shown]})),
            _ => reply(201, ignored.clone()),
        });
        server.client().send(&Tokens::default(), &staging(), &records(1)).await.unwrap().remove(0)
    };
    assert!(matches!(outcome(row(1, 3)).await, Outcome::Confirmed { .. }));
    let other = outcome(with_version(&another())).await;
    assert!(matches!(&other, Outcome::Rejected { message, .. } if message.contains(&another())), "{other:?}");
    let number = outcome(with_version("3")).await;
    assert!(
        matches!(&number, Outcome::Confirmed { said: Some(said), .. } if said.contains("says nothing about the content")),
        "{number:?}"
    );
}

#[actix_rt::test]
async fn the_row_behind_an_answer_with_another_content_is_read() {
    let shown = with_version(&another());
    let server = Server::start(move |seen| match seen.method.as_str() {
        "GET" => reply(200, json!({"result": [shown]})),
        _ => reply(201, json!({"result": shown})),
    });
    let outcome = server.client().send(&Tokens::default(), &table(), &records(1)).await.unwrap().remove(0);
    assert!(matches!(&outcome, Outcome::Rejected { message, .. } if message.contains("changed nothing")), "{outcome:?}");
}
