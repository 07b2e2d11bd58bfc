//! Names that identify a flow: company and entity.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the text as it is.
            pub fn new(text: impl AsRef<str>) -> Self {
                Self(text.as_ref().into())
            }

            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }
    };
}

name_type! {
    /// One SYSPRO company, which is one database, such as `EDU1`.
    CompanyId
}
name_type! {
    /// A kind of record, named by its definition file, such as `invoice`.
    EntityName
}

/// One (company, entity) with a schedule; read by one Poller at a time in the whole cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FlowId {
    /// The SYSPRO company.
    #[schema(value_type = String)]
    pub company: CompanyId,
    /// The kind of record.
    #[schema(value_type = String)]
    pub entity: EntityName,
}

impl FlowId {
    /// The flow of one entity in one company.
    pub fn new(company: impl Into<CompanyId>, entity: impl Into<EntityName>) -> Self {
        Self { company: company.into(), entity: entity.into() }
    }
}

impl fmt::Display for FlowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.company, self.entity)
    }
}
