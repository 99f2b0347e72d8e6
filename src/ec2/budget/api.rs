//! The calls that are made, and the rate at which EC2 takes each from one account in one Region.

use aws_sdk_ec2::operation as ec2;

use super::Rate;

/// A call. Each has a bucket of its own (EC2 Developer Guide, "Request throttling": "for each API").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ec2) enum Api {
    RunInstances,
    TerminateInstances,
    CreateTags,
    DescribeImages,
    DescribeImageAttribute,
    GetAllowedImagesSettings,
    DescribeInstances,
    DescribeInstanceStatus,
    DescribeInstanceTypes,
    DescribeInstanceTypeOfferings,
    DescribeLaunchTemplateVersions,
    DescribeSubnets,
    DescribeAvailabilityZones,
    GetConsoleOutput,
    /// Of Systems Manager.
    GetParameter,
}

/// Calls that read, filtered or paged.
const READ: Rate = Rate { burst: 100.0, per_second: 20.0 };
/// Instances that are launched.
pub(super) const RUN_RESOURCES: Rate = Rate { burst: 1_000.0, per_second: 2.0 };
/// Instances that are terminated.
pub(super) const TERMINATE_RESOURCES: Rate = Rate { burst: 1_000.0, per_second: 20.0 };

impl Api {
    /// All of them, each at the place of its number.
    pub(super) const ALL: [Self; 15] = [
        Self::RunInstances,
        Self::TerminateInstances,
        Self::CreateTags,
        Self::DescribeImages,
        Self::DescribeImageAttribute,
        Self::GetAllowedImagesSettings,
        Self::DescribeInstances,
        Self::DescribeInstanceStatus,
        Self::DescribeInstanceTypes,
        Self::DescribeInstanceTypeOfferings,
        Self::DescribeLaunchTemplateVersions,
        Self::DescribeSubnets,
        Self::DescribeAvailabilityZones,
        Self::GetConsoleOutput,
        Self::GetParameter,
    ];

    /// The action's name.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::RunInstances => "RunInstances",
            Self::TerminateInstances => "TerminateInstances",
            Self::CreateTags => "CreateTags",
            Self::DescribeImages => "DescribeImages",
            Self::DescribeImageAttribute => "DescribeImageAttribute",
            Self::GetAllowedImagesSettings => "GetAllowedImagesSettings",
            Self::DescribeInstances => "DescribeInstances",
            Self::DescribeInstanceStatus => "DescribeInstanceStatus",
            Self::DescribeInstanceTypes => "DescribeInstanceTypes",
            Self::DescribeInstanceTypeOfferings => "DescribeInstanceTypeOfferings",
            Self::DescribeLaunchTemplateVersions => "DescribeLaunchTemplateVersions",
            Self::DescribeSubnets => "DescribeSubnets",
            Self::DescribeAvailabilityZones => "DescribeAvailabilityZones",
            Self::GetConsoleOutput => "GetConsoleOutput",
            Self::GetParameter => "GetParameter",
        }
    }

    /// Whether it changes nothing.
    pub(super) fn reads(self) -> bool {
        !matches!(self, Self::RunInstances | Self::TerminateInstances | Self::CreateTags)
    }

    /// EC2's own rate of requests.
    pub(super) fn rate(self) -> Rate {
        match self {
            Self::RunInstances => Rate { burst: 5.0, per_second: 2.0 },
            Self::TerminateInstances => Rate { burst: 100.0, per_second: 5.0 },
            Self::CreateTags => Rate { burst: 100.0, per_second: 10.0 },
            Self::DescribeImages
            | Self::DescribeImageAttribute
            | Self::GetAllowedImagesSettings
            | Self::DescribeInstances
            | Self::DescribeInstanceStatus
            | Self::DescribeInstanceTypes
            | Self::DescribeInstanceTypeOfferings
            | Self::DescribeLaunchTemplateVersions
            | Self::DescribeSubnets
            | Self::DescribeAvailabilityZones
            | Self::GetConsoleOutput => READ,
            // Systems Manager's default throughput (AWS General Reference, "Systems Manager quotas").
            Self::GetParameter => Rate { burst: 40.0, per_second: 40.0 },
        }
    }
}

/// A request of the SDK's, which knows its call: one that has no row below cannot be sent.
pub(in crate::ec2) trait Asks {
    /// The call.
    const API: Api;
}

macro_rules! asks {
    ($($request:path => $api:ident,)*) => {
        $(impl Asks for $request {
            const API: Api = Api::$api;
        })*
    };
}

asks! {
    ec2::run_instances::builders::RunInstancesFluentBuilder => RunInstances,
    ec2::terminate_instances::builders::TerminateInstancesFluentBuilder => TerminateInstances,
    ec2::create_tags::builders::CreateTagsFluentBuilder => CreateTags,
    ec2::describe_images::builders::DescribeImagesFluentBuilder => DescribeImages,
    ec2::describe_image_attribute::builders::DescribeImageAttributeFluentBuilder => DescribeImageAttribute,
    ec2::get_allowed_images_settings::builders::GetAllowedImagesSettingsFluentBuilder => GetAllowedImagesSettings,
    ec2::describe_instances::builders::DescribeInstancesFluentBuilder => DescribeInstances,
    ec2::describe_instance_status::builders::DescribeInstanceStatusFluentBuilder => DescribeInstanceStatus,
    ec2::describe_instance_types::builders::DescribeInstanceTypesFluentBuilder => DescribeInstanceTypes,
    ec2::describe_instance_type_offerings::builders::DescribeInstanceTypeOfferingsFluentBuilder =>
        DescribeInstanceTypeOfferings,
    ec2::describe_launch_template_versions::builders::DescribeLaunchTemplateVersionsFluentBuilder =>
        DescribeLaunchTemplateVersions,
    ec2::describe_subnets::builders::DescribeSubnetsFluentBuilder => DescribeSubnets,
    ec2::describe_availability_zones::builders::DescribeAvailabilityZonesFluentBuilder => DescribeAvailabilityZones,
    ec2::get_console_output::builders::GetConsoleOutputFluentBuilder => GetConsoleOutput,
    aws_sdk_ssm::operation::get_parameter::builders::GetParameterFluentBuilder => GetParameter,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_stands_at_the_place_of_its_number() {
        for (place, api) in Api::ALL.into_iter().enumerate() {
            assert_eq!(api as usize, place, "{}", api.as_str());
        }
    }
}
