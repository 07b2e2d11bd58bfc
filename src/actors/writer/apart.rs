//! A batch that fails because of one of its records: the record is found by halving, so that its neighbours do not wait with it.

use std::ops::Range;

use crate::servicenow::{OutRecord, ServiceNowError};

/// What a batch brought, record by record.
pub(super) struct Apart<T> {
    pub(super) each: Vec<Result<T, Failed>>,
    /// The batch was taken apart, and some were answered for while others were not.
    pub(super) answered: bool,
}

/// A record that nothing was answered for.
#[derive(Debug, Clone)]
pub(super) struct Failed {
    pub(super) error: Box<ServiceNowError>,
    /// It was asked for by itself, and the instance answers for other records of the table.
    pub(super) own: bool,
}

impl Failed {
    fn new(error: &ServiceNowError, own: bool) -> Self {
        Self { error: Box::new(error.clone()), own }
    }
}

/// Whether a failure may be about what was asked for: somebody answered, and not about who asks. No answer at all is the instance's trouble,
/// and asking for each half would only wait for as long again.
fn may_be_of_a_record(error: &ServiceNowError) -> bool {
    matches!(error, ServiceNowError::Page { .. } | ServiceNowError::BadAnswer { .. } | ServiceNowError::Refused { .. })
}

fn halves(part: &Range<usize>) -> [Range<usize>; 2] {
    let middle = part.start + part.len() / 2;
    // the last is taken first
    [middle..part.end, part.start..middle]
}

/// Asks for all records together and, where that fails and may be about one of them, in halves. `readable` says whether the instance answers
/// for a record that nobody knows: without that nothing tells a record's own failure from that of all.
///
/// `ask` must do nothing to any record where it fails.
///
/// # Errors
/// What kept the instance from answering for any record.
pub(super) async fn ask_apart<T>(
    records: &[OutRecord],
    ask: impl AsyncFn(&[OutRecord]) -> Result<Vec<T>, ServiceNowError>,
    readable: impl AsyncFn(&OutRecord) -> bool,
) -> Result<Apart<T>, ServiceNowError> {
    let whole = match ask(records).await {
        Ok(each) => return Ok(Apart { each: each.into_iter().map(Ok).collect(), answered: false }),
        Err(error) => error,
    };
    let Some(first) = records.first().filter(|_| may_be_of_a_record(&whole)) else { return Err(whole) };
    if !readable(first).await {
        return Err(whole);
    }
    let mut each: Vec<Option<Result<T, Failed>>> = records.iter().map(|_| None).collect();
    let (mut answered, mut failed) = (false, 0);
    let mut last = whole;
    // a batch of one was asked for by itself already
    let mut open = if let [_] = records {
        each[0] = Some(Err(Failed::new(&last, true)));
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
            }
            // what is known is kept, the others are asked for later
            Err(error) if !may_be_of_a_record(&error) => {
                last = error;
                break;
            }
            Err(error) if part.len() == 1 => {
                failed += 1;
                each[part.start] = Some(Err(Failed::new(&error, true)));
                // two records and no answer at all: the others would most likely bring none either
                if !answered && failed > 1 {
                    break;
                }
            }
            Err(_) => open.extend(halves(&part)),
        }
    }
    if each.iter().all(Option::is_none) {
        return Err(last);
    }
    let later = |one: Option<_>| one.unwrap_or_else(|| Err(Failed::new(&last, false)));
    Ok(Apart { each: each.into_iter().map(later).collect(), answered })
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn refused() -> ServiceNowError {
        ServiceNowError::BadAnswer { what: "GET /x".into(), status: 500, problem: "no JSON".into() }
    }

    fn record(number: i64) -> OutRecord {
        OutRecord {
            delivery: number,
            source_key: format!("EDU1/e/{number}"),
            version: 1,
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

    /// Which of so many records were answered for (`+`), failed by themselves (`-`), or were left for later (`.`); and how often was asked.
    async fn asked(count: i64, bad: &[i64], readable: bool) -> (Result<String, ()>, usize) {
        let records: Vec<OutRecord> = (0..count).map(record).collect();
        let times = RefCell::new(0);
        let ask = async |part: &[OutRecord]| {
            *times.borrow_mut() += 1;
            match part.iter().any(|record| bad.contains(&record.delivery)) {
                true => Err(refused()),
                false => Ok(part.iter().map(|record| record.delivery).collect()),
            }
        };
        let apart = ask_apart(&records, ask, async |_| readable).await;
        let said = apart.map(|apart| {
            let word = |(at, one): (usize, &Result<i64, Failed>)| match one {
                Ok(number) if i64::try_from(at) == Ok(*number) => '+',
                Ok(_) => '?',
                Err(failed) if failed.own => '-',
                Err(_) => '.',
            };
            apart.each.iter().enumerate().map(word).collect()
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
        assert_eq!(asked(5, &[], true).await, (Ok("+++++".into()), 1));
        assert_eq!(asked(5, &[3], true).await.0, Ok("+++-+".into()));
        assert_eq!(asked(8, &[0, 6], true).await.0, Ok("-+++++-+".into()));
        // by itself, without another of its batch to compare with
        assert_eq!(asked(1, &[0], true).await, (Ok("-".into()), 1));
        assert_eq!(asked(2, &[0, 1], true).await.0, Ok("--".into()));
        // all fail: two by name, the others are not even asked for
        assert_eq!(asked(64, &(0..64).collect::<Vec<_>>(), true).await.0.map(|said| said.matches('-').count()), Ok(2));
        // the instance answers for nobody: one question, and no record's failure
        assert_eq!(asked(64, &[7], false).await, (Err(()), 1));
        assert_eq!(asked(1, &[0], false).await, (Err(()), 1));
    }
}
