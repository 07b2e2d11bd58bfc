//! A preview: what Tieline would send of records now. It reads SYSPRO, maps as a run maps, and compares with the rows that ServiceNow has
//! now. It writes nothing: no version, no delivery, no run, no lease, no event.
//!
//! `asked` reads the records, `servicenow` the rows, `page` puts both together, `compare` compares fields, `view` has the result.

mod asked;
mod compare;
mod page;
mod servicenow;
mod view;

pub use asked::{PreviewAsked, preview};
pub use view::{
    MissingCode, MissingParent, PartAction, Preview, PreviewDifference, PreviewOutcome, PreviewPart, PreviewProblem, PreviewRecord,
    PreviewReference, PreviewRow,
};
