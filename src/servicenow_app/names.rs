//! The names of tables and columns, with a scope and without one.

use super::scope::Scope;

/// How tables and columns are named.
#[derive(Debug, Clone, Copy)]
pub enum Names<'a> {
    /// As in an application of this scope: its tables, and its columns in tables of others, begin with the scope.
    Scoped(&'a Scope),
    /// As an administrator names them by hand, without an application of this scope: they begin with `u_`.
    Global(&'a Scope),
}

/// The beginning of the names of tables that are made by hand.
const BY_HAND: &str = "u_tieline_";

impl Names<'_> {
    fn own(self, name: &str) -> String {
        match self {
            Self::Scoped(scope) => format!("{scope}_{name}"),
            Self::Global(_) => format!("{BY_HAND}{name}"),
        }
    }

    /// The table that keeps the records of a block.
    pub fn target(self, record: &str) -> String {
        self.own(record)
    }

    /// The staging table of a block.
    pub fn staging(self, record: &str) -> String {
        self.own(&format!("{record}_imp"))
    }

    /// A column that is added to a table of ServiceNow. The profile may have the name of the application already.
    pub fn added(self, column: &str) -> String {
        match (self, self.without_scope(column)) {
            (Self::Scoped(scope), short) => format!("{scope}_{}", short.unwrap_or_else(|| column.strip_prefix("u_").unwrap_or(column))),
            (Self::Global(_), Some(short)) => format!("u_{short}"),
            (Self::Global(_), None) => column.to_owned(),
        }
    }

    /// The label of a column.
    pub fn label(self, column: &str) -> String {
        label(self.without_scope(column).unwrap_or(column))
    }

    /// The rest of a name that begins with the scope.
    fn without_scope(self, name: &str) -> Option<&str> {
        let (Self::Scoped(scope) | Self::Global(scope)) = self;
        name.strip_prefix(scope.as_str())?.strip_prefix('_')
    }
}

/// The record that a block delivers: `invoice` for `[header]` of `invoice`, `invoice_line` for its `[lines]`. Lines without a header of
/// their own are the record.
pub fn record(entity: &str, block: &str, has_header: bool) -> String {
    if block == "header" || !has_header {
        return entity.to_owned();
    }
    format!("{entity}_{}", block.strip_suffix('s').unwrap_or(block))
}

/// The label of a column or a record: `u_source_key` is `Source key`.
pub fn label(name: &str) -> String {
    let words = name.strip_prefix("u_").unwrap_or(name).replace('_', " ");
    let upper = |word: &str| match word {
        "gl" | "erp" | "id" | "po" | "uom" => word.to_uppercase(),
        word => word.to_owned(),
    };
    let words: Vec<String> = words.split(' ').map(upper).collect();
    let words = words.join(" ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_begin_as_servicenow_demands() {
        let scope: Scope = "x_acme_tieline".parse().unwrap();
        assert_eq!(Names::Scoped(&scope).staging("invoice_line"), "x_acme_tieline_invoice_line_imp");
        assert_eq!(Names::Global(&scope).target("invoice"), "u_tieline_invoice");
        assert_eq!(Names::Scoped(&scope).added("u_source_key"), "x_acme_tieline_source_key");
        assert_eq!(Names::Global(&scope).added("u_source_key"), "u_source_key");
        // a profile that the command has written before
        assert_eq!(Names::Scoped(&scope).added("x_acme_tieline_source_key"), "x_acme_tieline_source_key");
        assert_eq!(Names::Global(&scope).added("x_acme_tieline_source_key"), "u_source_key");
        assert_eq!(Names::Scoped(&scope).label("x_acme_tieline_source_key"), "Source key");
        assert_eq!([record("invoice", "header", true), record("invoice", "lines", true)], ["invoice", "invoice_line"]);
        assert_eq!(record("gl_posting", "lines", false), "gl_posting");
        assert_eq!([label("u_source_key"), label("u_gl_account"), label("gl_posting")], ["Source key", "GL account", "GL posting"]);
    }
}
