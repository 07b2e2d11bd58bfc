//! A client that sends slowly, or in an unsupported form, does not delay others.

use super::*;

/// A request whose body does not come.
fn half(site: &Site, head: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", site.port)).unwrap();
    write!(stream, "{head}\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 9\r\n\r\n").unwrap();
    stream
}

#[test]
fn bodies_that_do_not_come_hold_up_nobody_and_are_given_up() {
    let site = Site::alone();
    let mut service = site.serve();
    wait_until("the service answers", || ask(&site, "GET", "/health/live", None, "").is_some_and(|(status, ..)| status == 200));
    site.set_credentials(("U", "p"), ("C", "s"));
    let admin = key(&site, "admin", "admin");
    let own = format!("POST /api/v1/replay HTTP/1.1\r\nAuthorization: Bearer {admin}");
    let heads = ["POST /sign-in HTTP/1.1", own.as_str(), "POST /api/v1/replay HTTP/1.1", "GET /api/v1/flows HTTP/1.1"];
    let mut slow: Vec<TcpStream> = (0..40).map(|n| half(&site, heads[n % heads.len()])).collect();
    for (path, key) in [
        ("/health/ready", None),
        ("/health/flows", None),
        ("/metrics", None),
        ("/sign-in", None),
        ("/api/v1/flows", Some(admin.as_str())),
        ("/api/v1/records", Some(admin.as_str())),
    ] {
        let (status, _, body) = ask(&site, "GET", path, key, "").unwrap();
        assert_eq!(status, 200, "{path}: {body}");
    }
    // all of that while every one of them was still waited for
    for stream in &slow {
        stream.set_nonblocking(true).unwrap();
        let told = (&mut &*stream).read(&mut [0; 1]);
        assert!(told.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock), "one of them was given up before");
    }
    for stream in &mut slow {
        stream.set_nonblocking(false).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("urn:tieline:problem:timed-out"), "{answer}");
    }
    assert_eq!(service.terminate(), Some(0));
}

#[test]
fn bodies_are_read_as_they_are_and_as_objects_alone() {
    let site = Site::alone();
    let mut service = site.serve();
    wait_until("the service answers", || ask(&site, "GET", "/health/live", None, "").is_some_and(|(status, ..)| status == 200));
    let admin = key(&site, "admin", "admin");
    // an array would be taken for the members in their order
    for body in [r#"["why",[],null]"#, "7", "\"why\"", "null"] {
        let (status, _, answer) = ask(&site, "POST", "/api/v1/replay", Some(&admin), body).unwrap();
        assert!(status == 400 && answer.contains("not a JSON object"), "{body}: {status} {answer}");
    }
    for more in ["Content-Encoding: gzip", "Content-Encoding: gzip\r\nIdempotency-Key: one", "Content-Encoding: br"] {
        let mut stream = TcpStream::connect(("127.0.0.1", site.port)).unwrap();
        let head =
            format!("POST /api/v1/replay HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {admin}\r\n{more}");
        write!(stream, "{head}\r\nContent-Length: 2\r\n\r\n{{}}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 415") && answer.contains("compressed"), "{more}: {answer}");
    }
    assert_eq!(service.terminate(), Some(0));
}

#[test]
fn requests_that_cannot_be_read_leave_no_line_each_in_the_log() {
    let site = Site::alone();
    let mut service = site.serve();
    wait_until("the service answers", || ask(&site, "GET", "/health/live", None, "").is_some_and(|(status, ..)| status == 200));
    let log = || std::fs::read_to_string(site.path("service.log")).unwrap().lines().count();
    let before = log();
    let large = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(200_000));
    let wrong =
        ["GET /\x01 HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", large.as_str()];
    for n in 0..100 {
        let mut stream = TcpStream::connect(("127.0.0.1", site.port)).unwrap();
        // one that was given up may not take all of it, and says nothing
        let _ = stream.write_all(wrong[n % wrong.len()].as_bytes());
        let _ = stream.read(&mut [0; 64]);
    }
    assert!(ask(&site, "GET", "/health/live", None, "").is_some());
    let lines = log() - before;
    assert!(lines < 20, "{lines} lines for 100 requests");
    assert_eq!(service.terminate(), Some(0));
}
