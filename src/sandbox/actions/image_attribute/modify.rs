//! ModifyImageAttribute: description, IMDS support, and launch permissions.
//!
//! Each can be named in two ways, by `Attribute` with flat parameters and by a structure of its
//! own; both together are fine as long as they mean one attribute.

use super::{change, must_be, public_limit, unknown_attribute};
use crate::sandbox::actions::Call;
use crate::sandbox::images::changes::{Deprecation, ImageChange};
use crate::sandbox::images::facts::{Image, State};
use crate::sandbox::images::permissions::{Permissions, SHARES_MAX, is_account_id, is_organization_arn, is_unit_arn};
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::query::Node;
use crate::sandbox::wire::xml::Xml;

/// Characters of a description.
const DESCRIPTION_CHARS_MAX: usize = 255;
/// Account ids in one request.
const USERS_MAX: usize = 10_000;
/// The attributes that have a structure of their own, which is all that can be modified.
const STRUCTURES: [(&str, &str); 3] =
    [("Description", "description"), ("ImdsSupport", "imdsSupport"), ("LaunchPermission", "launchPermission")];
/// Parameters that only go with `Attribute=launchPermission`.
const FLAT: [(&str, Kind); 4] = [
    ("UserId", Kind::User),
    ("UserGroup", Kind::Group),
    ("OrganizationArn", Kind::Organization),
    ("OrganizationalUnitArn", Kind::Unit),
];
/// The members of a `LaunchPermission`.
const MEMBERS: [(&str, Kind); 4] = [
    ("UserId", Kind::User),
    ("Group", Kind::Group),
    ("OrganizationArn", Kind::Organization),
    ("OrganizationalUnitArn", Kind::Unit),
];

/// ModifyImageAttribute.
pub(in crate::sandbox::actions) fn modify(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&[
        "Attribute",
        "Description",
        "ImageId",
        "LaunchPermission",
        "OperationType",
        "ProductCode",
        "UserGroup",
        "UserId",
        "Value",
        "OrganizationArn",
        "OrganizationalUnitArn",
        "ImdsSupport",
    ])?;
    let modification = Modification::read(call.params())?;
    change(call, xml, |image, change| {
        must_be(image, &[State::Available])?;
        modification.edit(image, change)
    })
}

#[derive(Debug)]
enum Modification {
    Description(String),
    ImdsV2,
    LaunchPermission { add: Entities, remove: Entities },
}

impl Modification {
    fn read(params: &Node) -> Result<Self, Ec2Error> {
        if params.member("ProductCode").is_some() {
            let message = "The product codes of an image cannot be modified.";
            return Err(Ec2Error::new("UnsupportedOperation", message));
        }
        let named = params.text("Attribute");
        let structured = STRUCTURES.iter().filter(|(member, _)| params.member(member).is_some());
        let mut attributes: Vec<&str> = structured.map(|(_, attribute)| *attribute).collect();
        // Beside a structure EC2 does not look at what `Attribute` says unless it knows the word:
        // Ansible has sent `Description ` with a blank for years.
        let is_known = |name: &str| STRUCTURES.iter().any(|(_, attribute)| *attribute == name);
        attributes.extend(named.filter(|name| attributes.is_empty() || (is_known(name) && !attributes.contains(name))));
        let attribute = match attributes.as_slice() {
            [] => return Err(Ec2Error::combination("No attributes specified.")),
            [attribute] => *attribute,
            many => {
                let message = format!("Fields for multiple attribute types specified: {}", many.join(", "));
                return Err(Ec2Error::combination(message));
            }
        };
        if !is_known(attribute) {
            return Err(unknown_attribute());
        }
        let flat = FLAT.iter().map(|(name, _)| *name).chain(["OperationType"]);
        for (only_with, names) in
            [("launchPermission", flat.collect::<Vec<_>>()), ("description or imdsSupport", vec!["Value"])]
        {
            let fits = only_with.contains(attribute) && named.is_some();
            if let Some(name) = names.into_iter().find(|name| !fits && params.member(name).is_some()) {
                let message = format!("The parameter {name} can be used only when the Attribute is {only_with}");
                return Err(Ec2Error::combination(message));
            }
        }
        // The value in the attribute's own structure, or the flat one. An empty description takes
        // the old one away, so an empty value is not an absent one here.
        let value = |member: &str| {
            let inner = params.member(member).and_then(|node| node.member("Value"));
            inner.or_else(|| params.member("Value")).and_then(Node::own_text)
        };
        match attribute {
            "description" => {
                let text = value("Description").ok_or_else(|| Ec2Error::missing("Description.Value"))?;
                if text.chars().count() > DESCRIPTION_CHARS_MAX {
                    let why = format!("A description has at most {DESCRIPTION_CHARS_MAX} characters.");
                    return Err(Ec2Error::invalid("description", text, &why));
                }
                Ok(Self::Description(text.to_owned()))
            }
            "imdsSupport" => match value("ImdsSupport").ok_or_else(|| Ec2Error::missing("ImdsSupport.Value"))? {
                "v2.0" => Ok(Self::ImdsV2),
                other => Err(Ec2Error::invalid("imdsSupport", other, "Expected v2.0.")),
            },
            "launchPermission" => {
                let (mut add, mut remove) = (Entities::default(), Entities::default());
                read_flat(params, &mut add, &mut remove)?;
                if let Some(node) = params.member("LaunchPermission") {
                    read_items(node, "Add", &mut add)?;
                    read_items(node, "Remove", &mut remove)?;
                }
                if add == Entities::default() && remove == Entities::default() {
                    return Err(Ec2Error::missing("LaunchPermission"));
                }
                Ok(Self::LaunchPermission { add, remove })
            }
            _ => Err(unknown_attribute()),
        }
    }

    fn edit(self, image: &Image, change: &mut ImageChange) -> Result<(), Ec2Error> {
        match self {
            Self::Description(text) => change.description = Some(text),
            Self::ImdsV2 => change.imds_v2 = true,
            Self::LaunchPermission { add, remove } => {
                if add.everybody {
                    may_be_public(image)?;
                    // Going public brings the rule that goes with it.
                    let limit = public_limit(image);
                    if let Some(limit) = limit.filter(|limit| image.deprecated.is_none_or(|set| set > *limit)) {
                        change.deprecation = Some(Deprecation::At(limit));
                    }
                }
                if add.everybody || remove.everybody {
                    change.public = Some(add.everybody);
                }
                let mut permissions = image.permissions().cloned().unwrap_or_default();
                permissions.remove(&remove.named);
                permissions.add(add.named);
                if permissions.count() > SHARES_MAX {
                    // The quota is documented; which code goes with it is not.
                    let message = format!("An image can be shared with at most {SHARES_MAX} entities.");
                    return Err(Ec2Error::new("ResourceLimitExceeded", message));
                }
                change.permissions = Some(permissions);
            }
        }
        Ok(())
    }
}

/// What cannot be public (EC2 User Guide, "Make your AMI publicly available"). The rules are
/// documented; the code is the one that EC2 gives when block public access forbids the same.
fn may_be_public(image: &Image) -> Result<(), Ec2Error> {
    let extras = image.extras.as_deref();
    let why = if image.volumes().any(|volume| volume.encrypted) {
        "it has encrypted snapshots"
    } else if extras.is_some_and(|extras| !extras.product_codes.is_empty()) {
        "it has product codes"
    } else if extras.is_some_and(|extras| !extras.watermarks.is_empty()) {
        "it has watermarks"
    } else {
        return Ok(());
    };
    let message = format!("The image '{}' cannot be made public because {why}.", image.id);
    Err(Ec2Error::new("OperationNotPermitted", message))
}

/// Kinds of entities.
#[derive(Debug, Clone, Copy)]
enum Kind {
    User,
    Group,
    Organization,
    Unit,
}

/// What launch permissions can name.
#[derive(Debug, Default, PartialEq)]
struct Entities {
    everybody: bool,
    named: Permissions,
}

impl Entities {
    fn insert(&mut self, kind: Kind, value: &str) -> Result<(), Ec2Error> {
        let (fits, name) = match kind {
            Kind::User => (is_account_id(value), "userId"),
            Kind::Group => (value == "all", "userGroup"),
            Kind::Organization => (is_organization_arn(value), "organizationArn"),
            Kind::Unit => (is_unit_arn(value), "organizationalUnitArn"),
        };
        if !fits {
            let shown: String = value.chars().take(100).collect();
            let message = format!("Invalid attribute item value \"{shown}\" for {name} item type.");
            return Err(Ec2Error::new("InvalidAMIAttributeItemValue", message));
        }
        match kind {
            Kind::Group => self.everybody = true,
            Kind::User => _ = self.named.users.insert(value.to_owned()),
            Kind::Organization => _ = self.named.organizations.insert(value.to_owned()),
            Kind::Unit => _ = self.named.units.insert(value.to_owned()),
        }
        if self.named.users.len() > USERS_MAX {
            let message = format!("A request may name at most {USERS_MAX} account IDs");
            return Err(Ec2Error::new("InvalidParameterValue", message));
        }
        Ok(())
    }
}

/// `OperationType` with `UserId.N` and its like.
fn read_flat(params: &Node, add: &mut Entities, remove: &mut Entities) -> Result<(), Ec2Error> {
    let operation = params.choice("OperationType", &["add", "remove"])?;
    for (name, kind) in FLAT {
        for value in params.texts(name) {
            let entities = match operation {
                Some("add") => &mut *add,
                Some(_) => &mut *remove,
                None => return Err(Ec2Error::missing("OperationType")),
            };
            entities.insert(kind, value)?;
        }
    }
    Ok(())
}

/// `LaunchPermission.Add.N` or `LaunchPermission.Remove.N`: each item names one entity.
fn read_items(node: &Node, list: &str, entities: &mut Entities) -> Result<(), Ec2Error> {
    for item in node.list(list) {
        let mut members = item.member_names();
        let (Some(member), None) = (members.next(), members.next()) else {
            let message = format!("{} must name one user, group, organization or organizational unit", item.path());
            return Err(Ec2Error::combination(message));
        };
        let Some((_, kind)) = MEMBERS.iter().find(|(name, _)| *name == member) else {
            let message = format!("The parameter {}.{member} is not recognized", item.path());
            return Err(Ec2Error::new("UnknownParameter", message));
        };
        entities.insert(*kind, item.text(member).unwrap_or_default())?;
    }
    Ok(())
}
