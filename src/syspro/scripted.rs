//! A small OData server for the tests: tables in memory, the four query options, and a script that may answer instead.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rust_decimal::Decimal;
use serde_json::Value as Json;
use serde_json::value::RawValue;
use url::Url;

use super::reader::SysproReader;
use crate::config::settings::{
    AbsentColumns, Connection, DateLiteral, DateZone, EnetSettings, KeyOrder, RetrySettings, SysproSettings, SysproSource,
};
use crate::domain::Backoff;
use crate::domain::money::parse_decimal;

/// A received request.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// The address as sent, still encoded.
    pub(super) target: String,
    /// The last path segment.
    pub(super) table: String,
    /// Decoded query options.
    pub(super) options: BTreeMap<String, String>,
    /// The credential sent.
    pub(super) authorization: String,
    /// The number of earlier requests.
    pub(super) number: usize,
}

impl Request {
    pub(super) fn option(&self, name: &str) -> &str {
        self.options.get(name).map_or("", String::as_str)
    }
}

/// An answer.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
    /// Announced length, if different from the true one.
    pub(super) length: Option<usize>,
}

pub(super) fn reply(status: u16, body: impl Into<Vec<u8>>) -> Reply {
    let body = body.into();
    let kind = if body.first() == Some(&b'<') { "text/html" } else { "application/json" };
    Reply { status, headers: vec![("Content-Type", kind.into())], body, length: None }
}

type Script = Box<dyn Fn(&Request, &Tables) -> Option<Reply> + Send + Sync>;
type Row = BTreeMap<String, Box<RawValue>>;

/// Tables by name.
#[derive(Default)]
pub(super) struct Tables {
    tables: BTreeMap<String, Vec<Row>>,
    /// Rows per answer, whatever was requested.
    pub(super) cap: Option<usize>,
    /// Whether a truncated answer has a link.
    pub(super) link_base: Option<String>,
    /// The most comparisons in a filter.
    pub(super) comparisons: Option<usize>,
    /// `plain`: date-times are refused in filters.
    pub(super) date_form: Option<&'static str>,
}

impl Tables {
    /// Adds rows written as a JSON array.
    pub(super) fn with(mut self, table: &str, rows: &str) -> Self {
        let rows: Vec<Row> = serde_json::from_str(rows).expect("rows");
        self.tables.entry(table.to_owned()).or_default().extend(rows);
        self
    }

    pub(super) fn answer(&self, request: &Request) -> Reply {
        let Some(rows) = self.tables.get(&request.table) else { return reply(404, "") };
        let columns: Vec<&str> = request.option("$select").split(',').filter(|name| !name.is_empty()).collect();
        let known = |name: &str| rows.first().is_none_or(|row| row.contains_key(name));
        let bad = |text: String| reply(400, format!(r#"{{"error":{{"code":"400","message":"{text}"}}}}"#));
        if let Some(name) = columns.iter().find(|name| !known(name)) {
            return bad(format!("no property {name}"));
        }
        let filter = request.option("$filter");
        let comparisons: usize = [" eq ", " ne ", " gt ", " ge ", " lt ", " le "].iter().map(|word| filter.matches(word).count()).sum();
        if self.comparisons.is_some_and(|limit| comparisons > limit) {
            return bad("the node count limit has been exceeded".into());
        }
        if self.date_form == Some("plain") && filter.contains("T00:00:00Z") {
            return bad("a date-time cannot be compared with Edm.Date".into());
        }
        let mut kept = Vec::new();
        for row in rows {
            match Parser::new(filter).and_then(|mut parser| parser.whole(row)) {
                Ok(true) => kept.push(row),
                Ok(false) => {}
                Err(text) => return bad(text),
            }
        }
        for name in request.option("$orderby").split(',').rev().filter(|name| !name.is_empty()) {
            let name = name.trim_end_matches(" asc");
            kept.sort_by(|a, b| Scalar::of(a.get(name).map(|raw| &**raw)).cmp(&Scalar::of(b.get(name).map(|raw| &**raw))));
        }
        let top = request.option("$top").parse().unwrap_or(usize::MAX);
        let skip = request.option("$skiptoken").trim_start_matches("at-").parse().unwrap_or(0);
        let size = self.cap.unwrap_or(usize::MAX).min(top);
        let page: Vec<BTreeMap<&String, &Box<RawValue>>> = kept
            .iter()
            .skip(skip)
            .take(size)
            .map(|row| row.iter().filter(|(name, _)| columns.is_empty() || columns.contains(&name.as_str())).collect())
            .collect();
        let mut body = format!(r#"{{"@odata.context":"x","value":{}"#, serde_json::to_string(&page).expect("rows"));
        if let Some(base) = self.link_base.as_ref().filter(|_| skip + page.len() < kept.len().min(top)) {
            let path = request.target.split("&$skiptoken").next().unwrap_or_default();
            body += &format!(r#","@odata.nextLink":"{base}{path}&$skiptoken=at-{}""#, skip + size);
        }
        reply(200, body + "}")
    }
}

/// A running server; it ends with the test's process.
pub(super) struct Server {
    pub(super) port: u16,
    log: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub(super) fn start(tables: Tables) -> Self {
        Self::scripted(tables, Box::new(|_, _| None))
    }

    pub(super) fn scripted(tables: Tables, script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let log = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::new((tables, script, log.clone()));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = shared.clone();
                std::thread::spawn(move || serve(&stream, &shared.0, &shared.1, &shared.2));
            }
        });
        Self { port, log }
    }

    /// The requests for tables so far.
    pub(super) fn requests(&self) -> Vec<Request> {
        self.log.lock().expect("no panic").clone()
    }

    pub(super) fn settings(&self) -> SysproSettings {
        settings_for(self.port)
    }
}

/// The OData service at this port.
pub(super) fn odata(port: u16) -> SysproSource {
    SysproSource::OData { url: Url::parse(&format!("http://127.0.0.1:{port}/SYSPRO8Odata/SYSPROOData/")).expect("an address") }
}

/// A reader over the OData service of these settings.
pub(super) fn reader(settings: &SysproSettings, retry: &RetrySettings) -> SysproReader {
    let SysproSource::OData { url } = &settings.source else { panic!("no OData service") };
    SysproReader::new(url, settings, retry).expect("a client")
}

/// Settings for a server at this port.
pub(super) fn settings_for(port: u16) -> SysproSettings {
    let second = Duration::from_secs(1);
    SysproSettings {
        enet_url: None,
        time_zone: chrono_tz::Africa::Johannesburg,
        companies_differ_by_case: false,
        companies: vec!["EDU1".into()],
        page_size: 500,
        row_cap: 5000,
        query_limit: 2000,
        filter_limit: 40,
        metadata: false,
        source: odata(port),
        enet: EnetSettings::default(),
        date_literal: DateLiteral::Auto,
        date_zone: DateZone::Label,
        no_date_before: chrono::NaiveDate::from_ymd_opt(1901, 1, 1).expect("a date"),
        key_order: KeyOrder::Binary,
        count_check: true,
        absent_columns: AbsentColumns::Fail,
        limits: Default::default(),
        connection: Connection {
            ca_file: None,
            proxy: None,
            connect_timeout: 5 * second,
            request_timeout: 20 * second,
            body_timeout: 20 * second,
            body_limit: 64 << 20,
            connections: 4,
            keep_alive: Duration::from_secs(1),
        },
    }
}

/// Three retries, almost without waiting.
pub(super) fn quick_retry() -> RetrySettings {
    RetrySettings { backoff: Backoff::new(Duration::from_millis(1), Duration::from_millis(2)), max_attempts: 3, read_attempts: 3 }
}

fn serve(stream: &TcpStream, tables: &Tables, script: &Script, log: &Mutex<Vec<Request>>) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    if reader.read_line(&mut line).unwrap_or(0) == 0 {
        return;
    }
    let target = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut authorization = String::new();
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header).unwrap_or(0) <= 2 {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("authorization")
        {
            authorization = value.trim().to_owned();
        }
    }
    let url = Url::parse(&format!("http://h{target}")).expect("an address");
    let segment = url.path_segments().and_then(Iterator::last).unwrap_or_default();
    let table = segment.replace("%2B", "+");
    let options = url.query_pairs().into_owned().collect();
    let request = {
        let mut log = log.lock().expect("no panic");
        let request = Request { target, table, options, authorization, number: log.len() };
        log.push(request.clone());
        request
    };
    let reply = script(&request, tables).unwrap_or_else(|| tables.answer(&request));
    let mut head = format!("HTTP/1.1 {} X\r\nConnection: close\r\n", reply.status);
    for (name, value) in &reply.headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += &format!("Content-Length: {}\r\n\r\n", reply.length.unwrap_or(reply.body.len()));
    let mut stream = stream;
    // a client that has disconnected is not an error here
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&reply.body));
}

/// A value in a comparison; null sorts first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Scalar {
    Null,
    Number(Decimal),
    Text(String),
}

impl Scalar {
    fn of(raw: Option<&RawValue>) -> Self {
        match raw.map(RawValue::get) {
            None | Some("null") => Scalar::Null,
            Some(text) => match serde_json::from_str::<Json>(text).expect("a value") {
                Json::String(text) => Scalar::Text(text),
                _ => Scalar::Number(parse_decimal(text).expect("a number")),
            },
        }
    }
}

/// Conditions of comparisons, `and`, `or` and brackets, evaluated while they are read.
struct Parser {
    tokens: Vec<String>,
    at: usize,
}

impl Parser {
    fn new(text: &str) -> Result<Self, String> {
        let (mut tokens, mut rest) = (Vec::new(), text.trim_start());
        while let Some(first) = rest.chars().next() {
            let end = match first {
                '(' | ')' => 1,
                '\'' => {
                    let bytes = rest.as_bytes();
                    let mut i = 1;
                    loop {
                        match (bytes.get(i), bytes.get(i + 1)) {
                            (Some(b'\''), Some(b'\'')) => i += 2,
                            (Some(b'\''), _) => break i + 1,
                            (Some(_), _) => i += 1,
                            (None, _) => return Err("a text without its end".into()),
                        }
                    }
                }
                _ => rest.find([' ', '(', ')']).unwrap_or(rest.len()),
            };
            tokens.push(rest[..end].to_owned());
            rest = rest[end..].trim_start();
        }
        Ok(Self { tokens, at: 0 })
    }

    fn next(&mut self) -> Option<String> {
        self.at += 1;
        self.tokens.get(self.at - 1).cloned()
    }

    fn whole(&mut self, row: &Row) -> Result<bool, String> {
        if self.tokens.is_empty() {
            return Ok(true);
        }
        let answer = self.any(row)?;
        if self.at < self.tokens.len() { Err(format!("unexpected {}", self.tokens[self.at])) } else { Ok(answer) }
    }

    fn any(&mut self, row: &Row) -> Result<bool, String> {
        let mut answer = self.all(row)?;
        while self.tokens.get(self.at).is_some_and(|token| token == "or") {
            self.at += 1;
            answer |= self.all(row)?;
        }
        Ok(answer)
    }

    fn all(&mut self, row: &Row) -> Result<bool, String> {
        let mut answer = self.one(row)?;
        while self.tokens.get(self.at).is_some_and(|token| token == "and") {
            self.at += 1;
            answer &= self.one(row)?;
        }
        Ok(answer)
    }

    fn one(&mut self, row: &Row) -> Result<bool, String> {
        let first = self.next().ok_or("an end too early")?;
        if first == "(" {
            let answer = self.any(row)?;
            return if self.next().as_deref() == Some(")") { Ok(answer) } else { Err("a bracket is open".into()) };
        }
        let (operator, literal) = (self.next().ok_or("no operator")?, self.next().ok_or("no value")?);
        if !row.contains_key(&first) {
            return Err(format!("no property {first}"));
        }
        let left = Scalar::of(row.get(&first).map(|raw| &**raw));
        let right = match literal.strip_prefix('\'') {
            Some(text) => Scalar::Text(text[..text.len() - 1].replace("''", "'")),
            None if literal == "null" => Scalar::Null,
            None => parse_decimal(&literal).map_or(Scalar::Text(literal), Scalar::Number),
        };
        if left == Scalar::Null || right == Scalar::Null {
            return Ok(match operator.as_str() {
                "eq" => left == right,
                "ne" => left != right,
                _ => false,
            });
        }
        if std::mem::discriminant(&left) != std::mem::discriminant(&right) {
            return Err(format!("{first} has another type"));
        }
        Ok(match operator.as_str() {
            "eq" => left == right,
            "ne" => left != right,
            "gt" => left > right,
            "ge" => left >= right,
            "lt" => left < right,
            "le" => left <= right,
            _ => return Err(format!("unknown operator {operator}")),
        })
    }
}
