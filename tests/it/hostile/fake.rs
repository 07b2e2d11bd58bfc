//! A server that answers as a row of the table says, byte by byte, and counts the requests.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use url::Url;

/// The secrets of the fakes; none of them may occur in any text.
pub const SECRETS: [&str; 5] = ["odata-s3cret+/7Q=", "enet-s3cret-3W", "client-s3cret-9X", "tok3n.5Z-live", SESSION];

/// The id of the e.net session.
pub const SESSION: &str = "3EA613166FE4BF47925DF1CEA14E910100";

/// Which question a hostile answer is given to; every other one has a usual answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Rows from the OData service.
    OData,
    /// Rows through e.net.
    Enet,
    /// e.net's logon.
    Logon,
    /// ServiceNow's token.
    Token,
    /// Everything that ServiceNow is asked, but the token.
    Write,
    /// What ServiceNow is asked by GET.
    Query,
    /// What is sent to ServiceNow.
    Send,
}

/// One question.
pub struct ReceivedRequest {
    pub method: String,
    pub path: String,
    pub options: BTreeMap<String, String>,
    pub authorization: String,
    pub body: String,
    /// How many of its endpoint came before.
    pub number: usize,
}

impl ReceivedRequest {
    pub fn option(&self, name: &str) -> &str {
        self.options.get(name).map_or("", String::as_str)
    }
}

/// How a question is answered: whatever is written, until the other side has enough.
pub type Script = Arc<dyn Fn(&ReceivedRequest, &mut TcpStream) -> io::Result<()> + Send + Sync>;

/// Both systems on one port.
pub struct Fake {
    pub port: u16,
    asked: Arc<AtomicUsize>,
}

impl Fake {
    pub fn start(endpoint: Endpoint, script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        // it ends with the test's process
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (script, count) = (script.clone(), count.clone());
                std::thread::spawn(move || serve(stream, endpoint, &script, &count));
            }
        });
        Self { port, asked }
    }

    /// How often the hostile answer was given.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }
}

fn serve(mut stream: TcpStream, endpoint: Endpoint, script: &Script, count: &AtomicUsize) {
    stream.set_write_timeout(Some(Duration::from_secs(600))).unwrap();
    let Some(mut seen) = read(&stream) else { return };
    if hostile(endpoint, &seen) {
        seen.number = count.fetch_add(1, Ordering::SeqCst);
        // the other side may have had enough
        let _ = script(&seen, &mut stream);
    } else {
        let _ = usual(&seen, &mut stream);
    }
}

fn read(stream: &TcpStream) -> Option<ReceivedRequest> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (mut authorization, mut length) = (String::new(), 0);
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header).ok()? <= 2 {
            break;
        }
        let (name, value) = header.split_once(':')?;
        match name.to_ascii_lowercase().as_str() {
            "authorization" => authorization = value.trim().to_owned(),
            "content-length" => length = value.trim().parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let url = Url::parse(&format!("http://h{target}")).ok()?;
    let options = url.query_pairs().into_owned().collect();
    Some(ReceivedRequest {
        method,
        path: url.path().to_owned(),
        options,
        authorization,
        body: String::from_utf8_lossy(&body).into_owned(),
        number: 0,
    })
}

fn hostile(endpoint: Endpoint, seen: &ReceivedRequest) -> bool {
    let counts = seen.options.keys().any(|name| name.contains("count")) || seen.path.ends_with("$count");
    match endpoint {
        Endpoint::OData => seen.path.starts_with("/odata/EDU1/") && !seen.path.ends_with("$metadata") && !counts,
        Endpoint::Enet => seen.path.ends_with("/Query/Query"),
        Endpoint::Logon => seen.path.ends_with("/Logon"),
        Endpoint::Token => seen.path.ends_with("/oauth_token.do"),
        Endpoint::Write => seen.path.starts_with("/api/"),
        Endpoint::Send => seen.path.starts_with("/api/") && seen.method != "GET",
        Endpoint::Query => seen.path.starts_with("/api/") && seen.method == "GET",
    }
}

/// What an ordinary site answers: three cost centres, and an instance that takes them.
fn usual(seen: &ReceivedRequest, stream: &mut TcpStream) -> io::Result<()> {
    let path = seen.path.as_str();
    if path.ends_with("/oauth_token.do") {
        return json(stream, &format!("{{\"access_token\":\"{}\",\"expires_in\":1799}}", SECRETS[3]));
    }
    if path.ends_with("/Logon") {
        return text(stream, SESSION);
    }
    if path.ends_with("/Logoff") {
        return text(stream, "0");
    }
    if path.ends_with("/GetLogonProfile") {
        return text(stream, "ERROR: not known");
    }
    if path.starts_with("/odata/EDU1/BomCostCentre") && !seen.options.keys().any(|name| name.contains("count")) {
        let rows = (1..4).map(|at| format!("{{\"CostCentre\":\"CC{at}\",\"Description\":\"Centre {at}\"}}"));
        let rows = if seen.option("$filter").contains(" gt ") { Vec::new() } else { rows.collect() };
        return json(stream, &format!("{{\"value\":[{}]}}", rows.join(",")));
    }
    if path.starts_with("/api/") && seen.method == "GET" {
        return json(stream, "{\"result\":[]}");
    }
    let body = "{\"error\":{\"message\":\"nothing of the kind\"}}";
    whole(stream, "404 Not Found", &[("Content-Type", "application/json")], body.as_bytes())
}

/// A whole answer.
pub fn whole(stream: &mut TcpStream, status: &str, headers: &[(&str, &str)], body: &[u8]) -> io::Result<()> {
    let mut head = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all((head + "\r\n").as_bytes())?;
    stream.write_all(body)
}

pub fn json(stream: &mut TcpStream, body: &str) -> io::Result<()> {
    whole(stream, "200 OK", &[("Content-Type", "application/json")], body.as_bytes())
}

pub fn text(stream: &mut TcpStream, body: &str) -> io::Result<()> {
    whole(stream, "200 OK", &[("Content-Type", "text/plain")], body.as_bytes())
}

/// The beginning of an answer whose body follows.
pub fn head(stream: &mut TcpStream, headers: &str) -> io::Result<()> {
    stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n{headers}\r\n").as_bytes())
}

/// Many times the same, in chunks of the transfer coding.
pub fn chunks(stream: &mut TcpStream, piece: &[u8], times: usize) -> io::Result<()> {
    for _ in 0..times {
        stream.write_all(format!("{:x}\r\n", piece.len()).as_bytes())?;
        stream.write_all(piece)?;
        stream.write_all(b"\r\n")?;
    }
    stream.write_all(b"0\r\n\r\n")
}

/// Many times the same between a beginning and an end, in gzip.
pub fn gzip(begin: &str, piece: &str, times: usize, end: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(begin.as_bytes()).unwrap();
    let block = piece.repeat((1 << 16) / piece.len() + 1);
    let mut left = times * piece.len();
    while left >= block.len() {
        encoder.write_all(block.as_bytes()).unwrap();
        left -= block.len();
    }
    encoder.write_all(&block.as_bytes()[..left]).unwrap();
    encoder.write_all(end.as_bytes()).unwrap();
    encoder.finish().unwrap()
}
