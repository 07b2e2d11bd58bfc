//! Lists of the console as files: CSV and workbooks that agree with each other and with the page, for whoever may open the page.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Cursor;
use std::time::Duration;

use calamine::{Data, Reader, Xlsx};
use rust_decimal::Decimal;
use tieline::domain::money::amount_in;
use tieline::domain::role::Role;
use tieline::http::ROUTES;

use crate::binary::{Site, wait_until};
use crate::console::{Person, key};
use crate::support::node::{Node, wait_for};
use crate::support::servers::Private;
use crate::support::world::World;
use crate::tie_out::quiet_node;

/// Each page with a list, and the lists on it by the paths of their files without an ending. `17` is a tie-out that there is not.
const PAGES: [(&str, &[&str]); 13] = [
    ("/", &["/flows", "/nodes"]),
    ("/failures", &["/failures", "/failure-causes"]),
    ("/tie-out", &["/tie-outs"]),
    ("/close", &["/close", "/close-changes"]),
    ("/approvals", &["/approvals"]),
    ("/tasks", &["/tasks"]),
    ("/records", &["/records"]),
    ("/conflicts", &["/conflicts"]),
    ("/runs", &["/runs"]),
    ("/backfills", &["/backfills"]),
    ("/doctor", &["/doctor"]),
    ("/settings", &["/settings"]),
    ("/audit", &["/audit"]),
];

/// A CSV file: the lines about it, the names of its columns, and its rows.
struct Csv {
    about: Vec<String>,
    names: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Csv {
    fn get(person: &Person<'_>, path: &str) -> Self {
        let answer = person.get(path);
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/csv; charset=utf-8")), "{path}: {}", answer.body);
        assert!(
            answer.header("content-disposition").is_some_and(|name| name.contains("attachment; filename=\"tieline-")),
            "{}",
            answer.head
        );
        assert_eq!(answer.header("transfer-encoding"), Some("chunked"), "{path} is not sent piece by piece");
        let about = answer.body.lines().filter(|line| line.starts_with("# ")).map(str::to_owned).collect();
        let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(answer.bytes.as_slice());
        let names = reader.headers().unwrap().iter().map(str::to_owned).collect();
        let rows =
            reader.records().map(|row| row.unwrap_or_else(|error| panic!("{path}: {error}")).iter().map(str::to_owned).collect()).collect();
        Self { about, names, rows }
    }

    fn column(&self, name: &str) -> Vec<&str> {
        let place = self.names.iter().position(|one| one == name).unwrap_or_else(|| panic!("{name}: {:?}", self.names));
        self.rows.iter().map(|row| row[place].as_str()).collect()
    }
}

/// A workbook.
struct Book(Xlsx<Cursor<Vec<u8>>>);

impl Book {
    fn get(person: &Person<'_>, path: &str) -> Self {
        let answer = person.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        assert!(answer.header("content-type").unwrap().ends_with("spreadsheetml.sheet"), "{}", answer.head);
        Self(Xlsx::new(Cursor::new(answer.bytes)).unwrap_or_else(|error| panic!("{path}: {error}")))
    }

    /// The headings of a sheet, and its rows.
    fn sheet(&mut self, name: &str) -> (Vec<String>, Vec<Vec<Data>>) {
        let range = self.0.worksheet_range(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut rows = range.rows().map(<[Data]>::to_vec);
        let heads = rows.next().unwrap_or_default().iter().map(ToString::to_string).collect();
        (heads, rows.collect())
    }

    fn about(&mut self) -> String {
        let (_, rows) = self.sheet("About");
        rows.iter().map(|row| row.iter().map(ToString::to_string).collect::<Vec<_>>().join(": ")).collect::<Vec<_>>().join("\n")
    }
}

/// A cell of a workbook as CSV has it; a number to all its digits.
fn exact(cell: &Data) -> String {
    let decimal = |text: &str| text.parse::<Decimal>().unwrap().normalize().to_string();
    match cell {
        Data::Empty => String::new(),
        Data::String(text) => text.clone(),
        Data::Float(number) => decimal(&number.to_string()),
        Data::Int(number) => number.to_string(),
        Data::DateTime(at) => match at.to_ymd_hms_milli() {
            (year, month, day, 0, 0, 0, 0) => format!("{year}-{month:02}-{day:02}"),
            (year, month, day, hour, minute, second, milli) => {
                format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
            }
        },
        other => panic!("{other:?}"),
    }
}

/// Compares a CSV file with a sheet, cell by cell. `words`: the columns that have words for programs and texts for people.
fn agree(csv: &Csv, (heads, rows): &(Vec<String>, Vec<Vec<Data>>), words: &[&str]) {
    assert_eq!((csv.names.len(), csv.rows.len()), (heads.len(), rows.len()));
    for (csv_row, row) in csv.rows.iter().zip(rows) {
        for ((name, written), cell) in csv.names.iter().zip(csv_row).zip(row) {
            let written = match written.strip_prefix('\'') {
                Some(formula) if formula.starts_with(['=', '+', '-', '@']) => formula,
                _ => written,
            };
            let number = matches!(cell, Data::Float(_)).then(|| written.parse::<Decimal>().unwrap().normalize().to_string());
            let midnight = written.strip_suffix("T00:00:00.000Z").unwrap_or(written).to_owned();
            let same = exact(cell) == number.unwrap_or(midnight);
            assert!(same || words.contains(&name.as_str()), "{name}: {written} in the CSV, {cell:?} in the workbook");
        }
    }
}

/// A world in which some invoices are refused, each with its header and its lines, and one in its lines only.
fn refused(world: &World) {
    let of = "FROM delivery l JOIN document d ON d.id = l.document_id AND d.version = l.version WHERE d.entity = 'invoice' AND d.amount IS NOT NULL";
    world.database.psql(&format!(
        "INSERT INTO pending (delivery_id, document_id, company, entity, version, block, record_key, own_state, reason, message, next_step) \
         SELECT l.id, l.document_id, d.company, d.entity, l.version, l.block, l.record_key, 'failed', 'rejected', '=refused `' || d.key || '`, \"why\"', 'look' {of} \
         AND d.id IN (SELECT id FROM document WHERE entity = 'invoice' AND amount IS NOT NULL ORDER BY id LIMIT 5) \
         AND NOT (l.block = 'header' AND d.id = (SELECT min(id) FROM document WHERE entity = 'invoice' AND amount IS NOT NULL))"
    ));
}

fn sums(amounts: impl Iterator<Item = (String, Decimal)>) -> BTreeMap<String, Decimal> {
    amounts.fold(BTreeMap::new(), |mut sums, (currency, amount)| {
        *sums.entry(currency).or_default() += amount;
        sums
    })
}

#[test]
fn failures_records_and_runs_are_the_same_on_the_page_in_the_csv_and_in_the_workbook() {
    let world = World::start();
    refused(&world);
    let mut node: Node = quiet_node(&world);
    // the first polls come at once; what is compared must not change
    let quiet = "SELECT (SELECT count(*) FROM run WHERE requested_by = 'schedule' AND ended_at IS NOT NULL) >= 6 \
                 AND NOT EXISTS (SELECT FROM run WHERE ended_at IS NULL)";
    wait_for("the first polls", Duration::from_secs(60), || (world.database.psql(quiet) == "t").then_some(()));
    let operator = node.key(&world);
    let person = Person::sign_in(&node.site, &operator);

    // failures: each part is a row, each amount counts once
    let csv = Csv::get(&person, "/failures.csv?entity=invoice");
    let mut book = Book::get(&person, "/failures.xlsx?entity=invoice");
    let sheet = book.sheet("Failures");
    agree(&csv, &sheet, &["key", "line"]);
    let parts: i64 = world.database.psql("SELECT count(*) FROM pending").parse().unwrap();
    assert_eq!(csv.rows.len() as i64, parts);
    let keys: BTreeSet<&str> = csv.column("key").into_iter().collect();
    assert!(keys.len() == 5 && parts > 8, "{parts} parts of {keys:?}");
    assert!(
        csv.column("message").iter().all(|message| message.starts_with("'=refused `") && message.contains("\"why\"")),
        "{:?}",
        csv.column("message")
    );
    let column = sheet.0.iter().position(|head| head == "Message").unwrap();
    assert!(sheet.1.iter().all(|row| matches!(&row[column], Data::String(text) if text.starts_with("=refused"))), "a text stays a text");
    let in_csv = csv.column("currency").into_iter().zip(csv.column("amount")).filter(|(_, amount)| !amount.is_empty());
    let in_csv = sums(in_csv.map(|(currency, amount)| (currency.to_owned(), amount.parse().unwrap())));
    let stored = world.database.psql("SELECT coalesce(sum(amount), 0) FROM document WHERE id IN (SELECT document_id FROM pending)");
    assert_eq!(in_csv.values().sum::<Decimal>(), stored.parse::<Decimal>().unwrap(), "{in_csv:?}");
    let (heads, totals) = book.sheet("Totals");
    assert_eq!(heads, ["Company", "Entity", "Currency", "Amount, once for each record"]);
    let in_totals = sums(totals.iter().map(|row| (row[2].to_string(), exact(&row[3]).parse().unwrap())));
    assert_eq!(in_totals, in_csv.iter().map(|(currency, sum)| (currency.clone(), sum.normalize())).collect());
    let formulas = book.0.worksheet_formula("Totals").unwrap();
    for row in 1..=totals.len() {
        let formula = formulas.get_value((row as u32, 3)).unwrap();
        assert!(formula.starts_with("SUMIFS(Failures!$R$2:$R$") && formula.contains(&format!("${}", parts + 1)), "{formula}");
    }
    let page = person.get("/failures?entity=invoice").body;
    assert!(page.contains(&format!("5 records ({parts} parts)")), "{page}");
    for (currency, sum) in &in_csv {
        assert!(page.contains(&amount_in(*sum, currency)), "{currency} {sum}: {page}");
    }
    let causes = Csv::get(&person, "/failure-causes.csv?entity=invoice");
    agree(&causes, &book.sheet("Causes"), &["example_key"]);
    assert_eq!(causes.column("records").iter().map(|count| count.parse::<u32>().unwrap()).sum::<u32>(), 5);
    let cause = causes.column("cause")[0].to_owned();
    assert_eq!(Csv::get(&person, &format!("/failures/{cause}/failures.csv")).rows.len() as i64, parts);
    assert_eq!(
        Csv::get(&person, &format!("/failures/{cause}/failures.csv?key={}", keys.first().unwrap().replace('%', "%25"))).column("key")[0],
        *keys.first().unwrap()
    );
    assert!(person.get(&format!("/failures/{cause}")).body.contains(&format!("/failures/{cause}/failures.xlsx")));

    // what the file says about itself is the same in both forms
    let about = book.about();
    for said in [
        "Filter: entity invoice",
        "SHA-256",
        concat!("Program: Tieline ", env!("CARGO_PKG_VERSION")),
        "As of (UTC): 20",
        "Source: the ledger",
    ] {
        assert!(about.contains(said), "{said}: {about}");
        assert!(csv.about.iter().any(|line| line.contains(said)), "{said}: {:?}", csv.about);
    }
    assert!(about.contains(&format!("Rows: Failures: {parts}; Causes: 1")) && about.contains("Total: EDU1, invoice, "), "{about}");
    assert_eq!(csv.about[csv.about.len() - 2], format!("# Rows: {parts}"));
    assert!(csv.about.last().unwrap().starts_with("# Total: EDU1, invoice, "), "{:?}", csv.about);

    // records, with the filter of the page
    let csv = Csv::get(&person, "/records.csv?state=failed");
    agree(&csv, &Book::get(&person, "/records.xlsx?state=failed").sheet("Records"), &["key", "gone"]);
    assert_eq!(csv.column("key").into_iter().collect::<BTreeSet<_>>(), keys);
    let page = person.get("/records?state=failed").body;
    assert_eq!(page.matches("<span class=\"state bad\">failed</span>").count(), 5, "{page}");
    let all: usize = world.database.psql("SELECT count(*) FROM document").parse().unwrap();
    assert!(all > 100, "more than a page");
    assert_eq!(Csv::get(&person, "/records.csv").rows.len(), all);

    // runs, with their sums
    let csv = Csv::get(&person, "/runs.csv?kind=poll");
    let mut book = Book::get(&person, "/runs.xlsx?kind=poll");
    agree(&csv, &book.sheet("Runs"), &[]);
    let of = |column: &str| world.database.psql(&format!("SELECT coalesce(sum({column}), 0) FROM run_total WHERE kind = 'poll'"));
    let (heads, totals) = book.sheet("Totals");
    for (head, name, column) in [("Read", "read", "read"), ("Records delivered", "delivered", "delivered")] {
        let in_csv: i64 = csv.column(name).iter().map(|count| count.parse::<i64>().unwrap()).sum();
        let place = heads.iter().position(|one| one == head).unwrap();
        let total: Decimal = totals.iter().map(|row| exact(&row[place]).parse::<Decimal>().unwrap()).sum();
        assert_eq!((in_csv.to_string(), total.to_string()), (of(column), of(column)), "{head}");
    }
    assert!(csv.column("id").iter().all(|id| person.get("/runs?kind=poll").body.contains(id)), "the page has them");
    assert_eq!(node.terminate(), Some(0));
}

#[test]
fn every_list_has_its_files_and_each_is_for_whoever_may_open_the_page() {
    let site = Site::alone();
    let mut service = site.serve();
    wait_until("the service answers", || {
        crate::http::ask(&site, "GET", "/health/live", None, "").is_some_and(|(status, ..)| status == 200)
    });
    let keys: Vec<(Role, String)> = Role::ALL.iter().map(|role| (*role, key(&site, *role))).collect();
    let people: Vec<(Role, Person<'_>)> = keys.iter().map(|(role, key)| (*role, Person::sign_in(&site, key))).collect();
    let served: BTreeSet<&str> = ROUTES.iter().map(|route| route.path).collect();
    // a list that appears on a page later needs a line above
    let mut known: BTreeSet<String> = served.iter().filter(|path| path.contains('{')).map(|path| (*path).to_owned()).collect();
    for (page, lists) in PAGES {
        for list in lists {
            for form in ["csv", "xlsx"] {
                let path = format!("{list}.{form}");
                // what stands beside another list has no workbook of its own
                if !served.contains(path.as_str()) {
                    assert!(form == "xlsx" && *list != lists[0], "{path} is missing");
                    continue;
                }
                for (role, person) in &people {
                    let (of_page, of_file) = (person.get(page).status, person.get(&path).status);
                    assert_eq!(of_page, of_file, "{role}: {page} and {path}");
                    assert!([200, 403].contains(&of_file), "{role} {path}: {of_file}");
                }
                known.insert(path);
            }
        }
        let (_, admin) = people.iter().find(|(role, _)| *role == Role::Admin).unwrap();
        let csv = Csv::get(admin, &format!("{}.csv", lists[0]));
        let stable =
            |name: &String| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        assert!(csv.names.iter().all(stable), "{:?}", csv.names);
        assert_eq!(csv.names.iter().collect::<BTreeSet<_>>().len(), csv.names.len(), "{:?}", csv.names);
        assert!(csv.about.last().is_some_and(|line| line.starts_with("# Total: ")), "{page}: {:?}", csv.about);
        assert!(csv.about.contains(&format!("# Rows: {}", csv.rows.len())), "{page}: {:?}", csv.about);
        let plain = admin.get(&format!("{}.csv?about=no", lists[0])).body;
        assert!(plain.starts_with(&csv.names.join(",")) && !plain.contains("# "), "{plain}");
        // the list of conflicts shows those that are open, unless the filter names a state
        let filter = if page == "/conflicts" { "Filter: without closed entries" } else { "Filter: none" };
        let mut book = Book::get(admin, &format!("{}.xlsx", lists[0]));
        let about = book.about();
        for said in ["As of (UTC): ", "Source: ", filter, "Definitions: ", "Program: Tieline ", "File made for: admin", "Rows: ", "Total: "]
        {
            assert!(about.contains(said), "{page}: {said}: {about}");
            assert!(csv.about.iter().any(|line| line.contains(said)), "{page}: {said}: {:?}", csv.about);
        }
        assert_eq!(admin.get(&format!("{}.csv?colour=red", lists[0])).status, 400, "{page}: an unknown filter is refused");
    }
    let files = served.iter().filter(|path| path.ends_with(".csv") || path.ends_with(".xlsx"));
    assert_eq!(files.filter(|path| !known.contains(**path)).collect::<Vec<_>>(), Vec::<&&str>::new(), "files that this test does not know");
    assert_eq!(service.terminate(), Some(0));
}

/// The most memory that a process has had, in MiB.
fn peak(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() >> 10
}

/// `TIELINE_LARGE_LIST` says how many rows; `make large-lists` makes 1,100,000, which is more than a sheet has.
#[test]
fn a_large_list_is_a_file_in_memory_that_does_not_grow_with_it() {
    let rows: usize = std::env::var("TIELINE_LARGE_LIST").map_or(16_000, |text| text.parse().expect("a number"));
    let site = Site::alone();
    let mut service = site.serve();
    wait_until("the service answers", || {
        crate::http::ask(&site, "GET", "/health/live", None, "").is_some_and(|(status, ..)| status == 200)
    });
    let ledger = Private { state: site.path("state") };
    let auditor_key = key(&site, Role::Auditor);
    let auditor = Person::sign_in(&site, &auditor_key);
    let add = |kind: &str, rows: usize| {
        ledger.psql(&format!(
            "INSERT INTO audit (kind, actor, entity, detail) SELECT '{kind}', 'test', 'invoice', to_json(repeat(md5(n::text), 64))::text FROM generate_series(1, {rows}) n"
        ));
    };
    add("notice", 2_000);
    let get = |kind: &str, rows: usize| {
        let csv = auditor.get(&format!("/audit.csv?kind={kind}")).body;
        assert!(csv.contains(&format!("# Rows: {rows}\r\n")), "{}", &csv[csv.len() - 200..]);
        assert_eq!(csv.lines().filter(|line| line.starts_with('"')).count(), rows);
        let mut book = Book::get(&auditor, &format!("/audit.xlsx?kind={kind}"));
        assert!(book.about().contains(&format!("Rows: {rows}")));
        if rows > 1_000_000 {
            assert_eq!(book.sheet("Audit 2").1.len(), rows - 1_000_000, "the second sheet");
        }
        assert_eq!(book.sheet("Audit").1.len(), rows.min(1_000_000));
        peak(service.child.id())
    };
    let few = get("notice", 2_000);
    add("deferred", rows);
    let all = get("deferred", rows);
    println!("2000 rows: {few} MiB; {rows} rows: {all} MiB");
    assert!(all <= few + 24, "memory grows with the list: {few} MiB, then {all} MiB");
    assert_eq!(service.terminate(), Some(0));
}
