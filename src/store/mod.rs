//! The ledger in Postgres. Only this module uses diesel; every call is one transaction on a thread that may block.
//!
//! The names of functions start with a noun. Functions take a connection, so that one `Store::run` can combine them. A page of documents
//! costs a fixed number of statements, whatever its size: rows are sent as arrays.

mod align;
mod aligned_row;
mod api_key;
mod archive;
mod audit;
mod backfill;
mod clock;
mod conflict;
mod conn;
mod connecting;
mod console_session;
mod credential;
mod definition;
mod delivery;
mod documents;
mod downstream;
mod enet_session;
mod error;
mod failure;
mod flow;
mod forget;
mod gauges;
mod hold;
mod id_columns;
mod idempotency;
mod intake;
mod known_clock;
mod ledger;
mod life;
mod mapping;
mod migrate;
mod node;
mod notice;
mod other_side;
mod parent;
mod placeholder;
mod prepared;
mod read;
mod replay;
mod restored;
mod retention;
mod row_conflict;
mod run;
mod same_ledger;
mod schema;
mod seal;
mod sending;
mod settle;
mod sweep;
#[cfg(test)]
mod tests;
mod text;
mod tie_out;
mod time;
mod word_columns;
mod write_back;

pub use align::{AlignDelivery, AlignEnd, AlignIntake, AlignedDocument, Alignment, Compared, Comparing, LinkedRow, NewConflict};
pub use aligned_row::{AlignedRow, AlignedRowKeys, UnreadRow};
pub use api_key::ApiKeyRow;
pub use archive::{Archive, ArchiveReport};
pub use audit::{AuditFilter, AuditRow, NewAudit, SealReport};
pub use backfill::{BackfillFilter, BackfillRow, BackfillStep, NewBackfill};
pub use clock::SetBack;
pub use conflict::{ConflictFilter, ConflictRow};
pub(crate) use conn::{Conn, Tx};
pub use connecting::end_connecting;
pub use console_session::{SessionRow, UsedBy};
pub use credential::EncryptedCredential;
pub use definition::{Adopter, MayAdopt, SetNumber, SetRow, Stands};
pub use delivery::{Backlog, Claim, Claimed, Dead, Queue, UNANSWERED};
pub use documents::{DocumentFilter, DocumentRow, DocumentState, PendingCount};
pub use downstream::{DownstreamDue, DownstreamVerdict};
pub use enet_session::{EncryptedSession, EnetLeaseResult, EnetUser, SessionNote};
pub use error::StoreError;
pub(crate) use error::TxError;
pub use failure::{AmountAtStake, CauseRow, FailureFilter, FailureRow, ParentRow};
pub use flow::{AfterError, DueSince, EndedRun, FlowAction, FlowBefore, FlowRow, Lease, LeaseResult, SmallerTables};
pub use forget::{Forgotten, ForgottenFlow, Undelivered};
pub use gauges::{ConflictCount, EntityCount, FlowMark, Gauges};
pub use hold::{HoldRow, HoldView};
pub use idempotency::IdempotencyState;
pub use intake::{Differing, GoneMarks, Intake, IntakeDocument, IntakeRecord, MapFailure, ParentRef, Resend};
pub use ledger::{ServerRow, Store};
pub use mapping::{OutdatedDocument, OutdatedPlace};
pub use migrate::{OLDEST_SERVER, SchemaState};
pub use node::{HeartbeatAnswer, Node, NodePart, NodeRow, NodeWork};
pub use notice::{Notice, NoticeRules, SendResult, Standing};
pub use other_side::ArrivedPart;
pub use parent::{AbsentParent, AwaitedEntity};
pub use read::{FlowStatus, PendingPayload, RecordAttempt, RecordDelivery, RecordView, VersionView, Worry};
pub use replay::{BeforeRelease, ReplayScope, StoredDocument};
pub use restored::{
    BlockTable, ComparedPage, ComparedPart, RecordedPart, RestoredLock, RestoredPart, RestoredRow, RowOwner, RowPlace, UnknownRow,
};
pub use retention::{LedgerSize, RemovedEvents, RemovedRows, Walk};
pub use run::{Arrived, NewRun, RunFilter, RunRow};
pub use sending::{AskedPause, Resumed};
pub use settle::{PartialField, Settlement, Verdict};
pub use sweep::{ChangedDocument, GoneDocument};
pub use tie_out::{
    GoneRecord, NewDifference, TieOutBlock, TieOutBucket, TieOutItem, TieOutItems, TieOutPair, TieOutRow, TieOutRun, TieOutSide,
};
pub use write_back::{WriteBackCalled, WriteBackDue, WriteBackStep, WriteBackUnder};
