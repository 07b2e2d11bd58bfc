//! The ledger in Postgres. Only this module uses diesel; every call is one transaction on a thread that may block.
//!
//! The names of functions start with a noun. Functions take a connection, so that one `Store::run` can combine them. A page of documents
//! costs a fixed number of statements, whatever its size: rows are sent as arrays.

mod align;
mod aligned_row;
mod api_key;
mod approval;
mod approval_use;
mod approved;
mod archive;
mod audit;
mod audit_day;
mod audit_outside;
mod backfill;
mod calendar;
mod clock;
mod close;
mod concerned;
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
mod exclusive;
mod failure;
mod flow;
mod flow_pause;
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
mod node_settings;
mod notice;
mod other_side;
mod outbox;
mod parent;
mod person;
mod placeholder;
mod prepared;
mod preview;
mod read;
mod replay;
mod restored;
mod retention;
mod row_conflict;
mod run;
mod same_ledger;
mod schema;
mod seal;
mod sealing;
mod sending;
mod sent;
mod settle;
mod sweep;
mod task;
mod task_settle;
#[cfg(test)]
mod tests;
mod text;
mod tie_out;
mod time;
mod verify;
mod word_columns;
mod write_back;

pub use align::{AlignDelivery, AlignEnd, AlignIntake, AlignedDocument, Alignment, Compared, Comparing, LinkedRow, NewConflict};
pub use aligned_row::{AlignedRow, AlignedRowKeys, UnreadRow};
pub use api_key::{ApiKeyChange, ApiKeyRow, KeyState, NewApiKeyRow};
pub use approval::{Answered, Approval, ApprovalRow, Concerns, Gated, Given, NewApproval};
pub use approved::ApprovedUse;
pub use archive::{Archive, ArchiveReport};
pub use audit::{AuditFilter, AuditRow, NewAudit};
pub use audit_day::{AuditDayRange, AuditDayRow, AuditDays, AuditKeyRow, KeyChange, LeafFilter, LeafLine, SignedBy};
pub use audit_outside::{AuditStamp, HeadsWaiting, OutsideDue, OutsideRow};
pub use backfill::{BackfillFilter, BackfillRow, BackfillStep, NewBackfill};
pub use calendar::KeptCalendar;
pub use clock::SetBack;
pub use close::{
    CloseBasis, CloseChangeRow, CloseChanges, ClosePeriodRow, CloseReasonRow, CloseStepRow, NewCloseReason, NewCloseStep, StepResult,
    TiedPeriod,
};
pub use concerned::{Concerned, ConcernedGroup, ConcernedScope, HeldRecords};
pub use conflict::{ConflictFilter, ConflictRow};
pub(crate) use conn::{Conn, Tx};
pub use connecting::end_connecting;
pub use console_session::{SessionRow, UsedBy};
pub use credential::EncryptedCredential;
pub use definition::{AdoptResult, Adopter, MayAdopt, SetNumber, SetRow};
pub use delivery::{Backlog, Claim, Claimed, Dead, Queue, UNANSWERED};
pub use documents::{DocumentFilter, DocumentRow, PendingCount};
pub use downstream::{DownstreamDue, DownstreamVerdict};
pub use enet_session::{EncryptedSession, EnetLeaseResult, EnetUser, SessionNote};
pub use error::StoreError;
pub(crate) use error::TxError;
pub use exclusive::{Exclusive, ExclusiveLock};
pub use failure::{AmountAtStake, CauseRow, FailureFilter, FailureRow, ParentRow};
pub use flow::{AfterError, DueSince, EndedRun, FlowRow, Lease, LeaseResult, QuietEnd};
pub use flow_pause::{FlowAction, FlowBefore, SmallerTables};
pub use forget::{Forgotten, ForgottenFlow, Undelivered};
pub use gauges::{ConflictCount, EntityCount, FlowMark, Gauges};
pub use hold::{HoldRow, HoldView};
pub use idempotency::IdempotencyState;
pub use intake::{Differing, GoneMarks, Intake, IntakeDocument, IntakeRecord, MapFailure, ParentRef, Resend, payload_digest};
pub use ledger::{ServerRow, Store, Writes};
pub use mapping::{OutdatedDocument, OutdatedPlace};
pub use migrate::{OLDEST_SERVER, SchemaState};
pub use node::{HeartbeatAnswer, Node, NodePart, NodeRow, NodeWork};
pub use node_settings::NodeSettings;
pub use notice::{ActiveCondition, Notice, NoticeRules, SendResult};
pub use other_side::ArrivedPart;
pub use parent::{AbsentParent, AwaitedEntity};
pub use person::{KnownPerson, PersonFreed, PersonRow, PersonSignIn};
pub use preview::KnownRecord;
pub use read::{FlowStatus, PendingPayload, RecordAttempt, RecordDelivery, RecordView, VersionView, Worry};
pub use replay::{BeforeRelease, ReplayScope, StoredDocument};
pub use restored::{BlockTable, ComparedPage, ComparedPart, RecordedPart, RestoredPart, RestoredRow, RowOwner, RowPlace, UnknownRow};
pub use retention::{LedgerSize, RemovedEvents, RemovedRows, Walk};
pub use run::{Arrived, NewRun, RunFilter, RunRow};
pub use sending::{AskedPause, Resumed};
pub use sent::{AuditedAttempt, KeptDelivery, SentFilter, SentPage, SentVersion};
pub use settle::{DeliveryOutcome, PartialField, Settlement};
pub use sweep::{ChangedDocument, GoneDocument, Unseen};
pub use task::{TaskCounts, TaskFilter, TaskResult, TaskRow, TaskRules, TaskSeen, TasksCollected};
pub use tie_out::{
    DividedBlock, FoundCause, GoneRecord, NewDifference, NewSubledgerEntry, NewViolation, OneSided, SubledgerEntry, SumKey, TieOutAmong,
    TieOutBlock, TieOutBucket, TieOutControl, TieOutDefinitions, TieOutEnd, TieOutExtra, TieOutFound, TieOutGroup, TieOutGroups,
    TieOutItem, TieOutItems, TieOutListing, TieOutPair, TieOutPlace, TieOutRead, TieOutReading, TieOutRow, TieOutRun, TieOutSide,
    TieOutSubledger, TieOutViolation,
};
pub use verify::{EndedLife, SealReport};
pub use write_back::{WriteBackCalled, WriteBackDue, WriteBackStep, WriteBackUnder};
