//! `[audit]`: where the heads of signed days are put outside the ledger.

use url::Url;

use super::check::Check;
use super::raw::RawAudit;
use super::settings::{AuditSettings, HeadTable};
use crate::domain::outside::HeadValue;

/// Whether this can be the name of a table or column of ServiceNow.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

impl Check<'_> {
    pub(super) fn audit(&mut self, raw: &RawAudit) -> AuditSettings {
        let given = |text: &Option<String>| text.as_deref().filter(|text| !text.is_empty()).map(str::to_owned);
        let head = given(&raw.head_table)
            .and_then(|table| self.head_table(table, given(&raw.head_key), raw.head_fields.as_deref().unwrap_or_default()));
        let key = "audit.timestamp_url";
        let timestamp_url = given(&raw.timestamp_url).and_then(|text| {
            // the token is signed, and only a hash is sent: an address without TLS is usual
            let url = Url::parse(&text).ok().filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host());
            let url = url.filter(|url| url.username().is_empty() && url.password().is_none());
            url.or_else(|| self.problem(key, format!("`{key}` must be the address of a time-stamping authority, without a user name")))
        });
        AuditSettings { head, timestamp_url }
    }

    fn head_table(&mut self, table: String, column: Option<String>, fields: &[String]) -> Option<HeadTable> {
        if !is_name(&table) {
            self.problem::<()>(
                "audit.head_table",
                format!("`audit.head_table` must be the name of a table, such as `u_audit_head`, got `{table}`"),
            );
        }
        let key = "audit.head_key";
        let column = match column {
            None => self.missing(key, "the column by which Tieline finds the row of a day, such as `u_key`"),
            Some(column) if is_name(&column) => Some(column),
            Some(column) => self.problem(key, format!("`{key}` must be the name of a column, such as `u_key`, got `{column}`")),
        };
        let key = "audit.head_fields";
        if fields.is_empty() {
            self.missing::<()>(key, "the columns with their values, such as `[\"u_day = day\", \"u_head = head\"]`");
        }
        let mut values = Vec::new();
        for text in fields {
            let Some((name, word)) = text.split_once('=').map(|(name, word)| (name.trim(), word.trim())) else {
                self.problem::<()>(key, format!("`{key}` must hold texts such as `u_day = day`, got `{text}`"));
                continue;
            };
            let is_known = column.as_deref() == Some(name) || values.iter().any(|(known, _)| known == name);
            match word.parse::<HeadValue>() {
                Ok(value) if is_name(name) && !is_known => values.push((name.to_owned(), value)),
                Ok(_) => {
                    self.problem::<()>(
                        key,
                        format!("`{key}`: `{name}` must be the name of a column that is not named twice, nor in `audit.head_key`"),
                    );
                }
                Err(wrong) => {
                    self.problem::<()>(key, format!("`{key}`: {wrong}"));
                }
            }
        }
        Some(HeadTable { table, key: column?, fields: values })
    }
}
