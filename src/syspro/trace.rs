//! What was asked of SYSPRO's OData service, with digests of the answers.

use std::cell::RefCell;

use sha2::{Digest, Sha256};
use url::Url;

use crate::domain::answered::Answered;
use crate::net::Response;

/// The requests of one reader and their answers, in the order in which they came.
#[derive(Debug, Default)]
pub struct Trace(RefCell<Kept>);

#[derive(Debug, Default)]
struct Kept {
    answered: Vec<Answered>,
    /// Something was not answered: what was read does not follow from the answers alone.
    failed: bool,
}

impl Trace {
    /// Takes the answers since the last call. `None`: a request failed, so that equal answers would not mean that nothing has changed.
    pub fn take(&self) -> Option<Vec<Answered>> {
        let mut kept = self.0.borrow_mut();
        (!kept.failed).then(|| std::mem::take(&mut kept.answered))
    }

    /// Keeps an answer; `None`: there was none. A refusal is an answer, too: a service refuses the same request in the same way.
    pub(super) fn note(&self, url: &Url, answer: Option<&Response>) {
        let mut kept = self.0.borrow_mut();
        match answer.filter(|answer| lasts(answer.status)) {
            Some(_) if kept.failed => {}
            Some(answer) => kept.answered.push(Answered { address: url.as_str().to_owned(), digest: digest(answer) }),
            None => *kept = Kept { answered: Vec::new(), failed: true },
        }
    }
}

/// Whether an answer with this status says something of the data, and not of the server's condition or the caller's rights.
pub(super) fn lasts(status: u16) -> bool {
    matches!(status, 200..=299 | 400 | 404 | 405 | 406 | 410 | 413 | 414 | 501)
}

/// The SHA-256 of an answer.
pub(super) fn digest(answer: &Response) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(answer.status.to_be_bytes());
    digest.update(&answer.body);
    digest.finalize().into()
}
