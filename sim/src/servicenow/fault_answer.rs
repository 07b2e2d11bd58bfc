//! Answers that replace the real ones when a fault applies.

use serde_json::Value;

use super::reply::Reply;

/// The answer that replaces the real one under this named fault.
pub(super) fn replaced(named: &str, reply: &Reply) -> Option<Reply> {
    match named {
        "wrong_sys_id" => {
            let mut body = serde_json::from_slice(&reply.body).ok()?;
            wrong_ids(&mut body);
            Some(Reply { status: reply.status, headers: reply.headers.clone(), json: reply.json, body: body.to_string().into_bytes() })
        }
        "error_in_200_after_commit" => Some(Reply { status: 200, ..Reply::cancelled() }),
        "operation_failed_after_commit" => Some(Reply::error(403, "Operation Failed", None)),
        "cancelled_after_commit" => Some(Reply::cancelled()),
        "broken_result_after_commit" => {
            let mut body = reply.body[..reply.body.len() / 2].to_vec();
            body.extend_from_slice(
                b",\"error\":{\"message\":\"Transaction cancelled: maximum execution time exceeded\"},\"status\":\"failure\"}",
            );
            Some(Reply { status: 200, headers: Vec::new(), json: true, body })
        }
        _ => None,
    }
}

/// What the fault `wrong_sys_id` puts in place of each row's id. A client that builds a URL from it would request something else.
pub const WRONG_SYS_ID: &str = "../sys_user/6816f79cc0a8016401c5a33be04be441?x=";

fn wrong_ids(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(id) if matches!(name.as_str(), "sys_id" | "sys_target_sys_id") => {
                        if !id.is_empty() {
                            WRONG_SYS_ID.clone_into(id);
                        }
                    }
                    value => wrong_ids(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(wrong_ids),
        _ => {}
    }
}

/// The answer of a batch item when a fault asks for this status.
pub(super) fn failure_of(status: u16) -> Reply {
    match status {
        403 => Reply::error(403, "Operation Failed", None),
        429 => Reply::error(429, "Rate limit exceeded", None),
        500 => Reply::cancelled(),
        _ => Reply::page(status, "Error"),
    }
}
