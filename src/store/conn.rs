//! What every function of the store takes and answers.

use diesel::PgConnection;

use super::error::TxError;

/// The connection that store functions work on.
pub(crate) type Conn = PgConnection;

/// A store function's result.
pub(crate) type Tx<T> = Result<T, TxError>;
