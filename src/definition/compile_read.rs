//! Compiles `config/entities/<entity>.toml` to a `ReadPlan`.

use std::collections::{BTreeMap, BTreeSet};

use chrono_tz::Tz;

use crate::domain::schedule::Schedule;

use super::compile_control::controls;
use super::compile_number::RowNames;
use super::parse::{Flag, Table, Text, Whole, Words};
use super::plan::{ChangeQuery, ChildRead, Cut, Derive, Filter, JoinRead, Matching, ReadPlan, SweepPlan, TableRead, TypeChange, ViaRead};
use super::problem::{Report, list, unknown_column};
use super::shape::{ChangeShape, ChangeWord, ChildShape, DeriveShape, EntityFile, JoinShape, OnShape, ViaShape};

/// Compiles how an entity is read. Mistakes go to the report; the plan is then incomplete and must not be used.
pub(super) fn read_plan(file: &EntityFile, report: &mut Report<'_>) -> ReadPlan {
    let shape = &file.root;
    let root = TableShape {
        at: "root",
        table: &shape.table,
        key: &shape.key,
        columns: shape.columns.as_ref(),
        optional: shape.optional.as_ref(),
        filter: shape.filter.as_ref(),
        exclude: shape.exclude.as_ref(),
        dates: shape.dates.as_ref(),
        numbers: shape.numbers.as_ref(),
    };
    let mut root = root.compile(&[], report);
    root.derive = shape.derive.as_ref().map(|derive| derived(derive, &shape.key, report));
    if let Some(derive) = &root.derive {
        for (place, names) in [("dates", &shape.dates), ("numbers", &shape.numbers)] {
            for name in names.iter().flat_map(|names| names.iter()).filter(|name| name.value == derive.column_out) {
                report.add(name.line, format!("root.{place}"), format!("`{}` is a part of a text and stays text", name.value));
            }
        }
    }

    let mut columns = root.columns.clone();
    let mut joins = Vec::new();
    for (i, join) in file.joins.iter().flatten().enumerate() {
        joins.push(join_read(join, &format!("join.{}", i + 1), &root, &mut columns, report));
    }
    let mut children: Vec<ChildRead> = Vec::new();
    for (i, child) in file.children.iter().flatten().enumerate() {
        let at = format!("child.{}", i + 1);
        let name = &child.name;
        if name.line > 0 {
            if name.as_str() == "header" || columns.contains(&name.value) {
                report.add(
                    name.line,
                    format!("{at}.name"),
                    format!("`{}` cannot name a child: it is `header` or a column of the root row", name.value),
                );
            }
            if children.iter().any(|other| other.name == name.value) {
                report.add(name.line, format!("{at}.name"), format!("there are two children named `{}`", name.value));
            }
        }
        children.push(child_read(child, &at, &root, &columns, report));
    }
    let tables = Tables { root: &root, joins: &joins, children: &children };
    let changes: Vec<_> = file
        .changes
        .iter()
        .flatten()
        .enumerate()
        .map(|(i, change)| change_query(change, &format!("change.{}", i + 1), &tables, report))
        .collect();
    if let Some(sweep) = &file.sweep {
        check_cron(&sweep.schedule, "sweep.schedule", report);
        if changes.is_empty() {
            report.add(sweep.line, "sweep", "a flow without `[[change]]` is read completely in every run and needs no sweep");
        }
    }
    if let Some(schedule) = &file.schedule {
        check_cron(schedule, "schedule", report);
    }
    for (child, shape) in children.iter_mut().zip(file.children.iter().flatten()) {
        let own = child.columns();
        let names = RowNames { table: &child.table.table, own: &own, root: Some(&columns) };
        child.amounts = names.amounts(shape.amounts.as_ref(), &format!("child.{}", child.name), report);
    }
    let names = RowNames { table: &root.table, own: &columns, root: None };
    let amounts = names.amounts(shape.amounts.as_ref(), "root", report);
    let controls = controls(file.controls.as_ref(), &names, &children, report);
    let sweep = file.sweep.as_ref().map(|sweep| SweepPlan { schedule: sweep.schedule.value.clone() });
    let type_change = if file.type_change == Some(ChangeWord::Report) { TypeChange::Report } else { TypeChange::Stop };
    ReadPlan { root, joins, children, changes, columns, sweep, type_change, amounts, controls }
}

fn check_cron(text: &Text, key: &str, report: &mut Report<'_>) {
    if text.line > 0
        && let Err(error) = Schedule::parse(text, Tz::UTC)
    {
        report.add(text.line, key, format!("`{}` is not a schedule such as `5 * * * *`: {error}", text.value));
    }
}

/// The common parts of the three kinds of tables.
struct TableShape<'a> {
    at: &'a str,
    table: &'a Text,
    key: &'a Words,
    columns: Option<&'a Words>,
    optional: Option<&'a Words>,
    filter: Option<&'a Text>,
    exclude: Option<&'a Table<Words>>,
    dates: Option<&'a Words>,
    numbers: Option<&'a Words>,
}

impl TableShape<'_> {
    /// The table with its key columns first, then `columns` and `optional`, then the columns of `also` that are not among them.
    fn compile(&self, also: &[String], report: &mut Report<'_>) -> TableRead {
        let at = self.at;
        check_name(self.table, &format!("{at}.table"), "a table", report);
        if self.key.line > 0 && self.key.is_empty() {
            report.add(self.key.line, format!("{at}.key"), "must name at least one column");
        }
        let mut columns: Vec<String> = Vec::new();
        for key in self.key.iter() {
            if columns.contains(&key.value) {
                report.add(key.line, format!("{at}.key"), format!("the column `{}` is named twice", key.value));
            }
            check_name(key, &format!("{at}.key"), "a column", report);
            columns.push(key.value.clone());
        }
        let mut named = BTreeSet::new();
        for (place, names) in [("columns", self.columns), ("optional", self.optional)] {
            for name in names.iter().flat_map(|names| names.iter()) {
                check_name(name, &format!("{at}.{place}"), "a column", report);
                if !named.insert(name.value.as_str()) {
                    report.add(name.line, format!("{at}.{place}"), format!("the column `{}` is named twice", name.value));
                } else if !columns.contains(&name.value) {
                    columns.push(name.value.clone());
                }
            }
        }
        for name in also {
            if !columns.contains(name) {
                columns.push(name.clone());
            }
        }
        let key: Vec<String> = self.key.iter().map(|key| key.value.clone()).collect();
        let key_at = key.iter().filter_map(|key| columns.iter().position(|column| column == key)).collect();
        let mut exclude = Vec::new();
        for (column, texts) in self.exclude.iter().flat_map(|table| &table.0) {
            match columns.iter().position(|name| *name == column.value) {
                Some(offset) => exclude.push((offset, texts.iter().map(|text| text.value.clone()).collect())),
                None => report.add(column.line, format!("{at}.exclude"), unknown_column(column, self.table, &columns)),
            }
        }
        let (dates, numbers) = self.kinds(&columns, report);
        TableRead {
            table: self.table.value.clone(),
            key,
            columns,
            dates,
            numbers,
            key_at,
            filter: self.filter.map(|text| filter(text, &format!("{at}.filter"), report)),
            exclude,
            optional: self.optional.iter().flat_map(|names| names.iter()).map(|name| name.value.clone()).collect(),
            derive: None,
        }
    }
}

impl TableShape<'_> {
    /// The columns declared as dates and as numbers.
    fn kinds(&self, columns: &[String], report: &mut Report<'_>) -> (Vec<String>, Vec<String>) {
        let mut named = BTreeSet::new();
        let mut list = |place: &str, names: Option<&Words>| {
            let mut found = Vec::new();
            for name in names.iter().flat_map(|names| names.iter()) {
                let key = format!("{}.{place}", self.at);
                if !columns.contains(&name.value) {
                    report.add(name.line, key, unknown_column(name, self.table, columns));
                } else if !named.insert(name.value.clone()) {
                    report.add(name.line, key, format!("the column `{}` is named twice; it holds dates or numbers", name.value));
                }
                found.push(name.value.clone());
            }
            found
        };
        let dates = list("dates", self.dates);
        (dates, list("numbers", self.numbers))
    }
}

/// A condition. The only placeholder is `{company}`, and it must be within a text literal.
fn filter(text: &Text, key: &str, report: &mut Report<'_>) -> Filter {
    let (mut quoted, mut rest) = (false, text.as_str());
    while let Some(at) = rest.find(['\'', '{']) {
        let (found, after) = rest[at..].split_at(1);
        rest = after;
        if found == "'" {
            quoted = !quoted;
            continue;
        }
        let Some((word, _)) = after.split_once('}').filter(|(word, _)| word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')) else {
            continue;
        };
        if word != "company" {
            report.add(text.line, key, format!("`{{{word}}}` is not a placeholder; `{{company}}` is replaced with the company's id"));
        } else if !quoted {
            report.add(text.line, key, "`{company}` must be in quotes, such as `Company eq '{company}'`");
        }
    }
    Filter::new(&text.value)
}

fn check_name(name: &Text, key: &str, what: &str, report: &mut Report<'_>) {
    let fits = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'+');
    if name.line > 0 && !fits {
        report.add(name.line, key, format!("`{}` cannot be the name of {what}: letters, digits, `_` and `+` only", name.value));
    }
}

fn derived(shape: &DeriveShape, key: &Words, report: &mut Report<'_>) -> Derive {
    let mut counted = |name: &str, whole: &Whole| {
        if whole.line > 0 && whole.value == 0 {
            report.add(whole.line, format!("root.derive.{name}"), format!("{name}s are counted from 1, got `0`"));
        }
        whole.value as usize
    };
    let cut = match (&shape.separator, &shape.part, &shape.start, &shape.length) {
        (Some(separator), Some(part), None, None) => {
            let part = counted("part", part);
            if separator.line > 0 && separator.is_empty() {
                report.add(separator.line, "root.derive.separator", "must not be empty");
            }
            Cut::Part { separator: separator.value.clone(), part }
        }
        (None, None, Some(start), Some(length)) => Cut::Span { start: counted("start", start), length: counted("length", length) },
        _ => {
            report.add(shape.line, "root.derive", "needs `separator` and `part`, or `start` and `length`");
            Cut::Span { start: 1, length: 1 }
        }
    };
    check_name(&shape.from, "root.derive.from", "a column", report);
    if shape.column.line > 0 && key.line > 0 && (key.len() != 1 || key[0].value != shape.column.value) {
        let found = list(key.iter().map(|name| &name.value));
        report.add(key.line, "root.key", format!("must be the derived column `{}` alone, got {found}", shape.column.value));
    }
    Derive { from: shape.from.value.clone(), cut, column_out: shape.column.value.clone() }
}

/// The pairs of `on`, or the root's key on both sides.
fn on_or_key(on: Option<&OnShape>, root: &TableRead) -> Vec<(Text, Text)> {
    match on {
        Some(on) => on.pairs(),
        None => root.key.iter().map(|name| Text { value: name.clone(), line: 0 }).map(|name| (name.clone(), name)).collect(),
    }
}

fn plain_pairs(pairs: &[(Text, Text)]) -> Vec<(String, String)> {
    pairs.iter().map(|(left, right)| (left.value.clone(), right.value.clone())).collect()
}

/// Reports a left column of `on` that its table does not have.
fn check_left(pairs: &[(Text, Text)], table: &str, columns: &[String], key: &str, report: &mut Report<'_>) {
    for (left, _) in pairs {
        if !columns.contains(&left.value) {
            report.add(left.line, key, unknown_column(left, table, columns));
        }
    }
}

fn join_read(join: &JoinShape, at: &str, root: &TableRead, columns: &mut Vec<String>, report: &mut Report<'_>) -> JoinRead {
    let on = on_or_key(join.on.as_ref(), root);
    check_left(&on, &root.table, &root.columns, &format!("{at}.on"), report);
    let key = Words { value: on.iter().map(|(_, right)| right.clone()).collect(), line: 0 };
    let table = TableShape {
        at,
        table: &join.table,
        key: &key,
        columns: join.columns.as_ref(),
        optional: join.optional.as_ref(),
        filter: join.filter.as_ref(),
        exclude: None,
        dates: join.dates.as_ref(),
        numbers: join.numbers.as_ref(),
    };
    let table = table.compile(&[], report);
    let offset = columns.len();
    for column in table.columns.iter().filter(|column| !table.key.contains(column)) {
        if columns.contains(column) {
            let named =
                [&join.columns, &join.optional].into_iter().flatten().flat_map(|names| names.iter()).find(|name| name.value == *column);
            let line = named.map_or(join.line, |name| name.line);
            report.add(line, format!("{at}.columns"), format!("the root row already has a column `{column}`"));
        }
        columns.push(column.clone());
    }
    JoinRead { table, on: plain_pairs(&on), offset }
}

fn child_read(child: &ChildShape, at: &str, root: &TableRead, root_row: &[String], report: &mut Report<'_>) -> ChildRead {
    if let (Some(_), Some(via)) = (&child.on, &child.via) {
        report.add(via.line, format!("{at}.on"), "`on` and `via` exclude one another: with `via`, say `via = { on = … }`");
    }
    let (on, via) = match &child.via {
        Some(via) => {
            let on = via.on.pairs();
            let to_root = on_or_key(via.root.as_ref(), root);
            check_left(&to_root, &root.table, root_row, &format!("{at}.via.root"), report);
            let own = Words { value: on.iter().map(|(left, _)| left.clone()).collect(), line: 0 };
            let carried: Vec<String> = via.carry.iter().flat_map(|names| names.iter()).map(|name| name.value.clone()).collect();
            let both = to_root.iter().map(|(_, right)| right.value.clone()).chain(own.iter().map(|name| name.value.clone()));
            let matching = matching(via, &format!("{at}.via"), report);
            let matched = matching.iter().flat_map(|one| std::iter::once(&one.net).chain(one.narrow.iter().map(|(left, _)| left)));
            let also: Vec<String> = both.chain(carried.iter().cloned()).chain(matched.cloned()).collect();
            let table = TableShape {
                at: &format!("{at}.via"),
                table: &via.table,
                key: via.key.as_ref().unwrap_or(&own),
                columns: via.columns.as_ref(),
                optional: None,
                filter: via.filter.as_ref(),
                exclude: None,
                dates: via.dates.as_ref(),
                numbers: via.numbers.as_ref(),
            };
            (on, Some(ViaRead { table: table.compile(&also, report), on: plain_pairs(&to_root), carry: carried, matching }))
        }
        None => {
            let on = on_or_key(child.on.as_ref(), root);
            check_left(&on, &root.table, root_row, &format!("{at}.on"), report);
            (on, None)
        }
    };
    let table = TableShape {
        at,
        table: &child.table,
        key: &child.key,
        columns: child.columns.as_ref(),
        optional: child.optional.as_ref(),
        filter: child.filter.as_ref(),
        exclude: child.exclude.as_ref(),
        dates: child.dates.as_ref(),
        numbers: child.numbers.as_ref(),
    };
    let narrow = via.iter().flat_map(|via| &via.matching).flat_map(|matching| &matching.narrow).map(|(_, right)| right.clone());
    let right: Vec<String> = on.iter().map(|(_, right)| right.value.clone()).chain(narrow).collect();
    let table = table.compile(&right, report);
    for name in child.via.iter().flat_map(|via| &via.carry).flat_map(|names| names.iter()) {
        if table.columns.contains(&name.value) {
            report.add(name.line, format!("{at}.via.carry"), format!("the child's row already has a column `{}`", name.value));
        }
    }
    let may_be_absent = is_set(child.may_be_absent.as_ref());
    ChildRead { name: child.name.value.clone(), table, on: plain_pairs(&on), via, amounts: BTreeMap::new(), may_be_absent }
}

/// How the rows in between match records with child rows, if they do.
fn matching(via: &ViaShape, at: &str, report: &mut Report<'_>) -> Option<Matching> {
    let Some(net) = &via.net else {
        if via.narrow.is_some() {
            report.add(via.line, format!("{at}.narrow"), "needs `net`, which is missing: `on` distinguishes the child rows");
        }
        return None;
    };
    check_name(net, &format!("{at}.net"), "a column", report);
    if let Some(carry) = &via.carry {
        let text = "is not allowed with `net`: if several rows lead to one child row, it is unknown whose values the child row would carry";
        report.add(carry.line, format!("{at}.carry"), text);
    }
    let narrow = via.narrow.as_ref().map(OnShape::pairs).unwrap_or_default();
    for name in narrow.iter().flat_map(|(left, right)| [left, right]) {
        check_name(name, &format!("{at}.narrow"), "a column", report);
    }
    Some(Matching { net: net.value.clone(), narrow: plain_pairs(&narrow) })
}

fn is_set(flag: Option<&Flag>) -> bool {
    flag.is_some_and(|flag| flag.value)
}

/// The tables that the entity reads.
struct Tables<'a> {
    root: &'a TableRead,
    joins: &'a [JoinRead],
    children: &'a [ChildRead],
}

impl<'a> Tables<'a> {
    fn find(&self, name: &str) -> Option<&'a TableRead> {
        let joins = self.joins.iter().map(|join| &join.table);
        let children = self.children.iter().flat_map(|child| [Some(&child.table), child.via.as_ref().map(|via| &via.table)]).flatten();
        std::iter::once(self.root).chain(joins).chain(children).find(|table| table.table == name)
    }
}

fn change_query(change: &ChangeShape, at: &str, tables: &Tables<'_>, report: &mut Report<'_>) -> ChangeQuery {
    check_name(&change.table, &format!("{at}.table"), "a table", report);
    let known = tables.find(&change.table);
    let is_root = change.table.value == tables.root.table;
    if let Some(known) = known {
        // A column that is in none of our rows is most likely a typing mistake, so it must be read too.
        for name in change.any_of.iter().flat_map(|names| names.iter()) {
            if !known.columns.contains(&name.value) {
                report.add(name.line, format!("{at}.any_of"), unknown_column(name, &known.table, &known.columns));
            } else if !known.dates.contains(&name.value) {
                let text = format!("`{}` is queried by date, and `dates` of `{}` does not name it", name.value, known.table);
                report.add(name.line, format!("{at}.any_of"), text);
            }
        }
        if let Some(numbers) = &change.numbers {
            let text = format!("`{}` is read: say there which of its columns hold numbers", known.table);
            report.add(numbers.line, format!("{at}.numbers"), text);
        }
    }
    if change.any_of.as_ref().is_none_or(|names| names.line > 0 && names.is_empty()) && change.filter.is_none() {
        report.add(change.line, at, "needs `any_of`, `filter` or both; a flow that is read completely has no `[[change]]`");
    }
    let key: Vec<String> = match (&change.key, known) {
        (Some(key), _) => key.iter().map(|name| name.value.clone()).collect(),
        (None, Some(known)) => known.key.clone(),
        (None, None) => {
            if change.table.line > 0 {
                let text = format!("the key `key` is missing: the full primary key of `{}`, by which it is paged", change.table.value);
                report.add(change.line, at, text);
            }
            Vec::new()
        }
    };
    let touches: Vec<(String, String)> =
        change.touches.iter().flat_map(|table| &table.0).map(|(root, own)| (root.value.clone(), own.value.clone())).collect();
    if is_root && let Some(touches) = &change.touches {
        let line = touches.0.first().map_or(change.line, |(name, _)| name.line);
        report.add(line, format!("{at}.touches"), "the root table names its documents by its own key; leave it out");
    } else if !is_root && change.table.line > 0 {
        let named: BTreeSet<&str> = touches.iter().map(|(root, _)| root.as_str()).collect();
        let wanted: BTreeSet<&str> = tables.root.key.iter().map(String::as_str).collect();
        if named != wanted && !wanted.is_empty() {
            let text = format!("must name each column of the root's key ({}), got {}", list(&wanted), list(&named));
            report.add(change.line, format!("{at}.touches"), text);
        }
    }
    // In the order of the root's key, so that the reader need not sort.
    let order = |name: &str| tables.root.key.iter().position(|key| key == name);
    let mut touches = touches;
    touches.sort_by_key(|(root, _)| order(root));
    let names = |words: &Option<Words>| words.iter().flat_map(|names| names.iter()).map(|name| name.value.clone()).collect::<Vec<_>>();
    ChangeQuery {
        table: change.table.value.clone(),
        key,
        any_of: names(&change.any_of),
        dates: known.map_or_else(|| names(&change.any_of), |known| known.dates.clone()),
        numbers: known.map_or_else(|| names(&change.numbers), |known| known.numbers.clone()),
        overlap_days: change.overlap_days.as_ref().map_or(1, |days| days.value),
        filter: change.filter.as_ref().map(|text| filter(text, &format!("{at}.filter"), report)),
        touches,
        may_be_absent: is_set(change.may_be_absent.as_ref()),
    }
}
