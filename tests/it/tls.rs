//! The service over TLS: its own certificate, replaced while it runs.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::binary::{Site, text, wait_until};

/// A certificate that vouches for itself.
struct Own {
    certificate: String,
    key: String,
    der: CertificateDer<'static>,
}

fn own(expires: i32) -> Own {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(expires, 1, 1);
    let certificate = params.self_signed(&key).unwrap();
    Own { certificate: certificate.pem(), key: key.serialize_pem(), der: certificate.der().clone() }
}

fn put(folder: &Path, certificate: &str, key: &str) {
    std::fs::write(folder.join("certificate.pem"), certificate).unwrap();
    std::fs::write(folder.join("key.pem"), key).unwrap();
}

/// A connection of a client that trusts this certificate alone, and offers these protocols.
fn connect(site: &Site, trusted: &Own, protocols: &[&str]) -> std::io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.der.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let connection = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    Ok(StreamOwned::new(connection, TcpStream::connect(("127.0.0.1", site.port))?))
}

/// One request.
fn ask(site: &Site, trusted: &Own, request: &str) -> std::io::Result<String> {
    let mut stream = connect(site, trusted, &[])?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    match stream.read_to_string(&mut answer) {
        Ok(_) => Ok(answer),
        // a server need not say goodbye
        Err(_) if answer.starts_with("HTTP/1.1 ") => Ok(answer),
        Err(error) => Err(error),
    }
}

fn get(site: &Site, trusted: &Own, path: &str) -> std::io::Result<String> {
    ask(site, trusted, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
}

/// The settings of a site that serves TLS.
fn secured(site: &Site) {
    let file = site.path("tieline.toml");
    let settings = std::fs::read_to_string(&file).unwrap();
    let folder = site.path("tls");
    std::fs::create_dir_all(&folder).unwrap();
    let lines = format!("certificate = \"{0}/certificate.pem\"\ncertificate_key = \"{0}/key.pem\"\n", folder.display());
    let settings = match settings.contains("[http]\n") {
        true => settings.replacen("[http]\n", &format!("[http]\n{lines}"), 1),
        false => format!("{settings}\n[http]\n{lines}"),
    };
    std::fs::write(file, settings).unwrap();
}

#[test]
fn a_certificate_is_served_and_a_new_one_taken_up_without_a_restart() {
    let site = Site::alone();
    secured(&site);
    let (first, second) = (own(2090), own(2091));
    put(&site.path("tls"), &first.certificate, &first.key);
    let mut service = site.serve();
    wait_until("the service answers", || get(&site, &first, "/health/live").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")));
    let answer = get(&site, &first, "/health/live").unwrap().to_ascii_lowercase();
    assert!(answer.contains("strict-transport-security: max-age="), "{answer}");
    assert!(get(&site, &second, "/health/live").is_err(), "nobody takes it for another");
    assert!(crate::http::ask(&site, "GET", "/health/live", None, "").is_none_or(|(status, ..)| status != 200), "no plain HTTP beside it");
    let out = site.run(&["api-key", "add", "me", "--role", "viewer"]);
    let body = format!("key={}", String::from_utf8(out.stdout).unwrap().trim());
    let form = format!(
        "POST /sign-in HTTP/1.1\r\nHost: localhost\r\nOrigin: https://localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let answer = ask(&site, &first, &form).unwrap();
    assert!(answer.starts_with("HTTP/1.1 303") && answer.contains("; Secure"), "{answer}");

    put(&site.path("tls"), &second.certificate, &second.key);
    wait_until("the new certificate is in use", || get(&site, &second, "/health/live").is_ok());
    assert!(get(&site, &first, "/health/live").is_err());

    // an invalid pair leaves the valid one in use, and is reported
    put(&site.path("tls"), &second.certificate, &first.key);
    let metrics = || get(&site, &second, "/metrics").unwrap();
    wait_until("the bad pair is refused", || metrics().contains("tieline_certificates_refused_total 1"));
    assert!(metrics().contains("tieline_certificate_expires_timestamp_seconds 3818"), "{}", metrics());
    assert_eq!(service.terminate(), Some(0));
}

#[test]
fn bad_certificates_are_named_before_the_service_runs() {
    let site = Site::alone();
    secured(&site);
    let (good, other, old) = (own(2090), own(2090), own(2021));
    let refused = |wanted: &str| {
        for command in ["check", "run"] {
            let out = site.run(&[command]);
            assert_eq!(out.status.code(), Some(4), "{command}: {}", text(&out));
            assert!(text(&out).contains(wanted), "{command}: {}", text(&out));
        }
        let out = site.run(&["doctor"]);
        assert!(text(&out).contains("own certificate") && !out.status.success(), "{}", text(&out));
    };
    refused("`http.certificate` names ");
    put(&site.path("tls"), &good.certificate, "");
    refused("holds no private key in PEM form");
    put(&site.path("tls"), "no certificate", &good.key);
    refused("holds no certificate in PEM form");
    put(&site.path("tls"), &good.certificate, &other.key);
    refused("does not belong to the certificate");
    put(&site.path("tls"), &old.certificate, &old.key);
    refused("expired at 2021-01-01");
    put(&site.path("tls"), &good.certificate, &good.key);
    assert_eq!(site.run(&["check"]).status.code(), Some(0));
    let file = site.path("tieline.toml");
    let settings = std::fs::read_to_string(&file).unwrap();
    let without = settings.lines().filter(|line| !line.starts_with("certificate_key")).collect::<Vec<_>>().join("\n");
    std::fs::write(file, without).unwrap();
    let out = site.run(&["check"]);
    assert!(out.status.code() == Some(4) && text(&out).contains("http.certificate_key"), "{}", text(&out));
}

/// How a client of HTTP/2 begins (RFC 9113, section 3.4), with its empty settings.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";

/// What is answered to it; empty where the connection is closed.
fn answer(mut stream: impl Read + Write) -> Vec<u8> {
    let mut answer = Vec::new();
    // an error: closed without a goodbye
    let _ = stream.write_all(PREFACE).and_then(|()| stream.read_to_end(&mut answer).map(drop));
    answer
}

#[test]
fn nobody_is_spoken_to_in_http_2() {
    let site = Site::alone();
    secured(&site);
    let own = own(2090);
    put(&site.path("tls"), &own.certificate, &own.key);
    let mut service = site.serve();
    wait_until("the service answers", || get(&site, &own, "/health/live").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")));
    // who offers nothing else is refused in the handshake, who offers both speaks HTTP/1.1
    let mut alone = connect(&site, &own, &["h2"]).unwrap();
    let error = alone.write_all(b"x").and_then(|()| alone.flush()).expect_err("no protocol in common");
    assert!(error.to_string().contains("NoApplicationProtocol"), "{error}");
    let mut both = connect(&site, &own, &["h2", "http/1.1"]).unwrap();
    both.write_all(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    assert_eq!(both.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
    // who begins with HTTP/2 without asking gets no frame
    for protocols in [&[][..], &["http/1.1"]] {
        let said = answer(connect(&site, &own, protocols).unwrap());
        assert!(said.is_empty() || said.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&said));
    }
    assert_eq!(service.terminate(), Some(0));

    let plain = Site::alone();
    let mut service = plain.serve();
    wait_until("the service answers", || TcpStream::connect(("127.0.0.1", plain.port)).is_ok());
    let said = answer(TcpStream::connect(("127.0.0.1", plain.port)).unwrap());
    assert!(said.is_empty() || said.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&said));
    assert_eq!(service.terminate(), Some(0));
}
