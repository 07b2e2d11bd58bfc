//! A loopback server that answers by a script, and plain values for the tests.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::future::LocalBoxFuture;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::config::settings::{Connection, ServiceNowSettings, TokenRefresh};
use crate::definition::plan::{ClearWith, FieldPlan, FieldSource, PartialWrite, TargetPlan, WriteMode};
use crate::domain::SysId;
use crate::domain::ids::DeliveryId;
use crate::domain::version::VersionText;
use crate::servicenow::query::{self, Natural};
use crate::servicenow::*;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(super) struct ReceivedRequest {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: BTreeMap<String, String>,
    /// Names in lower case.
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: String,
    /// Length of path and query as sent.
    pub(super) length: usize,
}

impl ReceivedRequest {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(super) fn is(&self, method: &str, path: &str) -> bool {
        self.method == method && self.path == path
    }

    pub(super) fn q(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }
}

/// The answer of the script.
pub(super) enum Reply {
    Http(u16, Vec<(&'static str, String)>, String),
    /// Closes the connection after it has received the request.
    Cut,
    /// Never answers.
    Hang,
}

/// An answer. Tests give rows short ids: here they get the form that ids have.
pub(super) fn reply(status: u16, mut body: Value) -> Reply {
    whole_ids(&mut body);
    Reply::Http(status, vec![("Content-Type", "application/json;charset=UTF-8".into())], body.to_string())
}

/// The full id for a short one: its bytes as hexadecimal digits, so that ids keep their order.
pub(super) fn whole(short: &str) -> String {
    if short.is_empty() || SysId::new(short).is_some() {
        return short.to_owned();
    }
    let digits = hex::encode(short);
    format!("{digits:0<32}")
}

fn whole_ids(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(text) if matches!(name.as_str(), "sys_id" | "sys_target_sys_id") => *text = whole(text),
                    value => whole_ids(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(whole_ids),
        _ => {}
    }
}

pub(super) fn refusal(status: u16, message: &str, detail: &str) -> Reply {
    reply(status, json!({"error": {"message": message, "detail": detail}, "status": "failure"}))
}

pub(super) fn page(status: u16) -> Reply {
    let body = "<html><head><title>Instance Hibernating</title></head><body></body></html>";
    Reply::Http(status, vec![("Content-Type", "text/html".into())], body.into())
}

/// A server; its threads live as long as the test process.
pub(super) struct Server {
    pub(super) address: String,
    seen: Arc<Mutex<Vec<ReceivedRequest>>>,
}

type Script = Box<dyn FnMut(&ReceivedRequest) -> Reply + Send>;

impl Server {
    pub(super) fn start(script: impl FnMut(&ReceivedRequest) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<Mutex<Script>> = Arc::new(Mutex::new(Box::new(script)));
        let log = seen.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (script, log) = (script.clone(), log.clone());
                std::thread::spawn(move || serve(stream, &script, &log));
            }
        });
        Self { address, seen }
    }

    /// The same for tests of writes alone: queries find nothing, and are not recorded.
    pub(super) fn of_writes(mut script: impl FnMut(&ReceivedRequest) -> Reply + Send + 'static) -> Self {
        Self::start(move |seen| if seen.method == "GET" { reply(200, json!({"result": []})) } else { script(seen) })
    }

    /// Everything but queries.
    pub(super) fn writes(&self) -> Vec<ReceivedRequest> {
        self.seen().into_iter().filter(|seen| seen.method != "GET").collect()
    }

    pub(super) fn seen(&self) -> Vec<ReceivedRequest> {
        self.seen.lock().unwrap().clone()
    }

    pub(super) fn settings(&self) -> ServiceNowSettings {
        settings(&self.address)
    }

    pub(super) fn client(&self) -> ServiceNow {
        ServiceNow::new(&self.settings()).unwrap()
    }
}

/// What a search finds, in place of what sending makes of it.
impl ServiceNow {
    pub(super) async fn find_by_key(
        &self,
        tokens: &dyn TokenSource,
        target: &TargetPlan,
        keys: &[String],
    ) -> Result<Vec<Option<Found>>, ServiceNowError> {
        query::find_by_key(&self.transport, tokens, target, keys).await
    }

    /// One row for each record.
    pub(super) async fn find_by_natural_key(
        &self,
        tokens: &dyn TokenSource,
        target: &TargetPlan,
        records: &[OutRecord],
    ) -> Result<Vec<Option<Found>>, ServiceNowError> {
        let records: Vec<&OutRecord> = records.iter().collect();
        let found = query::natural(&self.transport, tokens, target, &records).await?;
        let one = |natural| match natural {
            Natural::Nothing | Natural::Hidden => None,
            Natural::Free(found) | Natural::Taken(found, _) => Some(found),
            Natural::Several(several) => several.into_iter().next(),
        };
        Ok(found.into_iter().map(one).collect())
    }
}

fn serve(stream: TcpStream, script: &Mutex<Script>, log: &Mutex<Vec<ReceivedRequest>>) {
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    while let Some(seen) = read_request(&mut reader) {
        log.lock().unwrap().push(seen.clone());
        let reply = (script.lock().unwrap())(&seen);
        match reply {
            Reply::Http(status, headers, body) => {
                let mut head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nSet-Cookie: JSESSIONID=abc; Path=/\r\n", body.len());
                for (name, value) in headers {
                    head += &format!("{name}: {value}\r\n");
                }
                if writer.write_all(format!("{head}\r\n{body}").as_bytes()).is_err() {
                    return;
                }
            }
            Reply::Cut => return,
            Reply::Hang => {
                let _ = reader.read(&mut [0]);
                return;
            }
        }
    }
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<ReceivedRequest> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(0, |text| text.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let url = url::Url::parse(&format!("http://h{target}")).ok()?;
    let query = url.query_pairs().into_owned().collect();
    Some(ReceivedRequest { method, path: url.path().into(), query, headers, body: String::from_utf8(body).ok()?, length: target.len() })
}

pub(super) fn settings(address: &str) -> ServiceNowSettings {
    ServiceNowSettings {
        batch_again: Duration::from_secs(600),
        instance_url: url::Url::parse(&format!("http://{address}/")).unwrap(),
        profile: "apo".into(),
        scope: None,
        token_refresh: TokenRefresh::BeforeExpiry,
        token_margin: Duration::from_secs(60),
        batch: true,
        batch_size: 50,
        batch_limit: 200,
        concurrency: 2,
        derived_sys_id: true,
        adopt: false,
        batch_quota: Duration::from_secs(30),
        request_quota: Duration::from_secs(60),
        read_delay: Duration::from_secs(2),
        list_limit: 1_000_000,
        longest_pause: Duration::from_secs(3600),
        connection: Connection {
            ca_file: None,
            proxy: None,
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_millis(1500),
            body_timeout: Duration::from_secs(5),
            body_limit: 1 << 24,
            connections: 16,
            keep_alive: Duration::from_secs(1),
        },
    }
}

/// Hands out `token-1`, and the next one after each refusal.
#[derive(Default)]
pub(super) struct Tokens {
    pub(super) asked: Cell<usize>,
    pub(super) refused: RefCell<Vec<u64>>,
    pub(super) broken: Cell<bool>,
}

impl TokenSource for Tokens {
    fn token(&self) -> LocalBoxFuture<'_, Result<Token, ServiceNowError>> {
        self.asked.set(self.asked.get() + 1);
        let generation = self.refused.borrow().iter().max().copied().unwrap_or(0) + 1;
        let expires = Instant::now() + Duration::from_secs(1000);
        let token = Token::new(format!("token-{generation}").into(), generation, expires);
        let broken = self.broken.get().then(|| ServiceNowError::TokenUnavailable { problem: "the script says so".into() });
        Box::pin(async move { broken.map_or(Ok(token), Err) })
    }

    fn refused(&self, generation: u64) {
        self.refused.borrow_mut().push(generation);
    }
}

pub(super) fn target(table: &str, target_table: &str, write: WriteMode) -> TargetPlan {
    let field = |name: &str| FieldPlan { name: name.into(), source: FieldSource::Company, limit: None, form: Default::default() };
    TargetPlan {
        align: None,
        watch: None,
        tie_out: Default::default(),
        block: "header".into(),
        table: table.into(),
        write,
        target_table: target_table.into(),
        key_column: Some("u_source_key".into()),
        version_column: Some("u_source_version".into()),
        natural_key: Vec::new(),
        fields: ["name", "u_amount"].into_iter().map(field).collect(),
        child: None,
        on_gone: Vec::new(),
        only_if: Vec::new(),
        partial_write: PartialWrite::Record,
        clear_with: ClearWith::Null,
    }
}

pub(in crate::servicenow) fn table() -> TargetPlan {
    target("x_row", "x_row", WriteMode::Table)
}

pub(super) fn staging() -> TargetPlan {
    target("x_stage", "x_landed", WriteMode::ImportSet)
}

/// Version `number` of the content that every record here has.
pub(super) fn version(number: i64) -> VersionText {
    VersionText::new(number, &[0x1f; 32])
}

/// The value of a version column for it.
pub(super) fn version_of(number: i64) -> String {
    version(number).to_string()
}

/// Record `n`: key `EDU1/e/000n`, version 3.
pub(super) fn record(n: usize) -> OutRecord {
    OutRecord {
        expects: None,
        delivery: DeliveryId(i64::try_from(n).unwrap()),
        source_key: format!("EDU1/e/{n:04}"),
        version: version(3),
        fields: [("name".to_owned(), format!("Name {n}")), ("u_amount".to_owned(), "12.50".to_owned())].into(),
        cleared: Default::default(),
        sys_id: None,
        sys_table: None,
        derived_sys_id: format!("{n:032x}"),
        may_exist: false,
        alone: false,
    }
}

pub(super) fn records(count: usize) -> Vec<OutRecord> {
    (1..=count).map(record).collect()
}

/// The row of record `n` as the instance would give it back.
pub(super) fn row(n: usize, number: i64) -> Value {
    json!({"sys_id": format!("{n:032x}"), "u_source_key": format!("EDU1/e/{n:04}"), "u_source_version": version(number).to_string(),
        "name": format!("Name {n}"), "u_amount": "12.5"})
}

/// The answer of a transform that inserted.
pub(super) fn inserted(sys_id: &str) -> Value {
    json!({"import_set": "ISET0010001", "staging_table": "x_stage",
        "result": [{"transform_map": "m", "table": "x_landed", "status": "inserted", "sys_id": sys_id}]})
}

/// Items of a batch request: id, method, url, headers as given, body.
pub(super) fn items(seen: &ReceivedRequest) -> Vec<(String, String, String, Value, Value)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let body = |item: &Value| serde_json::from_slice(&BASE64_STANDARD.decode(text(&item["body"])).unwrap()).unwrap();
    let requests = seen.json()["rest_requests"].as_array().unwrap().clone();
    requests.iter().map(|i| (text(&i["id"]), text(&i["method"]), text(&i["url"]), i["headers"].clone(), body(i))).collect()
}

pub(super) fn serviced(id: &str, status: u16, body: &Value) -> Value {
    let mut body = body.clone();
    whole_ids(&mut body);
    json!({"id": id, "status_code": status, "status_text": "X", "body": BASE64_STANDARD.encode(body.to_string()), "execution_time": 3})
}

pub(super) fn batch_answer(serviced: Vec<Value>, unserviced: &[&str]) -> Reply {
    reply(200, json!({"batch_request_id": "1", "serviced_requests": serviced, "unserviced_requests": unserviced}))
}

/// The short id of a full one, if it has one.
pub(super) fn short(id: &str) -> String {
    let bytes: Option<Vec<u8>> = (0..id.len() / 2).map(|at| u8::from_str_radix(id.get(2 * at..2 * at + 2)?, 16).ok()).collect();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let text = text.map(|text| text.trim_end_matches('\0').to_owned());
    text.filter(|text| text.chars().all(|letter| (' '..='~').contains(&letter))).unwrap_or_else(|| id.to_owned())
}

/// A message with short ids.
pub(super) fn shortened(message: &str) -> String {
    let words = message.split_inclusive(|letter: char| !letter.is_ascii_hexdigit());
    words
        .map(|word| match word.get(..32).and_then(SysId::new) {
            Some(id) => format!("{}{}", short(&id), &word[32..]),
            None => word.to_owned(),
        })
        .collect()
}

/// The rows of confirmed records, by their short ids.
pub(super) fn ids(outcomes: &[Outcome]) -> Vec<String> {
    let id = |outcome: &Outcome| if let Outcome::Confirmed { sys_id, .. } = outcome { short(sys_id) } else { panic!("{outcome:?}") };
    outcomes.iter().map(id).collect()
}

pub(super) fn id(text: &str) -> SysId {
    SysId::new(&whole(text)).unwrap()
}
