//! Launch templates: CreateLaunchTemplate, DescribeLaunchTemplates, ModifyLaunchTemplate and
//! DeleteLaunchTemplate, and what RunInstances makes of a template.
//!
//! A template's data is kept as it was sent and given its meaning by RunInstances.

mod data;
mod find;
mod parameters;
pub(super) mod versions;

use std::collections::BTreeMap;

use super::instances::answer::write_operator;
use super::{Call, tags};
use crate::sandbox::callers::user_arn;
use crate::sandbox::cloud::{LaunchTemplate, Line, State, Tags, TemplateVersion};
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::filter::{Filters, Table, Values, made, text};
use crate::sandbox::wire::page::PageSize;
use crate::sandbox::wire::query::{Node, Query};
use crate::sandbox::wire::time::seconds;
use crate::sandbox::wire::xml::Xml;

/// Templates of a Region (EC2 User Guide, "Launch template quotas").
const TEMPLATES_MAX: usize = 5000;
/// Characters of a version's description.
const DESCRIPTION_CHARS_MAX: usize = 255;
const PAGE: PageSize = PageSize { min: 1, max: 200, code: "InvalidParameterValue", default: Some(200) };

/// What a launch from a template asks for.
#[derive(Debug)]
pub(super) struct FromTemplate {
    /// The request's parameters laid over the template's.
    pub(super) query: Query,
    /// The tags that EC2 itself puts on instances launched from a template.
    pub(super) tags: Tags,
}

/// The parameters of a RunInstances that names a template, or `None` if it names none.
pub(super) fn launch(call: &Call<'_>) -> Result<Option<FromTemplate>, Ec2Error> {
    let Some(node) = call.params().member("LaunchTemplate") else { return Ok(None) };
    node.allow_only(&["LaunchTemplateId", "LaunchTemplateName", "Version"])?;
    let state = call.cloud.state();
    let template = find::required(node, &state)?;
    let asked = node.text("Version").unwrap_or("$Default");
    let version = find::version(template, asked)?;
    let tags = [("id", template.id.clone()), ("version", version.number.to_string())];
    Ok(Some(FromTemplate {
        query: parameters::launch(&version.data, call.query)?,
        tags: tags.map(|(key, value)| (format!("aws:ec2launchtemplate:{key}"), value)).into(),
    }))
}

/// CreateLaunchTemplate.
pub(super) fn create(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.params().refuse(&["Operator"])?;
    call.query.allow_only(&[
        "ClientToken",
        "LaunchTemplateName",
        "VersionDescription",
        "LaunchTemplateData",
        "TagSpecification",
    ])?;
    let params = call.params();
    let name = params.required("LaunchTemplateName")?;
    find::check_name(name)?;
    let mut tags = Tags::new();
    for specification in params.list("TagSpecification") {
        let kind = specification.required("ResourceType")?;
        if kind != "launch-template" {
            let message = format!("'{kind}' is not a valid taggable resource type for this operation.");
            return Err(Ec2Error::new("InvalidParameterValue", message));
        }
        tags.extend(tags::read(specification)?);
    }
    let version = version(call, 1, BTreeMap::new())?;
    let mut state = call.cloud.state();
    if let Some(known) = state.template_named(name) {
        let repeated = version.token.is_some() && known.versions.get(&1).is_some_and(|v| v.token == version.token);
        if !repeated {
            let message = "Launch template name already in use.";
            return Err(Ec2Error::new("InvalidLaunchTemplateName.AlreadyExistsException", message));
        }
        call.permit()?;
        write_inside(xml, known, &state, call);
        return Ok(());
    }
    if state.templates().count() >= TEMPLATES_MAX {
        let message = format!("You have reached the limit of {TEMPLATES_MAX} launch templates per Region.");
        return Err(Ec2Error::new("ResourceLimitExceeded", message));
    }
    call.permit()?;
    let number = state.next_template();
    let template = LaunchTemplate {
        id: call.cloud.derived_id("lt", "launch-template", number),
        name: name.to_owned(),
        number,
        created: call.now,
        default_version: 1,
        numbered: 1,
        versions: BTreeMap::new(),
    };
    let id = template.id.clone();
    let (region, versions) = (call.place(), vec![version]);
    call.change(&mut state, Line::LaunchTemplate { region, template, versions, deleted: Vec::new(), tags })?;
    if let Some(made) = state.template(&id) {
        write_inside(xml, made, &state, call);
    }
    Ok(())
}

/// A new version as the request describes it, with its data laid over `base`.
fn version(call: &Call<'_>, number: u64, base: BTreeMap<String, String>) -> Result<TemplateVersion, Ec2Error> {
    let params = call.params();
    let description = params.text("VersionDescription");
    if description.is_some_and(|text| text.chars().count() > DESCRIPTION_CHARS_MAX) {
        let message = format!("A version description may have at most {DESCRIPTION_CHARS_MAX} characters");
        return Err(Ec2Error::new("InvalidParameterValue", message));
    }
    let data = parameters::below(call.query, "LaunchTemplateData");
    match params.member("LaunchTemplateData") {
        Some(node) if !data.is_empty() => data::check(node)?,
        _ if !base.is_empty() => {}
        _ => return Err(Ec2Error::missing("LaunchTemplateData")),
    }
    let token = params.text("ClientToken").map(|token| {
        let request = crate::ids::Sha256Digest::of(call.query.canonical(&["DryRun"]).as_bytes());
        (token.to_owned(), request.to_string())
    });
    Ok(TemplateVersion {
        number,
        description: description.map(str::to_owned),
        created: call.now,
        data: parameters::lay_over(&base, &data),
        token,
    })
}

/// DescribeLaunchTemplates.
pub(super) fn describe(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&[
        "LaunchTemplateId",
        "LaunchTemplateName",
        "Filter",
        "MaxResults",
        "NextToken",
        "IncludeManagedResources",
    ])?;
    let params = call.params();
    params.boolean("IncludeManagedResources")?;
    let filters = Filters::read_with_tags(params, FILTERS)?;
    let (ids, names) = (params.texts("LaunchTemplateId"), params.texts("LaunchTemplateName"));
    ids.iter().try_for_each(|id| find::check_id(id))?;
    names.iter().try_for_each(|name| find::check_name(name))?;
    let page = call.page(PAGE)?;
    let state = call.cloud.state();
    if let Some(unknown) = ids.iter().find(|id| state.template(id).is_none()) {
        return Err(find::no_such_id(unknown));
    }
    if let Some(unknown) = names.iter().find(|name| state.template_named(name).is_none()) {
        return Err(find::no_such_name(unknown));
    }
    call.permit()?;
    let after = page.after.as_deref().unwrap_or_default();
    let chosen = state
        .templates()
        .filter(|template| template.id.as_str() > after)
        .filter(|t| ids.is_empty() && names.is_empty() || ids.contains(&&*t.id) || names.contains(&&*t.name))
        .filter(|template| {
            let tags = || state.tags(&template.id).into_iter().flatten();
            filters.pass_with_tags(tags, |fact, values| fact(template, values))
        });
    let (templates, token) = page.cut(chosen, |template| template.id.clone());
    xml.list("launchTemplates", templates, |xml, template| write_members(xml, template, &state, call));
    xml.optional("nextToken", token.as_deref());
    Ok(())
}

/// Pushes the values of one filter.
pub(crate) type Fact = for<'a> fn(&'a LaunchTemplate, &mut Values<'a>);

/// The filters of DescribeLaunchTemplates.
pub(crate) const FILTERS: &Table<Fact> = &[
    ("create-time", |template, v| made(v, seconds(template.created))),
    ("launch-template-name", |template, v| text(v, &template.name)),
];

/// ModifyLaunchTemplate: which version is the default one.
pub(super) fn modify(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&["ClientToken", "LaunchTemplateId", "LaunchTemplateName", "SetDefaultVersion"])?;
    let params = call.params();
    let mut state = call.cloud.state();
    let known = find::required(params, &state)?;
    let mut template = known.head();
    template.default_version = find::version(known, params.required("SetDefaultVersion")?)?.number;
    call.permit()?;
    let (region, id) = (call.place(), template.id.clone());
    let (versions, deleted, tags) = (Vec::new(), Vec::new(), Tags::new());
    let line = Line::LaunchTemplate { region, template, versions, deleted, tags };
    call.change(&mut state, line)?;
    if let Some(template) = state.template(&id) {
        write_inside(xml, template, &state, call);
    }
    Ok(())
}

/// DeleteLaunchTemplate, with all its versions.
pub(super) fn delete(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&["LaunchTemplateId", "LaunchTemplateName"])?;
    let mut state = call.cloud.state();
    let template = find::required(call.params(), &state)?.clone();
    call.permit()?;
    write_inside(xml, &template, &state, call);
    call.change(&mut state, Line::LaunchTemplateGone { region: call.place(), id: template.id })
}

fn write_inside(xml: &mut Xml, template: &LaunchTemplate, state: &State, call: &Call<'_>) {
    xml.element("launchTemplate", |xml| write_members(xml, template, state, call));
}

fn write_members(xml: &mut Xml, template: &LaunchTemplate, state: &State, call: &Call<'_>) {
    xml.text("launchTemplateId", &template.id);
    xml.text("launchTemplateName", &template.name);
    xml.text("createTime", &seconds(template.created));
    xml.text("createdBy", &user_arn(call.account_id()));
    xml.value("defaultVersionNumber", template.default_version);
    xml.value("latestVersionNumber", template.latest_version());
    xml.tags(state.tags(&template.id).into_iter().flatten());
    write_operator(xml);
}

/// The data of a version as a tree.
fn tree(version: &TemplateVersion) -> Result<Query, Ec2Error> {
    Query::of(&version.data)
}

/// A text in the tree of a version's data, by its path.
fn at<'a>(root: &'a Node, path: &[&str]) -> Option<&'a str> {
    path.iter().try_fold(root, |node, name| node.member(name)).and_then(Node::own_text)
}

#[cfg(test)]
mod tests;
