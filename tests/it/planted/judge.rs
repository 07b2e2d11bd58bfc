//! Compares what a tie-out lists with what was planted, and its sums with those of the two systems.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rust_decimal::Decimal;
use serde_json::Value;

use super::books::{Bucket, Sum, Sums};
use super::plant::{Item, Planted};

/// What no person need look at: the next runs end it, or a rule intends it.
const NOT_OPEN: [&str; 7] = ["not_read_yet", "queued", "unknown", "left_out", "staged", "gone", "purged"];

/// What came of the planted differences.
#[derive(Debug, Default)]
pub struct Figures {
    /// By cause: planted, found, and found with the right cause.
    pub causes: BTreeMap<&'static str, [usize; 3]>,
    /// What was not found, has another cause, or is listed and was not planted.
    pub wrong: Vec<String>,
    /// Listed, and not planted.
    pub untrue: usize,
}

impl Figures {
    /// The totals: planted, found, and with the right cause.
    pub fn totals(&self) -> [usize; 3] {
        self.causes.values().fold([0; 3], |all, one| [all[0] + one[0], all[1] + one[1], all[2] + one[2]])
    }
}

fn word<'a>(of: &'a Value, name: &str) -> &'a str {
    of[name].as_str().unwrap_or_default()
}

fn amount(of: &Value) -> Decimal {
    of.as_str().map_or_else(Decimal::default, |text| text.parse().unwrap())
}

/// What makes two items the same.
fn place(item: &Item) -> [String; 6] {
    let Item { id, kind, field } = item;
    [id.entity, id.block, &id.key, &id.line, kind, field].map(str::to_owned)
}

/// Looks for each planted difference among the listed ones.
pub fn judge(report: &Value, planted: &[Planted]) -> Figures {
    let mut listed: HashMap<[String; 6], Vec<&Value>> = HashMap::new();
    for one in report["differences"].as_array().unwrap() {
        let place = ["entity", "block", "key", "record_key", "kind", "field"].map(|name| word(one, name).to_owned());
        listed.entry(place).or_default().push(one);
    }
    let mut figures = Figures::default();
    for Planted { cause, way, items } in planted {
        let found: Vec<Option<&Value>> = items.iter().map(|item| listed.get_mut(&place(item)).and_then(Vec::pop)).collect();
        let is_found = found.iter().all(Option::is_some);
        let is_right = |one: &&Value| word(one, "cause") == *cause && one["open"].as_bool() == Some(!NOT_OPEN.contains(cause));
        let right = is_found && found.iter().flatten().all(is_right);
        let counts = figures.causes.entry(*cause).or_default();
        counts[0] += 1;
        counts[1] += usize::from(is_found);
        counts[2] += usize::from(right);
        for (item, found) in items.iter().zip(found) {
            match found {
                None => figures.wrong.push(format!("{cause} ({way}): not listed: {item:?}")),
                Some(one) if !is_right(&one) => {
                    figures
                        .wrong
                        .push(format!("{cause} ({way}): {} (open: {}) for {item:?}: {}", one["cause"], one["open"], one["message"]));
                }
                Some(_) => {}
            }
        }
    }
    let untrue: Vec<&Value> = listed.into_values().flatten().collect();
    figures.untrue = untrue.len();
    figures.wrong.extend(untrue.into_iter().map(|one| format!("false: {one}")));
    figures
}

/// What is wrong with the sums of a report. `unverified`: the entities of which the program may not see every row.
pub fn wrong_sums(report: &Value, right: &BTreeMap<Bucket, Sums>, unverified: &[&str]) -> Vec<String> {
    let key = |one: &Value| -> Bucket { ["entity", "block", "period", "currency"].map(|name| word(one, name).to_owned()).into() };
    let buckets: BTreeMap<Bucket, &Value> = report["buckets"].as_array().unwrap().iter().map(|one| (key(one), one)).collect();
    let mut items: BTreeMap<Bucket, Vec<&Value>> = BTreeMap::new();
    for one in report["differences"].as_array().unwrap() {
        items.entry(key(one)).or_default().push(one);
    }
    let mut wrong = Vec::new();
    for at in buckets.keys().chain(right.keys()).collect::<BTreeSet<_>>() {
        let Some(bucket) = buckets.get(at) else {
            wrong.push(format!("{at:?} is missing"));
            continue;
        };
        let sums = right.get(at).copied().unwrap_or_default();
        for (side, right) in ["syspro", "ledger", "gone", "servicenow"].into_iter().zip(sums) {
            let is = Sum { count: bucket[side]["count"].as_i64().unwrap(), amount: amount(&bucket[side]["sum"]) };
            if is != right {
                wrong.push(format!("{at:?}: {side} is {is:?}, not {right:?}"));
            }
        }
        let own = items.get(at).map_or(&[][..], Vec::as_slice);
        let named: Decimal = own.iter().map(|one| amount(&one["amount"])).sum();
        let difference = sums[3].amount - sums[0].amount - sums[2].amount;
        if named != difference || amount(&bucket["explained"]) != difference {
            wrong.push(format!("{at:?}: the differences add up to {named}, and the sides differ by {difference}"));
        }
        let open = || own.iter().filter(|one| one["open"] == true);
        let state = match () {
            () if unverified.contains(&at.0.as_str()) => "unverified",
            () if !open().map(|one| amount(&one["amount"])).sum::<Decimal>().is_zero() || open().any(|one| one["kind"] != "differs") => {
                "untied"
            }
            () if !own.is_empty() => "balanced",
            () => "tied",
        };
        if word(bucket, "state") != state {
            wrong.push(format!("{at:?} is {}, not {state}", bucket["state"]));
        }
    }
    wrong
}
