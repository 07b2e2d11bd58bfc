//! An address whose scheme does not match its port gets a message that says so: through the binary, on both sides.

use std::process::Output;

use tieline_sim::dataset::DatasetOptions;
use tieline_sim::servicenow::{ServiceNowOptions, ServiceNowSim};
use tieline_sim::syspro::{SysproOptions, SysproSim};

use crate::binary::Site;
use crate::cli::said;

/// Both simulators, with or without TLS, and a site that says the other scheme of one of them.
struct Bench {
    syspro: SysproSim,
    servicenow: ServiceNowSim,
}

impl Bench {
    fn start(tls: bool) -> Self {
        let dataset = DatasetOptions { documents: 26, ..DatasetOptions::default() };
        let syspro = SysproSim::start(SysproOptions { dataset, tls, ..SysproOptions::default() }).unwrap();
        let servicenow = ServiceNowSim::start(ServiceNowOptions { tls, ..ServiceNowOptions::default() }).unwrap();
        Self { syspro, servicenow }
    }

    fn site(&self, from: &str, to: &str) -> Site {
        let other = |url: &str| url.replacen(from, to, 1);
        let site = Site::new(&other(self.syspro.url.as_str()), &other(self.servicenow.url().as_str()), "[retry]\nread_attempts = 1\n");
        let (syspro, servicenow) = (SysproOptions::default(), ServiceNowOptions::default());
        site.set_credentials((&syspro.username, &syspro.password), (&servicenow.client_id, &servicenow.client_secret));
        site
    }
}

/// What a command says of its error, on one line.
fn words(out: &Output, code: i32) -> String {
    said(out, code).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn https_to_a_port_of_plain_http_is_named() {
    let bench = Bench::start(false);
    let site = bench.site("http://", "https://");
    let sync = words(&site.run(&["sync", "--entity", "cost_center"]), 5);
    assert!(sync.contains("speaks plain HTTP, and `syspro.odata_url` begins with `https://`"), "{sync}");
    let doctor = site.run(&["doctor", "--output", "json"]);
    let doctor = words(&doctor, 5);
    assert!(doctor.contains("speaks plain HTTP, and the address begins with `https://`"), "{doctor}");
    assert!(doctor.contains("speaks plain HTTP, and `servicenow.instance_url` begins with `https://`"), "{doctor}");
    let mut command = site.command(&["sync", "--entity", "cost_center"]);
    let sent = words(&command.env("TIELINE__SYSPRO__ODATA_URL", bench.syspro.url.as_str()).output().unwrap(), 5);
    assert!(sent.contains("are not delivered yet"), "{sent}");
    let failures = words(&site.run(&["failures"]), 0);
    assert!(failures.contains("next step correct the setting that the message names"), "no try gets through by itself: {failures}");
    assert!(!doctor.contains("InvalidContentType") && !sync.contains("InvalidContentType"), "{sync}\n{doctor}");
}

#[test]
fn http_to_a_port_of_tls_is_named() {
    let bench = Bench::start(true);
    let site = bench.site("https://", "http://");
    let sync = words(&site.run(&["sync", "--entity", "cost_center"]), 5);
    assert!(sync.contains("speaks TLS, and `syspro.odata_url` begins with `http://`: begin the address with `https://`"), "{sync}");
    let doctor = words(&site.run(&["doctor", "--output", "json"]), 5);
    for setting in ["syspro.odata_url", "servicenow.instance_url"] {
        assert!(doctor.contains(&format!("speaks TLS, and `{setting}` begins with `http://`")), "{setting}: {doctor}");
    }
}

#[test]
fn e_net_is_no_exception() {
    let bench = Bench::start(false);
    let site = bench.site("http://", "https://");
    let set = site.run_with(&["credential", "set", "syspro-enet", "--username", "E", "--password-stdin"], "x\n");
    said(&set, 0);
    let enet = bench.syspro.enet_url.as_str().replacen("http://", "https://", 1);
    let mut command = site.command(&["sync", "--entity", "cost_center"]);
    command.env("TIELINE__SYSPRO__SOURCE", "enet").env("TIELINE__SYSPRO__ENET_URL", enet);
    let sync = words(&command.output().unwrap(), 5);
    assert!(sync.contains("speaks plain HTTP, and `syspro.enet_url` begins with `https://`"), "{sync}");
}

#[test]
fn a_credential_that_is_missing_is_a_person_s_to_set() {
    let bench = Bench::start(false);
    let site = bench.site("http://", "http://");
    words(&site.run(&["credential", "remove", "servicenow"]), 0);
    let sync = words(&site.run(&["sync", "--entity", "cost_center"]), 5);
    assert!(sync.contains("there is no credential `servicenow`"), "{sync}");
    let failures = words(&site.run(&["failures"]), 0);
    assert!(failures.contains("next step set the credential with `tieline credential set`"), "{failures}");
}
