//! `Host`: a page that lets its own name point to this machine gets no answer.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::binary::{Site, wait_until};

/// Status and body of a request whose head says this after its first line.
fn get(site: &Site, path: &str, head: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", site.port)).ok()?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nConnection: close\r\n{head}\r\n").as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

#[test]
fn a_request_under_a_name_of_others_gets_nothing() {
    let site = Site::alone();
    let mut command = site.command(&["run"]);
    command.env("TIELINE__HTTP__HOST_NAMES", "tieline.example").env("TIELINE__NOTICES__PUBLIC_URL", "https://ap.example/tieline/");
    let _service = site.serve_as(command);
    wait_until("the service answers", || get(&site, "/health/live", "Host: localhost\r\n").is_some_and(|(status, _)| status == 200));
    let get = |path: &str, head: &str| get(&site, path, head).unwrap();
    let ports = format!("Host: 127.0.0.1:{}\r\n", site.port);
    // probes and people that come by address, by the configured name, or by the one in messages
    for host in [ports.as_str(), "Host: 10.1.2.3\r\n", "Host: [::1]:8650\r\n", "Host: TIELINE.example:443\r\n", "Host: ap.example\r\n"] {
        assert_eq!(get("/metrics", host).0, 200, "{host}");
        assert_eq!(get("/health/flows", host).0, 200, "{host}");
        assert_eq!(get("/sign-in", host).0, 200, "{host}");
        assert_eq!(get("/api/v1/runs", host).0, 401, "{host}");
    }
    for path in ["/metrics", "/health/ready", "/health/flows", "/sign-in", "/", "/api/v1/runs", "/nowhere"] {
        let (status, body) = get(path, "Host: evil.example\r\n");
        assert_eq!(status, 421, "{path}: {body}");
        let problem: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert!(problem["detail"].as_str().unwrap().contains("`evil.example`"), "{body}");
        assert!(problem["next_step"].as_str().unwrap().contains("`http.host_names`"), "{body}");
    }
    assert_eq!(get("/api/v1/runs", "Host: localhost\r\nHost: evil.example\r\n").0, 400);
    assert_eq!(get("/api/v1/runs", "").0, 400);
    // whether the process lives is no secret, and what ends a dead one must not depend on a setting
    assert_eq!(get("/health/live", "Host: evil.example\r\n").0, 200);
}
