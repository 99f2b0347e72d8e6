//! What each code of compatibility means: the rules' own constants, and the table for people.
//!
//! Rules take code, field, remedy and EC2's error code from here, so what is written about a code
//! is what its findings say. An error code stands here only where real answers of EC2 confirm it;
//! a single case that is not confirmed leaves it out where the rule is.

/// One rule of compatibility, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleDoc {
    /// The code of its findings.
    pub code: &'static str,
    /// The field it looks at first.
    pub field: &'static str,
    /// What a FAIL, or a WARN where it never fails, means.
    pub means: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
    /// What EC2 answers RunInstances with, where that is confirmed.
    pub ec2_error_code: Option<&'static str>,
    /// Where the rule comes from.
    pub source: &'static str,
}

pub(super) const STATE: RuleDoc = RuleDoc {
    code: "IMAGE_NOT_AVAILABLE",
    field: "image.state",
    means: "Only an image in state available can be launched.",
    remedy: "Choose another image.",
    ec2_error_code: Some("InvalidAMIID.Unavailable"),
    source: "EC2 API Reference, Image and the list of error codes",
};

pub(super) const IMAGE_TYPE: RuleDoc = RuleDoc {
    code: "NOT_A_MACHINE_IMAGE",
    field: "image.image_type",
    means: "It holds a kernel or a RAM disk for paravirtual images, and cannot be launched.",
    remedy: "Choose an image of type machine.",
    ec2_error_code: None,
    source: "EC2 API Reference, Image",
};

pub(super) const ARCHITECTURE: RuleDoc = RuleDoc {
    code: "ARCHITECTURE_MISMATCH",
    field: "image.architecture",
    means: "The type's processor does not run the image's architecture.",
    remedy: "Choose a type of the image's architecture, or the image built for the type's.",
    ec2_error_code: Some("InvalidParameterValue"),
    source: "EC2 API Reference, ProcessorInfo",
};

pub(super) const VIRTUALIZATION: RuleDoc = RuleDoc {
    code: "VIRTUALIZATION_MISMATCH",
    field: "image.virtualization_type",
    means: "The type does not run the image's virtualization; paravirtual images run on a few old types only.",
    remedy: "Use an HVM image; only C1, C3, M1, M2, M3 and T1 run paravirtual ones.",
    ec2_error_code: Some("InvalidParameterCombination"),
    source: "EC2 User Guide, Virtualization types",
};

pub(super) const ROOT_DEVICE: RuleDoc = RuleDoc {
    code: "ROOT_DEVICE_MISMATCH",
    field: "image.root_device_type",
    means: "The type cannot start from the image's kind of root device.",
    remedy: "Use an EBS-backed image; only C1, C3, D2, I2, M1, M2, M3, R3 and X1 boot instance-store-backed ones.",
    ec2_error_code: Some("UnsupportedOperation"),
    source: "EC2 User Guide, Root device type",
};

pub(super) const BOOT_MODE: RuleDoc = RuleDoc {
    code: "BOOT_MODE_MISMATCH",
    field: "image.boot_mode",
    means: "The type cannot start in the image's boot mode, or starts it in a lesser one.",
    remedy: "Choose a type that has the image's boot mode, or an image that boots by the type's.",
    ec2_error_code: Some("InvalidParameterValue"),
    source: "EC2 User Guide, Boot modes",
};

pub(super) const ENA: RuleDoc = RuleDoc {
    code: "ENA_REQUIRED",
    field: "image.ena_support",
    means: "The type requires enhanced networking with ENA, and the image does not have it enabled.",
    remedy: "Choose an image with ENA, enable ENA on the image, or use a type that does not require it.",
    ec2_error_code: Some("InvalidParameterCombination"),
    source: "EC2 User Guide, Compatibility for changing the instance type",
};

pub(super) const NITRO_TPM: RuleDoc = RuleDoc {
    code: "NITRO_TPM_REQUIRED",
    field: "image.tpm_support",
    means: "The image asks for NitroTPM, which the type does not have, or not in the boot mode it would use.",
    remedy: "Choose a type with NitroTPM, or an image without it.",
    ec2_error_code: None,
    source: "EC2 User Guide, NitroTPM requirements",
};

pub(super) const TYPE_LIST: RuleDoc = RuleDoc {
    code: "INSTANCE_TYPE_NOT_ALLOWED",
    field: "image.instance_type_specification",
    means: "The image's owner does not allow the type.",
    remedy: "Choose a type that the owner allows.",
    ec2_error_code: Some("InvalidParameterCombination"),
    source: "EC2 API Reference, ReplaceImageInstanceTypeSpecification",
};

pub(super) const INSTANCE_STORE: RuleDoc = RuleDoc {
    code: "INSTANCE_STORE_NOT_ATTACHED",
    field: "image.block_device_mappings.virtual_name",
    means: "The image maps instance store volumes that an instance of the type will not have. Never fails.",
    remedy: "Choose a type with as many instance store disks, or do without them.",
    ec2_error_code: None,
    source: "EC2 User Guide, Add instance store volumes",
};

pub(super) const EBS_ATTACHMENTS: RuleDoc = RuleDoc {
    code: "EBS_ATTACHMENT_LIMIT",
    field: "image.block_device_mappings.ebs",
    means: "The image maps more EBS volumes than can be attached to an instance of the type. On Xen, where the limit \
            is a recommendation, a WARN.",
    remedy: "Choose a type that takes more volumes, or leave mappings out at launch with no_device.",
    ec2_error_code: None,
    source: "EC2 User Guide, EBS volume limits for EC2 instances",
};

pub(super) const NOT_OFFERED_IN_REGION: RuleDoc = RuleDoc {
    code: "NOT_OFFERED_IN_REGION",
    field: "instance_type.availability_zones",
    means: "No zone of the Region offers the type to this account.",
    remedy: "Choose a type that the Region offers, or another Region.",
    ec2_error_code: Some("Unsupported"),
    source: "EC2 API Reference, DescribeInstanceTypeOfferings",
};

pub(super) const NOT_OFFERED_IN_ZONE: RuleDoc = RuleDoc {
    code: "NOT_OFFERED_IN_ZONE",
    field: "availability_zone",
    means: "The zone that was asked for does not offer the type.",
    remedy: "Use a zone that offers the type, or leave the zone to EC2.",
    ec2_error_code: Some("Unsupported"),
    source: "EC2 API Reference, DescribeInstanceTypeOfferings",
};

pub(super) const MARKET: RuleDoc = RuleDoc {
    code: "MARKET_NOT_SUPPORTED",
    field: "market",
    means: "The type cannot be bought like this.",
    remedy: "Choose another market, or a type that has this one.",
    ec2_error_code: Some("Unsupported"),
    source: "EC2 API Reference, InstanceTypeInfo, supportedUsageClasses",
};

pub(super) const TENANCY: RuleDoc = RuleDoc {
    code: "TENANCY_NOT_SUPPORTED",
    field: "tenancy",
    means: "The type does not run with this tenancy; Macs run on Dedicated Hosts only.",
    remedy: "Choose another tenancy, or a type that runs with this one.",
    ec2_error_code: None,
    source: "EC2 User Guide, Dedicated Hosts and Amazon EC2 Mac instances",
};

pub(super) const HIBERNATION_TYPE: RuleDoc = RuleDoc {
    code: "HIBERNATION_NOT_SUPPORTED",
    field: "instance_type.hibernation_supported",
    means: "The type cannot hibernate.",
    remedy: "Choose a type that can, or leave hibernation out.",
    ec2_error_code: HIBERNATION_REFUSED,
    source: HIBERNATION_SOURCE,
};

pub(super) const HIBERNATION_MEMORY: RuleDoc = RuleDoc {
    code: "HIBERNATION_MEMORY_LIMIT",
    field: "instance_type.memory_mib",
    means: "The type has more memory than can hibernate: less than 150 GiB on Linux, at most 16 GiB on Windows.",
    remedy: "Choose a type with less memory.",
    ec2_error_code: HIBERNATION_REFUSED,
    source: HIBERNATION_SOURCE,
};

pub(super) const HIBERNATION_ROOT_DEVICE: RuleDoc = RuleDoc {
    code: "HIBERNATION_ROOT_DEVICE",
    field: "image.root_device_type",
    means: "Memory is saved on an EBS root, which the image does not have.",
    remedy: "Choose an EBS-backed image.",
    ec2_error_code: HIBERNATION_REFUSED,
    source: HIBERNATION_SOURCE,
};

pub(super) const HIBERNATION_VIRTUALIZATION: RuleDoc = RuleDoc {
    code: "HIBERNATION_VIRTUALIZATION",
    field: "image.virtualization_type",
    means: "A paravirtual image cannot hibernate.",
    remedy: "Choose an HVM image prepared for hibernation.",
    ec2_error_code: HIBERNATION_REFUSED,
    source: HIBERNATION_SOURCE,
};

pub(super) const HIBERNATION_ROOT_VOLUME: RuleDoc = RuleDoc {
    code: "HIBERNATION_ROOT_VOLUME",
    field: "image.block_device_mappings.ebs",
    means: "The root volume, as the image has it, cannot hold the memory: it must be encrypted, of a fitting type and \
            large enough. A launch can set all three, so this never fails.",
    remedy: "Set an encrypted gp3 volume, larger than the type's memory, for the root device at launch.",
    ec2_error_code: None,
    source: HIBERNATION_SOURCE,
};

pub(super) const HIBERNATION_WITH_ENCLAVE: RuleDoc = RuleDoc {
    code: "HIBERNATION_WITH_ENCLAVE",
    field: "hibernation",
    means: "An instance cannot both hibernate and run enclaves.",
    remedy: "Leave one of them out.",
    ec2_error_code: None,
    source: "EC2 API Reference, RunInstances, EnclaveOptions",
};

pub(super) const ENCLAVE: RuleDoc = RuleDoc {
    code: "ENCLAVE_NOT_SUPPORTED",
    field: "instance_type.nitro_enclaves_support",
    means: "The type cannot run Nitro Enclaves.",
    remedy: "Choose a virtualized Nitro type that supports enclaves.",
    ec2_error_code: None,
    source: "EC2 API Reference, InstanceTypeInfo, nitroEnclavesSupport",
};

const HIBERNATION_REFUSED: Option<&str> = Some("UnsupportedHibernationConfiguration");
const HIBERNATION_SOURCE: &str = "EC2 User Guide, Prerequisites for EC2 instance hibernation";

/// Every rule, in the order of findings.
pub const RULES: &[RuleDoc] = &[
    STATE,
    IMAGE_TYPE,
    ARCHITECTURE,
    VIRTUALIZATION,
    ROOT_DEVICE,
    BOOT_MODE,
    ENA,
    NITRO_TPM,
    TYPE_LIST,
    INSTANCE_STORE,
    EBS_ATTACHMENTS,
    NOT_OFFERED_IN_REGION,
    NOT_OFFERED_IN_ZONE,
    MARKET,
    TENANCY,
    HIBERNATION_TYPE,
    HIBERNATION_MEMORY,
    HIBERNATION_ROOT_DEVICE,
    HIBERNATION_VIRTUALIZATION,
    HIBERNATION_ROOT_VOLUME,
    HIBERNATION_WITH_ENCLAVE,
    ENCLAVE,
];
