//! Tie-outs: what was read of both sides, the differences, and the sums by fiscal period.
//!
//! `run` begins, ends and lists tie-outs. `rows` stores what was read of SYSPRO, page by page, until it is compared. `found` keeps
//! ServiceNow's rows. `compare` finds the differences, their causes and the sums with one statement each; `causes` stores what only the two
//! systems can tell. `items` lists the differences, `sums` the blocks and their sums. `controls` stores what was checked within SYSPRO's
//! documents, `groups` divides the sums further, and `subledger` stores what SYSPRO's sub-ledger and general ledger show. `read` keeps what
//! SYSPRO was asked and answered.

mod causes;
mod compare;
mod controls;
mod found;
mod groups;
mod items;
mod read;
mod rows;
mod run;
mod subledger;
mod sums;

pub use self::causes::{FoundCause, OneSided};
pub use self::compare::{NewDifference, TieOutAmong, TieOutPair};
pub use self::controls::{NewViolation, TieOutControl, TieOutViolation};
pub(super) use self::found::drop_found;
pub use self::found::{TieOutExtra, TieOutFound, TieOutListing, TieOutPlace};
pub use self::groups::{DividedBlock, TieOutGroup, TieOutGroups};
pub use self::items::{TieOutItem, TieOutItems};
pub use self::read::{TieOutRead, TieOutReading};
pub use self::rows::{GoneRecord, TieOutRow, TieOutSide};
pub(super) use self::run::newest_done;
pub use self::run::{TieOutDefinitions, TieOutEnd, TieOutRun};
pub use self::subledger::{NewSubledgerEntry, SubledgerEntry, TieOutSubledger};
pub use self::sums::{SumKey, TieOutBlock, TieOutBucket};

/// Binds the first parameters of the statements about one block.
macro_rules! of_block {
    ($sql:expr, $at:expr) => {{
        let (id, flow, block): (crate::domain::ids::TieOutId, &crate::domain::FlowId, &str) = $at;
        diesel::sql_query($sql)
            .bind::<diesel::sql_types::BigInt, _>(id)
            .bind::<crate::store::text::Text, _>(flow.company.as_str().to_owned())
            .bind::<crate::store::text::Text, _>(flow.entity.as_str().to_owned())
            .bind::<crate::store::text::Text, _>(block.to_owned())
    }};
}
use of_block;
