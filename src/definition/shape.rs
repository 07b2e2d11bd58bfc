//! The shapes of the definition files: their keys. Both the reader and the JSON Schemas in `config/schema` are made from these types, so
//! that they cannot differ. There is one file for each kind of file (entity, profile, code list) and for its parts; the two basic forms are
//! here.

/// A table with fixed keys: a field of type `Option` is optional, any other is required.
macro_rules! shape {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $field:ident = $key:literal : $ty:ty,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        #[cfg_attr(test, schemars(deny_unknown_fields))]
        pub(in crate::definition) struct $name {
            /// The line where the table starts; 0 when it could not be read.
            #[cfg_attr(test, schemars(skip))]
            #[allow(dead_code, reason = "not every shape is asked for its line")]
            pub(in crate::definition) line: usize,
            $($(#[$doc])* #[cfg_attr(test, schemars(rename = $key))] pub(in crate::definition) $field: $ty,)*
        }

        impl Read for $name {
            fn read(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Self {
                let Some(table) = reader.table(value) else { return Self::default() };
                reader.refuse_unknown(table, &[$($key),*]);
                let line = reader.line(value);
                Self { line, $($field: reader.get(table, $key, line),)* }
            }
        }
    };
}

/// One of a few words.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        pub(in crate::definition) enum $name {
            /// It could not be read, and was reported.
            #[default]
            #[cfg_attr(test, schemars(skip))]
            Unread,
            $($(#[$doc])* #[cfg_attr(test, schemars(rename = $word))] $variant,)*
        }

        impl Read for $name {
            fn read(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Self {
                let text = Text::read(value, reader);
                match text.as_str() {
                    $($word => $name::$variant,)*
                    _ if text.line == 0 => $name::Unread,
                    other => {
                        reader.add(text.line, format!("must be one of {}, got `{other}`", list([$($word),*])));
                        $name::Unread
                    }
                }
            }
        }
    };
}

// after the macros, which they use
mod code_list;
mod entity;
mod field;
mod number;
mod profile;
mod shows;

pub(super) use code_list::{CodeListFile, OtherwiseWord};
pub(super) use entity::{
    ActionWord, ChangeShape, ChangeWord, ChildShape, ControlShape, DeriveShape, EntityFile, JoinShape, OnShape, SetupShape, ViaShape,
};
pub(super) use field::{FieldShape, FieldTable, FormWord, MissingWord};
pub(super) use number::{ConvertShape, ValueDiscountShape};
pub(super) use profile::{
    AlignShape, BlockShape, ClearWord, ConditionShape, GoneCaseShape, GoneShape, PartialWord, ProfileFile, RuleWord, TieOutShape, WasShape,
    WatchShape, WatchWord, WriteWord,
};
pub(super) use shows::{AmountShape, RowNumberShape, RowSumShape, ShowsShape};
