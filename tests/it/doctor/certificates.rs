//! The certificates of both systems: their expiry, their signer, and the connection through a proxy.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use chrono::{Datelike, TimeDelta, Utc};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};
use serde_json::Value;
use tieline_sim::servicenow::{ServiceNowOptions, ServiceNowSim};
use tieline_sim::syspro::{SysproOptions, SysproSim};

use super::rows;
use crate::binary::{Site, text};
use crate::cli::json;

/// An authority of the site's own.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    /// A server that shakes hands and says no more, with a certificate for `name` that ends N days from now.
    fn server(&self, name: &str, days: i64) -> u16 {
        let end = Utc::now() + TimeDelta::days(days + 1);
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(end.year(), u8::try_from(end.month()).unwrap(), u8::try_from(end.day()).unwrap());
        let key = KeyPair::generate().unwrap();
        let certificate: CertificateDer<'static> = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        let private = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = Arc::new(config.with_no_client_auth().with_single_cert(vec![certificate], private).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, config) = (stream.unwrap(), config.clone());
                thread::spawn(move || {
                    let mut connection = ServerConnection::new(config).unwrap();
                    while connection.is_handshaking() && connection.complete_io(&mut stream).is_ok() {}
                });
            }
        });
        port
    }
}

/// A proxy that understands CONNECT; answers how many tunnels it has opened.
fn proxy() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, opened) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let count = opened.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut near, count) = (stream.unwrap(), count.clone());
            thread::spawn(move || -> std::io::Result<()> {
                let (mut head, mut byte) = (Vec::new(), [0]);
                while !head.ends_with(b"\r\n\r\n") {
                    near.read_exact(&mut byte)?;
                    head.extend(byte);
                }
                let head = String::from_utf8_lossy(&head).into_owned();
                let target = head.split(' ').nth(1).unwrap_or_default();
                // the name is known to the proxy alone
                let mut far = TcpStream::connect(target.replace("erp.inside", "127.0.0.1"))?;
                near.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
                count.fetch_add(1, Ordering::SeqCst);
                let (mut back, mut forth) = (far.try_clone()?, near.try_clone()?);
                thread::spawn(move || {
                    let _ = std::io::copy(&mut back, &mut forth);
                    forth.shutdown(Shutdown::Both)
                });
                std::io::copy(&mut near, &mut far).map(drop)
            });
        }
    });
    (port, opened)
}

/// What the doctor says of a site's certificates, with the authority's file named or not.
fn of(odata: &str, instance: &str, more: &str, code: i32) -> Value {
    let site = Site::new(odata, instance, more);
    json(&site.command(&["doctor", "--output", "json"]).output().unwrap(), code)
}

fn certificate<'a>(answer: &'a Value, of: &str) -> &'a Value {
    rows(answer, &format!("certificate of {of}"))[0]
}

/// The sections' lines for a file with this authority.
fn trusting(site: &Site, pem: &str) {
    std::fs::write(site.path("authority.pem"), pem).unwrap();
    let file = site.path("tieline.toml");
    let line = format!("ca_file = \"{}\"\n", site.path("authority.pem").display());
    let settings = std::fs::read_to_string(&file).unwrap();
    let settings = settings.replace("[syspro]\n", &format!("[syspro]\n{line}")).replace("[servicenow]\n", &format!("[servicenow]\n{line}"));
    std::fs::write(file, settings).unwrap();
}

#[test]
fn the_end_and_the_signer_of_a_certificate_are_told() {
    let authority = Authority::new("Example Inside CA");
    for (days, verdict, words) in [(400, "ok", "days are left"), (9, "warning", "days are left"), (-30, "failed", "expired on ")] {
        let url = format!("https://localhost:{}/", authority.server("localhost", days));
        let site = Site::new(&format!("{url}odata"), &url, "[retry]\nread_attempts = 1\n");
        trusting(&site, &authority.issuer.pem());
        let out = site.run(&["doctor", "--output", "json"]);
        let answer: Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&out)));
        for system in ["SYSPRO OData", "ServiceNow"] {
            let row = certificate(&answer, system);
            let found = row["found"].as_str().unwrap();
            assert!(row["verdict"] == verdict && found.contains(words) && found.contains("CN=localhost"), "{days}: {row}");
        }
    }
    // another name, and an authority that is not trusted
    let url = format!("https://localhost:{}/", authority.server("other.example", 400));
    let site = Site::new(&format!("{url}odata"), &url, "");
    trusting(&site, &authority.issuer.pem());
    let answer = json(&site.run(&["doctor", "--output", "json"]), 1);
    let row = certificate(&answer, "ServiceNow");
    assert!(row["verdict"] == "failed" && row["found"].as_str().unwrap().contains("for `other.example`, not for `localhost`"), "{row}");
    let stranger = Authority::new("Unrelated CA");
    let site = Site::new(&format!("{url}odata"), &url, "");
    trusting(&site, &stranger.issuer.pem());
    let answer = json(&site.run(&["doctor", "--output", "json"]), 1);
    for (system, setting) in [("SYSPRO OData", "`syspro.ca_file`"), ("ServiceNow", "`servicenow.ca_file`")] {
        let row = certificate(&answer, system);
        assert!(row["verdict"] == "failed" && row["found"].as_str().unwrap().contains("CN=Example Inside CA"), "{row}");
        assert!(row["to_do"].as_str().unwrap().contains(setting), "{row}");
    }
}

#[test]
fn a_proxy_is_gone_through_and_clear_text_is_told() {
    let authority = Authority::new("Example Inside CA");
    let (port, opened) = proxy();
    let server = authority.server("erp.inside", 90);
    let site = Site::new(&format!("https://erp.inside:{server}/odata"), &format!("https://erp.inside:{server}/"), "");
    trusting(&site, &authority.issuer.pem());
    let out = site
        .command(&["doctor", "--output", "json"])
        .env("TIELINE__SYSPRO__PROXY", format!("http://user:SENTINEL@127.0.0.1:{port}"))
        .env("TIELINE__SERVICENOW__PROXY", format!("http://127.0.0.1:{port}"))
        .output()
        .unwrap();
    let answer = json(&out, 1);
    assert!(!text(&out).contains("SENTINEL"));
    for system in ["SYSPRO OData", "ServiceNow"] {
        assert_eq!(certificate(&answer, system)["verdict"], "ok", "{answer}");
    }
    assert!(opened.load(Ordering::SeqCst) >= 2, "the proxy was passed by");

    // without TLS: fine on this machine, a warning beyond it
    let answer = of("http://127.0.0.1:9/odata", "http://127.0.0.1:9/", "", 1);
    assert_eq!(certificate(&answer, "SYSPRO OData")["verdict"], "ok", "{answer}");
    let site = Site::new("https://127.0.0.1:9/odata", "http://127.0.0.1:9/", "");
    let mut command = site.command(&["doctor", "--output", "json"]);
    // an address that belongs to nobody, so that no request reaches another server
    command.env("TIELINE__SYSPRO__SOURCE", "enet").env("TIELINE__SYSPRO__ENET_URL", "http://192.0.2.1:31002/SYSPROWCFService/Rest");
    command.env("TIELINE__SYSPRO__CONNECT_TIMEOUT_SECONDS", "1");
    let answer: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
    let row = certificate(&answer, "e.net");
    assert!(row["verdict"] == "warning" && row["found"].as_str().unwrap().contains("passwords"), "{row}");
    assert!(rows(&answer, "certificate of SYSPRO OData").is_empty(), "OData is not used: {answer}");
}

#[test]
fn both_stand_ins_over_tls_are_well() {
    let syspro = SysproSim::start(SysproOptions { tls: true, ..SysproOptions::default() }).unwrap();
    let servicenow = ServiceNowSim::start(ServiceNowOptions { tls: true, ..ServiceNowOptions::default() }).unwrap();
    let site = Site::new(syspro.url.as_str(), servicenow.url().as_str(), "");
    trusting(&site, &format!("{}{}", syspro.ca_pem.as_deref().unwrap(), servicenow.ca_pem().unwrap()));
    site.set_credentials(("TIELINE", "odata-secret"), ("tieline", "simulated-secret"));
    let answer = json(&site.run(&["doctor", "--output", "json"]), 0);
    for what in ["certificate of SYSPRO OData", "certificate of ServiceNow", "clock and", "ServiceNow token", "SYSPRO EDU1 "] {
        let rows = rows(&answer, what);
        assert!(!rows.is_empty() && rows.iter().all(|row| row["verdict"] == "ok"), "{what}: {rows:?}");
    }
}
