//! Tie-outs by `[tie_out] schedule`: one for each time, whatever the number of services; their result as a notice, a metric and an audit row.

use std::time::Duration;

use crate::support::node::{Node, wait_for};
use crate::support::receivers::Receiver;
use crate::support::world::World;
use crate::tie_out::quiet;

/// The next minute, and the tie-out.
const LIMIT: Duration = Duration::from_secs(150);

#[test]
fn two_services_make_one_tie_out_for_each_time_and_people_hear_of_what_is_not_tied() {
    let world = World::start();
    let row = world.servicenow.rows("x_apo_invoice").swap_remove(0);
    assert!(world.servicenow.edit_row("x_apo_invoice", &row["sys_id"], &[("u_amount_invoiced", "0.07")]));
    let mail = Receiver::mail();
    let node = || {
        let node = quiet(Node::new(&world)).with("TIE_OUT__SCHEDULE", "* * * * *").with("NOTICES__MAIL_TLS", "none");
        let node = node.with("NOTICES__MAIL_SERVER", &format!("127.0.0.1:{}", mail.port)).with("NOTICES__MAIL_FROM", "tieline@erp.example");
        let mut node = node.with("NOTICES__MAIL_TO", "controller@erp.example");
        node.start_and_wait(&world);
        node
    };
    let mut nodes = [node(), node()];
    let made = || world.database.psql("SELECT count(*) FROM tie_out WHERE scheduled_for IS NOT NULL AND state = 'done'");
    wait_for("a tie-out by the schedule", LIMIT, || (made() != "0").then_some(()));
    let told =
        wait_for("a mail about it", LIMIT, || mail.seen().into_iter().find(|text| text.contains("the scheduled tie-out is not tied")));
    assert!(
        told.contains("untied: 1 differences and documents need a person") && told.contains("What to do: look at the newest tie-out"),
        "{told}"
    );
    // both services saw the time come, and one of them made it
    let times =
        "SELECT count(*) = count(DISTINCT scheduled_for) AND bool_and(date_trunc('minute', scheduled_for) = scheduled_for) FROM tie_out";
    assert_eq!(world.database.psql(times), "t");
    let audit = "SELECT detail FROM audit WHERE detail LIKE '%tie_out_ended%' ORDER BY id LIMIT 1";
    let audit = world.database.psql(audit);
    assert!(audit.contains("\"result\":\"untied\"") && audit.contains("\"scheduled\":true"), "{audit}");
    let key = nodes[0].key(&world);
    let (_, _, metrics) = crate::http::ask(&nodes[0].site, "GET", "/metrics", Some(&key), "").unwrap();
    for line in ["tieline_tie_out_result 2", "tieline_tie_out_open_items 1", "tieline_tie_out_age_seconds "] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    for node in &mut nodes {
        assert_eq!(node.terminate(), Some(0));
    }
}
