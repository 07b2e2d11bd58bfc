//! Nothing that the binary prints, stores or sends contains a secret: planted secrets are searched for in every form, after success and
//! after failure, also with a system that repeats what was sent to it.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};
use secrecy::ExposeSecret;
use tieline_sim::dataset::DatasetOptions;
use tieline_sim::servicenow::{ServiceNowOptions, ServiceNowSim};
use tieline_sim::syspro::{SysproOptions, SysproSim};

use crate::binary::{Service, Site, cluster, free_port, text, wait_until};

const ODATA: &str = "SENTINEL/odata+pass word";
const CLIENT: &str = "SENTINEL/client&secret=1";
const ENET: &str = "SENTINEL/enet";
const TOKEN: &str = "SENTINEL-token-0123456789";

/// The secrets, in every form in which they could come out.
struct Hunt {
    forms: Vec<(String, String)>,
    bytes_read: usize,
}

impl Hunt {
    fn for_secrets(secrets: &[(&str, &str, &str)]) -> Self {
        let mut forms = Vec::new();
        for (name, user, secret) in secrets {
            let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
            let json = serde_json::to_string(secret).unwrap().trim_matches('"').to_owned();
            let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
            let mut all = vec![(*secret).to_owned(), encoded.replace('+', "%20"), encoded, json, hex, secret.replace('/', "\\/")];
            all.push(BASE64_STANDARD_NO_PAD.encode(secret));
            if !user.is_empty() {
                all.push(BASE64_STANDARD.encode(format!("{user}:{secret}")));
            }
            forms.extend(all.into_iter().map(|form| ((*name).to_owned(), form)));
        }
        Self { forms, bytes_read: 0 }
    }

    /// Fails if the text contains a secret.
    fn read(&mut self, place: &str, bytes: &[u8]) {
        self.bytes_read += bytes.len();
        let said = String::from_utf8_lossy(bytes);
        for (name, form) in &self.forms {
            if let Some(at) = said.find(form.as_str()) {
                let from = said[..at].char_indices().rev().nth(300).map_or(0, |(index, _)| index);
                panic!("{place}: `{name}` is told: {}", &said[from..at]);
            }
        }
    }

    /// Runs a command as loud as it can be, and reads what it says; its exit code.
    fn run(&mut self, site: &Site, arguments: &[&str], more: &[(&str, &str)]) -> Option<i32> {
        let mut command = site.command(arguments);
        loud(&mut command);
        let out = command.envs(more.iter().copied()).output().unwrap();
        self.read(&format!("{arguments:?} {more:?}"), text(&out).as_bytes());
        out.status.code()
    }
}

fn loud(command: &mut Command) {
    command.env("RUST_LOG", "trace").env("TIELINE__LOG__LEVEL", "trace").env("RUST_BACKTRACE", "full");
}

/// Everything that a request over HTTP brings, head and body.
fn get(port: u16, method: &str, path: &str, headers: &str, body: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let head =
        format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

fn dump(url: &str) -> Vec<u8> {
    let out = Command::new("pg_dump").args(["--data-only", "--inserts", "-d", url]).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    out.stdout
}

fn set(site: &Site, name: &str, user: &str, secret: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let mut command = site.command(&["credential", "set", name, "--username", user, "--password-stdin"]);
    loud(&mut command);
    let mut child = command.envs(more.iter().copied()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{secret}\n").as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success(), "{}", text(&out));
    text(&out).into_bytes()
}

/// The server's process and those that it started.
fn processes_of(site: &Site) -> Vec<String> {
    let pid = fs::read_to_string(site.path("state/postgres/data/postmaster.pid")).unwrap().lines().next().unwrap().to_owned();
    let parent = |other: &str| {
        let stat = fs::read_to_string(format!("/proc/{other}/stat")).ok()?;
        Some(stat.rsplit_once(") ")?.1.split(' ').nth(1)?.to_owned())
    };
    let all = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut found: Vec<String> = all.filter(|other| parent(other).as_deref() == Some(pid.as_str())).collect();
    found.push(pid);
    found
}

#[test]
fn no_secret_is_told_where_all_goes_well() {
    let dataset = DatasetOptions { documents: 26, ..DatasetOptions::default() };
    let syspro = SysproSim::start(SysproOptions { dataset, password: ODATA.into(), ..SysproOptions::default() }).unwrap();
    let options = ServiceNowOptions { client_secret: CLIENT.into(), ..ServiceNowOptions::default() };
    let client = options.client_id.clone();
    let servicenow = ServiceNowSim::start(options).unwrap();
    let operator = SysproOptions::default().username;
    let site = Site::new(syspro.url.as_str(), servicenow.url().as_str(), "");
    let mut hunt = Hunt::for_secrets(&[("odata", &operator, ODATA), ("client", &client, CLIENT), ("enet", "OP", ENET)]);
    for (name, user, secret) in [("syspro-odata", operator.as_str(), ODATA), ("servicenow", &client, CLIENT), ("syspro-enet", "OP", ENET)] {
        let said = set(&site, name, user, secret, &[]);
        hunt.read("credential set", &said);
    }
    let key = String::from_utf8(site.run(&["api-key", "add", "ops", "--role", "admin"]).stdout).unwrap().trim().to_owned();
    // the same token for every caller: the one of the service
    let form = format!(
        "grant_type=client_credentials&client_id={client}&client_secret={}",
        url::form_urlencoded::byte_serialize(CLIENT.as_bytes()).collect::<String>()
    );
    let port = servicenow.url().port().unwrap();
    let answer = get(port, "POST", "/oauth_token.do", "Content-Type: application/x-www-form-urlencoded\r\n", &form).unwrap();
    let token = answer.split_once("\"access_token\":\"").unwrap().1.split('"').next().unwrap().to_owned();
    let key_file = fs::read(site.path("state/master.key")).unwrap();
    let key_text = String::from_utf8_lossy(&key_file).trim().to_owned();
    let more = Hunt::for_secrets(&[("token", "", &token), ("api key", "", key.rsplit('_').next().unwrap()), ("key file", "", &key_text)]);
    hunt.forms.extend(more.forms);

    let mut command = site.command(&["run"]);
    loud(&mut command);
    let (out, log) = (fs::File::create(site.path("out")).unwrap(), fs::File::create(site.path("log")).unwrap());
    let mut service = Service { child: command.env("PLANTED", "SENTINEL-environment").stdout(out).stderr(log).spawn().unwrap() };
    let bearer = format!("Authorization: Bearer {key}\r\n");
    let api = |path: &str| get(site.port, "GET", path, &bearer, "");
    wait_until("everything is delivered", || {
        let rows = servicenow.count("x_apo_gl_posting") > 0 && servicenow.count("x_apo_invoice_line") > 0;
        rows && api("/api/v1/flows").is_some_and(|flows| flows.contains("\"waiting\":0"))
    });
    assert!(servicenow.token_requests() >= 2);
    for path in ["/metrics", "/health/ready", "/health/flows", "/api/v1/flows", "/api/v1/runs", "/api/v1/records?limit=1000"] {
        hunt.read(path, api(path).unwrap().as_bytes());
    }
    for path in ["/api/v1/failures?limit=1000", "/api/v1/audit?limit=1000", "/api/v1/records/EDU1/supplier/042", "/api/v1/nowhere"] {
        hunt.read(path, api(path).unwrap().as_bytes());
    }
    let refused = get(site.port, "GET", "/api/v1/flows", &format!("Authorization: Bearer {key}x\r\n"), "").unwrap();
    assert!(refused.contains(" 401 "));
    hunt.read("a refusal", refused.as_bytes());

    // the database server and its children have nothing of our environment
    let processes = processes_of(&site);
    assert!(processes.len() > 3, "{processes:?}");
    for pid in processes {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        for bytes in [&environment, &line] {
            hunt.read("a database process", bytes);
            let words = String::from_utf8_lossy(bytes);
            assert!(!words.contains("TIELINE__") && !words.contains("PLANTED"), "{words}");
        }
    }
    hunt.read("the service's command line", &fs::read(format!("/proc/{}/cmdline", service.child.id())).unwrap());
    let lists: [&[&str]; 9] = [
        &["status", "--output", "json"],
        &["failures", "--output", "json"],
        &["record", "EDU1", "supplier", "042", "--output", "json"],
        &["audit", "--output", "json"],
        &["credential", "list", "--output", "json"],
        &["api-key", "list", "--output", "json"],
        &["check", "--output", "json"],
        &["doctor", "--output", "json"],
        &["replay", "--company", "EDU1", "--entity", "cost_center", "--why", "to see what it says"],
    ];
    for arguments in lists {
        assert!([Some(0), Some(3)].contains(&hunt.run(&site, arguments, &[])), "{arguments:?}");
    }
    let server = cluster(&site);
    let ledger = dump(server.url().expose_secret());
    assert!(String::from_utf8_lossy(&ledger).contains("INTO public.credential"));
    hunt.read("the database", &ledger);
    assert_eq!(service.terminate(), Some(0));
    server.stop().unwrap();
    let log = fs::read(site.path("log")).unwrap();
    assert!(log.len() > 100_000 && String::from_utf8_lossy(&log).contains("TRACE"), "the log is not loud: {} bytes", log.len());
    hunt.read("the log", &log);
    hunt.read("standard output", &fs::read(site.path("out")).unwrap());
    hunt.read("the database's log", &fs::read(site.path("state/postgres/server.log")).unwrap());
}

/// How the parrot answers.
const MANNERS: [(&str, &str); 7] = [
    ("500", "text/plain"),
    ("500", "application/json"),
    ("401", "application/json"),
    ("400", "application/json"),
    ("403", "text/html"),
    ("200", "text/html"),
    ("200", "application/json"),
];

/// A server that repeats whatever it was sent, head and body, as SYSPRO and as ServiceNow; it hands out a token unless it is to repeat that too.
struct Parrot {
    port: u16,
    manner: Arc<AtomicUsize>,
    tokens: Arc<AtomicUsize>,
    heard: Arc<AtomicUsize>,
}

impl Parrot {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let [manner, tokens, heard] = [0, 1, 0].map(|start| Arc::new(AtomicUsize::new(start)));
        let parrot = Self { port, manner: manner.clone(), tokens: tokens.clone(), heard: heard.clone() };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (manner, tokens, heard) = (manner.clone(), tokens.clone(), heard.clone());
                std::thread::spawn(move || repeat(stream, &manner, &tokens, &heard));
            }
        });
        parrot
    }
}

fn repeat(mut stream: TcpStream, manner: &AtomicUsize, tokens: &AtomicUsize, heard: &AtomicUsize) -> Option<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let (mut request, mut buffer) = (Vec::new(), [0; 16384]);
    loop {
        let read = stream.read(&mut buffer).ok().filter(|read| *read > 0)?;
        request.extend_from_slice(&buffer[..read]);
        let words = String::from_utf8_lossy(&request).into_owned();
        let Some((head, body)) = words.split_once("\r\n\r\n") else { continue };
        let lower = head.to_lowercase();
        let length = lower.split_once("content-length: ").and_then(|(_, rest)| rest.lines().next()?.trim().parse().ok()).unwrap_or(0_usize);
        if body.len() >= length {
            break;
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    if request.to_lowercase().contains("authorization: ") {
        heard.fetch_add(1, Ordering::SeqCst);
    }
    let (status, kind, body) = if request.contains("/oauth_token.do") && tokens.load(Ordering::SeqCst) == 1 {
        let body = format!(r#"{{"access_token":"{TOKEN}","token_type":"Bearer","expires_in":1799,"scope":"useraccount"}}"#);
        ("200", "application/json", body)
    } else {
        let (status, kind) = MANNERS[manner.load(Ordering::SeqCst)];
        let said = serde_json::to_string(&request).unwrap();
        let body = match kind {
            "application/json" => {
                let odata = format!(r#""code":"","innererror":{{"message":{said}}}"#);
                format!(
                    r#"{{"error":{{"message":{said},"detail":{said},{odata}}},"error_description":{said},"status":"failure","value":{said}}}"#
                )
            }
            "text/html" => format!("<html><head><title>{request}</title></head><body>{request}</body></html>"),
            _ => request,
        };
        (status, kind, body)
    };
    let head = format!("HTTP/1.1 {status} Said\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).ok()
}

#[test]
fn no_secret_is_told_where_a_system_repeats_what_it_was_sent() {
    let parrot = Parrot::start();
    let dataset = DatasetOptions { documents: 26, ..DatasetOptions::default() };
    let syspro = SysproSim::start(SysproOptions { dataset, password: ODATA.into(), ..SysproOptions::default() }).unwrap();
    let operator = SysproOptions::default().username;
    let instance = format!("http://127.0.0.1:{}/", parrot.port);
    let more =
        "batch_quota_seconds = 1\nrequest_quota_seconds = 1\n[retry]\nread_attempts = 1\nmin_delay_seconds = 1\nmax_delay_seconds = 1\n";
    let site = Site::new(syspro.url.as_str(), &instance, more);
    let text = fs::read_to_string(site.path("tieline.toml")).unwrap();
    // the quotas belong to [servicenow]
    let (quotas, retry) = more.split_once("[retry]").unwrap();
    let text = text.replace(more, &format!("[retry]{retry}")).replace("[servicenow]\n", &format!("[servicenow]\n{quotas}"));
    fs::write(site.path("tieline.toml"), text).unwrap();

    // the ledger is on its own server, whose password is in a url in the environment
    let ledger = Site::alone();
    let server = cluster(&ledger);
    let url = server.url().expose_secret().to_owned();
    let password = url::Url::parse(&url.replacen("@/", "@x/", 1)).unwrap().password().unwrap().to_owned();
    let database = [("TIELINE__DATABASE__URL", url.as_str())];
    let mut hunt = Hunt::for_secrets(&[
        ("odata", &operator, ODATA),
        ("client", "tieline", CLIENT),
        ("token", "", TOKEN),
        ("database", "", &password),
        ("lost database", "", "SENTINEL-db"),
    ]);
    for (name, user, secret) in [("syspro-odata", operator.as_str(), ODATA), ("servicenow", "tieline", CLIENT)] {
        let said = set(&site, name, user, secret, &database);
        hunt.read("credential set", &said);
    }
    let odata = format!("http://127.0.0.1:{}/SYSPROOData", parrot.port);
    for (number, manner) in MANNERS.iter().enumerate() {
        parrot.manner.store(number, Ordering::SeqCst);
        for tokens in [1, 0] {
            parrot.tokens.store(tokens, Ordering::SeqCst);
            // ServiceNow repeats
            hunt.run(&site, &["sync", "--entity", "cost_center", "--entity", "supplier", "--company", "EDU1"], &database);
        }
        // SYSPRO repeats
        let both = [database[0], ("TIELINE__SYSPRO__ODATA_URL", odata.as_str())];
        assert_ne!(hunt.run(&site, &["sync", "--entity", "gl_account", "--company", "EDU1"], &both), Some(0), "{manner:?}");
        hunt.run(&site, &["doctor"], &both);
        for list in ["failures", "audit"] {
            assert_eq!(hunt.run(&site, &[list, "--output", "json"], &database), Some(0), "{list}");
        }
    }
    assert!(parrot.heard.load(Ordering::SeqCst) > 20, "the parrot heard too little");
    let rows = dump(&url);
    assert!(String::from_utf8_lossy(&rows).contains("cost_center"));
    hunt.read("the database", &rows);

    // wrong and unreachable: passwords, database urls in both forms
    let closed = free_port();
    let lost = [
        format!("postgres://tieline:SENTINEL-db@127.0.0.1:{closed}/ledger"),
        format!("host=127.0.0.1 port={closed} user=tieline password=SENTINEL-db dbname=ledger"),
        "postgres://tieline:SENTINEL-db@127.0.0.1:notaport/ledger".to_owned(),
        "postgres://tieline:SENTINEL-db@[::1/ledger?sslmode=nonsense".to_owned(),
        "mysql://tieline:SENTINEL-db@127.0.0.1/ledger".to_owned(),
        url.replacen(&password, "SENTINEL-db", 1),
    ];
    for url in &lost {
        let database = [("TIELINE__DATABASE__URL", url.as_str()), ("TIELINE__DATABASE__CALL_TIMEOUT_SECONDS", "1")];
        for command in [&["status"][..], &["check", "--output", "json"], &["doctor"]] {
            let code = hunt.run(&site, command, &database);
            assert!(command[0] == "check" || code != Some(0), "{command:?} {url}");
        }
    }
    server.stop().unwrap();
    assert!(hunt.bytes_read > 1_000_000, "only {} bytes were read", hunt.bytes_read);
}
