//! The Table API: one record at a time, and lists.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::{Map, Value, json};

use super::import_set::stage_by_table;
use super::options::ServiceNowOptions;
use super::procurement::recompute;
use super::query::Query;
use super::reply::{Call, Reply, Work};
use super::rows::{Row, Table};
use super::schema::ColumnKind;
use super::store::{Field, Store, Writer};
use super::tasks::after_write;
use super::values::mangled;

/// `/api/now/table/{table}[/{sys_id}]`
pub(super) fn handle(store: &mut Store, call: &Call, options: &ServiceNowOptions, work: &mut Work) -> Reply {
    let rest = call.path.trim_start_matches("/api/now/table/");
    let (name, id) = rest.split_once('/').unwrap_or((rest, ""));
    let Some(table) = store.tables.get(name) else { return Reply::invalid_table(name) };
    if call.method != "POST" || !id.is_empty() {
        work.records += 1;
    }
    match (call.method.as_str(), id) {
        ("GET" | "HEAD", "") => list(store, table, call, options),
        ("POST", "") => post(store, name, call, options, work),
        ("GET" | "HEAD" | "PATCH" | "PUT" | "DELETE", id) if !id.is_empty() => {
            let found = table
                .find_id(id)
                .filter(|slot| table.row(*slot).is_some_and(|row| readable(row, store.now(), options) && !hidden(table, row)));
            let Some(slot) = found else { return Reply::no_record() };
            match call.method.as_str() {
                "GET" | "HEAD" => {
                    table.row(slot).map_or_else(Reply::no_record, |row| Reply::result(200, &show(store, table, row, call, options)))
                }
                "DELETE" => {
                    if let Err(refusal) = store.may(name, |schema| !schema.no_delete, "Delete") {
                        return refusal.into();
                    }
                    let removed = store.tables.get_mut(name).is_some_and(|table| table.remove(slot));
                    work.commits += u32::from(removed);
                    Reply::empty(204)
                }
                _ => change(store, name, slot, call, options, work),
            }
        }
        _ => Reply::error(405, "Method not supported", None),
    }
}

/// Whether the row is old enough to be read.
pub(super) fn readable(row: &Row, now: i64, options: &ServiceNowOptions) -> bool {
    options.read_delay.is_zero() || row.created + options.read_delay.as_millis() as i64 <= now
}

/// Whether a row ACL hides the row.
pub(super) fn hidden(table: &Table, row: &Row) -> bool {
    table.schema.hidden.as_ref().is_some_and(|(column, value)| table.text(row, column) == value.as_str())
}

/// Whether lists lose the row.
pub(super) fn unlisted(table: &Table, row: &Row) -> bool {
    table.schema.unlisted.as_ref().is_some_and(|(column, value)| table.text(row, column) == value.as_str())
}

/// The first record of a body: the other records of an array are dropped silently.
fn record(body: &[u8]) -> Result<Map<String, Value>, Reply> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(record)) => Ok(record),
        Ok(Value::Array(records)) => {
            Ok(records.into_iter().find_map(|one| if let Value::Object(one) = one { Some(one) } else { None }).unwrap_or_default())
        }
        Ok(_) => Err(Reply::unreadable("an object is expected")),
        Err(error) => Err(Reply::unreadable(&error.to_string())),
    }
}

fn fields(record: &Map<String, Value>) -> Vec<Field<'_>> {
    record.iter().map(|(column, value)| (Cow::Borrowed(column.as_str()), mangled(value))).collect()
}

fn post(store: &mut Store, name: &str, call: &Call, options: &ServiceNowOptions, work: &mut Work) -> Reply {
    work.records += 1;
    let record = match record(&call.body) {
        Ok(record) => record,
        Err(reply) => return reply,
    };
    if let Err(refusal) = store.may(name, |schema| !schema.no_create, "Insert") {
        return refusal.into();
    }
    let fields = fields(&record);
    let slot = if store.tables.get(name).is_some_and(|table| table.schema.staging) {
        stage_by_table(store, name, &fields, options, work)
    } else {
        match store.insert(name, &fields, Writer::Caller { display: call.flag("sysparm_input_display_value") }, options) {
            Err(refusal) => return refusal.into(),
            Ok(slot) => {
                work.commits += 1;
                if options.procurement_rules {
                    recompute(store, name, slot, options);
                }
                after_write(store, name, slot, options);
                Some(slot)
            }
        }
    };
    let Some((table, row)) = store.tables.get(name).and_then(|table| Some((table, table.row(slot?)?))) else {
        return Reply::error(500, "Internal error", None);
    };
    let location = format!("{}/api/now/table/{name}/{}", call.base, table.id_text(row));
    let mut reply = if call.no_body { Reply::empty(201) } else { Reply::result(201, &show(store, table, row, call, options)) };
    reply.headers.push(("Location", location));
    reply
}

fn change(store: &mut Store, name: &str, slot: u32, call: &Call, options: &ServiceNowOptions, work: &mut Work) -> Reply {
    let record = match record(&call.body) {
        Ok(record) => record,
        Err(reply) => return reply,
    };
    let writer = Writer::Caller { display: call.flag("sysparm_input_display_value") };
    match store.update(name, slot, &fields(&record), writer, options) {
        Err(refusal) => return refusal.into(),
        Ok(changed) => work.commits += u32::from(changed),
    }
    if options.procurement_rules {
        recompute(store, name, slot, options);
    }
    after_write(store, name, slot, options);
    if call.no_body {
        return Reply::empty(200);
    }
    let row = store.tables.get(name).and_then(|table| Some((table, table.row(slot)?)));
    row.map_or_else(Reply::no_record, |(table, row)| Reply::result(200, &show(store, table, row, call, options)))
}

fn list(store: &Store, table: &Table, call: &Call, options: &ServiceNowOptions) -> Reply {
    let filters = || {
        let plain = call.parameters.iter().filter(|(name, _)| !name.starts_with("sysparm_"));
        plain.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("^")
    };
    let text = call.parameter("sysparm_query").map_or_else(filters, str::to_owned);
    let query = Query::parse(&text, table);
    let now = store.now();
    let shown = |row: &Row| readable(row, now, options) && !unlisted(table, row);
    let number = |name: &str| call.parameter(name).and_then(|text| text.parse::<usize>().ok());
    let (limit, offset) = (number("sysparm_limit").unwrap_or(10_000), number("sysparm_offset").unwrap_or(0));
    let counted = !call.flag("sysparm_no_count");
    let (page, total) = if query.invalid && options.invalid_query_returns_no_rows {
        (Vec::new(), 0)
    } else if let Some((slots, total)) = query.run_in_order(table, offset.saturating_add(limit), counted, shown) {
        (slots.into_iter().skip(offset).collect(), total)
    } else {
        page_of(&query, table, query.run(table, shown), limit, offset)
    };
    // the limit counts before access control
    let rows = page.iter().filter_map(|slot| table.row(*slot)).filter(|row| !hidden(table, row));
    let body = write_rows(store, table, rows, call, options);
    if body == NO_ROWS && total == 0 && call.first_version {
        return Reply::no_record();
    }
    let mut reply = Reply { status: 200, headers: Vec::new(), json: true, body };
    if counted {
        reply.headers.push(("X-Total-Count", total.to_string()));
    }
    // the links lead to pages of a known number
    if counted && !call.flag("sysparm_suppress_pagination_header") {
        reply.headers.push(("Link", links(call, limit, offset, total)));
    }
    reply
}

/// The slots of a page in the query's order, and the number of all that match.
fn page_of(query: &Query, table: &Table, mut slots: Vec<u32>, limit: usize, offset: usize) -> (Vec<u32>, usize) {
    let total = slots.len();
    let end = offset.saturating_add(limit).min(total);
    // without an order, and among equal rows, the order is undefined
    fastrand::shuffle(&mut slots);
    if query.ordered() {
        let compare = |left: &u32, right: &u32| query.compare(table, *left, *right);
        if end < total && end > 0 {
            slots.select_nth_unstable_by(end - 1, compare);
            slots.truncate(end);
        }
        if offset < slots.len() && offset > 0 {
            slots.select_nth_unstable_by(offset, compare);
        }
        if let Some(page) = slots.get_mut(offset.min(end)..end) {
            page.sort_unstable_by(|left, right| match compare(left, right) {
                Ordering::Equal => left.cmp(right),
                order => order,
            });
        }
    }
    (slots.get(offset.min(end)..end).unwrap_or_default().to_vec(), total)
}

fn links(call: &Call, limit: usize, offset: usize, total: usize) -> String {
    let limit = limit.max(1);
    let link = |offset: usize, relation: &str| {
        let kept = call.parameters.iter().filter(|(name, _)| name != "sysparm_offset" && name != "sysparm_limit");
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(kept);
        query.append_pair("sysparm_limit", &limit.to_string()).append_pair("sysparm_offset", &offset.to_string());
        format!("<{}{}?{}>;rel=\"{relation}\"", call.base, call.path, query.finish())
    };
    let mut links = vec![link(0, "first")];
    if offset > 0 {
        links.push(link(offset.saturating_sub(limit), "prev"));
    }
    if offset + limit < total {
        links.push(link(offset + limit, "next"));
    }
    links.push(link(total.saturating_sub(1) / limit * limit, "last"));
    links.join(",")
}

/// The body of a list without rows.
const NO_ROWS: &[u8] = br#"{"result":[]}"#;

/// The body of a list. A plain column is written from the row, without a value in between: a list may have 10,000 rows.
fn write_rows<'a>(
    store: &Store,
    table: &'a Table,
    rows: impl Iterator<Item = &'a Row>,
    call: &Call,
    options: &ServiceNowOptions,
) -> Vec<u8> {
    let mut columns = wanted_columns(table, call);
    // as a JSON object of this program is written
    columns.sort_unstable();
    columns.dedup();
    let displayed = call.parameter("sysparm_display_value").is_some_and(|display| display != "false");
    let plain = |column: &str| {
        let own = !column.starts_with("sys_") && !column.contains('.') && !matches!(table.kind(column), Some(ColumnKind::Reference(_)));
        (own && !displayed && table.knows(column)).then(|| table.number_of(column))
    };
    let columns: Vec<(&str, Option<Option<u16>>)> = columns.into_iter().map(|column| (column, plain(column))).collect();
    let (mut body, mut texts) = (br#"{"result":["#.to_vec(), Vec::new());
    let write = |body: &mut Vec<u8>, value: &str| {
        // a text always has a JSON form
        let _ = serde_json::to_writer(body, value);
    };
    for (n, row) in rows.enumerate() {
        body.extend_from_slice(if n == 0 { b"{" } else { b",{" });
        table.texts_by_number(row, &mut texts);
        let mut first = true;
        let mut name = |body: &mut Vec<u8>, column: &str| {
            if !std::mem::take(&mut first) {
                body.push(b',');
            }
            write(body, column);
            body.push(b':');
        };
        for (column, plain) in &columns {
            if let Some(number) = plain {
                name(&mut body, column);
                write(&mut body, number.and_then(|number| texts.get(usize::from(number)).copied()).unwrap_or_default());
            } else if let Some(value) = cell(store, table, row, column, call, options) {
                name(&mut body, column);
                body.extend_from_slice(value.to_string().as_bytes());
            }
        }
        body.push(b'}');
    }
    body.extend_from_slice(b"]}");
    body
}

/// The columns that a call asks for.
fn wanted_columns<'a>(table: &'a Table, call: &'a Call) -> Vec<&'a str> {
    match call.parameter("sysparm_fields").filter(|fields| !fields.is_empty()) {
        Some(fields) => fields.split(',').map(str::trim).collect(),
        None => table.columns(),
    }
}

/// A row as JSON, the way the call wants it.
fn show(store: &Store, table: &Table, row: &Row, call: &Call, options: &ServiceNowOptions) -> Value {
    let mut shown = Map::new();
    for column in wanted_columns(table, call) {
        if let Some(value) = cell(store, table, row, column, call, options) {
            shown.insert(column.to_owned(), value);
        }
    }
    Value::Object(shown)
}

/// One column; `None` when there is none of that name. Walks through references by dots.
fn cell(store: &Store, table: &Table, row: &Row, column: &str, call: &Call, options: &ServiceNowOptions) -> Option<Value> {
    if let Some((first, rest)) = column.split_once('.') {
        let Some(ColumnKind::Reference(target)) = table.kind(first) else { return None };
        let other = store.tables.get(target)?;
        let Some(hit) = other.find_id(&table.text(row, first)).and_then(|slot| other.row(slot)) else { return Some(json!("")) };
        return cell(store, other, hit, rest, call, options);
    }
    if !table.knows(column) {
        return None;
    }
    let value = table.text(row, column);
    let display = call.parameter("sysparm_display_value").unwrap_or("false");
    let target = match table.kind(column) {
        Some(ColumnKind::Reference(target)) => target.as_str(),
        _ if column == "sys_import_set" => "sys_import_set",
        kind => {
            let shown = || display_value(kind, column, &value, options);
            return Some(match display {
                "true" => json!(shown()),
                "all" => json!({"display_value": shown(), "value": value}),
                _ => json!(value),
            });
        }
    };
    if value.is_empty() {
        return Some(if display == "all" { json!({"display_value": "", "value": ""}) } else { json!("") });
    }
    let shown = || {
        let other = store.tables.get(target)?;
        let hit = other.row(other.find_id(&value)?)?;
        Some(other.text(hit, &other.schema.display).into_owned())
    };
    let mut object = Map::new();
    if display != "false" {
        object.insert("display_value".to_owned(), json!(shown().unwrap_or_else(|| value.to_string())));
    }
    if display != "true" {
        object.insert("value".to_owned(), json!(value));
    }
    if !call.flag("sysparm_exclude_reference_link") {
        object.insert("link".to_owned(), json!(format!("{}/api/now/table/{target}/{value}", call.base)));
    } else if object.len() == 1 {
        // without the link, the reference is its plain value
        return object.into_iter().next().map(|(_, value)| value);
    }
    Some(Value::Object(object))
}

/// What a user would see: date-times in the user's zone, everything else as it is.
fn display_value(kind: Option<&ColumnKind>, column: &str, value: &str, options: &ServiceNowOptions) -> String {
    let time = matches!(kind, Some(ColumnKind::DateTime)) || matches!(column, "sys_created_on" | "sys_updated_on");
    match chrono::NaiveDateTime::parse_from_str(value, "%Y-%m-%d %H:%M:%S") {
        Ok(at) if time => (at + chrono::Duration::minutes(i64::from(options.user_offset_minutes))).format("%Y-%m-%d %H:%M:%S").to_string(),
        _ => value.to_owned(),
    }
}
