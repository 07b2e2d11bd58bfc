//! What everything in one process shares: its settings, its definitions, its ledger, and whether it may work.

pub mod budget;
pub mod enet_session_store;
pub mod evidence;
pub mod flows;
pub mod heartbeat;
pub mod in_force;
pub mod mode;
pub mod permission;
pub mod retention;
mod shared;
pub mod syspro_link;
pub mod waits;

pub use shared::Process;
