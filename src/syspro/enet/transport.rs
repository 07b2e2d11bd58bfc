//! What a reader needs of e.net.

use futures_util::future::LocalBoxFuture;

use super::error::EnetError;
use crate::credentials::secret::Credential;
use crate::domain::CompanyId;

/// Sends a query to a business object: the session itself, or the actor that keeps it. Readers have nothing else.
pub trait EnetTransport {
    /// The answer to one query as text. It may contain errors of the business object.
    fn query<'a>(
        &'a self,
        operator: &'a Credential,
        company: &'a CompanyId,
        object: &'static str,
        xml: String,
        asked: String,
    ) -> LocalBoxFuture<'a, Result<String, EnetError>>;
}
