//! What the service shows when it is tested: the order of its keys, and whether it counts rows. For `doctor`.

use std::cmp::Ordering;

use crate::config::settings::KeyOrder;
use crate::credentials::secret::Credential;
use crate::definition::ReadPlan;
use crate::domain::CompanyId;

use super::comparison::Comparison;
use super::count::CountWay;
use super::error::SysproError;
use super::reader::{Call, Query, SysproReader, shown};
use super::transport::Transport;
use super::wire::Cell;

/// The number of keys to check.
const KEYS: usize = 500;

/// What was found for one root table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The table.
    pub table: String,
    /// The order of its keys.
    pub order: SeenOrder,
    /// The query option that returns the number of rows; `None`: it does not count.
    pub counts_by: Option<&'static str>,
}

/// The order of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SeenOrder {
    /// By code point, as `Latin1_General_BIN` sorts. `told`: whether another collation would sort two of these keys differently.
    Binary {
        /// If not, these keys show nothing about the collation.
        told: bool,
    },
    /// As another collation sorts; holds the first two keys that show it.
    Other(String),
    /// In no order; holds the first two keys that show it.
    Ignored(String),
}

impl SysproReader {
    /// Requests the first keys of a plan's root table, and their number.
    ///
    /// # Errors
    /// [`SysproError`] when the keys cannot be read.
    pub async fn capabilities(&self, credential: &Credential, company: &CompanyId, plan: &ReadPlan) -> Result<Capabilities, SysproError> {
        let call = self.call(credential, company).await;
        let root = &plan.root;
        let key = match &root.derive {
            Some(derive) => vec![derive.from.clone()],
            None => root.key.clone(),
        };
        let conditions = call.fixed(root.filter.as_ref()).into_iter().collect();
        let top = KEYS as u32;
        let query = Query {
            table: &root.table,
            columns: &key,
            optional: &[],
            key: &key,
            kinds: root.kinds(),
            conditions,
            fixed: 0,
            top,
            anchor: &[],
            repeats: false,
        };
        let names: Vec<&str> = key.iter().map(String::as_str).collect();
        let answer = call.attempt(&root.table, &call.ask(&query, &names, None, KEYS)?, &names, KEYS).await?;
        let keys: Vec<Vec<Cell>> = answer.rows.into_iter().filter_map(|row| row.into_iter().collect()).collect();
        let order = seen_order(&call, &query, &keys);
        let counted = self.inner.settings.count_check && call.count(&root.table, &key, call.fixed(root.filter.as_ref())).await?.is_some();
        let way = counted.then(|| self.inner.learned.borrow().counts.get(&call.place(&root.table)).copied()).flatten();
        let counts_by = match way {
            Some(CountWay::Inline) => Some("$count=true"),
            Some(CountWay::OldInline) => Some("$inlinecount=allpages"),
            Some(CountWay::Segment) => Some("/$count"),
            Some(CountWay::Never) | None => None,
        };
        Ok(Capabilities { table: root.table.clone(), order, counts_by })
    }

    /// Whether SYSPRO is read through e.net.
    pub fn is_enet(&self) -> bool {
        matches!(self.inner.transport, Transport::Enet(_))
    }
}

fn seen_order(call: &Call<'_>, query: &Query<'_>, keys: &[Vec<Cell>]) -> SeenOrder {
    let by = |order| call.comparison_by(query, order);
    judge(keys, &by(KeyOrder::Binary), &by(KeyOrder::Any))
}

fn judge(keys: &[Vec<Cell>], binary: &Comparison, any: &Comparison) -> SeenOrder {
    let first = |by: &Comparison| {
        keys.windows(2).find(|pair| by.order(&pair[0], &pair[1]) == Some(Ordering::Greater)).map(|pair| {
            let (one, other) = (shown(&pair[0]), shown(&pair[1]));
            format!("{one} before {other}")
        })
    };
    if let Some(pair) = first(any) {
        return SeenOrder::Ignored(pair);
    }
    match first(binary) {
        Some(pair) => SeenOrder::Other(pair),
        None => SeenOrder::Binary { told: keys.windows(2).any(|pair| tells(&pair[0], &pair[1])) },
    }
}

/// Whether two adjacent keys would be sorted the other way round without regard to case, as in SQL Server's usual collations.
fn tells(first: &[Cell], second: &[Cell]) -> bool {
    let folded = |key: &[Cell]| key.iter().map(|cell| cell.key_text().to_lowercase()).collect::<Vec<_>>();
    folded(first) > folded(second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_keys_shows_the_collation() {
        let by = |order| Comparison::new(order, std::iter::once(None));
        let seen = |keys: &[&str]| {
            let keys: Vec<Vec<Cell>> = keys.iter().map(|key| vec![Cell::Text((*key).into())]).collect();
            judge(&keys, &by(KeyOrder::Binary), &by(KeyOrder::Any))
        };
        assert_eq!(seen(&["0001", "0002", "ABC"]), SeenOrder::Binary { told: false });
        assert_eq!(seen(&["0001", "Zed", "abc"]), SeenOrder::Binary { told: true });
        assert_eq!(seen(&["0001", "abc", "Zed"]), SeenOrder::Other("`abc` before `Zed`".into()));
        assert_eq!(seen(&["0002", "0001", "Zed"]), SeenOrder::Ignored("`0002` before `0001`".into()));
        assert_eq!(seen(&[]), SeenOrder::Binary { told: false });
    }
}
