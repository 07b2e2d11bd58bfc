//! Arbitrary answers of ServiceNow.

use super::support::*;
use crate::definition::plan::TargetPlan;
use crate::fuzz::{Target, fuzz};
use crate::net::{Bytes, Method};
use crate::servicenow::batch::read_batch;
use crate::servicenow::import_answer::{self, Answered};
use crate::servicenow::query::found;
use crate::servicenow::token_request::read_token;
use crate::servicenow::transport::{Answer, Judged, Op, What, judge};
use crate::servicenow::wire::{Body, read_body};

const WORDS: &[&str] = &[
    "\"result\":",
    "\"error\":",
    "\"message\":",
    "\"detail\":",
    "\"status\":",
    "\"sys_id\":",
    "\"sys_target_sys_id\":",
    "\"value\":",
    "\"link\":",
    "\"display_value\":",
    "\"serviced_requests\":",
    "\"unserviced_requests\":",
    "\"status_code\":",
    "\"body\":",
    "\"id\":",
    "\"record_link\":",
    "\"table\":\"x_landed\"",
    "\"access_token\":",
    "\"expires_in\":",
    "\"inserted\"",
    "\"ignored\"",
    "\"failure\"",
    "{",
    "}",
    "[",
    "]",
    ",",
    "null",
    "\"",
    "<title",
    "</title>",
    "6816f79cc0a8016401c5a33be04be441",
];

/// What an answer to a write says; ids in it are ids.
fn judged(target: &TargetPlan, judged: &Judged) -> String {
    let Judged::Done(document) = judged else { return format!("{judged:?}") };
    for row in document.result.iter().flatten() {
        if let Some(found) = found(target, row) {
            assert!(found.sys_id.len() == 32 && found.sys_id.bytes().all(|byte| byte.is_ascii_hexdigit()));
        }
    }
    match import_answer::read(target, document) {
        Answered::Final(verdict) => format!("{verdict:?}"),
        Answered::Written { sys_id, how, said, .. } => format!("written {how:?} {} {}", sys_id.is_some(), said.is_some()),
        Answered::Ignored { sys_id, said, .. } => format!("ignored {} {}", sys_id.is_some(), said.is_some()),
    }
}

#[test]
fn servicenow_answers() {
    let target = Target { name: "servicenow_answer", words: WORDS, seeds: Vec::new(), tries: 400 };
    let plan = staging();
    let op = || Op { method: Method::POST, path: "/api/now/import/x_stage".into(), body: b"{}".to_vec(), alone: false };
    let ops = [op(), op(), op()];
    let tokens = Tokens::default();
    fuzz(target, |input| {
        let body = Bytes::copy_from_slice(input);
        let answer =
            |status| Answer { status, retry_after: None, total: None, body: body.clone(), generation: 1, _permit: Default::default() };
        let mut said = String::new();
        for status in [201, 403, 429] {
            said += &judged(&plan, &judge(What::of(&Method::POST, "/x"), &answer(status)));
        }
        if let Some(items) = read_batch(&tokens, &ops, &answer(200)) {
            assert_eq!(items.len(), ops.len(), "one judgement per item");
            for item in &items {
                said.insert_str(0, &judged(&plan, item));
            }
        }
        if let Err(error) = read_token(input) {
            assert!(error.chain().len() < 400);
        }
        match read_body(input) {
            Body::Document(document) => format!("document {:?} {said}", document.result.map(|rows| rows.len().min(3))),
            Body::Failure(words) => {
                assert!(words.line().chars().count() <= 1001, "{} letters are quoted", words.line().chars().count());
                format!("failure {said}")
            }
            Body::Page(title) => format!("page {} {said}", title.is_empty()),
            Body::Empty => "empty".to_owned(),
            Body::Garbage(problem) => {
                assert!(problem.len() < 600, "a problem quotes {} bytes", problem.len());
                format!("garbage {problem} {said}")
            }
        }
    });
}
