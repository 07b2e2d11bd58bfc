//! Which texts are different values: the kind of the field decides it, and never the form of a text.

use super::*;

#[test]
fn a_text_that_reads_as_the_same_number_or_date_is_another_text() {
    run(async {
        let lists = Aligned::start("").await;
        lists.describe("100", "12.50");
        lists.describe("200", "2026-01-31 00:00:00");
        lists.in_step().await;

        // each is the value before as a number, a date or a flag
        lists.describe("100", "12.5");
        lists.describe("200", "2026-01-31");
        lists.well().await;
        assert_eq!((lists.name("100").as_str(), lists.name("200").as_str()), ("12.5", "2026-01-31"));

        // and an edit in ServiceNow is one
        lists.edit("100", "12.500");
        lists.well().await;
        let found = lists.conflicts().await;
        assert_eq!(brief(&found), [("100", "name", "edited", "to_apply")]);
        assert_eq!((found[0].syspro.as_str(), found[0].servicenow.as_str()), ("12.5", "12.500"));
        assert_eq!(lists.name("100"), "12.500", "nothing is overwritten");
    });
}

#[test]
fn a_record_of_which_the_agreed_copy_cannot_be_read_is_left_alone() {
    run(async {
        let lists = Aligned::start("rule = \"syspro\"").await;
        lists.in_step().await;
        let copy = "SELECT a.document_id FROM base_version a JOIN document d ON d.id = a.document_id WHERE d.entity = 'cost_center' AND d.key = '100'";
        lists.rig.database.psql(&format!("UPDATE base_version SET fields = '{{\"name\": 7}}' WHERE document_id = ({copy})"));
        // an edit that the rule would undo, if it were taken for the first meeting of two lists
        lists.edit("100", "Edited");
        lists.describe("200", "Neighbour");
        lists.well().await;
        assert_eq!((lists.name("100").as_str(), lists.name("200").as_str()), ("Edited", "Neighbour"));
        assert_eq!(lists.conflicts().await.len(), 0);
    });
}
