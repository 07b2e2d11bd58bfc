//! A page of whole documents: root rows, their joined rows and their children.

use std::collections::{HashMap, HashSet};

use crate::credentials::secret::Credential;
use crate::definition::ReadPlan;
use crate::definition::plan::{ChangeQuery, Filter};
use crate::domain::{CompanyId, Document, DocumentKey, Row, Value};

use super::dates::Window;
use super::error::SysproError;
use super::faults::{self, Roots};
use super::filter::Condition;
use super::order::Course;
use super::position::{Page, PageQuery, Position, ReadScope};
use super::reader::{BadRow, Call, Query, RowProblem, Rows, SysproReader};
use super::related::{Contiguous, Found, Related};
use super::wire::Cell;

impl SysproReader {
    /// One page of whole documents. Never uses `$skip`.
    ///
    /// # Errors
    /// Every [`SysproError`] except `Setup`. Temporary failures were already retried as often as `[retry]` says.
    pub async fn page(
        &self,
        credential: &Credential,
        company: &CompanyId,
        plan: &ReadPlan,
        query: &PageQuery,
    ) -> Result<Page, SysproError> {
        let call = self.call(credential, company).await;
        // the last row of a page is held back and starts the next page, so that rows with one key are never separated
        let limit = query.limit.clamp(1, 4999) + 1;
        let course = query.after.as_ref().map_or_else(Course::default, Position::course);
        if query.after.is_none() {
            // the table may exist by now
            self.forget_absent(company);
        }
        let (documents, next) = match query.scope {
            _ if plan.root.derive.is_some() => (call.derived(plan, limit).await?, None),
            ReadScope::All => {
                let all = call.root_query(plan, vec![], limit);
                let (mut rows, next) = call.page_of(&all, course, limit).await?;
                rows.leave_out(&plan.root);
                (call.documents(plan, rows, RootRows::Contiguous).await?, next)
            }
            ReadScope::Changed { query, since, until } => match plan.changes.get(query) {
                Some(change) => call.changed(plan, change, Window { since, until }, course, limit).await?,
                None => (Vec::new(), None),
            },
        };
        Ok(call.finish(documents, next))
    }

    /// The documents with these keys, whatever their dates; keys that SYSPRO does not have are left out.
    ///
    /// # Errors
    /// As [`SysproReader::page`].
    pub async fn by_key(
        &self,
        credential: &Credential,
        company: &CompanyId,
        plan: &ReadPlan,
        keys: &[DocumentKey],
    ) -> Result<Page, SysproError> {
        let call = self.call(credential, company).await;
        let wanted: HashSet<&DocumentKey> = keys.iter().collect();
        let mut documents = if plan.root.derive.is_some() {
            call.derived(plan, 5000).await?
        } else {
            let related = Related::new(&plan.root, plan.root.key.clone());
            let parts: Vec<Vec<String>> = keys.iter().map(DocumentKey::parts).filter(|parts| parts.len() == plan.root.key.len()).collect();
            let mut found = call.by_text(&related, &parts, KeyParts::Text).await;
            // without `$metadata` it is unknown which parts are numbers: parts that look like one are sent as numbers when text is refused
            if matches!(found, Err(SysproError::Refused { .. } | SysproError::Failed { .. })) && !call.metadata.has_tables() {
                found = call.by_text(&related, &parts, KeyParts::MayBeNumbers).await;
            }
            call.documents(plan, found?.into(), RootRows::Scattered).await?
        };
        documents.retain(|document| wanted.contains(&document.key));
        Ok(call.finish(documents, None))
    }
}

/// How the parts of a key are written into a query. A key stored as text does not say which of them are numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KeyParts {
    /// As text.
    Text,
    /// Those that look like a number as numbers.
    MayBeNumbers,
}

/// Which root rows are read together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RootRows {
    /// All rows between the first and the last: rows that belong to them can be requested by a range.
    Contiguous,
    /// Some rows: there may be others between them.
    Scattered,
}

/// For each row that cannot be read, whether it comes again if the row with the key `last` is held back and `before` is the key before it.
/// `None`: that is not known of one of them. `earlier`: the rows before `before`.
fn come_again(
    course: &Course,
    rows: &Rows,
    (before, last): (&Vec<Cell>, &Vec<Cell>),
    earlier: &[Vec<Cell>],
    key: impl Fn(&Vec<Cell>) -> Vec<Cell>,
) -> Option<Vec<bool>> {
    let begun = course.begun.after.as_ref();
    let again = |bad: &BadRow| match (&bad.cells, &bad.after) {
        (Some(cells), _) => Some(key(cells)).filter(|bad| bad != last && bad < before).map(|_| false),
        // with the same request again, nothing would be won
        (None, _) if !matches!(bad.problem, RowProblem::ShownOtherwise(_)) || begun == Some(before) => None,
        (None, None) => Some(false),
        (None, Some(after)) if after == before || after == last => Some(true),
        (None, Some(after)) => (begun == Some(after) || earlier.iter().any(|row| key(row) == *after)).then_some(false),
    };
    rows.bad.iter().map(again).collect()
}

impl Call<'_> {
    fn finish(&self, documents: Vec<Document>, next: Option<Position>) -> Page {
        let missing_columns = self.missing.take();
        Page {
            documents,
            next,
            rows_read: self.rows.get(),
            root_rows: self.root_rows.get(),
            nameless: self.nameless.get(),
            missing_columns,
            requests: self.requests.get(),
        }
    }

    async fn by_text(&self, related: &Related<'_>, keys: &[Vec<String>], form: KeyParts) -> Result<Found, SysproError> {
        let cell = |part: &String| match crate::domain::money::parse_decimal(part) {
            Some(number) if form == KeyParts::MayBeNumbers && number.to_string() == *part => Cell::Number(part.as_str().into()),
            _ => Cell::Text(part.as_str().into()),
        };
        let mut keys: Vec<Vec<Cell>> = keys.iter().map(|key| key.iter().map(cell).collect()).collect();
        super::key_filter::sort_keys(&mut keys);
        self.by_keys(related, &keys).await
    }

    /// A condition of the definition, for this company.
    pub(super) fn fixed(&self, filter: Option<&Filter>) -> Option<Condition> {
        filter.map(|filter| Condition::fixed(&filter.of(self.company)))
    }

    fn root_query<'p>(&self, plan: &'p ReadPlan, mut conditions: Vec<Condition>, limit: u32) -> Query<'p> {
        let root = &plan.root;
        if let Some(filter) = self.fixed(root.filter.as_ref()) {
            conditions.insert(0, filter);
        }
        Query {
            table: &root.table,
            columns: &root.columns,
            optional: &root.optional,
            key: &root.key,
            kinds: root.kinds(),
            conditions,
            fixed: 0,
            top: limit,
            anchor: &[],
            repeats: false,
        }
    }

    /// A page of a query, and the start of the next one.
    pub(super) async fn page_of(&self, query: &Query<'_>, mut course: Course, limit: u32) -> Result<(Rows, Option<Position>), SysproError> {
        self.begin_page(query, &mut course.trail, course.after.clone().as_deref())?;
        let mut rows = self.read(query, &mut course, limit as usize).await?;
        if rows.more {
            // rows with a key that cannot be used in a query come again with the rows after the last usable key
            let key_at = self.key_offsets(query)?;
            let askable = |row: &Vec<Cell>| key_at.iter().all(|at| row[*at].is_askable());
            rows.rows.truncate(rows.rows.iter().rposition(askable).map_or(0, |last| last + 1));
            self.hold_back(query, &mut course, &mut rows)?;
        }
        let came = (rows.rows.len() + rows.bad.len()).saturating_sub(rows.again);
        self.root_rows.set(self.root_rows.get() + came as u64);
        let next = (rows.more && course.after.is_some()).then(|| Position::after(course));
        Ok((rows, next))
    }

    /// Leaves the rows of the last key to the next request, if others remain, so that rows with one key are never separated. Returns them.
    pub(super) fn hold_back(&self, query: &Query<'_>, course: &mut Course, rows: &mut Rows) -> Result<Vec<Vec<Cell>>, SysproError> {
        let key_at = self.key_offsets(query)?;
        let key = |row: &Vec<Cell>| key_at.iter().map(|at| row[*at].clone()).collect::<Vec<Cell>>();
        let askable = |key: &[Cell]| key.iter().all(Cell::is_askable);
        let Some(last) = rows.rows.last().map(key) else { return Ok(Vec::new()) };
        // the last row cannot be read, or its key has no position
        if course.after.as_ref() != Some(&last) {
            return Ok(Vec::new());
        }
        let kept = rows.rows.iter().rposition(|row| key(row) != last);
        if let Some(kept) = kept
            && let before = key(&rows.rows[kept])
            && askable(&before)
            && let Some(again) = come_again(course, rows, (&before, &last), &rows.rows[..kept], key)
        {
            // they come again, too
            let mut again = again.into_iter();
            rows.bad.retain(|_| again.next() != Some(true));
            course.back_to(&before, &last);
            course.awaited = Some(last);
            return Ok(rows.rows.split_off(kept + 1));
        }
        Ok(Vec::new())
    }

    /// Rows that were held back and did not come again: they were seen, and stay.
    pub(super) fn not_again(
        &self,
        query: &Query<'_>,
        held: Vec<Vec<Cell>>,
        came: Option<&Vec<Cell>>,
    ) -> Result<Vec<Vec<Cell>>, SysproError> {
        let key_at = self.key_offsets(query)?;
        let same = |row: &Vec<Cell>, key: &Vec<Cell>| key_at.iter().zip(key).all(|(at, cell)| row[*at] == *cell);
        let again = held.first().zip(came).is_some_and(|(held, came)| same(held, came));
        Ok(if again { Vec::new() } else { held })
    }

    /// The documents found by one change query.
    async fn changed(
        &self,
        plan: &ReadPlan,
        change: &ChangeQuery,
        window: Window,
        course: Course,
        limit: u32,
    ) -> Result<(Vec<Document>, Option<Position>), SysproError> {
        let fixed: Vec<Condition> = self.fixed(change.filter.as_ref()).into_iter().collect();
        if change.touches.is_empty() && change.table == plan.root.table {
            let query = self.root_query(plan, fixed, limit);
            let (mut rows, next) = self.dated(&query, change, window, course, limit).await?;
            rows.leave_out(&plan.root);
            return Ok((self.documents(plan, rows, RootRows::Scattered).await?, next));
        }
        let touches = match change.touches.is_empty() {
            true => plan.root.key.iter().map(|name| (name.clone(), name.clone())).collect(),
            false => change.touches.clone(),
        };
        let mut columns = change.key.clone();
        for (_, name) in &touches {
            if !columns.contains(name) {
                columns.push(name.clone());
            }
        }
        let anchor: Vec<String> = touches.iter().map(|(_, name)| name.clone()).collect();
        let query = Query {
            table: &change.table,
            columns: &columns,
            optional: &[],
            key: &change.key,
            kinds: change.kinds(),
            conditions: fixed,
            fixed: 0,
            top: limit,
            anchor: &anchor,
            repeats: false,
        };
        let (mut rows, next) = match self.dated(&query, change, window, course, limit).await {
            Err(SysproError::UnknownTable { table, .. }) if change.may_be_absent => {
                self.note_absent_table(&table);
                return Ok((Vec::new(), None));
            }
            found => found?,
        };
        // other columns of a row that only shows which record changed do not matter
        let (named, nameless): (Vec<BadRow>, Vec<BadRow>) = std::mem::take(&mut rows.bad).into_iter().partition(|bad| bad.cells.is_some());
        rows.rows.extend(named.into_iter().filter_map(|bad| bad.cells));
        let mut unknown = faults::changes_after(plan, &change.table, &nameless);
        let left = offsets(self, &columns, touches.iter().map(|(_, column)| column), &change.table)?;
        unknown.extend(faults::changes_unaskable(plan, change, &columns, &rows.rows, &left));
        let related = Related::new(&plan.root, touches.into_iter().map(|(column, _)| column).collect());
        let roots = self.related(&related, &rows.rows, &left, None).await?;
        let wanted: HashSet<Vec<String>> = rows.rows.iter().map(|row| left.iter().map(|at| row[*at].key_text()).collect()).collect();
        let roots = Found { rows: roots.rows.into_iter().filter(|row| wanted.contains(&related.group(row))).collect(), bad: roots.bad };
        let mut documents = self.documents(plan, roots.into(), RootRows::Scattered).await?;
        documents.extend(unknown);
        Ok((documents, next))
    }

    /// Root rows with all rows that belong to them.
    async fn documents(&self, plan: &ReadPlan, rows: Rows, which: RootRows) -> Result<Vec<Document>, SysproError> {
        let root = Related::new(&plan.root, Vec::new());
        let Roots { mut rows, mut faults, nameless } = faults::roots(self, plan, rows);
        let mut values: Vec<Vec<Value>> = Vec::with_capacity(rows.len());
        for row in &mut rows {
            let mut line: Vec<Value> = self.values(&root, row, plan.root.columns.len()).collect();
            line.resize(plan.columns.len(), Value::Null);
            row.resize(plan.columns.len(), Cell::Null);
            values.push(line);
        }
        let bounds = |on: &[(String, String)]| -> Vec<(usize, String)> {
            let pair = |(at, name): (&usize, &String)| on.iter().find(|(left, _)| left == name).map(|(_, right)| (*at, right.clone()));
            plan.root.key_at.iter().zip(&plan.root.key).map_while(pair).collect()
        };
        for join in &plan.joins {
            let related = Related::new(&join.table, join.on.iter().map(|(_, column)| column.clone()).collect());
            let left = offsets(self, &plan.columns, join.on.iter().map(|(column, _)| column), &plan.root.table)?;
            let bounds = bounds(&join.on);
            let found = match self.related(&related, &rows, &left, range(which, plan, &bounds)).await {
                // a joined table that a site may lack completely, such as a custom form's
                Err(SysproError::UnknownTable { .. }) if lacks_nothing_needed(&related) => {
                    self.gone(&join.table.table, join.table.columns.clone())?;
                    for name in join.table.columns.iter().filter(|name| !join.table.key.contains(name)) {
                        self.note_missing(&join.table.table, name);
                    }
                    continue;
                }
                found => found?,
            };
            faults::unreadable(&related, &found.bad, &rows, &left, &mut faults);
            let found = group(&related, found.rows);
            for ((row, line), faults) in rows.iter_mut().zip(&mut values).zip(&mut faults) {
                let key: Vec<String> = left.iter().map(|at| row[*at].key_text()).collect();
                if let Some(odd) = left.iter().find(|at| !row[**at].is_askable()) {
                    faults::first(faults, || faults::unaskable(&plan.columns[*odd], &row[*odd], &join.table.table));
                }
                let own = found.get(&key).map(Vec::as_slice).unwrap_or_default();
                let Some(companion) = own.first() else { continue };
                if own.len() > 1 {
                    faults::first(faults, || faults::companions(&related, &key, own));
                }
                let companions = self.values(&related, companion, join.table.columns.len());
                let plain =
                    join.table.columns.iter().zip(companion).zip(companions).filter(|((name, _), _)| !join.table.key.contains(name));
                for (at, ((_, cell), value)) in plain.enumerate() {
                    if let (Some(to), Some(line)) = (row.get_mut(join.offset + at), line.get_mut(join.offset + at)) {
                        (*to, *line) = (cell.clone(), value);
                    }
                }
            }
        }
        let mut children: Vec<Vec<Vec<Row>>> = vec![Vec::with_capacity(plan.children.len()); rows.len()];
        for child in &plan.children {
            let on = child.via.as_ref().map_or(&child.on, |via| &via.on);
            let bounds = bounds(on);
            let found = match self.children(plan, child, &rows, range(which, plan, &bounds), &mut faults).await {
                // a single record: it is too large
                Err(error @ SysproError::Heavy { .. }) if rows.len() == 1 => {
                    faults::first(&mut faults[0], || faults::heavy(&child.table.table, &error));
                    vec![Vec::new()]
                }
                found => found?,
            };
            for (document, lines) in children.iter_mut().zip(found) {
                document.push(lines);
            }
        }
        let documents = values.into_iter().zip(children).zip(faults).map(|((line, children), faults)| {
            let key = DocumentKey::from_values(plan.root.key_at.iter().map(|at| &line[*at]));
            Document { key, root: line.into(), children, faults }
        });
        Ok(documents.chain(nameless).collect())
    }
}

fn range<'a>(which: RootRows, plan: &'a ReadPlan, bounds: &'a [(usize, String)]) -> Option<Contiguous<'a>> {
    (which == RootRows::Contiguous)
        .then(|| Contiguous { root: &plan.root.table, bounds: bounds.iter().map(|(at, name)| (*at, name.as_str())).collect() })
}

fn lacks_nothing_needed(related: &Related<'_>) -> bool {
    related.table.columns.iter().all(|name| related.table.key.contains(name) || related.table.optional.contains(name))
}

pub(super) fn group(related: &Related<'_>, rows: Vec<Vec<Cell>>) -> HashMap<Vec<String>, Vec<Vec<Cell>>> {
    let mut groups: HashMap<Vec<String>, Vec<Vec<Cell>>> = HashMap::new();
    for row in rows {
        groups.entry(related.group(&row)).or_default().push(row);
    }
    groups
}

pub(super) fn offsets<'n>(
    call: &Call<'_>,
    columns: &[String],
    names: impl Iterator<Item = &'n String>,
    table: &str,
) -> Result<Vec<usize>, SysproError> {
    let missing =
        |name: &String| SysproError::NoKey { asked: format!("a query of `{table}` in company `{}`", call.company), column: name.clone() };
    names.map(|name| columns.iter().position(|column| column == name).ok_or_else(|| missing(name))).collect()
}
