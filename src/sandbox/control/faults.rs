//! `/sandbox/faults`: the plan of faults while the sandbox runs.

use axum::http::Method;

use super::Reply;
use crate::sandbox::Sandbox;
use crate::sandbox::faults::Plan;

/// GET shows the plan, PUT replaces it as a whole, DELETE ends all misbehaviour.
pub(super) fn answer(sandbox: &Sandbox, method: &Method, body: &[u8]) -> Reply {
    match *method {
        Method::GET => Reply { status: 200, content_type: "application/toml", body: sandbox.faults().text() },
        Method::PUT => {
            let Ok(text) = std::str::from_utf8(body) else { return Reply::refused(400, ["the plan is not UTF-8"]) };
            match Plan::parse(text) {
                Ok(plan) => {
                    sandbox.plan_faults(plan);
                    Reply::done()
                }
                Err(errors) => Reply::refused(400, errors.errors().iter().map(String::as_str)),
            }
        }
        Method::DELETE => {
            sandbox.faults().clear();
            sandbox.plan_faults(Plan::default());
            Reply::done()
        }
        _ => Reply::method("GET, PUT and DELETE"),
    }
}
