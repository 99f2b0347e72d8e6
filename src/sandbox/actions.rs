//! The actions: which there are, and what every one of them goes through.
//!
//! A call is counted, authenticated, given its Region, led past the planned faults, and then
//! handed to one function per action. An action reads its parameters, checks them, and writes the
//! inside of its answer; a failed one writes nothing.

mod console;
mod identity;
mod images;
mod instances;
mod network;
mod offerings;
mod regions;
mod run;
mod status;
mod tags;
mod terminate;
mod types;

use axum::http::HeaderMap;

use super::Sandbox;
use super::cloud::{Cloud, Line, State};
use super::faults::Conditions;
use super::wire::auth;
use super::wire::errors::Ec2Error;
use super::wire::query::{Node, Query};
use super::wire::xml::Xml;
use crate::clock::Timestamp;

/// The API version that the answers follow; EC2 has had no other since 2016.
const NAMESPACE: &str = "http://ec2.amazonaws.com/doc/2016-11-15/";

/// What goes back.
#[derive(Debug)]
pub(crate) enum Answer {
    /// An XML document with its HTTP status.
    Xml(u16, String),
    /// A page of HTML with this status.
    Html(u16),
    /// Nothing: the connection closes.
    Lost,
}

/// One call of an action.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) query: &'a Query,
    pub(crate) cloud: &'a Cloud,
    pub(crate) sandbox: &'a Sandbox,
    pub(crate) now: Timestamp,
    pub(crate) conditions: Conditions,
}

impl Call<'_> {
    /// The parameters.
    pub(crate) fn params(&self) -> &Node {
        self.query.root()
    }

    /// The Region's name.
    pub(crate) fn region(&self) -> &str {
        self.cloud.network.region.as_str()
    }

    /// Ends a dry run. Comes after all checks and before any effect: EC2 answers a dry run with
    /// the error that the call would have had, or with `DryRunOperation`.
    pub(crate) fn permit(&self) -> Result<(), Ec2Error> {
        if self.params().boolean("DryRun")? == Some(true) { Err(Ec2Error::dry_run()) } else { Ok(()) }
    }

    /// Saves a change and then makes it. If it cannot be saved, it does not happen.
    pub(crate) fn change(&self, state: &mut State, line: Line) -> Result<(), Ec2Error> {
        self.sandbox.save(&line)?;
        state.apply(line);
        Ok(())
    }
}

/// One action: checks, effect, and the inside of the answer.
type Action = fn(&Call<'_>, &mut Xml) -> Result<(), Ec2Error>;

/// The actions of EC2 that are served.
const ACTIONS: &[(&str, Action)] = &[
    ("CreateTags", tags::create),
    ("DescribeAvailabilityZones", regions::describe_zones),
    ("DescribeImages", images::describe),
    ("DescribeInstanceStatus", status::describe),
    ("DescribeInstanceTypeOfferings", offerings::describe),
    ("DescribeInstanceTypes", types::describe),
    ("DescribeInstances", instances::describe),
    ("DescribeRegions", regions::describe),
    ("DescribeSecurityGroups", network::describe_security_groups),
    ("DescribeSubnets", network::describe_subnets),
    ("DescribeTags", tags::describe),
    ("DescribeVpcs", network::describe_vpcs),
    ("GetConsoleOutput", console::get),
    ("RunInstances", run::run),
    ("TerminateInstances", terminate::terminate),
];

/// Answers one request.
pub(crate) fn answer(sandbox: &Sandbox, headers: &HeaderMap, query: &Query, request_id: &str) -> Answer {
    let action = query.root().text("Action").unwrap_or_default();
    let sts = action == identity::ACTION;
    let refuse = |error: &Ec2Error| {
        let body = if sts { error.sts_body(request_id) } else { error.ec2_body(request_id) };
        Answer::Xml(error.status, body)
    };
    if action.is_empty() {
        return refuse(&Ec2Error::missing("Action"));
    }
    let found = ACTIONS.iter().find(|(name, _)| *name == action).map(|(_, action)| *action);
    if found.is_none() && !sts {
        let shown: String = action.chars().take(100).collect();
        let error = Ec2Error::new("InvalidAction", format!("The action {shown} is not valid for this web service."));
        return refuse(&error);
    }
    sandbox.count(action);
    let scope = match auth::scope(headers, query) {
        Ok(scope) => scope,
        Err(error) => return refuse(&error),
    };
    let verdict = sandbox.faults().take(action);
    if let Some((status, code, message)) = verdict.error {
        return refuse(&Ec2Error::with_status(status, code, message));
    }
    if let Some(status) = verdict.html {
        return Answer::Html(status);
    }
    let answered = match found {
        Some(action_of_ec2) => ec2(sandbox, &scope, query, verdict.conditions, |call, xml| {
            xml.element_in(&format!("{action}Response"), NAMESPACE, |xml| {
                xml.text("requestId", request_id);
                action_of_ec2(call, xml)
            })
        }),
        None => identity::caller(&scope, request_id),
    };
    match answered {
        _ if verdict.reply_lost => Answer::Lost,
        Ok(body) => Answer::Xml(200, body),
        Err(error) => refuse(&error),
    }
}

fn ec2(
    sandbox: &Sandbox,
    scope: &auth::Scope,
    query: &Query,
    conditions: Conditions,
    act: impl FnOnce(&Call<'_>, &mut Xml) -> Result<(), Ec2Error>,
) -> Result<String, Ec2Error> {
    let cloud = sandbox.region(&scope.region)?;
    if scope.service != "ec2" {
        let message = "Credential should be scoped to correct service: 'ec2'. ";
        return Err(Ec2Error::with_status(403, "SignatureDoesNotMatch", message));
    }
    let call = Call { query, cloud, sandbox, now: sandbox.clock().now(), conditions };
    let mut xml = Xml::document();
    act(&call, &mut xml)?;
    Ok(xml.finish())
}
