//! The actions: which there are, and what every one of them goes through.
//!
//! A call is counted, authenticated, given its account and Region, led past the token buckets and the planned
//! faults, and then handed to one function per action. An action reads its parameters, checks them, and writes the
//! inside of its answer; a failed one writes nothing.

mod allowed_images;
mod assume_role;
mod attributes;
mod console;
mod identity;
mod image_attribute;
mod images;
mod instances;
mod key_pairs;
mod launch_templates;
mod network;
mod offerings;
mod outage;
mod parameters;
mod reboot;
mod regions;
mod run;
mod start;
mod status;
mod stop;
mod tags;
mod terminate;
mod types;
mod volumes;

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;

use super::Sandbox;
use super::account::Account;
use super::callers::Caller;
use super::cloud::{Cloud, Line, State};
use super::faults::{Conditions, Demand, Loss, Refusal, Subject, Verdict};
use super::wire::auth;
use super::wire::denial::{Denial, resource_of};
use super::wire::errors::Ec2Error;
use super::wire::json;
use super::wire::page::{Page, PageSize};
use super::wire::query::{Node, Query};
use super::wire::xml::Xml;
use crate::clock::Timestamp;
use crate::ids::AccountId;

/// The API version that the answers follow; EC2 has had no other since 2016.
const NAMESPACE: &str = "http://ec2.amazonaws.com/doc/2016-11-15/";

/// What goes back.
#[derive(Debug)]
pub(crate) enum Answer {
    /// An XML document with its HTTP status.
    Xml(u16, String),
    /// A JSON document with its HTTP status.
    Json(u16, String),
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
    /// The moment that it sees; a stale read sees an earlier one.
    pub(crate) now: Timestamp,
    pub(crate) conditions: Conditions,
    /// Items on a page at most, whatever the request says.
    page_items: Option<usize>,
    /// Whether the instances of a page come in the other order.
    is_reversed: bool,
    /// How many instances it launched.
    launched: &'a Cell<u32>,
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

    /// The account that it acts in.
    pub(crate) fn account_id(&self) -> &AccountId {
        &self.cloud.network.account_id
    }

    /// The account's part of the Region, which changes are saved for.
    pub(crate) fn place(&self) -> String {
        self.cloud.network.place()
    }

    /// What the account is allowed and how it is set.
    pub(crate) fn account(&self) -> Arc<Account> {
        self.sandbox.account()
    }

    /// Ends a dry run. Comes after all checks and before any effect: EC2 answers a dry run with
    /// the error that the call would have had, or with `DryRunOperation`.
    pub(crate) fn permit(&self) -> Result<(), Ec2Error> {
        if self.params().boolean("DryRun")? == Some(true) { Err(Ec2Error::dry_run()) } else { Ok(()) }
    }

    /// The page that the request asks for.
    pub(crate) fn page(&self, limits: PageSize) -> Result<Page, Ec2Error> {
        let mut page = Page::read(self.query, &self.place(), limits)?;
        page.cap = self.page_items;
        Ok(page)
    }

    /// The page that a request without ids asks for. `ids` exclude paging in all of EC2, which
    /// calls their list `set`.
    pub(crate) fn page_without_ids(&self, limits: PageSize, ids: &[&str], set: &str) -> Result<Page, Ec2Error> {
        let paging = [("MaxResults", "maxResults"), ("NextToken", "nextToken")];
        match paging.iter().find(|(name, _)| !ids.is_empty() && self.params().text(name).is_some()) {
            Some((_, spelled)) => {
                let message = format!("The parameter {set} cannot be used with the parameter {spelled}");
                Err(Ec2Error::combination(message))
            }
            None => self.page(limits),
        }
    }

    /// Says how many instances the call launched, which is what it pays for in resource tokens.
    pub(crate) fn has_launched(&self, instances: u32) {
        self.launched.set(instances);
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
    ("CreateKeyPair", key_pairs::create),
    ("CreateLaunchTemplate", launch_templates::create),
    ("CreateLaunchTemplateVersion", launch_templates::versions::create),
    ("CreateTags", tags::create),
    ("DeleteKeyPair", key_pairs::delete),
    ("DeleteLaunchTemplate", launch_templates::delete),
    ("DeleteLaunchTemplateVersions", launch_templates::versions::delete),
    ("DeleteTags", tags::delete),
    ("DescribeAvailabilityZones", regions::describe_zones),
    ("DescribeImageAttribute", image_attribute::describe),
    ("DescribeImages", images::describe),
    ("DescribeInstanceAttribute", attributes::describe),
    ("DescribeInstanceCreditSpecifications", attributes::describe_credits),
    ("DescribeInstanceStatus", status::describe),
    ("DescribeInstanceTypeOfferings", offerings::describe),
    ("DescribeInstanceTypes", types::describe),
    ("DescribeInstances", instances::describe),
    ("DescribeKeyPairs", key_pairs::describe),
    ("DescribeLaunchTemplateVersions", launch_templates::versions::describe),
    ("DescribeLaunchTemplates", launch_templates::describe),
    ("DescribeRegions", regions::describe),
    ("DescribeSecurityGroups", network::describe_security_groups),
    ("DescribeSubnets", network::describe_subnets),
    ("DescribeTags", tags::describe),
    ("DescribeVolumes", volumes::describe),
    ("DescribeVpcs", network::describe_vpcs),
    ("DisableAllowedImagesSettings", allowed_images::disable),
    ("DisableImage", image_attribute::disable),
    ("DisableImageDeprecation", image_attribute::disable_deprecation),
    ("EnableAllowedImagesSettings", allowed_images::enable),
    ("EnableImage", image_attribute::enable),
    ("EnableImageDeprecation", image_attribute::enable_deprecation),
    ("GetAllowedImagesSettings", allowed_images::get),
    ("GetConsoleOutput", console::get),
    ("ImportKeyPair", key_pairs::import),
    ("ModifyImageAttribute", image_attribute::modify),
    ("ModifyInstanceAttribute", attributes::modify),
    ("ModifyLaunchTemplate", launch_templates::modify),
    ("RebootInstances", reboot::reboot),
    ("ReplaceImageCriteriaInAllowedImagesSettings", allowed_images::replace_criteria),
    ("RunInstances", run::run),
    ("StartInstances", start::start),
    ("StopInstances", stop::stop),
    ("TerminateInstances", terminate::terminate),
];

/// The actions that are served, those of STS and Systems Manager too.
pub(crate) fn served() -> impl Iterator<Item = &'static str> {
    ACTIONS.iter().map(|(name, _)| *name).chain(identity::ACTIONS).chain(parameters::ACTIONS)
}

/// An answer, and what happens to it on its way.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) answer: Answer,
    /// How much later it is sent.
    pub(crate) delay: Option<Duration>,
    /// The connection is reset after so many bytes of it.
    pub(crate) reset_after: Option<u64>,
}

impl From<Answer> for Delivery {
    fn from(answer: Answer) -> Self {
        Self { answer, delay: None, reset_after: None }
    }
}

/// Answers one request, whatever would happen to the answer on its way.
#[cfg(test)]
pub(crate) fn answer(sandbox: &Sandbox, headers: &HeaderMap, query: &Query, request_id: &str) -> Answer {
    deliver(sandbox, headers, query, request_id).answer
}

/// Answers one request.
pub(crate) fn deliver(sandbox: &Sandbox, headers: &HeaderMap, query: &Query, request_id: &str) -> Delivery {
    let action = query.root().text("Action").unwrap_or_default();
    let version = query.root().text("Version");
    // What comes as JSON has been given this version; nobody else has it.
    let ssm = version == Some(json::VERSION);
    let sts = !ssm && identity::ACTIONS.contains(&action);
    // What no action is found for is refused as the API that was asked refuses.
    let speaks_sts = sts || version == Some(identity::VERSION);
    let refuse = |error: &Ec2Error| {
        if ssm {
            let (status, body) = error.json();
            return Answer::Json(status, body);
        }
        let body = if speaks_sts { error.sts_body(request_id) } else { error.ec2_body(request_id) };
        Answer::Xml(error.status, body)
    };
    if action.is_empty() {
        return refuse(&Ec2Error::missing("Action")).into();
    }
    let found = ACTIONS.iter().find(|(name, _)| *name == action && !ssm).map(|(_, action)| *action);
    if found.is_none() && !sts && !(ssm && parameters::ACTIONS.contains(&action)) {
        let shown: String = action.chars().take(100).collect();
        let error = Ec2Error::new("InvalidAction", format!("The action {shown} is not valid for this web service."));
        return refuse(&error).into();
    }
    sandbox.count(action);
    let scope = match auth::scope(headers, query) {
        Ok(scope) => scope,
        Err(error) => return refuse(&error).into(),
    };
    let caller = match sandbox.caller(&scope.access_key) {
        Ok(caller) => caller,
        Err(error) => return refuse(&error).into(),
    };
    // Buckets are EC2's, and an account's in a Region.
    let region = sandbox.cloud(&caller.account_id, &scope.region);
    let place = region.as_ref().ok().map(|cloud| cloud.network.place());
    let demand = place.as_ref().filter(|_| !sts && !ssm).map(|place| Demand::of(action, place, query));
    if let Some(Err(error)) = demand.map(|demand| sandbox.faults().admit(&demand, sandbox.clock().uptime())) {
        return refuse(&error).into();
    }
    let network = region.as_ref().ok().map(|cloud| &cloud.network);
    let subject = Subject::of(action, &scope.region, query, network);
    let verdict = sandbox.faults().take(&subject, sandbox.clock().now());
    let launched = Cell::new(0);
    let answered = match (&verdict.refusal, found) {
        (Some(Refusal::Html(status)), _) => Ok(Answer::Html(*status)),
        (Some(Refusal::Error { status, code, message }), _) => {
            Err(Ec2Error::with_status(*status, code.clone(), message.clone()))
        }
        (Some(Refusal::Denied), _) => Err(denied(sandbox, action, (&scope, &caller), (sts, ssm))),
        (None, Some(action_of_ec2)) => ec2(sandbox, (&scope, &caller), query, &verdict, &launched, |call, xml| {
            xml.element_in(&format!("{action}Response"), NAMESPACE, |xml| {
                xml.text("requestId", request_id);
                action_of_ec2(call, xml)
            })
        })
        .map(|body| Answer::Xml(200, body)),
        (None, None) if ssm => {
            parameters::answer(sandbox, action, query, &scope, &caller).map(|body| Answer::Json(200, body))
        }
        (None, None) => {
            identity::answer(sandbox, action, query, (&scope, &caller), request_id).map(|body| Answer::Xml(200, body))
        }
    };
    if let Some(demand) = demand {
        let used = match &answered {
            Ok(Answer::Xml(..)) if action == "RunInstances" => launched.get(),
            Ok(Answer::Xml(..)) => demand.resources,
            _ => 0,
        };
        sandbox.faults().give_back(&demand, demand.resources.saturating_sub(used));
    }
    let answer = answered.unwrap_or_else(|error| refuse(&error));
    let (answer, reset_after) = match verdict.loss {
        None => (answer, None),
        Some(Loss::Whole) => (Answer::Lost, None),
        Some(Loss::After(bytes)) => (answer, Some(bytes)),
    };
    Delivery { answer, delay: verdict.delay, reset_after }
}

/// What a call answers that the plan of faults denies.
fn denied(
    sandbox: &Sandbox,
    action: &str,
    (scope, caller): (&auth::Scope, &Caller),
    (sts, ssm): (bool, bool),
) -> Ec2Error {
    if sts {
        let message = format!(
            "User: {} is not authorized to perform: sts:{action} with an explicit deny in an identity-based policy",
            caller.arn()
        );
        return Ec2Error::with_status(403, "AccessDenied", message);
    }
    if ssm {
        let message = format!(
            "User: {} is not authorized to perform: ssm:{action} on resource: * with an explicit deny in an \
             identity-based policy",
            caller.arn()
        );
        return Ec2Error::new("UnauthorizedOperation", message);
    }
    let (region, access_key) = (scope.region.as_str(), scope.access_key.as_str());
    let resource = resource_of(action, region, &caller.account_id);
    Ec2Error::unauthorized(&Denial { action, region, resource: &resource, access_key, caller }, sandbox.seed())
}

fn ec2(
    sandbox: &Sandbox,
    (scope, caller): (&auth::Scope, &Caller),
    query: &Query,
    verdict: &Verdict,
    launched: &Cell<u32>,
    act: impl FnOnce(&Call<'_>, &mut Xml) -> Result<(), Ec2Error>,
) -> Result<String, Ec2Error> {
    let cloud = sandbox.cloud(&caller.account_id, &scope.region)?;
    if scope.service != "ec2" {
        let message = "Credential should be scoped to correct service: 'ec2'. ";
        return Err(Ec2Error::with_status(403, "SignatureDoesNotMatch", message));
    }
    let mut now = sandbox.clock().now();
    if let Some(by) = verdict.stale_by {
        now = now.checked_sub(by).unwrap_or(Timestamp::MIN);
    }
    let conditions = verdict.conditions.clone();
    let Verdict { page_items, is_reversed, .. } = *verdict;
    let call = Call { query, cloud, sandbox, now, conditions, page_items, is_reversed, launched };
    let mut xml = Xml::document();
    act(&call, &mut xml)?;
    Ok(xml.finish())
}

#[cfg(test)]
mod tests;
