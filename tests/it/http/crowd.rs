//! Many connections at once, and requests whose answers nobody reads: their cost, and that health still answers.

use std::io::ErrorKind;

use super::*;

/// What the process has in memory, in MiB.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() >> 10
}

fn live(site: &Site) -> bool {
    ask(site, "GET", "/health/live", None, "").is_some_and(|(status, ..)| status == 200)
}

/// A connection with as many requests written to it as it takes, up to a limit; their answers are never read.
fn mute(site: &Site, request: &str, most: usize) -> (TcpStream, usize) {
    let mut stream = TcpStream::connect(("127.0.0.1", site.port)).unwrap();
    stream.set_write_timeout(Some(std::time::Duration::from_millis(500))).unwrap();
    let block = request.repeat(1_000);
    let mut written = 0;
    while written < most {
        match stream.write(block.as_bytes()) {
            Ok(some) => written += some,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break,
            // given up by the server
            Err(_) => break,
        }
    }
    (stream, written)
}

/// A connection that asks one thing after another.
struct Kept(TcpStream);

impl Kept {
    fn open(site: &Site) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", site.port)).unwrap();
        stream.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
        Self(stream)
    }

    /// The status of an answer, `None` once the connection is closed.
    fn ask(&mut self, path: &str) -> Option<u16> {
        self.0.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).ok()?;
        let mut all = Vec::new();
        let mut byte = [0];
        while !all.ends_with(b"\r\n\r\n") {
            self.0.read_exact(&mut byte).ok()?;
            all.push(byte[0]);
        }
        let head = String::from_utf8(all).ok()?;
        let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok())?;
        self.0.read_exact(&mut vec![0; length]).ok()?;
        head.split(' ').nth(1)?.parse().ok()
    }
}

/// Whether the service has closed a connection on which it owes nothing.
fn is_closed(mut stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    match stream.read(&mut [0; 64]) {
        Ok(0) => true,
        Ok(_) => false,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

#[test]
fn answers_that_nobody_reads_are_not_kept_in_memory() {
    let site = Site::alone();
    let mut service = site.serve();
    wait_until("the service answers", || live(&site));
    let before = resident(service.child.id());
    let requests = ["GET /sign-in HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET /metrics HTTP/1.1\nHost: localhost\n\n"];
    let streams: Vec<_> = (0..12).map(|n| mute(&site, requests[n % requests.len()], 16 << 20)).collect();
    assert!(streams.iter().all(|(_, written)| *written > 1 << 10), "they were read");
    let grown = resident(service.child.id()).saturating_sub(before);
    assert!(grown < 64, "{grown} MiB more than {before}");
    assert!(live(&site));
    let (status, _, body) = ask(&site, "GET", "/health/ready", None, "").unwrap();
    assert!(status == 200 || status == 503, "{body}");
    drop(streams);
    assert_eq!(service.terminate(), Some(0));
}

#[test]
fn many_who_ask_for_metrics_at_once_cost_the_ledger_as_much_as_two() {
    let site = Site::alone();
    let cluster = crate::binary::cluster(&site);
    let database = Sql::new(&cluster.url());
    let waiting = || {
        let sql = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'conflict'::regclass";
        database.ask("tieline", sql).unwrap().parse::<usize>().unwrap()
    };
    let mut service = site.serve();
    wait_until("the service answers", || live(&site));
    let locked = Locked::table(&cluster, "conflict");
    let mut streams: Vec<TcpStream> = (0..100).map(|_| TcpStream::connect(("127.0.0.1", site.port)).unwrap()).collect();
    for (number, stream) in streams.iter_mut().enumerate() {
        write!(stream, "GET /metrics?n={number} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    }
    wait_until("one asks", || waiting() > 0);
    // whoever came next to it has been read by now
    assert!(live(&site));
    assert_eq!(waiting(), 1, "the others wait for the next answer");
    drop(locked);
    let answers: Vec<String> = streams
        .iter_mut()
        .map(|stream| {
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer.split_once("\r\n\r\n").filter(|(head, _)| head.starts_with("HTTP/1.1 200")).unwrap().1.to_owned()
        })
        .collect();
    // each carries the processor's time so far
    let different: std::collections::HashSet<&String> = answers.iter().collect();
    assert!((1..=3).contains(&different.len()), "{} answers", different.len());
    assert_eq!(service.terminate(), Some(0));
    cluster.stop().unwrap();
}

#[test]
fn an_address_has_so_many_places_and_health_has_its_own() {
    let site = Site::alone();
    let mut command = site.command(&["run"]);
    command.env("TIELINE__HTTP__CONNECTIONS_PER_ADDRESS", "40");
    let mut service = site.serve_as(command);
    wait_until("the service answers", || live(&site));
    // an idle connection between two requests, and many that never finish theirs
    let mut patient = Kept::open(&site);
    assert_eq!(patient.ask("/health/live"), Some(200));
    let silent = || {
        let mut stream = TcpStream::connect(("127.0.0.1", site.port)).unwrap();
        stream.write_all(b"GET /sign-in HTTP/1.1\r\n").ok();
        stream
    };
    // those that have kept the service waiting for longest are closed, long before their time is over
    let first: Vec<TcpStream> = (0..39).map(|_| silent()).collect();
    let mut held = Vec::new();
    wait_until("the first are closed", || {
        held.push(silent());
        first.iter().all(is_closed)
    });
    assert_eq!(patient.ask("/health/live"), Some(200), "who behaves keeps the connection");
    assert!(ask(&site, "GET", "/sign-in", None, "").is_some_and(|(status, ..)| status == 200), "who comes new is served");
    assert!(live(&site));
    drop(held);
    assert_eq!(service.terminate(), Some(0));
}

#[test]
fn one_connection_carries_one_request_after_another() {
    let site = Site::alone();
    let mut service = site.serve();
    wait_until("the service answers", || live(&site));
    let mut stream = TcpStream::connect(("127.0.0.1", site.port)).unwrap();
    let chunked = "POST /sign-in HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\na=b\r\n0\r\n\r\n";
    let requests = [
        "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n",
        chunked,
        "GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    ];
    stream.write_all(requests.concat().as_bytes()).unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    let statuses: Vec<&str> = answers.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
    assert_eq!((statuses.len(), statuses[0], statuses[2]), (3, "200", "200"), "{answers}");
    assert_eq!(service.terminate(), Some(0));
}
