//! Splits a batch that fails because of one of its records: the record is found by halving, so that the other records do not wait with it.

use std::ops::Range;

use crate::servicenow::{OutRecord, ServiceNowError};

/// The results of a batch, by record.
pub(super) struct Apart<T> {
    pub(super) each: Vec<Result<T, Failed>>,
    /// The batch was split, and some records got an answer while others did not.
    pub(super) answered: bool,
    /// The error that stopped the requests before every record was tried.
    pub(super) stop: Option<ServiceNowError>,
}

/// A record without an answer.
#[derive(Debug, Clone)]
pub(super) struct Failed {
    pub(super) error: Box<ServiceNowError>,
    /// It was requested alone, and the instance answers for other records of the table.
    pub(super) own: bool,
}

/// How far a batch may be split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parts {
    /// Part by part, to the end.
    All,
    /// Up to the first part that gets an answer: what to do with the rest depends on what the ledger then knows.
    UpToAnswer,
}

/// Whether a failure may be caused by a record: the instance answered, and the answer is not about the caller. If there is no answer at
/// all, the instance is the cause, and a request for each half would only wait as long again.
fn may_be_of_a_record(error: &ServiceNowError) -> bool {
    matches!(error, ServiceNowError::Page { .. } | ServiceNowError::BadAnswer { .. } | ServiceNowError::Refused { .. })
}

fn halves(part: &Range<usize>) -> [Range<usize>; 2] {
    let middle = part.start + part.len() / 2;
    // the last is taken first
    [middle..part.end, part.start..middle]
}

/// Requests all records together and, where that fails and one record may be the cause, in halves. `readable` tells whether the instance
/// answers a query for an unknown record; `None`: it cannot be asked that way. In that case only an answer for another record tells one
/// record's own failure from a failure of all.
///
/// `ask` must not change any record when it fails.
///
/// # Errors
/// The error that prevented any answer.
pub(super) async fn ask_apart<T>(
    records: &[OutRecord],
    parts: Parts,
    ask: impl AsyncFn(&[OutRecord]) -> Result<Vec<T>, ServiceNowError>,
    readable: impl AsyncFn(&OutRecord) -> Option<bool>,
) -> Result<Apart<T>, ServiceNowError> {
    let whole = match ask(records).await {
        Ok(each) => return Ok(Apart { each: each.into_iter().map(Ok).collect(), answered: false, stop: None }),
        Err(error) => error,
    };
    let Some(first) = records.first().filter(|_| may_be_of_a_record(&whole)) else { return Err(whole) };
    let readable = readable(first).await;
    if readable == Some(false) {
        return Err(whole);
    }
    let mut each: Vec<Option<Result<T, ServiceNowError>>> = records.iter().map(|_| None).collect();
    let (mut answered, mut failed, mut stop) = (false, 0, None);
    // a batch of one was requested alone already
    let mut open = if let [_] = records {
        each[0] = Some(Err(whole.clone()));
        Vec::new()
    } else {
        halves(&(0..records.len())).to_vec()
    };
    while let Some(part) = open.pop() {
        match ask(&records[part.clone()]).await {
            Ok(found) => {
                answered = true;
                for (at, found) in part.zip(found) {
                    each[at] = Some(Ok(found));
                }
                if parts == Parts::UpToAnswer {
                    break;
                }
            }
            // keep what is known; request the others later
            Err(error) if !may_be_of_a_record(&error) => {
                stop = Some(error);
                break;
            }
            Err(error) if part.len() == 1 => {
                failed += 1;
                each[part.start] = Some(Err(error));
                // two records failed and none got an answer: the others would most likely get none either
                if !answered && failed > 1 && !open.is_empty() {
                    stop = Some(whole.clone());
                    break;
                }
            }
            Err(_) => open.extend(halves(&part)),
        }
    }
    let own = answered || readable == Some(true);
    if !own || each.iter().all(Option::is_none) {
        return Err(whole);
    }
    // that the time for the batch ran out shows no cause
    let later = stop.as_ref().filter(|error| !matches!(error, ServiceNowError::LeaseEnds { .. })).unwrap_or(&whole);
    let one = |one: Option<Result<T, ServiceNowError>>| match one {
        Some(asked) => asked.map_err(|error| Failed { error: Box::new(error), own: true }),
        None => Err(Failed { error: Box::new(later.clone()), own: false }),
    };
    Ok(Apart { each: each.into_iter().map(one).collect(), answered, stop })
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::domain::ids::DeliveryId;

    fn refused() -> ServiceNowError {
        ServiceNowError::BadAnswer { what: "GET /x".into(), status: 500, problem: "no JSON".into() }
    }

    fn record(number: i64) -> OutRecord {
        OutRecord {
            delivery: DeliveryId(number),
            source_key: format!("EDU1/e/{number}"),
            version: crate::domain::version::VersionText::new(1, &[]),
            fields: Default::default(),
            cleared: Default::default(),
            sys_id: None,
            sys_table: None,
            derived_sys_id: String::new(),
            alone: false,
            may_exist: true,
            expects: None,
        }
    }

    /// Which of N records got an answer (`+`), failed by themselves (`-`), or were left for later (`.`); and the number of requests.
    async fn asked(count: i64, bad: &[i64], readable: Option<bool>) -> (Result<String, ()>, usize) {
        parted(Parts::All, count, bad, readable).await
    }

    async fn parted(parts: Parts, count: i64, bad: &[i64], readable: Option<bool>) -> (Result<String, ()>, usize) {
        let records: Vec<OutRecord> = (0..count).map(record).collect();
        let times = RefCell::new(0);
        let ask = async |part: &[OutRecord]| {
            *times.borrow_mut() += 1;
            match part.iter().any(|record| bad.contains(&record.delivery.0)) {
                true => Err(refused()),
                false => Ok(part.iter().map(|record| record.delivery.0).collect()),
            }
        };
        let apart = ask_apart(&records, parts, ask, async |_| readable).await;
        let said = apart.map(|apart| {
            let word = |(at, one): (usize, &Result<i64, Failed>)| match one {
                Ok(number) if i64::try_from(at) == Ok(*number) => '+',
                Ok(_) => '?',
                Err(failed) if failed.own => '-',
                Err(_) => '.',
            };
            let end = if apart.stop.is_some() { "|" } else { "" };
            apart.each.iter().enumerate().map(word).collect::<String>() + end
        });
        (said.map_err(drop), times.into_inner())
    }

    #[test]
    fn halves_leave_nothing_out() {
        assert_eq!(halves(&(0..5)), [2..5, 0..2]);
        assert_eq!(halves(&(3..5)), [4..5, 3..4]);
    }

    #[actix_rt::test]
    async fn a_record_s_own_failure_is_told_from_that_of_all() {
        assert_eq!(asked(5, &[], Some(true)).await, (Ok("+++++".into()), 1));
        assert_eq!(asked(5, &[3], Some(true)).await.0, Ok("+++-+".into()));
        assert_eq!(asked(8, &[0, 6], Some(true)).await.0, Ok("-+++++-+".into()));
        // alone, without another record of its batch to compare with
        assert_eq!(asked(1, &[0], Some(true)).await, (Ok("-".into()), 1));
        assert_eq!(asked(2, &[0, 1], Some(true)).await.0, Ok("--".into()));
        // all fail: two are named, the others are not requested, and the requests stop
        let all: Vec<i64> = (0..64).collect();
        assert_eq!(asked(64, &all, Some(true)).await.0.map(|said| (said.matches('-').count(), said.ends_with('|'))), Ok((2, true)));
        // the instance answers for no record: one request, and no record's failure
        assert_eq!(asked(64, &[7], Some(false)).await, (Err(()), 1));
        assert_eq!(asked(1, &[0], Some(false)).await, (Err(()), 1));
        // the instance cannot be asked for an unknown record: an answer for another record shows the same; without one nothing does
        assert_eq!(asked(5, &[3], None).await.0, Ok("+++-+".into()));
        assert_eq!(asked(1, &[0], None).await.0, Err(()));
        assert_eq!(asked(2, &[0, 1], None).await.0, Err(()));
    }

    #[actix_rt::test]
    async fn what_depends_on_the_ledger_is_asked_for_part_by_part() {
        assert_eq!(parted(Parts::UpToAnswer, 8, &[6], Some(true)).await.0, Ok("++++....".into()));
        assert_eq!(parted(Parts::UpToAnswer, 8, &[0], Some(true)).await.0, Ok("-+......".into()));
    }
}
