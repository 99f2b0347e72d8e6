//! What the rules about a launch can find, beside what is found about its image and types.

mod governing;

use crate::ami::finding_rule::{FindingGroup, FindingRule};
use crate::record::Outcome;

pub(in crate::launch) use governing::{
    BREAK_GLASS_DENIED, CAPACITY_LACKED_RECENTLY, LAUNCHES_PAUSED, POLICY_DENIED, POLICY_OVERRIDDEN, QUOTA_EXCEEDED,
};

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
        &TAGS_NOT_ALLOWED,
        &NETWORK_CONFLICT,
        &HOST_WITHOUT_TENANCY,
        &SPOT_CONFLICT,
        &CAPACITY_BLOCK_WITHOUT_RESERVATION,
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
        &QUOTA_EXCEEDED,
        &LAUNCHES_PAUSED,
        &ROOT_VOLUME_LEFT_OUT,
        &ROOT_VOLUME_TYPE,
        &VOLUME_INCOMPLETE,
        &HIBERNATION_VOLUME_REFUSED,
        &CPU_OPTIONS_NOT_SUPPORTED,
        &CPU_CREDITS_NOT_SUPPORTED,
        &NETWORK_INTERFACE_LIMIT,
        &DRY_RUN_FAILED,
        &CAPACITY_NOT_PROMISED,
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
    means: "EC2 shows no such AMI. It may not exist, be in another Region, not be shared with the account, or be \
            hidden \
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

pub(super) static TAGS_NOT_ALLOWED: FindingRule = FindingRule {
    code: "TAGS_NOT_ALLOWED",
    outcome: Outcome::Fail,
    field: "spec.tags",
    expected: "at most 47 tags for instances and 50 for volumes, none with a reserved prefix",
    means: "The tags, those of the launch template included, are more than EC2 and Gantry allow together, or use the \
            prefix `gantry:` or `aws:`.",
    remedy: "Use a version of the launch template with fewer or other tags.",
    source: "EC2 User Guide, Tag restrictions",
};

pub(super) static NETWORK_CONFLICT: FindingRule = FindingRule {
    code: "NETWORK_CONFLICT",
    outcome: Outcome::Fail,
    field: "spec.network_interfaces",
    expected: "network settings on the interfaces or on the launch, and all in one zone",
    means: "What is asked about the network contradicts itself; a part of it may be the launch template's.",
    remedy: "Give network_interfaces whole in the request, or use a version of the launch template without them.",
    source: "EC2 API Reference, RunInstances and InstanceNetworkInterfaceSpecification",
};

pub(super) static HOST_WITHOUT_TENANCY: FindingRule = FindingRule {
    code: "HOST_WITHOUT_TENANCY",
    outcome: Outcome::Fail,
    field: "spec.placements.tenancy",
    expected: "host",
    means: "A Dedicated Host is named, and the tenancy is not `host`.",
    remedy: "Set the tenancy to host, or leave the host out.",
    source: "EC2 API Reference, Placement",
};

pub(super) static SPOT_CONFLICT: FindingRule = FindingRule {
    code: "SPOT_CONFLICT",
    outcome: Outcome::Fail,
    field: "spec.market.spot",
    expected: "neither tenancy host nor a capacity reservation",
    means: "Spot Instances run neither on Dedicated Hosts nor in capacity reservations.",
    remedy: "Buy it On-Demand, or leave the host and the reservation out.",
    source: "EC2 User Guide, Spot Instances and On-Demand Capacity Reservations",
};

pub(super) static CAPACITY_BLOCK_WITHOUT_RESERVATION: FindingRule = FindingRule {
    code: "CAPACITY_BLOCK_WITHOUT_RESERVATION",
    outcome: Outcome::Fail,
    field: "spec.market.capacity_block",
    expected: "a capacity_reservation_id in every placement",
    means: "A launch into a Capacity Block has to name the block's reservation.",
    remedy: "Name the reservation in every placement, here or in the launch template.",
    source: "EC2 User Guide, Capacity Blocks for ML",
};

pub(super) static ROOT_VOLUME_LEFT_OUT: FindingRule = FindingRule {
    code: "ROOT_VOLUME_LEFT_OUT",
    outcome: Outcome::Fail,
    field: "spec.block_device_mappings",
    expected: "the root device with a volume",
    means: "The root device of an EBS-backed AMI can be neither left out nor an instance store volume.",
    remedy: "Leave this mapping out.",
    source: "EC2 User Guide, Block device mappings",
};

pub(super) static ROOT_VOLUME_TYPE: FindingRule = FindingRule {
    code: "ROOT_VOLUME_TYPE",
    outcome: Outcome::Fail,
    field: "spec.block_device_mappings.ebs.volume_type",
    expected: "gp3, gp2, io1, io2 or standard",
    means: "Volumes of the types st1 and sc1 cannot be a root volume.",
    remedy: "Choose another type for the root volume.",
    source: "EC2 User Guide, Amazon EBS volume types",
};

pub(super) static VOLUME_INCOMPLETE: FindingRule = FindingRule {
    code: "VOLUME_INCOMPLETE",
    outcome: Outcome::Fail,
    field: "spec.block_device_mappings.ebs",
    expected: "what a volume of this kind needs",
    means: "The volume lacks something: a size where there is no snapshot, IOPS for io1 and io2, or encryption for \
            its key.",
    remedy: "Give what is expected.",
    source: "EC2 API Reference, EbsBlockDevice",
};

pub(super) static HIBERNATION_VOLUME_REFUSED: FindingRule = FindingRule {
    code: "HIBERNATION_VOLUME_REFUSED",
    outcome: Outcome::Fail,
    field: "spec.block_device_mappings.ebs",
    expected: "a root volume of type gp3, gp2, io1 or io2, as large as the memory",
    means: "The root volume, as the launch makes it, cannot hold the memory of a hibernating instance.",
    remedy: "Make the root volume larger than the type's memory, of type gp3.",
    source: "EC2 User Guide, Prerequisites for EC2 instance hibernation",
};

pub(super) static CPU_OPTIONS_NOT_SUPPORTED: FindingRule = FindingRule {
    code: "CPU_OPTIONS_NOT_SUPPORTED",
    outcome: Outcome::Fail,
    field: "spec.cpu_options",
    expected: "what the type has",
    means: "The type does not take these CPU options. UNKNOWN where EC2 does not say.",
    remedy: "Choose options that the type has, or leave them out.",
    source: "EC2 API Reference, InstanceTypeInfo, vCpuInfo and processorInfo",
};

pub(super) static CPU_CREDITS_NOT_SUPPORTED: FindingRule = FindingRule {
    code: "CPU_CREDITS_NOT_SUPPORTED",
    outcome: Outcome::Fail,
    field: "spec.cpu_credits",
    expected: "a burstable type",
    means: "Only burstable types have CPU credits. `standard` has no effect on others, which is a WARN.",
    remedy: "Leave cpu_credits out, or choose a burstable type.",
    source: "EC2 API Reference, CreditSpecificationRequest",
};

pub(super) static NETWORK_INTERFACE_LIMIT: FindingRule = FindingRule {
    code: "NETWORK_INTERFACE_LIMIT",
    outcome: Outcome::Fail,
    field: "spec.network_interfaces",
    expected: "as many as the type takes",
    means: "The launch has more network interfaces than can be attached to an instance of the type.",
    remedy: "Choose a type that takes more interfaces, or ask for fewer.",
    source: "EC2 API Reference, InstanceTypeInfo, networkInfo",
};

pub(in crate::launch) static DRY_RUN_FAILED: FindingRule = FindingRule {
    code: "DRY_RUN_FAILED",
    outcome: Outcome::Fail,
    field: "instance_types.dry_run",
    expected: "DryRunOperation",
    means: "EC2 would not do what the first attempt of this type asks for. A preview only; UNKNOWN where EC2 gave no \
            answer, or one that may be another soon.",
    remedy: "Do what EC2's error asks for.",
    source: "EC2 API Reference, RunInstances, DryRun",
};

pub(in crate::launch) static CAPACITY_NOT_PROMISED: FindingRule = FindingRule {
    code: "CAPACITY_NOT_PROMISED",
    outcome: Outcome::Warn,
    field: "spec",
    expected: "",
    means: "A preview promises no capacity: a dry run checks permissions and parameters, and whether there is room shows \
            only when instances are launched.",
    remedy: "Name several types and placements, or launch into a capacity reservation.",
    source: "EC2 API Reference, RunInstances, DryRun",
};
