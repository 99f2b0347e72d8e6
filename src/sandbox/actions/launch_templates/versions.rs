//! Versions of launch templates: CreateLaunchTemplateVersion, DescribeLaunchTemplateVersions and
//! DeleteLaunchTemplateVersions.

use super::parameters::without_snapshots;
use super::{at, data, find, tree, version};
use crate::sandbox::actions::Call;
use crate::sandbox::callers::user_arn;
use crate::sandbox::cloud::{LaunchTemplate, Line, Tags, TemplateVersion};
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::filter::{Filters, Table, Values, flag, made};
use crate::sandbox::wire::page::PageSize;
use crate::sandbox::wire::query::Query;
use crate::sandbox::wire::time::seconds;
use crate::sandbox::wire::xml::Xml;

/// Versions of one template (EC2 User Guide, "Launch template quotas").
const VERSIONS_MAX: usize = 10_000;
/// Versions in one DeleteLaunchTemplateVersions.
const DELETED_MAX: usize = 200;
const PAGE: PageSize = PageSize { min: 1, max: 200, code: "InvalidParameterValue", default: Some(200) };

/// A version as filters and answers see it.
#[derive(Debug)]
pub(crate) struct Shown<'a> {
    template: &'a LaunchTemplate,
    version: &'a TemplateVersion,
    data: Query,
}

impl<'a> Shown<'a> {
    fn new(template: &'a LaunchTemplate, version: &'a TemplateVersion) -> Result<Self, Ec2Error> {
        Ok(Self { template, version, data: tree(version)? })
    }

    fn is_default(&self) -> bool {
        self.template.default_version == self.version.number
    }

    fn write(&self, xml: &mut Xml, call: &Call<'_>) {
        xml.text("launchTemplateId", &self.template.id);
        xml.text("launchTemplateName", &self.template.name);
        xml.value("versionNumber", self.version.number);
        xml.optional("versionDescription", self.version.description.as_deref());
        xml.text("createTime", &seconds(self.version.created));
        xml.text("createdBy", &user_arn(call.account_id()));
        xml.value("defaultVersion", self.is_default());
        xml.element("launchTemplateData", |xml| data::write(xml, self.data.root()));
    }

    /// Where it stands in the order of paging: by template, its newest version first.
    fn position(&self) -> String {
        position(self.template, self.version)
    }
}

fn position(template: &LaunchTemplate, version: &TemplateVersion) -> String {
    format!("{} {:020}", template.id, u64::MAX - version.number)
}

/// CreateLaunchTemplateVersion.
pub(in crate::sandbox::actions) fn create(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&[
        "ClientToken",
        "LaunchTemplateId",
        "LaunchTemplateName",
        "SourceVersion",
        "VersionDescription",
        "LaunchTemplateData",
        "ResolveAlias",
    ])?;
    let params = call.params();
    params.boolean("ResolveAlias")?;
    let mut state = call.cloud.state();
    let template = find::required(params, &state)?;
    let base = match params.text("SourceVersion") {
        Some(source) => without_snapshots(find::version(template, source)?.data.clone()),
        None => Default::default(),
    };
    let made = version(call, template.numbered + 1, base)?;
    let token = |version: &TemplateVersion| version.token.as_ref().map(|(token, _)| token.clone());
    let known = template.versions.values().find(|known| made.token.is_some() && token(known) == token(&made));
    if let Some(known) = known {
        if known.token != made.token {
            return Err(Ec2Error::idempotent_mismatch());
        }
        call.permit()?;
        let shown = Shown::new(template, known)?;
        xml.element("launchTemplateVersion", |xml| shown.write(xml, call));
        return Ok(());
    }
    if template.versions.len() >= VERSIONS_MAX {
        let message = format!("You have reached the limit of {VERSIONS_MAX} versions of a launch template.");
        return Err(Ec2Error::new("ResourceLimitExceeded", message));
    }
    call.permit()?;
    let mut template = template.head();
    template.numbered = made.number;
    let (id, number) = (template.id.clone(), made.number);
    let region = call.place();
    let (versions, deleted, tags) = (vec![made], Vec::new(), Tags::new());
    let line = Line::LaunchTemplate { region, template, versions, deleted, tags };
    call.change(&mut state, line)?;
    if let Some((template, version)) = state.template(&id).and_then(|t| Some((t, t.versions.get(&number)?))) {
        let shown = Shown::new(template, version)?;
        xml.element("launchTemplateVersion", |xml| shown.write(xml, call));
    }
    Ok(())
}

/// DescribeLaunchTemplateVersions: of one template, or the latest and default ones of all.
pub(in crate::sandbox::actions) fn describe(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&[
        "LaunchTemplateId",
        "LaunchTemplateName",
        "LaunchTemplateVersion",
        "MinVersion",
        "MaxVersion",
        "MaxResults",
        "NextToken",
        "Filter",
        "ResolveAlias",
        "IncludeManagedResources",
    ])?;
    let params = call.params();
    params.boolean("ResolveAlias")?;
    params.boolean("IncludeManagedResources")?;
    let filters = Filters::read(params, FILTERS)?;
    let page = call.page(PAGE)?;
    let bound = |name: &str| params.text(name).map(|text| find::version_number(name, text)).transpose();
    let (min, max) = (bound("MinVersion")?, bound("MaxVersion")?);
    let mut asked = params.texts("LaunchTemplateVersion");
    // Each once: of all templates, a version that is named ten thousand times would be as many.
    asked.sort_unstable();
    asked.dedup();
    if !asked.is_empty() && (min.is_some() || max.is_some()) {
        let message = "Versions cannot be specified together with MinVersion or MaxVersion";
        return Err(Ec2Error::combination(message));
    }
    let state = call.cloud.state();
    let mut chosen: Vec<(&LaunchTemplate, &TemplateVersion)> = Vec::new();
    match find::named(params, &state)? {
        Some(template) if asked.is_empty() => {
            let within = min.unwrap_or(1)..=max.unwrap_or(u64::MAX);
            let versions = template.versions.values().filter(|version| within.contains(&version.number));
            chosen.extend(versions.map(|version| (template, version)));
        }
        Some(template) => {
            for text in asked {
                chosen.push((template, find::version(template, text)?));
            }
        }
        None if asked.is_empty() => {
            let message = "Either a launch template ID or a launch template name must be specified, or the versions \
                           $Latest or $Default.";
            return Err(Ec2Error::new("MissingParameter", message));
        }
        None => {
            if let Some(number) = asked.iter().find(|text| !matches!(**text, "$Latest" | "$Default")) {
                let why = "Without a launch template only $Latest and $Default can be described.";
                return Err(Ec2Error::invalid("LaunchTemplateVersion", number, why));
            }
            for template in state.templates() {
                for text in &asked {
                    chosen.push((template, find::version(template, text)?));
                }
            }
        }
    }
    call.permit()?;
    chosen.sort_by_cached_key(|(template, version)| position(template, version));
    chosen.dedup_by_key(|(template, version)| (template.number, version.number));
    let after = page.after.as_deref().unwrap_or_default();
    let mut passing = Vec::new();
    for (template, version) in chosen {
        let shown = Shown::new(template, version)?;
        let passes = filters.pass(|fact, values| fact(&shown, values));
        if passes && shown.position().as_str() > after {
            passing.push(shown);
        }
    }
    let (shown, token) = page.cut(passing.into_iter(), Shown::position);
    xml.list("launchTemplateVersionSet", shown, |xml, shown| shown.write(xml, call));
    xml.optional("nextToken", token.as_deref());
    Ok(())
}

/// Pushes the values of one filter.
pub(crate) type Fact = for<'a> fn(&Shown<'_>, &mut Values<'a>);

/// The filters of DescribeLaunchTemplateVersions.
pub(crate) const FILTERS: &Table<Fact> = &[
    ("create-time", |shown, v| made(v, seconds(shown.version.created))),
    ("ebs-optimized", |shown, v| push(v, at(shown.data.root(), &["EbsOptimized"]))),
    ("host-resource-group-arn", |shown, v| push(v, at(shown.data.root(), &["Placement", "HostResourceGroupArn"]))),
    ("http-endpoint", |shown, v| push(v, at(shown.data.root(), &["MetadataOptions", "HttpEndpoint"]))),
    // A setting of the account, not of a template.
    ("http-protocol-ipv4", |_, _| {}),
    ("http-tokens", |shown, v| push(v, at(shown.data.root(), &["MetadataOptions", "HttpTokens"]))),
    ("iam-instance-profile", |shown, v| push(v, at(shown.data.root(), &["IamInstanceProfile", "Arn"]))),
    ("image-id", |shown, v| push(v, at(shown.data.root(), &["ImageId"]))),
    ("instance-type", |shown, v| push(v, at(shown.data.root(), &["InstanceType"]))),
    ("is-default-version", |shown, v| flag(v, shown.is_default())),
    ("kernel-id", |shown, v| push(v, at(shown.data.root(), &["KernelId"]))),
    ("license-configuration-arn", |shown, v| each(v, shown, "LicenseSpecification", "LicenseConfigurationArn")),
    ("network-card-index", |shown, v| each(v, shown, "NetworkInterface", "NetworkCardIndex")),
    ("ram-disk-id", |shown, v| push(v, at(shown.data.root(), &["RamDiskId"]))),
];

fn push(values: &mut Values<'_>, text: Option<&str>) {
    text.into_iter().for_each(|text| made(values, text));
}

fn each(values: &mut Values<'_>, shown: &Shown<'_>, list: &str, member: &str) {
    shown.data.root().list(list).for_each(|item| push(values, item.text(member)));
}

/// DeleteLaunchTemplateVersions: each by itself; the default version cannot be deleted.
pub(in crate::sandbox::actions) fn delete(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&["LaunchTemplateId", "LaunchTemplateName", "LaunchTemplateVersion"])?;
    let params = call.params();
    let asked = params.texts("LaunchTemplateVersion");
    if asked.is_empty() {
        return Err(Ec2Error::missing("LaunchTemplateVersion"));
    }
    if asked.len() > DELETED_MAX {
        let message = format!("A request may name at most {DELETED_MAX} versions");
        return Err(Ec2Error::new("InvalidParameterValue", message));
    }
    let numbers = asked.iter().map(|text| find::version_number("version", text)).collect::<Result<Vec<_>, _>>()?;
    let mut state = call.cloud.state();
    let template = find::required(params, &state)?.clone();
    call.permit()?;
    let refusal = |number: &u64| {
        if *number == template.default_version {
            Some(("unexpectedError", "The default version of a launch template cannot be deleted."))
        } else if !template.versions.contains_key(number) {
            Some(("launchTemplateVersionDoesNotExist", "The launch template version does not exist."))
        } else {
            None
        }
    };
    let (refused, deleted): (Vec<u64>, Vec<u64>) = numbers.iter().partition(|number| refusal(number).is_some());
    if !deleted.is_empty() {
        let (region, template, deleted) = (call.place(), template.head(), deleted.clone());
        let (versions, tags) = (Vec::new(), Tags::new());
        call.change(&mut state, Line::LaunchTemplate { region, template, versions, deleted, tags })?;
    }
    let write = |xml: &mut Xml, number: &u64| {
        xml.text("launchTemplateId", &template.id);
        xml.text("launchTemplateName", &template.name);
        xml.value("versionNumber", number);
    };
    xml.list("successfullyDeletedLaunchTemplateVersionSet", &deleted, |xml, number| write(xml, number));
    xml.list("unsuccessfullyDeletedLaunchTemplateVersionSet", &refused, |xml, number| {
        write(xml, number);
        if let Some((code, message)) = refusal(number) {
            xml.element("responseError", |xml| {
                xml.text("code", code);
                xml.text("message", message);
            });
        }
    });
    Ok(())
}
