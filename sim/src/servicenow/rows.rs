//! Rows in memory: cells packed into one allocation, hash indexes on `sys_id` and on columns that are searched by.

use std::borrow::Cow;
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashMap};
use std::hash::{Hash, Hasher};
use std::ops::Bound;
use std::sync::Arc;

use super::schema::{ColumnKind, TableSchema};

/// Columns every table has.
const SYSTEM: [&str; 6] = ["sys_id", "sys_created_on", "sys_created_by", "sys_updated_on", "sys_updated_by", "sys_mod_count"];

/// Columns every staging table has besides.
const STAGED: [&str; 9] = [
    "sys_import_state",
    "sys_import_state_comment",
    "sys_target_table",
    "sys_target_sys_id",
    "sys_import_set",
    "sys_import_row",
    "sys_row_error",
    "sys_transform_map",
    "import_set_run",
];

/// The values of a row: pairs (column number, text), empty texts left out.
#[derive(Debug, Default)]
pub(super) struct Cells(Box<[u8]>);

impl Cells {
    fn pack<'a>(values: impl Iterator<Item = (u16, &'a str)>) -> Self {
        let mut bytes = Vec::new();
        for (column, text) in values.filter(|(_, text)| !text.is_empty()) {
            bytes.extend_from_slice(&column.to_le_bytes());
            bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        Self(bytes.into_boxed_slice())
    }

    fn iter(&self) -> impl Iterator<Item = (u16, &str)> {
        let mut rest: &[u8] = &self.0;
        std::iter::from_fn(move || {
            let (column, tail) = rest.split_first_chunk::<2>()?;
            let (length, tail) = tail.split_first_chunk::<4>()?;
            let (text, tail) = tail.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            rest = tail;
            // packed from a `str` above
            Some((u16::from_le_bytes(*column), std::str::from_utf8(text).unwrap_or_default()))
        })
    }

    fn get(&self, wanted: u16) -> &str {
        self.iter().find_map(|(column, text)| (column == wanted).then_some(text)).unwrap_or_default()
    }
}

/// One row.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) id: u128,
    /// Milliseconds since 1970.
    pub(super) created: i64,
    updated: i64,
    changes: u32,
    cells: Cells,
}

/// Rows that share a hash; almost always one.
#[derive(Debug)]
enum Slots {
    One(u32),
    Many(Vec<u32>),
}

/// An index over one or more columns, without case.
#[derive(Debug)]
struct Index {
    columns: Vec<u16>,
    slots: HashMap<u64, Slots>,
}

/// One table with its rows. A slot is a row's place; slots are never used again.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) schema: Arc<TableSchema>,
    open: bool,
    names: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u16>,
    rows: Vec<Option<Row>>,
    by_id: BTreeMap<u128, u32>,
    indexes: Vec<Index>,
    pub(super) live: usize,
}

impl Table {
    /// An empty table. `open_columns`: whether an open schema is one; `keys`: further indexes, each over several columns.
    pub(super) fn new(schema: Arc<TableSchema>, open_columns: bool, keys: &[Vec<String>]) -> Self {
        let open = schema.open && open_columns;
        let mut table = Self {
            schema: schema.clone(),
            open,
            names: Vec::new(),
            numbers: HashMap::new(),
            rows: Vec::new(),
            by_id: BTreeMap::new(),
            indexes: Vec::new(),
            live: 0,
        };
        for column in &schema.columns {
            table.number(&column.name);
        }
        let single = schema.indexed.iter().map(|column| vec![column.clone()]);
        for key in single.chain(keys.iter().cloned()) {
            if key.is_empty() || !key.iter().all(|column| table.knows(column)) {
                continue;
            }
            let columns: Vec<u16> = key.iter().map(|column| table.number(column)).collect();
            if table.indexes.iter().all(|index| index.columns != columns) {
                table.indexes.push(Index { columns, slots: HashMap::new() });
            }
        }
        table
    }

    /// Whether the table has this column.
    pub(super) fn knows(&self, name: &str) -> bool {
        SYSTEM.contains(&name)
            || (self.schema.staging && STAGED.contains(&name))
            || (self.open && name.starts_with("u_") && name.len() > 2)
            || self.schema.column(name).is_some()
    }

    /// Whether a caller may write this column at all.
    pub(super) fn writable(&self, name: &str) -> bool {
        self.knows(name) && !name.starts_with("sys_") && !self.schema.unwritable.iter().any(|column| column == name)
    }

    /// What the column holds; columns of the system and of open tables are text.
    pub(super) fn kind(&self, name: &str) -> Option<&ColumnKind> {
        self.schema.column(name).map(|column| &column.kind)
    }

    /// The number of a column, given on first use.
    pub(super) fn number(&mut self, name: &str) -> u16 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let (number, name) = (self.names.len() as u16, Arc::<str>::from(name));
        self.names.push(name.clone());
        self.numbers.insert(name, number);
        number
    }

    /// The column of a number.
    pub(super) fn name_of(&self, number: u16) -> &str {
        self.names.get(usize::from(number)).map_or("", |name| &**name)
    }

    /// The declared and used columns of a row with their texts.
    pub(super) fn fields<'a>(&'a self, row: &'a Row) -> impl Iterator<Item = (&'a str, &'a str)> {
        row.cells.iter().map(|(number, text)| (self.name_of(number), text))
    }

    /// Every column of the table that can be shown, in order.
    pub(super) fn columns(&self) -> Vec<&str> {
        let mut columns: Vec<&str> = SYSTEM.to_vec();
        if self.schema.staging {
            columns.extend(STAGED);
        }
        let more: Vec<&str> = self.names.iter().map(|name| &**name).filter(|name| !columns.contains(name)).collect();
        columns.extend(more);
        columns
    }

    pub(super) fn row(&self, slot: u32) -> Option<&Row> {
        self.rows.get(slot as usize)?.as_ref()
    }

    /// Every row with its slot.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Row)> {
        self.rows.iter().enumerate().filter_map(|(slot, row)| Some((slot as u32, row.as_ref()?)))
    }

    /// Every row whose `sys_id` is after this one, in the order of their `sys_id`s, with its slot. As from the index of the primary key.
    pub(super) fn iter_after(&self, id: Option<u128>) -> impl Iterator<Item = (u32, &Row)> {
        let start = id.map_or(Bound::Unbounded, Bound::Excluded);
        self.by_id.range((start, Bound::Unbounded)).filter_map(|(_, slot)| Some((*slot, self.row(*slot)?)))
    }

    /// The number of a column that some row holds, or that is declared.
    pub(super) fn number_of(&self, name: &str) -> Option<u16> {
        self.numbers.get(name).copied()
    }

    /// Puts the texts of a row into a list by column number; a column without a text is empty.
    pub(super) fn texts_by_number<'a>(&self, row: &'a Row, texts: &mut Vec<&'a str>) {
        texts.clear();
        texts.resize(self.names.len(), "");
        for (number, text) in row.cells.iter() {
            if let Some(place) = texts.get_mut(usize::from(number)) {
                *place = text;
            }
        }
    }

    /// A column's text; empty for null and for columns there are not.
    pub(super) fn text<'a>(&'a self, row: &'a Row, name: &str) -> Cow<'a, str> {
        match name {
            "sys_id" => Cow::Owned(self.id_text(row)),
            "sys_created_on" => Cow::Owned(date_time(row.created)),
            "sys_updated_on" => Cow::Owned(date_time(row.updated)),
            "sys_mod_count" => Cow::Owned(row.changes.to_string()),
            "sys_created_by" | "sys_updated_by" => Cow::Borrowed("integration"),
            _ => Cow::Borrowed(self.numbers.get(name).map_or("", |number| row.cells.get(*number))),
        }
    }

    /// The `sys_id`, in the letters its maker used.
    pub(super) fn id_text(&self, row: &Row) -> String {
        let kept = self.numbers.get("sys_id").map_or("", |number| row.cells.get(*number));
        if kept.is_empty() { format!("{:032x}", row.id) } else { kept.to_owned() }
    }

    pub(super) fn find_id(&self, id: &str) -> Option<u32> {
        self.by_id.get(&parse_id(id)?).copied()
    }

    /// The rows whose columns hold these texts, without case, in the order of their making; `None` without an index over these columns.
    pub(super) fn find(&self, columns: &[&str], texts: &[&str]) -> Option<Vec<u32>> {
        let numbers: Vec<u16> = columns.iter().filter_map(|column| self.numbers.get(*column).copied()).collect();
        let index = self.indexes.iter().find(|index| numbers.len() == columns.len() && index.columns == numbers)?;
        let same = |slot: &u32| {
            self.row(*slot).is_some_and(|row| numbers.iter().zip(texts).all(|(number, text)| same_text(row.cells.get(*number), text)))
        };
        Some(match index.slots.get(&hash(texts.iter().copied())) {
            None => Vec::new(),
            Some(Slots::One(slot)) => Some(*slot).into_iter().filter(same).collect(),
            Some(Slots::Many(slots)) => slots.iter().copied().filter(same).collect(),
        })
    }

    /// Adds a row. The caller has made sure that the id is free.
    pub(super) fn insert(&mut self, id: u128, now: i64, values: &[(u16, Cow<'_, str>)]) -> u32 {
        let slot = self.rows.len() as u32;
        let cells = Cells::pack(values.iter().map(|(column, text)| (*column, &**text)));
        let row = Row { id, created: now, updated: now, changes: 0, cells };
        self.index(&row, slot);
        self.by_id.insert(id, slot);
        self.rows.push(Some(row));
        self.live += 1;
        slot
    }

    /// Changes a row; whether anything is different now.
    pub(super) fn update(&mut self, slot: u32, now: i64, values: &[(u16, Cow<'_, str>)]) -> bool {
        let Some(mut row) = self.rows.get_mut(slot as usize).and_then(Option::take) else { return false };
        let changed = values.iter().any(|(column, text)| row.cells.get(*column) != text);
        if changed {
            self.unindex(&row, slot);
            let new = |column: u16| values.iter().rev().find(|(changed, _)| *changed == column).map(|(_, text)| &**text);
            let kept = row.cells.iter().map(|(column, text)| (column, new(column).unwrap_or(text)));
            let added = values.iter().filter(|(column, _)| row.cells.iter().all(|(old, _)| old != *column));
            let cells = Cells::pack(kept.chain(added.map(|(column, text)| (*column, &**text))));
            row.cells = cells;
            row.updated = now;
            row.changes += 1;
            self.index(&row, slot);
        }
        self.rows[slot as usize] = Some(row);
        changed
    }

    pub(super) fn remove(&mut self, slot: u32) -> bool {
        let Some(row) = self.rows.get_mut(slot as usize).and_then(Option::take) else { return false };
        self.unindex(&row, slot);
        self.by_id.remove(&row.id);
        self.live -= 1;
        true
    }

    fn index(&mut self, row: &Row, slot: u32) {
        for index in &mut self.indexes {
            let key = hash(index.columns.iter().map(|column| row.cells.get(*column)));
            match index.slots.get_mut(&key) {
                None => {
                    index.slots.insert(key, Slots::One(slot));
                }
                Some(Slots::Many(slots)) => slots.push(slot),
                Some(one) => {
                    if let Slots::One(first) = *one {
                        *one = Slots::Many(vec![first, slot]);
                    }
                }
            }
        }
    }

    fn unindex(&mut self, row: &Row, slot: u32) {
        for index in &mut self.indexes {
            let key = hash(index.columns.iter().map(|column| row.cells.get(*column)));
            match index.slots.get_mut(&key) {
                Some(Slots::Many(slots)) => slots.retain(|other| *other != slot),
                Some(Slots::One(_)) => {
                    index.slots.remove(&key);
                }
                None => {}
            }
        }
    }
}

fn hash<'a>(texts: impl Iterator<Item = &'a str>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for text in texts {
        if text.is_ascii() {
            for byte in text.bytes() {
                hasher.write_u8(byte.to_ascii_lowercase());
            }
        } else {
            text.to_lowercase().hash(&mut hasher);
        }
        hasher.write_u8(0x1f);
    }
    hasher.finish()
}

/// Equal as the instance's database compares: without case.
pub(super) fn same_text(left: &str, right: &str) -> bool {
    if left.is_ascii() && right.is_ascii() { left.eq_ignore_ascii_case(right) } else { left.to_lowercase() == right.to_lowercase() }
}

/// A `sys_id` as a number: 32 hexadecimal characters.
pub(super) fn parse_id(text: &str) -> Option<u128> {
    if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(text, 16).ok()
}

/// Milliseconds since 1970 as `YYYY-MM-DD HH:MM:SS`, UTC.
pub(super) fn date_time(milliseconds: i64) -> String {
    chrono::DateTime::from_timestamp_millis(milliseconds).map(|time| time.format("%Y-%m-%d %H:%M:%S").to_string()).unwrap_or_default()
}
