use std::sync::atomic::{AtomicI64, Ordering};

use super::*;
use crate::domain::budget::PauseReport;
use crate::domain::delivery::Confirmation;
use crate::domain::ids::{DeliveryId, DocumentId};

const S: Duration = Duration::from_secs(1);

fn pace() -> Pace {
    let mut settings = crate::config::load_text(
        "[syspro]\nodata_url = \"https://s/o\"\ntime_zone = \"UTC\"\ncompanies = [\"A\"]\n[servicenow]\ninstance_url = \"https://n\"\n[state]\ndirectory = \"/var/lib/tieline\"\n",
        None,
        Vec::new(),
    )
    .unwrap()
    .settings
    .servicenow;
    (settings.batch_size, settings.batch_limit, settings.concurrency) = (40, 100, 4);
    Pace::new(&settings, Backoff::new(2 * S, 60 * S), Arc::default())
}

fn outcomes(count: usize, verdict: &DeliveryOutcome) -> Vec<Settlement> {
    // an unknown delivery is looked up before it is sent again, so each batch has its own deliveries
    static NEXT: AtomicI64 = AtomicI64::new(0);
    let one = |_: usize| Settlement {
        run_id: None,
        poll_after: None,
        payload: None,
        delivery_id: DeliveryId(NEXT.fetch_add(1, Ordering::Relaxed)),
        document_id: DocumentId(1),
        version: 1,
        record_key: String::new(),
        known: true,
        verdict: verdict.clone(),
    };
    (0..count).map(one).collect()
}

fn good() -> DeliveryOutcome {
    let sys_id = crate::domain::SysId::new(&"a".repeat(32)).unwrap();
    DeliveryOutcome::Confirmed { sys_id, table: "t".into(), how: Confirmation::Inserted, partial: Vec::new(), said: None }
}

fn doubt() -> DeliveryOutcome {
    DeliveryOutcome::Unknown { message: "lost".into(), wait: Duration::ZERO, failed_lookups: 0 }
}

#[actix_rt::test]
async fn batches_grow_while_they_are_full_and_halve_on_trouble() {
    let pace = pace();
    pace.learn(&outcomes(40, &good()), S, None);
    assert_eq!(pace.size(), 51);
    pace.learn(&outcomes(10, &good()), S, None);
    assert_eq!(pace.size(), 51, "a batch that was not full says nothing of larger ones");
    pace.learn(&outcomes(51, &good()), 9 * S, None);
    assert_eq!(pace.size(), 25, "too slow");
    for _ in 0..20 {
        pace.learn(&outcomes(100, &good()), S, None);
    }
    assert_eq!(pace.size(), 100);
}

#[actix_rt::test]
async fn a_small_batch_that_must_wait_is_halved_itself() {
    let pace = pace();
    let later = DeliveryOutcome::Deferred {
        message: "429".into(),
        wait: S,
        throttled: true,
        counted: false,
        unanswered: false,
        next_step: crate::domain::next_step::NextStep::Throttled,
    };
    // four records are left, and one of them makes the others wait: it would, whatever the size between four and forty
    pace.learn(&outcomes(4, &later), S, Some(S));
    assert_eq!(pace.size(), 2);
    pace.throttled(S, "429", 2);
    assert_eq!(pace.size(), 1);
    pace.failed(1);
    assert_eq!(pace.size(), 1);
}

#[actix_rt::test]
async fn batches_at_once_halve_on_trouble_and_come_back_one_by_one() {
    let pace = pace();
    pace.learn(&outcomes(1, &doubt()), S, None);
    let mut held = vec![pace.slot(Attempt::Send).await.unwrap(), pace.slot(Attempt::Send).await.unwrap()];
    assert!(matches!(pace.decide(Instant::now(), Attempt::Send), Ok(Decision::Full)), "two of four");
    pace.learn(&outcomes(1, &good()), S, None);
    pace.learn(&outcomes(1, &good()), S, None);
    held.push(pace.slot(Attempt::Send).await.unwrap());
    assert!(matches!(pace.decide(Instant::now(), Attempt::Send), Ok(Decision::Full)), "three of four");
    held.clear();
    assert_eq!(pace.state.borrow().in_flight, 0);
}

#[tokio::test(start_paused = true)]
async fn the_breaker_opens_tries_one_batch_and_closes() {
    let pace = pace();
    for _ in 0..FAILURES {
        pace.learn(&outcomes(3, &doubt()), S, None);
    }
    assert_eq!(pace.state.borrow().breaker, Breaker::Open);
    // the first wait is short and is waited out
    let probe = pace.slot(Attempt::Send).await.unwrap();
    assert_eq!(pace.state.borrow().breaker, Breaker::HalfOpen);
    assert!(matches!(pace.decide(Instant::now(), Attempt::Send), Ok(Decision::Full)), "one batch alone");
    pace.failed(100);
    drop(probe);
    assert_eq!(pace.state.borrow().breaker, Breaker::Open);
    for _ in 0..4 {
        tokio::time::advance(60 * S).await;
        drop(pace.slot(Attempt::Send).await.unwrap());
        pace.failed(100);
    }
    let paused = pace.slot(Attempt::Send).await.err().unwrap();
    assert!(paused.wait > 15 * S && paused.wait <= 60 * S && paused.failures == FAILURES + 5, "{paused:?}");
    tokio::time::advance(60 * S).await;
    drop(pace.slot(Attempt::Send).await.unwrap());
    pace.learn(&outcomes(1, &good()), S, None);
    assert_eq!((pace.state.borrow().breaker, pace.state.borrow().failures), (Breaker::Closed, 0));
}

#[tokio::test(start_paused = true)]
async fn what_the_instance_asks_for_is_waited_for_by_all() {
    let pace = pace();
    pace.throttled(3 * S, "429", 100);
    let before = Instant::now();
    drop(pace.slot(Attempt::Send).await.unwrap());
    assert_eq!(before.elapsed(), 3 * S);
    pace.throttled(30 * S, "429", 100);
    assert_eq!(pace.slot(Attempt::Send).await.err(), Some(Paused { wait: 30 * S, failures: 0 }));
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_asks_for_time_again_and_again_ends_the_cycle_however_short_the_time() {
    for asked in [Duration::ZERO, S] {
        let pace = pace();
        for _ in 0..WAITED_OUT {
            drop(pace.slot(Attempt::Send).await.expect("waited out"));
            pace.throttled(asked, "429", 100);
        }
        drop(pace.slot(Attempt::Send).await.expect("waited out"));
        pace.throttled(asked, "429", 100);
        let paused = pace.slot(Attempt::Send).await.map(drop).unwrap_err();
        assert!(paused.wait <= 2 * S && !paused.wait.is_zero() && paused.failures == 0, "{paused:?}");
        // the next cycle tries again, and after a success the first wait applies again
        tokio::time::advance(paused.wait).await;
        drop(pace.slot(Attempt::Send).await.expect("the next cycle"));
        pace.learn(&outcomes(1, &good()), S, None);
        pace.throttled(S, "429", 100);
        assert!(pace.slot(Attempt::Send).await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn batches_at_once_that_are_told_to_wait_are_one_wait() {
    let pace = pace();
    let on_their_way = [
        pace.slot(Attempt::Send).await.unwrap(),
        pace.slot(Attempt::Send).await.unwrap(),
        pace.slot(Attempt::Send).await.unwrap(),
        pace.slot(Attempt::Send).await.unwrap(),
    ];
    (0..on_their_way.len()).for_each(|_| pace.throttled(S, "429", 100));
    drop(on_their_way);
    assert!(pace.slot(Attempt::Send).await.is_ok(), "waited out within the cycle");
}

#[tokio::test(start_paused = true)]
async fn a_record_that_asks_for_time_among_others_that_get_through_halves_the_batch_and_ends_no_cycle() {
    let pace = pace();
    let asks = DeliveryOutcome::Deferred {
        message: "429".into(),
        wait: Duration::ZERO,
        throttled: true,
        counted: false,
        unanswered: false,
        next_step: crate::domain::next_step::NextStep::Throttled,
    };
    for size in [20, 10, 5, 2, 1, 1] {
        drop(pace.slot(Attempt::Send).await.expect("goes on"));
        let mut mixed = outcomes(1, &good());
        mixed.extend(outcomes(1, &asks));
        pace.learn(&mixed, S, None);
        assert_eq!(pace.size(), size);
    }
    pace.learn(&outcomes(1, &good()), S, None);
    let grown = pace.size();
    pace.throttled(S, "429", 100);
    assert_eq!(pace.size(), (grown / 2).max(1), "a whole call that is turned away halves it too");
}

#[tokio::test(start_paused = true)]
async fn what_another_node_was_told_holds_here_and_is_not_told_on() {
    let pace = pace();
    pace.budget.heard(OthersBudget { nodes: 1, pause: 3 * S, broken: true }, &PauseReport::default(), None);
    let before = Instant::now();
    let probe = pace.slot(Attempt::Send).await.unwrap();
    assert_eq!(before.elapsed(), 3 * S);
    assert_eq!(pace.state.borrow().breaker, Breaker::HalfOpen);
    assert!(matches!(pace.decide(Instant::now(), Attempt::Send), Ok(Decision::Full)), "one batch alone");
    assert_eq!(pace.budget.own(), NodeBudget { batch_size: 40, concurrency: 2, breaker: Breaker::HalfOpen, pause: Duration::ZERO });
    drop(probe);
    pace.learn(&outcomes(1, &good()), S, None);
    let _held = (pace.slot(Attempt::Send).await.unwrap(), pace.slot(Attempt::Send).await.unwrap());
    assert!(matches!(pace.decide(Instant::now(), Attempt::Send), Ok(Decision::Full)), "two of four, the others are the other node's");
    pace.budget.heard(OthersBudget::default(), &PauseReport::default(), None);
    assert!(matches!(pace.decide(Instant::now(), Attempt::Send), Ok(Decision::Go)), "the other node has gone");
    pace.throttled(30 * S, "429", 100);
    assert!(pace.budget.own().pause > 29 * S);
}

#[actix_rt::test]
async fn a_few_records_without_an_answer_say_nothing_new_of_the_instance() {
    let pace = pace();
    let poison = outcomes(2, &doubt());
    pace.learn(&poison, S, None);
    let (size, allowed) = (pace.size(), pace.state.borrow().allowed);
    for _ in 0..20 {
        pace.learn(&poison, S, None);
        assert_eq!(pace.others(), None, "nothing shows yet that the instance takes anything");
    }
    assert_eq!((pace.state.borrow().breaker, pace.state.borrow().failures), (Breaker::Closed, 1));
    assert!(pace.size() >= size && pace.state.borrow().allowed >= allowed, "nor do they slow the others down");
    // other records without an answer do
    for _ in 0..FAILURES - 1 {
        pace.learn(&outcomes(1, &doubt()), S, None);
    }
    assert_eq!(pace.state.borrow().breaker, Breaker::Open);
    assert_eq!(pace.others(), Some(Others::MayNot));
}

#[actix_rt::test]
async fn more_than_a_few_records_without_an_answer_are_an_instance_that_is_down_however_often_they_are_tried() {
    let pace = pace();
    let all: Vec<_> = (0..2).map(|_| outcomes(4, &doubt())).collect();
    for _ in 0..3 {
        for batch in &all {
            pace.learn(batch, S, None);
        }
    }
    assert_eq!(pace.others(), Some(Others::MayNot));
    assert_eq!(pace.state.borrow().breaker, Breaker::Open);
    // they failed with the instance: each counts as new again after it recovers
    pace.learn(&outcomes(1, &good()), S, None);
    assert!(pace.others() == Some(Others::GetThrough) && pace.state.borrow().suspects.is_empty());
}

#[actix_rt::test]
async fn records_that_fail_one_by_one_among_others_fail_by_themselves() {
    let pace = pace();
    let poison: Vec<_> = (0..2 * FEW).map(|_| outcomes(1, &doubt())).collect();
    for one in &poison {
        pace.learn(one, S, None);
        pace.learn(&outcomes(3, &good()), S, None);
    }
    for _ in 0..10 {
        for one in &poison {
            pace.learn(one, S, None);
            assert_eq!(pace.others(), Some(Others::GetThrough));
        }
    }
    assert_eq!(pace.state.borrow().breaker, Breaker::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_breaker_with_short_waits_ends_the_cycle_too() {
    let mut pace = pace();
    pace.backoff = Backoff::new(S, S);
    for _ in 0..FAILURES {
        pace.learn(&outcomes(3, &doubt()), S, None);
    }
    for _ in 0..WAITED_OUT {
        let probe = pace.slot(Attempt::Send).await.expect("waited out");
        pace.failed(100);
        drop(probe);
    }
    let paused = pace.slot(Attempt::Send).await.map(drop).unwrap_err();
    assert!(paused.wait <= S && paused.failures > 0, "{paused:?}");
    // the next cycle sends one batch as a trial
    tokio::time::advance(S).await;
    assert!(pace.slot(Attempt::Send).await.is_ok());
}

#[actix_rt::test]
async fn one_record_that_gets_through_keeps_the_breaker_closed() {
    let pace = pace();
    let mut mixed = outcomes(3, &doubt());
    mixed.extend(outcomes(1, &good()));
    for _ in 0..20 {
        pace.learn(&mixed, S, None);
    }
    assert_eq!(pace.state.borrow().breaker, Breaker::Closed);
}

/// The pause that this node reports to the others.
fn told(pace: &Pace) -> Option<(Duration, String)> {
    pace.budget.asked().of.map(|of| (of.asked, of.said))
}

#[tokio::test(start_paused = true)]
async fn a_date_far_away_is_granted_an_hour_and_tried_with_one_record_now_and_then() {
    let pace = pace();
    let years = 70 * 365 * 86_400 * S;
    pace.throttled(years, "come back in 2099", 100);
    assert_eq!(pace.slot(Attempt::Send).await.err(), Some(Paused { wait: 3600 * S, failures: 0 }));
    assert_eq!(told(&pace), Some((years, "come back in 2099".into())), "what was asked for is told as it was asked");
    tokio::time::advance(60 * S).await;
    assert!(pace.slot(Attempt::LookUp).await.is_err(), "a look-up is no trial");
    // nothing was due: the trial is still to be made
    drop(pace.slot(Attempt::Send).await.expect("the trial"));
    let trial = pace.slot(Attempt::Send).await.expect("the trial");
    assert_eq!(pace.size(), 1);
    assert!(pace.slot(Attempt::Send).await.is_err(), "one alone");
    pace.throttled(years, "come back in 2099", 100);
    drop(trial);
    assert_eq!(pace.slot(Attempt::Send).await.err().map(|paused| paused.wait), Some(3600 * S), "asked for again");
    tokio::time::advance(60 * S).await;
    let trial = pace.slot(Attempt::Send).await.expect("the next trial");
    pace.learn(&outcomes(1, &good()), S, None);
    drop(trial);
    assert!(pace.slot(Attempt::Send).await.is_ok() && pace.size() > 1, "it got through: the pause is over");
    assert!(told(&pace).is_none() && pace.budget.asked().lifted, "for the others too");
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_somebody_ended_is_over_here_and_where_it_was_heard_of() {
    let (one, other) = (pace(), pace());
    one.throttled(7200 * S, "429", 100);
    other.budget.heard(OthersBudget { nodes: 1, pause: 3600 * S, broken: false }, &PauseReport::default(), None);
    assert!(one.slot(Attempt::Send).await.is_err() && other.slot(Attempt::Send).await.is_err());
    one.budget.heard(OthersBudget::default(), &PauseReport::default(), Some(Duration::ZERO));
    other.budget.heard(OthersBudget { nodes: 1, ..OthersBudget::default() }, &PauseReport::default(), Some(Duration::ZERO));
    assert!(one.slot(Attempt::Send).await.is_ok() && other.slot(Attempt::Send).await.is_ok());
    // a pause that started afterwards is another one
    tokio::time::advance(S).await;
    one.throttled(7200 * S, "429", 100);
    one.budget.heard(OthersBudget::default(), &PauseReport::default(), Some(3600 * S));
    assert!(one.slot(Attempt::Send).await.is_err());
}
