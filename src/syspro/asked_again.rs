//! Asks SYSPRO's OData service again what it was asked before, and finds out whether it answers the same.

use std::cell::RefCell;
use std::rc::Rc;

use backon::Retryable;
use futures_util::stream::{self, StreamExt};
use url::Url;

use crate::credentials::secret::Credential;
use crate::domain::CompanyId;
use crate::domain::answered::Answered;
use crate::retry::{self, Class};

use super::error::SysproError;
use super::reader::{Call, Inner, Learned, SysproReader};
use super::trace::{Trace, digest, lasts};
use super::transport::Transport;

/// Requests at a time, unless fewer connections are allowed.
const AT_ONCE: usize = 4;

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
