//! The actors: mailboxes round plain functions, and the supervision that keeps them alive.
//!
//! The only place that names actix. What must survive a restart is in Postgres; an actor's own state may be lost at any time.

pub mod panics;
pub mod supervise;
