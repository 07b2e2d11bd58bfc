//! The Aggregate API: `/api/now/stats/{table}`. Counts, sums, averages, least and greatest values, in groups.
//!
//! As documented: values are texts, there is no limit, and several groups and conditions are separated by commas. A function over a column
//! that holds no numbers is left out of the answer without a word; of dates and times there is a least and a greatest.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use tieline_values::money::parse_decimal;

use super::options::{AggregateRights, ServiceNowOptions};
use super::query::Query;
use super::reply::{Call, Reply};
use super::rows::Row;
use super::schema::ColumnKind;
use super::store::Store;
use super::table_api::{hidden, readable, unlisted};

/// A function over the columns of a group, by the name of its parameter and in the answer.
const FUNCTIONS: [&str; 4] = ["sum", "avg", "min", "max"];

/// What is computed of one group.
#[derive(Default)]
struct Group {
    count: u64,
    /// The numbers of each column.
    numbers: BTreeMap<String, Vec<Decimal>>,
    /// The least and the greatest text of each column of dates or times.
    times: BTreeMap<String, (String, String)>,
}

impl Group {
    fn value(&self, function: &str, column: &str) -> Option<Decimal> {
        let numbers = self.numbers.get(column)?;
        let sum = || numbers.iter().sum::<Decimal>();
        match function {
            "count" => Some(self.count.into()),
            "sum" => Some(sum()),
            "avg" => (!numbers.is_empty()).then(|| (sum() / Decimal::from(numbers.len() as u64)).round_dp(4)),
            "min" => numbers.iter().min().copied(),
            "max" => numbers.iter().max().copied(),
            _ => None,
        }
    }

    /// The result of a function as a text.
    fn text(&self, function: &str, column: &str) -> Option<String> {
        match (function, self.times.get(column)) {
            ("min", Some((least, _))) => Some(least.clone()),
            ("max", Some((_, greatest))) => Some(greatest.clone()),
            _ => Some(self.value(function, column)?.normalize().to_string()),
        }
    }

    fn add_time(&mut self, column: &str, text: &str) {
        if text.is_empty() {
            return;
        }
        let (least, greatest) = self.times.entry(column.to_owned()).or_insert_with(|| (text.to_owned(), text.to_owned()));
        if text < least.as_str() {
            text.clone_into(least);
        }
        if text > greatest.as_str() {
            text.clone_into(greatest);
        }
    }

    /// The member `stats`.
    fn stats(&self, call: &Call, asked: &[(&str, Vec<String>)]) -> Value {
        let mut stats = Map::new();
        if call.flag("sysparm_count") {
            stats.insert("count".into(), json!(self.count.to_string()));
        }
        for (function, columns) in asked {
            let values: Map<String, Value> =
                columns.iter().filter_map(|column| Some((column.clone(), json!(self.text(function, column)?)))).collect();
            if !values.is_empty() {
                stats.insert((*function).into(), Value::Object(values));
            }
        }
        Value::Object(stats)
    }
}

/// `GET /api/now/stats/{table}`
pub(super) fn handle(store: &Store, call: &Call, options: &ServiceNowOptions) -> Reply {
    let name = call.path.trim_start_matches("/api/now/stats/");
    let Some(table) = store.tables.get(name) else { return Reply::invalid_table(name) };
    if call.method != "GET" {
        return Reply::error(405, "Method not supported", None);
    }
    let query = Query::parse(call.parameter("sysparm_query").unwrap_or_default(), table);
    let now = store.now();
    let slots = if query.invalid && options.invalid_query_returns_no_rows {
        Vec::new()
    } else {
        query.run(table, |row| readable(row, now, options))
    };
    let rows: Vec<&Row> = slots.iter().filter_map(|slot| table.row(*slot)).collect();
    if options.aggregate_rights == AggregateRights::EveryRow && rows.iter().any(|row| hidden(table, row) || unlisted(table, row)) {
        return Reply::error(403, "User Not Authorized", Some("the user may not read every record"));
    }
    let columns = |name: &str| -> Vec<String> {
        let list = call.parameter(name).unwrap_or_default().split(',').map(str::trim);
        list.filter(|column| !column.is_empty() && table.knows(column)).map(str::to_owned).collect()
    };
    let asked: Vec<(&str, Vec<String>)> =
        FUNCTIONS.into_iter().map(|function| (function, columns(&format!("sysparm_{function}_fields")))).collect();
    let by = columns("sysparm_group_by");
    let numeric = |column: &str| {
        matches!(table.kind(column), Some(ColumnKind::Decimal | ColumnKind::Scaled(_) | ColumnKind::Currency | ColumnKind::Integer))
            || column == "sys_mod_count"
    };
    let of_time = |column: &str| {
        matches!(table.kind(column), Some(ColumnKind::Date | ColumnKind::DateTime))
            || ["sys_created_on", "sys_updated_on"].contains(&column)
    };
    let having = having(call);
    let needed: BTreeSet<&String> = asked.iter().flat_map(|(_, columns)| columns).chain(having.iter().map(|one| &one.column)).collect();
    let mut groups: BTreeMap<Vec<String>, (Vec<String>, Group)> = BTreeMap::new();
    for row in rows {
        let texts: Vec<String> = by.iter().map(|column| table.text(row, column).into_owned()).collect();
        // the database compares without case
        let key = texts.iter().map(|text| text.to_lowercase()).collect();
        let group = &mut groups.entry(key).or_insert_with(|| (texts, Group::default())).1;
        group.count += 1;
        for column in needed.iter().filter(|column| numeric(column)) {
            let numbers = group.numbers.entry((*column).clone()).or_default();
            numbers.extend(number(&table.text(row, column)));
        }
        for column in needed.iter().filter(|column| of_time(column)) {
            group.add_time(column, &table.text(row, column));
        }
    }
    if by.is_empty() {
        let group = groups.into_values().next().map(|(_, group)| group).unwrap_or_default();
        return Reply::result(200, &json!({ "stats": group.stats(call, &asked) }));
    }
    let kept = groups.into_values().filter(|(_, group)| having.iter().all(|one| one.holds(group)));
    let rows: Vec<Value> = kept
        .map(|(texts, group)| {
            let fields: Vec<Value> = by.iter().zip(&texts).map(|(field, value)| json!({ "field": field, "value": value })).collect();
            json!({ "stats": group.stats(call, &asked), "groupby_fields": fields })
        })
        .collect();
    Reply::result(200, &Value::Array(rows))
}

/// An amount with or without its currency.
fn number(text: &str) -> Option<Decimal> {
    parse_decimal(text.split_once(';').map_or(text, |(_, amount)| amount))
}

/// A condition on a group: `count^column^>^1`.
struct Having {
    function: String,
    column: String,
    operator: String,
    value: Decimal,
}

impl Having {
    fn holds(&self, group: &Group) -> bool {
        let value = if self.function == "count" { Some(group.count.into()) } else { group.value(&self.function, &self.column) };
        value.is_some_and(|value| match self.operator.as_str() {
            ">" => value > self.value,
            ">=" => value >= self.value,
            "<" => value < self.value,
            "<=" => value <= self.value,
            "=" => value == self.value,
            "!=" => value != self.value,
            _ => false,
        })
    }
}

/// The conditions of a call; one that cannot be read is ignored.
fn having(call: &Call) -> Vec<Having> {
    let read = |text: &str| {
        let parts: Vec<&str> = text.split('^').map(str::trim).collect();
        let [function, column, operator, value] = parts.as_slice() else { return None };
        let value = parse_decimal(value)?;
        Some(Having { function: function.to_lowercase(), column: (*column).to_owned(), operator: (*operator).to_owned(), value })
    };
    call.parameter("sysparm_having").unwrap_or_default().split(',').filter_map(read).collect()
}
