//! Records that may change on both sides.

use crate::domain::merge::Rule;

/// Records that may change on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlignPlan {
    /// The rule for fields and rows without their own rule.
    pub rule: Rule,
    /// One entry per field of the target, in the same order.
    pub fields: Vec<AlignField>,
    /// A run that would change more than this share of the list writes nothing, in percent.
    pub change_limit_percent: u32,
    /// How far a read of changed rows goes back before the last one, in seconds.
    pub overlap_seconds: u32,
    /// How often the whole list is read, in hours.
    pub sweep_hours: u32,
    /// Column and text: a row that has one of them counts as deleted.
    pub inactive: Vec<(String, String)>,
    /// An encoded query that every row of the list matches; `{company}` is replaced with the company's id.
    pub filter: Option<String>,
}

impl AlignPlan {
    /// The columns in the filter and in the rules for inactive rows. An instance ignores a condition on a column that it does not have, and
    /// lists every row (ServiceNow's documentation of the Table API, `sysparm_query`).
    pub fn asked(&self) -> Vec<&str> {
        let conditions = self.filter.iter().flat_map(|filter| filter.split('^')).map(|one| one.strip_prefix("OR").unwrap_or(one));
        // a column's name is in lower case, an operator is not; a dotted name starts with a column of the table
        let column = |one: &'_ str| one.find(|c: char| !matches!(c, 'a'..='z' | '0'..='9' | '_')).unwrap_or(one.len());
        let named = conditions.map(|one| &one[..column(one)]).filter(|name| !name.is_empty());
        named.chain(self.inactive.iter().map(|(name, _)| name.as_str())).collect()
    }
}

/// One field of an aligned target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlignField {
    /// The target column.
    pub name: String,
    /// The rule when both sides changed it.
    pub rule: Rule,
    /// Whether it is made from the key alone: another value belongs to another record, and is never merged.
    pub identity: bool,
    /// The SYSPRO column of its value, for the person who applies a change there.
    pub column: Option<String>,
    /// How its value is converted to the column's. `None`: the mapping cannot be reversed.
    pub back: Option<Back>,
}

/// How a value of ServiceNow is converted to SYSPRO's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Back {
    /// Unchanged.
    Text,
    /// `true` is `Y`, `false` is `N`.
    Flag,
}

impl Back {
    /// The value for the column.
    ///
    /// # Errors
    /// Why there is none.
    pub fn value(self, text: &str) -> Result<String, String> {
        match (self, text.trim()) {
            (Back::Text, _) => Ok(text.trim_end().to_owned()),
            (Back::Flag, "true" | "1") => Ok("Y".into()),
            (Back::Flag, "false" | "0" | "") => Ok("N".into()),
            (Back::Flag, other) => Err(format!("`{other}` is neither `true` nor `false`, and SYSPRO's column is a flag")),
        }
    }
}
