//! Sums of a table's amounts in groups: those that ServiceNow computes (Aggregate API), and those of the rows that it lists.
//!
//! Only columns that hold plain numbers can be added up by ServiceNow: it adds up amounts of money in its own reference currency, and what
//! it makes of texts is not documented.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use rust_decimal::Decimal;

use crate::definition::plan::TargetPlan;
use crate::domain::money::parse_decimal;

use super::aggregate::{self, GroupOf};
use super::error::ServiceNowError;
use super::query::encode;
use super::token::TokenSource;
use super::transport::Transport;
use super::wire::Row;

/// The Aggregate API has no limit: more groups than these are not compared.
const MOST: usize = 5_000;
/// The groups that a difference names; the others are counted.
const NAMED: usize = 3;
/// The most entries of the dictionary that are read.
const DICTIONARY: usize = 5_000;

/// The columns with the amount, and with what the rows are grouped by: the currency, and the fiscal year and period if the table has them.
pub(super) struct SumColumns<'a> {
    amount: &'a str,
    by: Vec<&'a str>,
}

impl<'a> SumColumns<'a> {
    /// `None`: the definition names no amounts, or the table has no column for them or for their currency.
    pub(super) fn of(target: &'a TargetPlan) -> Option<Self> {
        let plan = &target.tie_out;
        let (amount, currency) = (plan.column(plan.amount.as_deref()?)?, plan.column(plan.currency.as_deref()?)?);
        let copies = [plan.year, plan.period].into_iter().flatten().filter_map(|place| target.copy_of(place));
        let period = copies.filter_map(|field| plan.column(&field.name));
        Some(Self { amount, by: std::iter::once(currency).chain(period).collect() })
    }

    /// The column with the amount.
    pub(super) fn amount(&self) -> &'a str {
        self.amount
    }
}

/// The rows of one group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct GroupSum {
    rows: u64,
    amount: Decimal,
}

/// Rows and their amounts by currency, fiscal year and period. The database of ServiceNow groups without case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupSums {
    groups: BTreeMap<Vec<String>, GroupSum>,
    /// Why they are not complete.
    problem: Option<String>,
}

impl GroupSums {
    /// The number of groups.
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether there is no group.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Why they are not complete; `None`: they are.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// Counts a row that was listed.
    pub(super) fn add(&mut self, columns: &SumColumns<'_>, row: &Row) {
        let text = row.text(columns.amount).unwrap_or_default().trim();
        let amount = if text.is_empty() { Some(Decimal::ZERO) } else { parse_decimal(text) };
        let Some(amount) = amount else {
            let id = row.text("sys_id").unwrap_or_default();
            self.problem.get_or_insert_with(|| format!("`{}` of the row {id} is `{text}`, which is no number", columns.amount));
            return;
        };
        let group = columns.by.iter().map(|column| row.text(column).unwrap_or_default()).map(folded).collect();
        self.put(group, GroupSum { rows: 1, amount });
    }

    /// Adds the sums of a further page.
    pub fn merge(&mut self, page: GroupSums) {
        for (group, sum) in page.groups {
            self.put(group, sum);
        }
        self.problem = self.problem.take().or(page.problem);
    }

    fn put(&mut self, group: Vec<String>, sum: GroupSum) {
        let full = self.groups.len() >= MOST;
        match self.groups.entry(group) {
            Entry::Vacant(_) if full => {
                self.problem.get_or_insert_with(|| format!("there are more than {MOST} groups of currency and fiscal period"));
            }
            entry => {
                let there = entry.or_default();
                there.rows += sum.rows;
                match there.amount.checked_add(sum.amount) {
                    Some(amount) => there.amount = amount,
                    None => {
                        self.problem.get_or_insert_with(|| "a sum has too many digits".to_owned());
                    }
                }
            }
        }
    }

    /// In which groups what ServiceNow computes differs from the rows that it listed, with both numbers; `None`: in none.
    pub fn difference(&self, computed: &GroupSums) -> Option<String> {
        let none = GroupSum::default();
        let mut differing = Vec::new();
        for group in self.groups.keys().chain(computed.groups.keys().filter(|group| !self.groups.contains_key(*group))) {
            let of = |sums: &GroupSums| sums.groups.get(group).unwrap_or(&none).clone();
            let (listed, computed) = (of(self), of(computed));
            if listed != computed {
                differing.push(format!(
                    "{}: ServiceNow counts {} rows and sums {}, the {} rows read sum to {}",
                    named(group),
                    computed.rows,
                    computed.amount,
                    listed.rows,
                    listed.amount
                ));
            }
        }
        let further = differing.len().saturating_sub(NAMED);
        differing.truncate(NAMED);
        if further > 0 {
            differing.push(format!("{further} further groups differ"));
        }
        (!differing.is_empty()).then(|| differing.join("; "))
    }
}

fn folded(text: &str) -> String {
    text.trim().to_lowercase()
}

/// A group for people: `ZAR 2026 3`.
fn named(group: &[String]) -> String {
    let parts: Vec<String> = group.iter().filter(|part| !part.is_empty()).map(|part| part.to_uppercase()).collect();
    if parts.is_empty() { "rows without currency and period".to_owned() } else { parts.join(" ") }
}

/// What ServiceNow itself computes of the rows whose keys start with `prefix`. One request.
pub(super) async fn computed(
    transport: &Transport,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    table: &str,
    prefix: &str,
) -> Result<GroupSums, ServiceNowError> {
    let key = target.key_column.as_deref().and_then(|key| target.tie_out.column(key));
    let (Some(columns), Some(key)) = (SumColumns::of(target), key) else {
        return Ok(GroupSums { problem: Some("the table has no column for it".to_owned()), ..GroupSums::default() });
    };
    // the same condition as that of the listing
    let query = format!("{key}STARTSWITH{}", prefix.split('^').next().unwrap_or_default());
    let path = format!(
        "/api/now/stats/{}?sysparm_query={}&sysparm_count=true&sysparm_sum_fields={}&sysparm_group_by={}",
        encode(table),
        encode(&query),
        encode(columns.amount),
        encode(&columns.by.join(",")),
    );
    let mut sums = GroupSums::default();
    for group in aggregate::groups(transport, tokens, &path).await? {
        match of_answer(&columns, &group) {
            Ok((group, sum)) => sums.put(group, sum),
            Err(problem) => sums.problem = sums.problem.take().or(Some(problem)),
        }
    }
    Ok(sums)
}

fn of_answer(columns: &SumColumns<'_>, group: &GroupOf) -> Result<(Vec<String>, GroupSum), String> {
    let rows = group.count.ok_or("ServiceNow leaves out the count of a group")?;
    let mut key = Vec::with_capacity(columns.by.len());
    for column in &columns.by {
        let value = group.by.get(*column).ok_or_else(|| format!("ServiceNow does not group the rows by `{column}`"))?;
        key.push(folded(value));
    }
    let text = group.sum.get(columns.amount).map(|text| text.trim());
    let amount = match text {
        None => return Err(format!("ServiceNow leaves out the sum of `{}`", columns.amount)),
        // no row of the group has an amount
        Some("") => Decimal::ZERO,
        Some(text) => parse_decimal(text).ok_or_else(|| format!("ServiceNow answers `{text}` as the sum of `{}`", columns.amount))?,
    };
    Ok((key, GroupSum { rows, amount }))
}

/// The types of columns with these names, by table and column. One request.
///
/// A table also has the columns of the table that it extends: those stand under the name of that table.
pub(super) async fn column_kinds(
    transport: &Transport,
    tokens: &dyn TokenSource,
    columns: &[&str],
) -> Result<BTreeMap<(String, String), String>, ServiceNowError> {
    let query = encode(&format!("elementIN{}^ORDERBYsys_id", columns.join(",")));
    let path = format!(
        "/api/now/table/sys_dictionary?sysparm_query={query}&sysparm_fields=name,element,internal_type&sysparm_limit={DICTIONARY}\
         &sysparm_display_value=false&sysparm_exclude_reference_link=true"
    );
    let rows = transport.read(tokens, &path).await?;
    if rows.len() >= DICTIONARY {
        return Err(super::paging::wrong("sys_dictionary", format!("it has more than {DICTIONARY} columns of these names")));
    }
    let entry = |row: &Row| {
        let text = |name: &str| row.filled(name).map(str::to_owned);
        Some(((text("name")?, text("element")?), text("internal_type")?))
    };
    Ok(rows.iter().filter_map(entry).filter(|((_, column), _)| columns.contains(&column.as_str())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(groups: &[(&str, u64, &str)]) -> GroupSums {
        let mut sums = GroupSums::default();
        for (currency, rows, amount) in groups {
            sums.put(vec![folded(currency)], GroupSum { rows: *rows, amount: amount.parse().expect("a number") });
        }
        sums
    }

    #[test]
    fn both_numbers_of_a_group_that_differs_are_said() {
        let listed = sums(&[("ZAR", 2, "10.50"), ("USD", 1, "1")]);
        assert_eq!(listed.difference(&sums(&[("usd", 1, "1.00"), ("ZAR ", 2, "10.5")])), None);
        let one_more = listed.difference(&sums(&[("ZAR", 3, "11.50"), ("USD", 1, "1")])).expect("a difference");
        assert_eq!(one_more, "ZAR: ServiceNow counts 3 rows and sums 11.50, the 2 rows read sum to 10.50");
        // a group of one side alone, and two errors that would cancel each other
        let moved = listed.difference(&sums(&[("ZAR", 2, "10.50"), ("EUR", 1, "1")])).expect("a difference");
        assert!(moved.contains("USD: ServiceNow counts 0 rows") && moved.contains("EUR: ServiceNow counts 1 rows"), "{moved}");
        let many: Vec<(String, u64, &str)> = (0..9).map(|n| (format!("C{n}"), 1, "1")).collect();
        let many: Vec<(&str, u64, &str)> = many.iter().map(|(name, rows, sum)| (name.as_str(), *rows, *sum)).collect();
        assert!(sums(&many).difference(&sums(&[])).expect("a difference").ends_with("6 further groups differ"));
    }

    #[test]
    fn groups_are_counted_up_to_a_limit() {
        let mut sums = GroupSums::default();
        for n in 0..=MOST {
            sums.put(vec![n.to_string()], GroupSum { rows: 1, amount: Decimal::ONE });
        }
        assert_eq!(sums.len(), MOST);
        assert!(sums.problem().is_some_and(|problem| problem.contains("more than 5000 groups")));
    }

    #[test]
    fn a_row_without_a_number_makes_no_sum() {
        let columns = SumColumns { amount: "amount", by: vec!["currency"] };
        let mut sums = GroupSums::default();
        for amount in ["1.50", "", "-0.5"] {
            sums.add(&columns, &Row::of([("amount", amount, None), ("currency", "zar", None)]));
        }
        assert_eq!((sums.problem(), sums.groups[&vec!["zar".to_owned()]].rows), (None, 3));
        assert_eq!(sums.groups[&vec!["zar".to_owned()]].amount, Decimal::ONE);
        sums.add(&columns, &Row::of([("amount", "1,50", None), ("currency", "ZAR", None), ("sys_id", "7", None)]));
        assert_eq!(sums.problem(), Some("`amount` of the row 7 is `1,50`, which is no number"));
    }
}
