//! The sandbox's own doors, below `/sandbox/`: what a test asks of the sandbox and not of EC2.
//!
//! Answers are JSON. Every other path is EC2's. Which door does what is one file each; here is only
//! which there are, and how their answers look.

mod clock;
mod faults;
mod state;

use axum::http::Method;
use serde_json::{Value, json};

use super::Sandbox;

/// What the paths of all doors begin with.
pub(crate) const PREFIX: &str = "/sandbox/";

/// What a door answers.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) body: String,
}

impl Reply {
    /// JSON with a status.
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self { status, content_type: "application/json", body: body.to_string() }
    }

    /// Done, and nothing to say.
    pub(crate) fn done() -> Self {
        Self { status: 204, content_type: "text/plain", body: String::new() }
    }

    /// What is wrong with the request, all of it.
    pub(crate) fn refused<T: Into<Value>>(status: u16, errors: impl IntoIterator<Item = T>) -> Self {
        let errors: Vec<Value> = errors.into_iter().map(Into::into).collect();
        Self::json(status, &json!({ "errors": errors }))
    }

    /// The door knows other methods.
    pub(crate) fn method(known: &str) -> Self {
        Self::refused(405, [format!("only {known} are supported here")])
    }
}

/// Answers one request below [`PREFIX`]. Blocks as long as that takes.
pub(crate) fn answer(sandbox: &Sandbox, method: &Method, path: &str, body: &[u8]) -> Reply {
    match path {
        "/sandbox/clock" => match *method {
            Method::POST => clock::post(sandbox, body),
            _ => Reply::method("POST"),
        },
        "/sandbox/state" => match *method {
            Method::GET => state::get(sandbox),
            _ => Reply::method("GET"),
        },
        "/sandbox/faults" => faults::answer(sandbox, method, body),
        _ => {
            let shown: String = path.chars().take(100).collect();
            Reply::refused(404, [format!("there is nothing at {shown}")])
        }
    }
}

#[cfg(test)]
mod tests;
