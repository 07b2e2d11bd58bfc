//! What a run of the alignment costs, in statements.

use super::*;
use tieline::domain::delivery::DeliveryAction;
use tieline::store::{LinkedRow, RowPlace};

#[test]
fn a_run_costs_the_same_statements_whatever_it_changes() {
    run(async {
        let database = Database::migrated().await;
        let store = Store::connect(&settings(), &database.url()).unwrap();
        let mut costs = Vec::new();
        for (company, count) in [("FEW", 10), ("MANY", 1_000)] {
            let flow = FlowId::new(company, "cost_center");
            let ttl = Duration::from_secs(60);
            let LeaseResult::Lease(lease, _) =
                store.flow_take(flow.clone(), node("one").holder(), ttl, Trigger::Schedule, None, SetNumber(0)).await.unwrap()
            else {
                panic!()
            };
            let run = store.run_begin(flow.clone(), RunKind::Poll, "test".into(), None, SetNumber(0)).await.unwrap();
            let document = |n: usize| IntakeDocument {
                key: DocumentKey::from_text(format!("C{n}")),
                hash: [1; 32],
                content: "{}".into(),
                facts: Default::default(),
                mapped: Ok(Vec::new()),
                warnings: Vec::new(),
                gone: false,
                marks: None,
            };
            let intake = Intake {
                lease: Some((lease.clone(), ttl)),
                aligned: true,
                ..Intake::of(flow.clone(), run, (0..count).map(document).collect())
            };
            store.intake(intake).await.unwrap();
            let before = store.statements();
            let documents = store.aligned_documents(flow.clone(), DocumentId::default(), 5_000, Comparing::All).await.unwrap();
            assert_eq!(documents.len(), count);
            let each = || documents.iter().map(|document| document.id);
            let conflict = |id: DocumentId| NewConflict {
                subject: id.to_string(),
                document_id: Some(id),
                key: "C".into(),
                sys_id: None,
                field: "name".into(),
                source: None,
                kind: "both_changed",
                state: "open",
                agreed: None,
                syspro: "a".into(),
                syspro_at: None,
                servicenow: "b".into(),
                servicenow_at: None,
            };
            let align = AlignIntake {
                lease,
                ttl,
                run,
                links: each()
                    .map(|id| LinkedRow { document_id: id, row: RowPlace { target_table: COST.into(), sys_id: format!("{:032x}", id.0) } })
                    .collect(),
                compared: each().map(|document_id| Compared { document_id, version: 1, fields: "{}".into(), again: false }).collect(),
                deliveries: each()
                    .map(|document_id| AlignDelivery {
                        document_id,
                        version: 1,
                        action: DeliveryAction::Upsert,
                        payload: "{}".into(),
                        expects: None,
                    })
                    .collect(),
                withdrawn: Vec::new(),
                conflicts: each().map(conflict).collect(),
                closed: vec![(ConflictId(0), "in step")],
                arrived: vec![(DocumentId(0), "name".into())],
            };
            store.align(align.clone()).await.unwrap();
            // the same once more: nothing is there twice
            store.align(align).await.unwrap();
            costs.push(store.statements() - before);
            let statement = format!(
                "SELECT (SELECT count(*) FROM conflict WHERE company = '{company}') || ' ' || (SELECT count(*) FROM undelivered WHERE company = '{company}')"
            );
            assert_eq!(database.psql(&statement), format!("{count} {count}"));
        }
        assert_eq!(costs[0], costs[1], "statements of a run with 10 and with 1,000 changes");
    });
}
