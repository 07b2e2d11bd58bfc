//! A decision is valid for the values at its time, and is used once.

use super::*;

#[test]
fn a_record_that_was_made_by_decision_and_deleted_since_waits_for_a_new_decision() {
    run(async {
        let lists = Aligned::start("inactive = { active = \"false\" }").await;
        lists.well().await;
        lists.adopt(None).await;
        lists.well().await;
        // the rows are there; the next run has not seen them yet when a person takes two of them away
        let rig = &lists.rig;
        assert!(rig.servicenow.delete_row(COST, &lists.cost("100")["sys_id"]));
        assert!(rig.servicenow.edit_row(COST, &lists.cost("200")["sys_id"], &[("active", "false")]));
        lists.describe("100", "Changed in SYSPRO too");
        assert_eq!(errors(&lists.run_set(RunKind::Sweep).await), Vec::<String>::new());
        assert!(rig.servicenow.find(COST, "code", "100").is_none(), "nobody has asked for it again");
        assert_eq!(lists.cost("200")["active"], "false", "nor for that one");
        let listed = lists.conflicts().await;
        let expected = [("100", "@row", "deleted", "open"), ("200", "@row", "deleted", "open")];
        assert_eq!(brief(&listed).into_iter().collect::<BTreeSet<_>>(), expected.into_iter().collect());
        for row in &listed {
            lists.decide(row.id, Side::Syspro).await;
        }
        lists.well().await;
        lists.well().await;
        assert_eq!((lists.name("100").as_str(), lists.cost("200")["active"].as_str()), ("Changed in SYSPRO too", "true"));
        assert_eq!(brief(&lists.conflicts().await), []);
    });
}

#[test]
fn a_decided_edit_of_one_side_stays_an_edit() {
    run(async {
        let lists = Aligned::start("").await;
        lists.in_step().await;
        lists.edit("100", "Edited");
        lists.well().await;
        let listed = lists.conflicts().await;
        lists.decide(listed[0].id, Side::ServiceNow).await;
        lists.well().await;
        assert_eq!(brief(&lists.conflicts().await), [("100", "name", "edited", "to_apply")], "SYSPRO has changed nothing");
    });
}

#[test]
fn a_decided_entry_says_whether_its_value_has_been_delivered() {
    run(async {
        let lists = Aligned::start("").await;
        lists.in_step().await;
        lists.describe("100", "Foundry of SYSPRO");
        lists.edit("100", "Foundry of ServiceNow");
        lists.well().await;
        let open = lists.conflicts().await.remove(0);
        assert_eq!((open.state.as_str(), open.delivery.map(|delivery| delivery.as_str())), ("open", None));
        lists.decide(open.id, Side::Syspro).await;
        let entry = async || {
            let filter = ConflictFilter { ids: vec![open.id], limit: 1, ..ConflictFilter::default() };
            lists.rig.store.conflict_list(filter).await.unwrap().remove(0)
        };
        assert_eq!((entry().await.state.as_str(), entry().await.delivery), ("decided", None), "the next run acts on it");

        // ServiceNow takes nothing: the value is queued, and not delivered
        for method in ["POST", "PATCH"] {
            lists.rig.servicenow.set_fault(FaultRule::always(Fault::Status(503)).on_path("/api/now").on_method(method));
        }
        lists.run_set(RunKind::Poll).await;
        lists.rig.servicenow.clear_faults();
        let queued = entry().await;
        assert_eq!((queued.state.as_str(), queued.delivery.map(|delivery| delivery.as_str())), ("decided", Some("outstanding")));
        assert!(queued.next_of_decided().text().contains("has not been delivered yet"));
        assert_eq!(lists.name("100"), "Foundry of ServiceNow");
        lists.rig.sync_until_settled(40).await;
        assert_eq!(lists.name("100"), "Foundry of SYSPRO");
        lists.well().await;
        assert_eq!((entry().await.state.as_str(), entry().await.delivery), ("closed", None));

        // a run compares before it sends: what it has delivered is closed by the next one
        lists.describe("100", "Foundry again");
        lists.edit("100", "Foundry by hand");
        lists.well().await;
        let again = lists.conflicts().await.remove(0);
        lists.decide(again.id, Side::Syspro).await;
        lists.run_set(RunKind::Poll).await;
        assert_eq!(lists.name("100"), "Foundry again");
        let delivered = lists.conflicts().await.remove(0);
        assert_eq!((delivered.state.as_str(), delivered.delivery.map(|delivery| delivery.as_str())), ("decided", Some("delivered")));
        assert_eq!(delivered.next_of_decided().text(), "nothing: delivered; the next run of the flow compares it and closes it");
        lists.well().await;
        assert!(lists.conflicts().await.is_empty());
    });
}
