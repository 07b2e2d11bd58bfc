//! One request for a table: reads and checks its options, finds the rows, writes the answer.

use std::borrow::Cow;

use super::filter::Filter;
use super::json::RowWriter;
use super::options::{Release, Switches};
use super::plan::{Access, Bound};
use crate::dataset::{SqlType, Table, TableSchema};

/// A request that is answered with an error.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// The error message.
    pub message: String,
}

fn refuse<T>(message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { status: 400, message: message.into() })
}

/// The options of a request, bound to a table.
#[derive(Debug)]
pub struct Query {
    filter: Option<Bound>,
    select: Vec<usize>,
    selected: bool,
    /// Column and whether descending.
    order: Vec<(usize, bool)>,
    top: Option<usize>,
    skip: usize,
    count: bool,
}

/// An answer.
#[derive(Debug)]
pub struct Page {
    /// JSON.
    pub body: Vec<u8>,
    /// Rows in it.
    pub rows: usize,
    /// Rows that were examined to find them.
    pub examined: usize,
}

/// The rows of an answer.
#[derive(Debug)]
pub struct Found {
    /// Their slots, in order.
    pub rows: Vec<u32>,
    /// Rows that were examined to find them.
    pub examined: usize,
    /// Rows that meet the filter, where they were counted.
    total: usize,
    /// Whether there are more.
    more: bool,
}

/// Whether a column exists for this client.
pub fn visible(schema: &TableSchema, at: usize, switches: &Switches) -> bool {
    let column = &schema.columns[at];
    (switches.release == Release::New || !column.newer) && (switches.time_stamp || column.sql != SqlType::RowVersion)
}

impl Query {
    /// Reads the options out of a query string.
    pub fn read(query: &str, schema: &TableSchema, switches: &Switches) -> Result<Self, Refusal> {
        let find = |name: &str| schema.column(name).filter(|at| visible(schema, *at, switches));
        let must = |name: &str| match find(name) {
            Some(at) => Ok(at),
            None => refuse(format!("Could not find a property named '{name}' on type 'SYSPRO.{}'.", schema.name)),
        };
        let every: Vec<usize> = (0..schema.columns.len()).filter(|at| visible(schema, *at, switches)).collect();
        let mut read = Self { filter: None, select: every, selected: false, order: vec![], top: None, skip: 0, count: false };
        let mut seen: Vec<Cow<'_, str>> = vec![];
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            if seen.contains(&name) && name.starts_with('$') {
                return refuse(format!("Query option '{name}' was specified more than once, but it must be specified at most once."));
            }
            match &*name {
                "$filter" => {
                    let filter = Filter::parse(&value).or_else(refuse)?;
                    if let Some(most) = switches.max_filter_nodes.filter(|most| filter.nodes() > *most) {
                        return refuse(format!(
                            "The node count limit of '{most}' has been exceeded. To increase the limit, set the 'MaxNodeCount' property."
                        ));
                    }
                    read.filter = Some(Bound::new(&filter, schema, &find).or_else(refuse)?);
                }
                "$select" if value.trim() != "*" => {
                    read.select = value.split(',').map(|name| must(name.trim())).collect::<Result<_, _>>()?;
                    read.selected = true;
                }
                "$select" => {}
                "$orderby" => {
                    for part in value.split(',') {
                        let mut words = part.split_whitespace();
                        let column = must(words.next().unwrap_or_default())?;
                        let descending = match (words.next(), words.next()) {
                            (None | Some("asc"), None) => false,
                            (Some("desc"), None) => true,
                            _ => return refuse(format!("Syntax error in '{}' of '$orderby'.", part.trim())),
                        };
                        read.order.push((column, descending));
                    }
                }
                "$top" => read.top = Some(number(&name, &value)?),
                "$skip" => read.skip = number(&name, &value)?,
                "$count" => match (&*value, switches.count) {
                    ("true", true) => read.count = true,
                    ("false", true) => {}
                    ("true" | "false", false) => return refuse("Query option 'Count' is not allowed."),
                    _ => return refuse(format!("'{value}' is not a valid value of '$count'.")),
                },
                "$format" if value.contains("json") => {}
                "$expand" | "$apply" | "$search" | "$compute" => {
                    return Err(Refusal { status: 501, message: format!("The query option '{name}' is not implemented.") });
                }
                other if other.starts_with('$') => return refuse(format!("The query parameter '{other}' is not supported.")),
                _ => {}
            }
            seen.push(name);
        }
        match read.top {
            Some(top) if switches.over_top_error && top > switches.row_cap => refuse(format!(
                "The limit of '{}' for Top query has been exceeded. The value from the incoming request is '{top}'.",
                switches.row_cap
            )),
            _ => Ok(read),
        }
    }

    /// Rows that meet the filter, in the order of these columns, at most N.
    pub fn bound(filter: Option<Bound>, select: Vec<usize>, order: Vec<usize>, top: Option<usize>) -> Self {
        let order = order.into_iter().map(|at| (at, false)).collect();
        Self { filter, select, selected: true, order, top, skip: 0, count: false }
    }

    /// Finds the rows: at most `cap` of them.
    pub fn find(&self, table: &Table, switches: &Switches, cap: usize) -> Found {
        let wanted = self.top.unwrap_or(usize::MAX).min(cap);
        let access = Access::plan(self.filter.as_ref(), table);
        let mut examined = 0;
        let mut candidates = access.ranges.iter().flat_map(|range| table.range(access.index, range)).filter(|slot| {
            examined += 1;
            self.filter.as_ref().is_none_or(|filter| filter.holds(table, *slot, switches.sentinel_dates))
        });
        let by_key = switches.left_out_of_scans && self.filter.as_ref().is_some_and(Bound::names_a_key);
        let left_out = switches.left_out.as_ref().filter(|(name, _)| *name == table.schema.name && !by_key);
        let in_order = table.indexes().nth(access.index).is_some_and(|columns| {
            columns.len() == self.order.len()
                && columns.iter().zip(&self.order).all(|(column, (at, descending))| column == at && !descending)
        }) && !switches.ignore_order
            && left_out.is_none();
        let (rows, total, more);
        if in_order && !self.count {
            let found: Vec<u32> = candidates.by_ref().skip(self.skip).take(wanted).collect();
            more = found.len() == wanted && switches.next_link && candidates.next().is_some();
            (rows, total) = (found, 0);
        } else {
            let mut found: Vec<u32> = candidates.collect();
            if !in_order {
                found.sort_unstable_by(|a, b| {
                    let compare = |(at, descending): &(usize, bool)| {
                        let order = table.cell(*a, *at).cmp(table.cell(*b, *at));
                        if *descending { order.reverse() } else { order }
                    };
                    let ordered = self.order.iter().filter(|_| !switches.ignore_order).map(compare).find(|order| order.is_ne());
                    ordered.unwrap_or_else(|| shuffled(*a).cmp(&shuffled(*b)))
                });
            }
            total = found.len();
            if let Some((_, every)) = left_out {
                let place = |slot: u32| usize::try_from(slot).unwrap_or_default() + 1;
                found.retain(|slot| !place(*slot).is_multiple_of(*every));
            }
            more = found.len() > self.skip.saturating_add(wanted);
            rows = found.into_iter().skip(self.skip).take(wanted).collect();
        }
        Found { rows, examined, total, more }
    }

    /// Finds the rows and writes them. `context` is the address of the company's service; `query` the string that was read.
    pub fn run(&self, table: &Table, switches: &Switches, context: &str, query: &str) -> Page {
        let wanted = self.top.unwrap_or(usize::MAX).min(switches.row_cap);
        let Found { rows, examined, total, more } = self.find(table, switches, switches.row_cap);
        let mut body = Vec::with_capacity(200 + rows.len() * self.select.len() * 24);
        let names: Vec<&str> = self.select.iter().map(|at| table.schema.columns[*at].name.as_str()).collect();
        let shape = if self.selected { format!("({})", names.join(",")) } else { String::new() };
        body.extend_from_slice(format!("{{\"@odata.context\":\"{context}/$metadata#{}{shape}\"", table.schema.name).as_bytes());
        if self.count {
            body.extend_from_slice(format!(",\"@odata.count\":{total}").as_bytes());
        }
        body.extend_from_slice(b",\"value\":[");
        let writer = RowWriter::new(table, &self.select, switches);
        for (place, slot) in rows.iter().enumerate() {
            if place > 0 {
                body.push(b',');
            }
            writer.write(*slot, &mut body);
        }
        body.push(b']');
        if switches.next_link && more && self.top.is_none_or(|top| top > wanted) {
            let link = self.next_link(table, context, query, rows.len());
            body.extend_from_slice(format!(",\"@odata.nextLink\":\"{link}\"").as_bytes());
        }
        body.push(b'}');
        Page { body, rows: rows.len(), examined }
    }

    fn next_link(&self, table: &Table, context: &str, query: &str, sent: usize) -> String {
        let mut link = url::form_urlencoded::Serializer::new(String::new());
        link.extend_pairs(url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "$skip" && name != "$top"));
        if let Some(top) = self.top {
            link.append_pair("$top", &(top - sent).to_string());
        }
        link.append_pair("$skip", &(self.skip + sent).to_string());
        format!("{context}/{}?{}", table.schema.name, link.finish())
    }
}

fn number(name: &str, value: &str) -> Result<usize, Refusal> {
    match value.trim().parse() {
        Ok(number) => Ok(number),
        Err(_) => refuse(format!("Invalid value '{value}' for {name} query option found. It must be a non-negative integer.")),
    }
}

/// The order of rows when a request names none: the same at every request, and unrelated to any key.
fn shuffled(slot: u32) -> u32 {
    let mixed = (slot ^ 0x5bd1_e995).wrapping_mul(0x9e37_79b1);
    (mixed ^ mixed >> 15).wrapping_mul(0x85eb_ca6b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(TableSchema::find("GenGroups").expect("table"));
        for n in 0..5_500 {
            table.insert([(0, format!("{n:05}").into()), (1, format!("group {}", n % 7).into())], 1).expect("row");
        }
        table
    }

    fn ask(table: &Table, query: &str, switches: &Switches) -> serde_json::Value {
        let page = Query::read(query, table.schema, switches).expect("query").run(table, switches, "http://x/EDU1", query);
        serde_json::from_slice(&page.body).expect("JSON")
    }

    fn keys(answer: &serde_json::Value) -> Vec<String> {
        answer["value"].as_array().expect("rows").iter().map(|row| row["GlGroup"].as_str().expect("key").to_owned()).collect()
    }

    #[test]
    fn pages_by_key_reach_every_row_once_and_the_cap_is_silent() {
        let (table, switches) = (table(), Switches::default());
        let first = ask(&table, "$orderby=GlGroup&$top=9000", &switches);
        assert_eq!(keys(&first).len(), 5000);
        assert!(first.get("@odata.nextLink").is_none());
        let second = ask(&table, "$orderby=GlGroup&$filter=GlGroup gt '04999'", &switches);
        assert_eq!(keys(&second).len(), 500);
        assert_eq!(keys(&second)[0], "05000");
        let last = ask(&table, "$orderby=GlGroup desc&$top=2&$skip=1&$select=GlGroup&$count=true", &switches);
        assert_eq!(keys(&last), ["05498", "05497"]);
        assert_eq!(last["@odata.count"], 5500);
        assert_eq!(last["@odata.context"], "http://x/EDU1/$metadata#GenGroups(GlGroup)");
    }

    #[test]
    fn without_an_order_rows_are_shuffled_the_same_way_each_time() {
        let (table, switches) = (table(), Switches::default());
        let rows = keys(&ask(&table, "$top=100", &switches));
        assert_eq!(rows, keys(&ask(&table, "$top=100", &switches)));
        assert!(!rows.is_sorted());
        let by_text = keys(&ask(&table, "$top=100&$orderby=Description", &switches));
        assert!(!by_text.is_sorted(), "rows that compare equal are in no order");
    }

    #[test]
    fn the_next_link_leads_on() {
        let table = table();
        let switches = Switches { next_link: true, row_cap: 3000, ..Switches::default() };
        let first = ask(&table, "$orderby=GlGroup&$filter=GlGroup ge '00100'", &switches);
        let link = first["@odata.nextLink"].as_str().expect("link");
        let query = link.split_once('?').expect("query").1;
        let second = ask(&table, query, &switches);
        assert_eq!(keys(&second).len(), 2400);
        assert_eq!(keys(&second)[0], "03100");
        assert!(second.get("@odata.nextLink").is_none());
        assert!(ask(&table, "$orderby=GlGroup&$top=3000", &switches).get("@odata.nextLink").is_none());
    }

    #[test]
    fn what_is_not_supported_is_refused() {
        let (table, strict) = (table(), Switches { over_top_error: true, count: false, ..Switches::default() });
        for (query, status) in [
            ("$filter=Nope eq 1", 400),
            ("$select=GlGroup,Nope", 400),
            ("$select=TimeStamp", 400),
            ("$orderby=GlGroup down", 400),
            ("$top=-1", 400),
            ("$top=5001", 400),
            ("$count=true", 400),
            ("$top=1&$top=2", 400),
            ("$filter=GlGroup eq 7", 400),
            ("$expand=x", 501),
            ("$nope=1", 400),
        ] {
            assert_eq!(Query::read(query, table.schema, &strict).expect_err(query).status, status, "{query}");
        }
        let many = vec!["GlGroup eq 'a'"; 26].join(" or ");
        assert!(Query::read(&format!("$filter={many}"), table.schema, &strict).is_err());
        let few = vec!["GlGroup eq 'a'"; 25].join(" or ");
        assert!(Query::read(&format!("$filter={few}"), table.schema, &strict).is_ok());
        let old = Switches { release: Release::Old, ..Switches::default() };
        let supplier = TableSchema::find("ApSupplier").expect("table");
        assert!(Query::read("$select=PoEmail", supplier, &old).is_err());
        assert!(Query::read("$select=PoEmail", supplier, &Switches::default()).is_ok());
    }
}
