//! The ids of `domain::ids` as columns: each is bound and loaded as the type that it contains, alone or in an array.

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use uuid::Uuid;

use crate::domain::ids::{
    ApiKeyId, AuditRowId, BackfillId, BatchId, ConflictId, DeliveryId, DocumentId, Incarnation, LifeId, NoticeId, RunId, TaskId, TieOutId,
    TieOutItemId,
};

/// Maps ids to a SQL type, by the Rust type that they contain.
macro_rules! columns {
    ($sql:ty, $inner:ty: $($name:ident)+) => {$(
        const _: () = {
            // `domain` must not name diesel. With `foreign_derive`, as diesel itself uses it, the derives are for the type of the field
            #[derive(AsExpression, FromSqlRow)]
            #[diesel(foreign_derive)]
            #[diesel(sql_type = $sql)]
            #[expect(dead_code, reason = "carries the derives and is never created")]
            struct Foreign($name);
        };

        impl ToSql<$sql, Pg> for $name {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
                <$inner as ToSql<$sql, Pg>>::to_sql(&self.0, &mut out.reborrow())
            }
        }

        impl FromSql<$sql, Pg> for $name {
            fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
                <$inner as FromSql<$sql, Pg>>::from_sql(value).map(Self)
            }
        }
    )+};
}

columns!(SqlUuid, Uuid: RunId BatchId Incarnation LifeId);
columns!(BigInt, i64: DocumentId DeliveryId ConflictId AuditRowId BackfillId NoticeId ApiKeyId TieOutId TieOutItemId TaskId);
