//! EC2's Query protocol over HTTP: one request in, one XML answer out.
//!
//! Requests come as a form in the body (POST) or in the query string (GET). Everything is parsed
//! within limits and nothing a client sends may panic. Which actions exist is not known here; a
//! host header is not looked at, so any endpoint URL that reaches the port works.

pub(crate) mod auth;
pub(crate) mod connection;
pub(crate) mod errors;
pub(crate) mod filter;
pub(crate) mod page;
pub(crate) mod pattern;
pub(crate) mod query;
pub(crate) mod xml;

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, Method, Response, StatusCode, header};

use super::Sandbox;
use super::actions;
use crate::clock::within;
use connection::Cut;
use errors::Ec2Error;
use query::Query;

/// Bytes of one request. 16 KiB of user data, 10,000 filter values and a thousand ids fit.
const REQUEST_BYTES_MAX: usize = 1024 * 1024;
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
    let form = match parts.method {
        Method::GET => parts.uri.query().unwrap_or_default().as_bytes().to_vec(),
        Method::POST => {
            let clock = sandbox.clock();
            match within(clock.as_ref(), REQUEST_READ_LIMIT, to_bytes(body, REQUEST_BYTES_MAX)).await {
                Some(Ok(bytes)) => bytes.to_vec(),
                Some(Err(_)) => {
                    let error = Ec2Error::with_status(
                        413,
                        "RequestEntityTooLarge",
                        format!("The request is longer than {REQUEST_BYTES_MAX} bytes"),
                    );
                    return xml_answer(error.status, error.ec2_body(&request_id));
                }
                None => {
                    let error = Ec2Error::new("RequestTimeout", "The request was not sent in time");
                    return xml_answer(error.status, error.ec2_body(&request_id));
                }
            }
        }
        _ => {
            let error = Ec2Error::with_status(405, "InvalidHTTPRequest", "Only GET and POST are supported");
            return xml_answer(error.status, error.ec2_body(&request_id));
        }
    };
    cut.set_answering(true);
    // Scanning and writing a big catalogue takes milliseconds of CPU, and saving touches a disk:
    // neither belongs on a thread that drives sockets.
    let headers = parts.headers;
    let answered = {
        let request_id = request_id.clone();
        tokio::task::spawn_blocking(move || match Query::parse(&form) {
            Ok(query) => actions::answer(&sandbox, &headers, &query, &request_id),
            Err(error) => actions::Answer::Xml(error.status, error.ec2_body(&request_id)),
        })
        .await
    };
    cut.set_answering(false);
    match answered {
        Ok(actions::Answer::Xml(status, body)) => xml_answer(status, body),
        Ok(actions::Answer::Html(status)) => html_answer(status),
        Ok(actions::Answer::Lost) => {
            cut.now();
            // Never seen: the connection is cut before it is written.
            html_answer(503)
        }
        Err(_) => {
            let error = Ec2Error::internal();
            xml_answer(error.status, error.ec2_body(&request_id))
        }
    }
}

fn xml_answer(status: u16, body: String) -> Response<Body> {
    answer(status, "text/xml;charset=UTF-8", body)
}

/// What a load balancer in front of EC2 says when it is the one that fails.
fn html_answer(status: u16) -> Response<Body> {
    let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Error");
    let body = format!(
        "<html>\n<head><title>{status} {reason}</title></head>\n<body><h1>{status} {reason}</h1></body>\n</html>\n"
    );
    answer(status, "text/html", body)
}

fn answer(status: u16, content_type: &'static str, body: String) -> Response<Body> {
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
