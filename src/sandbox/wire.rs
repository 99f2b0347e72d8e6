//! EC2's Query protocol over HTTP: one request in, one XML answer out; and the JSON of Systems
//! Manager, told by its header.
//!
//! Requests come as a form in the body (POST) or in the query string (GET). Everything is parsed
//! within limits and nothing a client sends may panic. Which actions exist is not known here; a
//! host header is not looked at, so any endpoint URL that reaches the port works. Paths below
//! `/sandbox/` are the sandbox's own.

pub(crate) mod auth;
pub(crate) mod connection;
pub(crate) mod denial;
pub(crate) mod errors;
pub(crate) mod filter;
pub(crate) mod json;
pub(crate) mod page;
pub(crate) mod pattern;
pub(crate) mod query;
pub(crate) mod resource_id;
pub(crate) mod time;
pub(crate) mod xml;

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};

use super::Sandbox;
use super::actions::{Answer, Delivery};
use super::control::{self, Reply};
use crate::clock::within;
use connection::Cut;
use errors::Ec2Error;

/// Bytes of one request. 16 KiB of user data, 10,000 filter values and a thousand ids fit.
const REQUEST_BYTES_MAX: usize = 1024 * 1024;
const XML: &str = "text/xml;charset=UTF-8";
const JSON: &str = "application/x-amz-json-1.1";
const HTML: &str = "text/html";
const REQUEST_ID: &str = "x-amzn-requestid";
/// How long a client may take to send its request.
const REQUEST_READ_LIMIT: Duration = Duration::from_secs(30);

/// The one handler: every path and method ends here.
pub(crate) async fn handle(
    State(sandbox): State<Sandbox>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: Request,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let request_id = request_id();
    let is_control = parts.uri.path().starts_with(control::PREFIX);
    let form = match parts.method {
        Method::GET if !is_control => parts.uri.query().unwrap_or_default().as_bytes().to_vec(),
        Method::POST | Method::GET | Method::PUT | Method::DELETE if is_control || parts.method == Method::POST => {
            match read(&sandbox, body).await {
                Ok(bytes) => bytes,
                Err(error) if is_control => return control_answer(Reply::refused(error.status, [error.message])),
                Err(error) => return xml_answer(error.status, error.ec2_body(&request_id)),
            }
        }
        _ if is_control => return control_answer(Reply::method("GET, POST, PUT and DELETE")),
        _ => {
            let error = Ec2Error::with_status(405, "InvalidHTTPRequest", "Only GET and POST are supported");
            return xml_answer(error.status, error.ec2_body(&request_id));
        }
    };
    let form = match parts.headers.get(json::TARGET).filter(|_| !is_control) {
        None => form,
        Some(target) => match json::form(target.as_bytes(), &form) {
            Ok(form) => form,
            Err(error) => return json_answer(error.json(), &request_id),
        },
    };
    cut.set_answering(true);
    let response = if is_control {
        control(sandbox, parts, form).await
    } else {
        ec2(sandbox, parts.headers, form, request_id, &cut).await
    };
    cut.set_answering(false);
    response
}

/// The body of a request, within limits.
async fn read(sandbox: &Sandbox, body: Body) -> Result<Vec<u8>, Ec2Error> {
    let clock = sandbox.clock();
    match within(clock.as_ref(), REQUEST_READ_LIMIT, to_bytes(body, REQUEST_BYTES_MAX)).await {
        Some(Ok(bytes)) => Ok(bytes.to_vec()),
        Some(Err(_)) => {
            let message = format!("The request is longer than {REQUEST_BYTES_MAX} bytes");
            Err(Ec2Error::with_status(413, "RequestEntityTooLarge", message))
        }
        None => Err(Ec2Error::new("RequestTimeout", "The request was not sent in time")),
    }
}

/// Answers a request to EC2.
async fn ec2(sandbox: Sandbox, headers: HeaderMap, form: Vec<u8>, request_id: String, cut: &Cut) -> Response<Body> {
    let clock = sandbox.clock();
    // Scanning and writing a big catalogue takes milliseconds of CPU, and saving touches a disk:
    // neither belongs on a thread that drives sockets.
    let answered = {
        let request_id = request_id.clone();
        tokio::task::spawn_blocking(move || sandbox.ask(&headers, &form, &request_id)).await
    };
    let Ok(Delivery { answer, delay, reset_after }) = answered else {
        let error = Ec2Error::internal();
        return xml_answer(error.status, error.ec2_body(&request_id));
    };
    if let Some(delay) = delay {
        // A server that stops does not wait for answers that are only held back.
        tokio::select! {
            () = clock.sleep(delay) => {}
            () = cut.shutdown() => {}
        }
    }
    let (status, content_type, body) = match answer {
        Answer::Xml(status, body) => (status, XML, body),
        Answer::Json(status, body) => (status, JSON, body),
        Answer::Html(status) => (status, HTML, html(status)),
        Answer::Lost => {
            cut.now();
            // Never seen: the connection is cut before it is written.
            (503, HTML, html(503))
        }
    };
    if let Some(bytes) = reset_after {
        // Whatever the length of the head, an end within the body is in the middle of the answer.
        cut.reset_after(bytes.min(u64::try_from(body.len()).unwrap_or(u64::MAX)));
    }
    if content_type == JSON { json_answer((status, body), &request_id) } else { respond(status, content_type, body) }
}

/// Answers a request to the sandbox itself.
async fn control(sandbox: Sandbox, parts: Parts, body: Vec<u8>) -> Response<Body> {
    let answered =
        tokio::task::spawn_blocking(move || control::answer(&sandbox, &parts.method, parts.uri.path(), &body)).await;
    control_answer(answered.unwrap_or_else(|_| Reply::refused(500, ["the sandbox failed to answer"])))
}

fn control_answer(reply: Reply) -> Response<Body> {
    respond(reply.status, reply.content_type, reply.body)
}

/// In this protocol the id of the request is in a header.
fn json_answer((status, body): (u16, String), request_id: &str) -> Response<Body> {
    let mut response = respond(status, JSON, body);
    if let Ok(value) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

fn xml_answer(status: u16, body: String) -> Response<Body> {
    respond(status, XML, body)
}

/// What a load balancer in front of EC2 says when it is the one that fails.
fn html(status: u16) -> String {
    let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Error");
    format!("<html>\n<head><title>{status} {reason}</title></head>\n<body><h1>{status} {reason}</h1></body>\n</html>\n")
}

fn respond(status: u16, content_type: &'static str, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    // Says at first sight that this is not AWS.
    headers.insert(header::SERVER, HeaderValue::from_static("gantry-sandbox"));
    response
}

/// A UUID, as EC2's request ids are.
fn request_id() -> String {
    let hex = hex::encode(crate::ids::random_bytes::<16>());
    format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}

#[cfg(test)]
mod tests;
