//! What the rules about a launch can find, beside what is found about its image and types.

use crate::ami::finding_rule::{FindingGroup, FindingRule};
use crate::record::Outcome;

/// Every finding about a launch itself.
pub static LAUNCH_FINDINGS: FindingGroup = FindingGroup {
    title: "Launch",
    about: "The image, subnets, zones and offerings are asked of EC2 when the launch is decided, whatever the \
            catalogue holds.",
    rules: &[
        &LAUNCH_EXPIRED,
        &LAUNCH_TEMPLATE_NOT_FOUND,
        &LAUNCH_TEMPLATE_UNSUPPORTED,
        &IMAGE_NOT_NAMED,
        &INSTANCE_TYPE_NOT_NAMED,
        &USER_DATA_TOO_LONG,
        &IMAGE_NOT_FOUND,
        &IMAGE_CHANGED,
        &IMAGE_INFERRED,
        &SELECTOR_MATCHES_NOTHING,
        &INSTANCE_TYPE_NOT_FOUND,
        &AVAILABILITY_ZONE_NOT_FOUND,
        &SUBNET_NOT_FOUND,
        &SUBNET_FULL,
        &ROOT_IS_INSTANCE_STORE,
        &VOLUME_SMALLER_THAN_SNAPSHOT,
        &CAPACITY_LACKED_RECENTLY,
        &POLICY_DENIED,
        &POLICY_OVERRIDDEN,
        &BREAK_GLASS_DENIED,
    ],
};

pub(super) static LAUNCH_EXPIRED: FindingRule = FindingRule {
    code: "LAUNCH_EXPIRED",
    outcome: Outcome::Fail,
    field: "spec.expire_time",
    expected: "a later time",
    means: "The launch expired before it was decided.",
    remedy: "Ask again with a later expire_time, or leave it out.",
    source: "Gantry",
};

pub(super) static LAUNCH_TEMPLATE_NOT_FOUND: FindingRule = FindingRule {
    code: "LAUNCH_TEMPLATE_NOT_FOUND",
    outcome: Outcome::Fail,
    field: "spec.launch_template",
    expected: "a launch template of the account in the Region, and a version that it has",
    means: "EC2 does not know the launch template, or the version of it.",
    remedy: "Check the id or name, the version and the Region.",
    source: "EC2 API Reference, DescribeLaunchTemplateVersions",
};

pub(super) static LAUNCH_TEMPLATE_UNSUPPORTED: FindingRule = FindingRule {
    code: "LAUNCH_TEMPLATE_UNSUPPORTED",
    outcome: Outcome::Fail,
    field: "launch_template",
    expected: "what a launch specification can say",
    means: "The launch template asks for something that a launch by Gantry cannot have. Nothing of a template is left \
            out in silence.",
    remedy: "Give the field in the launch's own specification if it is there, or use a version of the template without \
             it.",
    source: "EC2 API Reference, ResponseLaunchTemplateData",
};

pub(super) static IMAGE_NOT_NAMED: FindingRule = FindingRule {
    code: "IMAGE_NOT_NAMED",
    outcome: Outcome::Fail,
    field: "spec.image",
    expected: "an image, here or in the launch template",
    means: "Neither the request nor its launch template names an image.",
    remedy: "Name the image in the request, or use a version of the template that does.",
    source: "EC2 API Reference, RunInstances",
};

pub(super) static INSTANCE_TYPE_NOT_NAMED: FindingRule = FindingRule {
    code: "INSTANCE_TYPE_NOT_NAMED",
    outcome: Outcome::Fail,
    field: "spec.instance_types",
    expected: "an instance type, here or in the launch template",
    means: "Neither the request nor its launch template names an instance type.",
    remedy: "Name the types in the request, or use a version of the template that names one.",
    source: "Gantry",
};

pub(super) static USER_DATA_TOO_LONG: FindingRule = FindingRule {
    code: "USER_DATA_TOO_LONG",
    outcome: Outcome::Fail,
    field: "launch_template.user_data",
    expected: "at most 16,384 bytes before base64",
    means: "The launch template's user data is longer than EC2 takes.",
    remedy: "Use a version of the template with shorter user data, or give the user data in the request.",
    source: "EC2 User Guide, Run commands at launch",
};

pub(super) static IMAGE_NOT_FOUND: FindingRule = FindingRule {
    code: "IMAGE_NOT_FOUND",
    outcome: Outcome::Fail,
    field: "spec.image",
    expected: "an AMI that the account can see in the Region",
    means: "EC2 shows no such AMI. It may not exist, be in another Region, not be shared with the account, or be hidden \
            by the account's Allowed AMIs setting; EC2 does not tell these apart.",
    remedy: "Check the id and the Region, and ask the owner to share the AMI with this account.",
    source: "EC2 API Reference, DescribeImages",
};

pub(super) static IMAGE_CHANGED: FindingRule = FindingRule {
    code: "IMAGE_CHANGED",
    outcome: Outcome::Fail,
    field: "spec.image.receipt.digest",
    expected: "the receipt's digest",
    means: "The facts that decide how the image boots differ from those that the receipt was made of.",
    remedy: "Resolve the image again, look at what changed, and launch by the new receipt.",
    source: "Gantry",
};

pub(super) static IMAGE_INFERRED: FindingRule = FindingRule {
    code: "IMAGE_INFERRED",
    outcome: Outcome::Warn,
    field: "spec.image.selector.ssm_parameter",
    expected: "the parameter's value",
    means: "SSM did not tell the parameter's value, so the image is the newest that EC2 shows for it, which may be a \
            former one.",
    remedy: "Grant ssm:GetParameter on the public parameters, and give the server a way to SSM.",
    source: "EC2 API Reference, DescribeImages, public-ssm-parameter-name",
};

pub(super) static SELECTOR_MATCHES_NOTHING: FindingRule = FindingRule {
    code: "SELECTOR_MATCHES_NOTHING",
    outcome: Outcome::Fail,
    field: "spec.image.selector",
    expected: "an image that can be launched",
    means: "No image that can be launched meets the selector.",
    remedy: "Ask ResolveImage with the same selector, and change it until it chooses an image.",
    source: "Gantry",
};

pub(super) static INSTANCE_TYPE_NOT_FOUND: FindingRule = FindingRule {
    code: "INSTANCE_TYPE_NOT_FOUND",
    outcome: Outcome::Fail,
    field: "instance_types",
    expected: "an instance type of the Region",
    means: "The Region has no such instance type.",
    remedy: "Choose a type that ListInstanceTypes shows for this Region.",
    source: "EC2 API Reference, DescribeInstanceTypes",
};

pub(super) static AVAILABILITY_ZONE_NOT_FOUND: FindingRule = FindingRule {
    code: "AVAILABILITY_ZONE_NOT_FOUND",
    outcome: Outcome::Fail,
    field: "spec.placements.availability_zone",
    expected: "a zone of the Region",
    means: "The Region has no such Availability Zone for this account.",
    remedy: "Use one of the zones that are expected.",
    source: "EC2 API Reference, DescribeAvailabilityZones",
};

pub(super) static SUBNET_NOT_FOUND: FindingRule = FindingRule {
    code: "SUBNET_NOT_FOUND",
    outcome: Outcome::Fail,
    field: "spec.placements.subnet_id",
    expected: "a subnet of the account in the Region",
    means: "The account has no such subnet in the Region.",
    remedy: "Check the id and the Region.",
    source: "EC2 API Reference, DescribeSubnets",
};

pub(super) static SUBNET_FULL: FindingRule = FindingRule {
    code: "SUBNET_FULL",
    outcome: Outcome::Warn,
    field: "spec.placements.subnet_id",
    expected: "as many free addresses as instances",
    means: "The subnet has fewer free addresses than instances are wanted.",
    remedy: "Use another subnet, or free addresses in this one.",
    source: "EC2 API Reference, DescribeSubnets, availableIpAddressCount",
};

pub(super) static ROOT_IS_INSTANCE_STORE: FindingRule = FindingRule {
    code: "ROOT_IS_INSTANCE_STORE",
    outcome: Outcome::Fail,
    field: "spec.block_device_mappings",
    expected: "no EBS volume on the root device",
    means: "The root of an instance-store-backed AMI cannot be an EBS volume.",
    remedy: "Leave this mapping out, or choose an EBS-backed AMI.",
    source: "EC2 User Guide, Root volumes for your Amazon EC2 instances",
};

pub(super) static VOLUME_SMALLER_THAN_SNAPSHOT: FindingRule = FindingRule {
    code: "VOLUME_SMALLER_THAN_SNAPSHOT",
    outcome: Outcome::Fail,
    field: "spec.block_device_mappings.ebs.volume_size_gib",
    expected: "the size of the AMI's snapshot, or more",
    means: "The volume cannot be smaller than the AMI's snapshot.",
    remedy: "Ask for at least the expected size, or leave the size out.",
    source: "EC2 API Reference, EbsBlockDevice",
};

pub(super) static CAPACITY_LACKED_RECENTLY: FindingRule = FindingRule {
    code: "CAPACITY_LACKED_RECENTLY",
    outcome: Outcome::Warn,
    field: "instance_types.capacity",
    expected: "capacity",
    means: "EC2 had no capacity for so many instances of the type in the zone within the last three minutes, for this \
            launch or another.",
    remedy: "Nothing: what else there is comes first. To wait for this type and zone, ask again in some minutes.",
    source: "EC2 User Guide, Troubleshoot Amazon EC2 instance launch issues",
};

pub(super) static POLICY_DENIED: FindingRule = FindingRule {
    code: "POLICY_DENIED",
    outcome: Outcome::Fail,
    field: "policy",
    expected: "permitted",
    means: "Policy denies the launch, or one of its instance types, which is struck then. What was observed is the \
            policy's id; message and remedy are the policy's own.",
    remedy: "Do what the policy's remedy says, or have the policy changed.",
    source: "docs/policy.md",
};

pub(super) static POLICY_OVERRIDDEN: FindingRule = FindingRule {
    code: "POLICY_OVERRIDDEN",
    outcome: Outcome::Warn,
    field: "policy",
    expected: "permitted",
    means: "Policy denies it, and whoever asked had it overridden by break_glass, which policy permits them.",
    remedy: "",
    source: "docs/policy.md",
};

pub(super) static BREAK_GLASS_DENIED: FindingRule = FindingRule {
    code: "BREAK_GLASS_DENIED",
    outcome: Outcome::Fail,
    field: "break_glass",
    expected: "permitted",
    means: "Policy does not permit this caller to override it.",
    remedy: "Ask somebody who may, or do what the denying policies say.",
    source: "docs/policy.md",
};
