//! A stuck thread: readiness reports it, the process ends with its own exit code, and the next process continues.

use std::time::Duration;

use crate::support::node::{Node, wait_for, wait_until_right};
use crate::support::world::World;

const LIMIT: Duration = Duration::from_secs(180);

/// The service hangs at this point, reports it, and ends; after a restart it delivers everything.
fn hangs_at(point: &str, words: &str) {
    let world = World::start();
    let mut node = Node::new(&world).with("FLOWS__STUCK_SECONDS", "8");
    let key = node.key(&world);
    world.syspro.tick(1).unwrap();
    let mut command = node.command(&world, &["run"]);
    command.env("TIELINE_FAILPOINT", format!("hang@{point}"));
    node.service = Some(node.site.serve_as(command));
    // it may end between two checks: then what it said is in the log alone
    let said = wait_for("readiness says that it is stuck", LIMIT, || {
        let ready = node.ready().filter(|(status, _)| *status == 503).map(|(_, body)| body);
        ready.filter(|body| body.contains(words)).or_else(|| node.log().contains("cannot continue and ends").then(String::new))
    });
    println!("stuck: {said}");
    assert!(said.contains(words), "readiness did not say so before the end: {}", node.log());
    assert!(said.contains("\"ready\":false"), "{said}");
    let service = &mut node.service.as_mut().unwrap().child;
    let status = wait_for("the process ends", LIMIT, || service.try_wait().unwrap());
    assert_eq!(status.code(), Some(7), "{}", node.log());
    node.service = None;
    node.start_and_wait(&world);
    wait_until_right(&node, &key, LIMIT, || world.check());
    assert_eq!(node.terminate(), Some(0), "{}", node.log());
}

#[test]
fn a_writer_that_does_not_come_back_ends_the_process() {
    hangs_at("http:POST:/api/now/*", "actor writer has not answered");
}

#[test]
fn a_poller_that_does_not_come_back_ends_the_process() {
    hangs_at("http:GET:/SYSPRO8Odata/SYSPROOData/EDU1/ApInvoice:before", "actor poller EDU1/invoice has not answered");
}

#[test]
fn root_that_does_not_come_back_ends_the_process() {
    hangs_at("http:POST:/oauth_token.do:before", "actor root has not answered");
}
