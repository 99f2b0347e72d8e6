//! Every kind of fault as a client meets it: requests in, answers out.

mod call;
mod cloud;
mod engine;
mod launch;
mod throttle;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

use super::*;
use crate::clock::SimClock;
use crate::sandbox::actions::{Answer, Delivery, deliver};
use crate::sandbox::wire::query::Query;
use crate::sandbox::{IMAGES_MIN, Options, Sandbox};

const CREDENTIAL: &str =
    "AWS4-HMAC-SHA256 Credential=AKID/20261001/sandbox-1/ec2/aws4_request, SignedHeaders=host, Signature=0";
const RUN: &str = "Action=RunInstances&ImageId=ami-05a4db0c500000001&InstanceType=t3.micro&MinCount=1&MaxCount=1";
const DESCRIBE: &str = "Action=DescribeInstances";

/// A sandbox on a clock that stands still.
struct World {
    clock: SimClock,
    sandbox: Sandbox,
}

impl World {
    fn new(plan: &str) -> Self {
        Self::at_speed(plan, 1.0)
    }

    fn at_speed(plan: &str, speed: f64) -> Self {
        let clock = SimClock::new(Timestamp::from_second(1_800_000_000).unwrap());
        let faults = Some(Plan::parse(plan).unwrap());
        let options = Options { images: IMAGES_MIN, speed, faults, ..Options::default() };
        let sandbox = Sandbox::open(options, Arc::new(clock.clone())).unwrap();
        Self { clock, sandbox }
    }

    fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    fn deliver(&self, form: &str) -> Delivery {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, CREDENTIAL.parse().unwrap());
        deliver(&self.sandbox, &headers, &Query::parse(form.as_bytes()).unwrap(), "request")
    }

    /// The status and the body; status 0 if there is no answer.
    fn ask(&self, form: &str) -> (u16, String) {
        match self.deliver(form).answer {
            Answer::Xml(status, body) | Answer::Json(status, body) => (status, body),
            Answer::Html(status) => (status, "html".to_owned()),
            Answer::Lost => (0, "lost".to_owned()),
        }
    }

    /// The texts of all elements of one name in an answer.
    fn texts(&self, form: &str, name: &str) -> Vec<String> {
        texts(&self.ask(form).1, name)
    }

    /// `200`, or the error's code, or what else came.
    fn outcome(&self, form: &str) -> String {
        let (status, body) = self.ask(form);
        let code = texts(&body, "Code").pop();
        code.unwrap_or_else(|| if status == 200 { "200".to_owned() } else { body })
    }

    fn struck(&self) -> Vec<(u64, u64)> {
        self.sandbox.faults().counts().iter().map(|count| (count.matched, count.struck)).collect()
    }
}

fn texts(xml: &str, name: &str) -> Vec<String> {
    let open = format!("<{name}>");
    xml.split(&open).skip(1).map(|rest| rest.split('<').next().unwrap_or_default().to_owned()).collect()
}
