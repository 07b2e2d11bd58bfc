//! What was asked of SYSPRO's OData service, with digests of the answers: later it can be found out whether SYSPRO still answers the same.

use std::cell::RefCell;
use std::rc::Rc;

use backon::Retryable;
use futures_util::stream::{self, StreamExt};
use sha2::{Digest, Sha256};
use url::Url;

use crate::credentials::secret::Credential;
use crate::domain::CompanyId;
use crate::domain::answered::Answered;
use crate::net::Response;
use crate::retry::{self, Class};

use super::error::SysproError;
use super::reader::{Call, Inner, Learned, SysproReader};
use super::transport::Transport;

/// Requests at a time, unless fewer connections are allowed.
const AT_ONCE: usize = 4;

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
fn lasts(status: u16) -> bool {
    matches!(status, 200..=299 | 400 | 404 | 405 | 406 | 410 | 413 | 414 | 501)
}

fn digest(answer: &Response) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(answer.status.to_be_bytes());
    digest.update(&answer.body);
    digest.finalize().into()
}

impl SysproReader {
    /// A reader over the same connections that has learned nothing yet, and the trace of its requests. `None`: not over e.net, whose answers
    /// belong to a session.
    pub fn traced(&self) -> Option<(Self, Rc<Trace>)> {
        let Transport::OData(connections) = &self.inner.transport else { return None };
        let trace = Rc::<Trace>::default();
        let (settings, metadata) = (self.inner.settings.clone(), self.inner.metadata.clone());
        let learned = RefCell::new(Learned::of(&settings));
        let transport = Transport::OData(connections.clone());
        let inner = Inner { transport, settings, retry: self.inner.retry.clone(), learned, metadata, trace: Some(trace.clone()) };
        Some((Self { inner: Rc::new(inner) }, trace))
    }

    /// A text that changes with the `$metadata` of a company; the same text, too, if the service answers none.
    pub async fn metadata_digest(&self, credential: &Credential, company: &CompanyId) -> String {
        hex::encode(self.call(credential, company).await.metadata.digest())
    }

    /// Whether SYSPRO answers each of these requests as it did. An answer that does not come is not the same.
    pub async fn still_answers(&self, credential: &Credential, company: &CompanyId, answered: &[Answered]) -> bool {
        let at_once = self.inner.settings.connection.connections.clamp(1, AT_ONCE);
        let same = stream::iter(answered).map(|one| async move { self.call(credential, company).await.answers(one).await });
        same.buffer_unordered(at_once).all(async |same| same).await
    }
}

impl Call<'_> {
    async fn answers(&self, one: &Answered) -> bool {
        let Ok(url) = Url::parse(&one.address) else { return false };
        let Transport::OData(connections) = &self.reader.transport else { return false };
        if url.origin() != connections.base.origin() {
            return false;
        }
        let accept = if url.path().ends_with("/$count") { "text/plain" } else { "application/json" };
        let (asked, attempt) = ("a request of an earlier tie-out", std::cell::Cell::new(0));
        let once = || async {
            attempt.set(attempt.get() + 1);
            let response = self.get(asked, &url, accept).await?;
            if lasts(response.status) { Ok(response) } else { self.judge(asked.to_owned(), "", response) }
        };
        let again = |error: &SysproError| {
            matches!(error.class(), Class::Transient | Class::Throttled) && attempt.get() < self.reader.retry.read_attempts
        };
        let answer = once.retry(retry::delays(self.reader.retry.backoff)).when(again).await;
        answer.is_ok_and(|answer| digest(&answer) == one.digest)
    }
}
