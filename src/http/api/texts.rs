//! The forms of texts in bodies, as the description of the API shows them.

use utoipa::ToSchema;

/// Excludes the zero byte, which Postgres cannot store.
pub(super) const TEXT: &str = "^[^\\u0000]*$";

/// The reason for a request, in a few words; stored in the audit.
#[derive(ToSchema)]
#[schema(pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$", min_length = 1, max_length = 1000)]
pub(super) struct Why(#[allow(dead_code)] String); // names its form in the description, no more

/// A name or a text in SYSPRO's spelling; without zero bytes.
#[derive(ToSchema)]
#[schema(pattern = "^[^\\u0000]*$")]
pub(super) struct Name(#[allow(dead_code)] String); // as above

/// A name or a text that is not empty; without zero bytes.
#[derive(ToSchema)]
#[schema(pattern = "^[^\\u0000]+$", min_length = 1)]
pub(super) struct Filled(#[allow(dead_code)] String); // as above
