//! A decision is about what stood there when it was taken, and is used once.

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
        assert_eq!(errors(&lists.cycle(RunKind::Sweep).await), Vec::<String>::new());
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
