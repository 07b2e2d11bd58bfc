//! Looking doubtful records up. One record of which every look-up fails is found by halving, so that its neighbours do not stay unknown
//! with it.

use std::ops::Range;

use crate::definition::plan::TargetPlan;
use crate::servicenow::{OutRecord, ServiceNow, ServiceNowError, Settled};

use super::Sender;

/// What a look brought: per record, or that it could not be looked up.
pub(super) struct Looked {
    pub(super) settled: Vec<Result<Settled, ServiceNowError>>,
    /// Some were answered for while others were not.
    pub(super) answered: bool,
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

impl Sender {
    /// What became of records whose outcome is unknown.
    ///
    /// # Errors
    /// What kept the instance from answering for any of them.
    pub(super) async fn look(
        &self,
        servicenow: &ServiceNow,
        target: &TargetPlan,
        records: &[OutRecord],
    ) -> Result<Looked, ServiceNowError> {
        let whole = match servicenow.settle(&self.tokens, target, records).await {
            Ok(settled) => return Ok(Looked { settled: settled.into_iter().map(Ok).collect(), answered: false }),
            Err(error) if !may_be_of_a_record(&error) => return Err(error),
            Err(error) => error,
        };
        let mut settled: Vec<Option<Result<Settled, ServiceNowError>>> = records.iter().map(|_| None).collect();
        let (mut answered, mut failed) = (false, 0);
        let mut open = if records.len() > 1 { halves(&(0..records.len())).to_vec() } else { Vec::new() };
        while let Some(part) = open.pop() {
            match servicenow.settle(&self.tokens, target, &records[part.clone()]).await {
                Ok(found) => {
                    answered = true;
                    for (at, found) in part.zip(found) {
                        settled[at] = Some(Ok(found));
                    }
                }
                Err(error) if !may_be_of_a_record(&error) => {
                    if !answered {
                        return Err(error);
                    }
                    // what is known is kept; the others are looked up later
                    let rest = settled.iter_mut().filter(|one| one.is_none());
                    rest.for_each(|one| *one = Some(Err(error.clone())));
                    break;
                }
                Err(error) if part.len() == 1 => {
                    failed += 1;
                    // it stays unknown: sending it again without a look could enter it twice
                    settled[part.start] = Some(Err(error));
                    // two records and no answer at all: it is not theirs
                    if !answered && failed > 1 {
                        return Err(whole);
                    }
                }
                Err(_) => open.extend(halves(&part)),
            }
        }
        // nothing was answered for: nothing tells a record's own failure from that of all look-ups
        if !answered {
            return Err(whole);
        }
        let later = |one: Option<_>| one.unwrap_or_else(|| Err(whole.clone()));
        Ok(Looked { settled: settled.into_iter().map(later).collect(), answered })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_leave_nothing_out() {
        assert_eq!(halves(&(0..5)), [2..5, 0..2]);
        assert_eq!(halves(&(3..5)), [4..5, 3..4]);
    }
}
