"""The filters of DescribeImages, each compared with a plain scan, and the limits of all filters."""

from clients import refused
from landmarks import LINUX, SELF_OWNED
from scan import Scan, documented, tag_values

PATHS = {
    "architecture": "Architecture",
    "block-device-mapping.delete-on-termination": "BlockDeviceMappings.Ebs.DeleteOnTermination",
    "block-device-mapping.device-name": "BlockDeviceMappings.DeviceName",
    "block-device-mapping.snapshot-id": "BlockDeviceMappings.Ebs.SnapshotId",
    "block-device-mapping.volume-size": "BlockDeviceMappings.Ebs.VolumeSize",
    "block-device-mapping.volume-type": "BlockDeviceMappings.Ebs.VolumeType",
    "block-device-mapping.encrypted": "BlockDeviceMappings.Ebs.Encrypted",
    "boot-mode": "BootMode",
    # An image without a date has an empty one.
    "creation-date": lambda image: [image["CreationDate"]] if image["CreationDate"] else [],
    "description": "Description",
    "ena-support": "EnaSupport",
    "free-tier-eligible": "FreeTierEligible",
    "hypervisor": "Hypervisor",
    "image-allowed": "ImageAllowed",
    "image-id": "ImageId",
    "image-watermark.source-image-creation-time": "ImageWatermarks.SourceImageCreationTime",
    "image-watermark.source-image-id": "ImageWatermarks.SourceImageId",
    "image-watermark.source-image-region": "ImageWatermarks.SourceImageRegion",
    "image-watermark.watermark-creation-time": "ImageWatermarks.WatermarkCreationTime",
    "image-watermark.watermark-key": "ImageWatermarks.WatermarkKey",
    "image-type": "ImageType",
    "instance-type-specification.supported-instance-type": "InstanceTypeSpecification.SupportedInstanceTypes.InstanceType",
    "instance-type-specification.unsupported-instance-type": "InstanceTypeSpecification.UnsupportedInstanceTypes.InstanceType",
    "is-public": "Public",
    "kernel-id": "KernelId",
    "manifest-location": "ImageLocation",
    "name": "Name",
    "owner-alias": "ImageOwnerAlias",
    "owner-id": "OwnerId",
    "platform": "Platform",
    "product-code": "ProductCodes.ProductCodeId",
    "product-code.type": "ProductCodes.ProductCodeType",
    "public-ssm-parameter-name": "PublicSsmParameterName",
    "ramdisk-id": "RamdiskId",
    "root-device-name": "RootDeviceName",
    "root-device-type": "RootDeviceType",
    "scan-result.critical-fix-available-since": "ScanResults.CriticalFixAvailableSince",
    "scan-result.finding-scan-date": "ScanResults.FindingScanDate",
    "scan-result.high-fix-available-since": "ScanResults.HighFixAvailableSince",
    "scan-result.highest-finding-severity-label": "ScanResults.HighestFindingSeverityLabel",
    "scan-result.informational-fix-available-since": "ScanResults.InformationalFixAvailableSince",
    "scan-result.low-fix-available-since": "ScanResults.LowFixAvailableSince",
    "scan-result.medium-fix-available-since": "ScanResults.MediumFixAvailableSince",
    "source-image-id": "SourceImageId",
    "source-image-region": "SourceImageRegion",
    "source-instance-id": "SourceInstanceId",
    "state": "State",
    "state-reason-code": "StateReason.Code",
    "state-reason-message": "StateReason.Message",
    "sriov-net-support": "SriovNetSupport",
    "tag-key": "Tags.Key",
    "tag:Name": tag_values("Name"),
    "tag:odd": tag_values("odd"),
    "virtualization-type": "VirtualizationType",
}
# Also finds images that were behind the parameter once, which no answer shows.
KNOWS_MORE = {"public-ssm-parameter-name"}


def image_filters(sandbox):
    """Each of the 52 filters of DescribeImages and tag:<key> finds what a plain scan finds."""
    ec2 = sandbox.ec2
    names = documented(ec2, "DescribeImages")
    assert len(names) == 52 and set(names) <= set(PATHS), set(names) ^ set(PATHS)
    ec2.create_tags(Resources=[SELF_OWNED], Tags=[{"Key": "odd", "Value": "*amazon?\\"}])
    ec2.create_tags(Resources=[LINUX], Tags=[{"Key": "odd", "Value": "xamazony"}, {"Key": "Odd", "Value": ""}])
    scan = Scan(
        lambda filters: ec2.describe_images(IncludeDeprecated=True, IncludeDisabled=True, Filters=filters)["Images"],
        "ImageId",
        PATHS,
        narrow="image-id",
    )
    scan.try_all(PATHS, at_least=KNOWS_MORE)
    # The example of the EC2 User Guide.
    scan.compare(("tag:odd", [r"\*amazon\?\\"]))
    scan.compare(("tag:odd", ["*amazon?"]))
    scan.compare(
        ("name", ["*"]), ("architecture", ["arm64", "i386"]), ("root-device-type", ["ebs"]), ("is-public", ["true"])
    )
    print(f"     {scan.settle()} questions about {len(scan.items)} images")


def filter_limits(sandbox):
    """50 filters, 200 values and 255 characters are allowed, one more is FilterLimitExceeded, and unknown names are refused."""
    ec2 = sandbox.ec2
    for ask, name in [
        (ec2.describe_images, "image-id"),
        (ec2.describe_instances, "image-id"),
        (ec2.describe_instance_status, "instance-state-name"),
        (ec2.describe_instance_types, "instance-type"),
        (ec2.describe_instance_type_offerings, "instance-type"),
        (ec2.describe_subnets, "vpc-id"),
        (ec2.describe_tags, "key"),
    ]:
        some = {"Name": name, "Values": ["x"]}
        ask(Filters=[some] * 50)
        ask(Filters=[{"Name": name, "Values": ["x"] * 200}])
        ask(Filters=[{"Name": name, "Values": ["é" * 255]}])
        for filters in [
            [some] * 51,
            [{"Name": name, "Values": ["x"] * 201}],
            [{"Name": name, "Values": ["x" * 256]}],
        ]:
            refused(lambda filters=filters, ask=ask: ask(Filters=filters), "FilterLimitExceeded")
        for unknown in ["no-such-filter", name.upper(), f"{name}.x", "Tag:Name"]:
            asked = [{"Name": unknown, "Values": ["x"]}]
            refused(
                lambda asked=asked, ask=ask: ask(Filters=asked), "InvalidParameterValue", f"'{unknown}'", status=400
            )
        refused(lambda ask=ask, name=name: ask(Filters=[{"Name": name, "Values": []}]), "MissingParameter")
    for ask in [ec2.describe_instance_status, ec2.describe_instance_types, ec2.describe_instance_type_offerings]:
        refused(lambda ask=ask: ask(Filters=[{"Name": "tag:Name", "Values": ["x"]}]), "InvalidParameterValue")


CHECKS = [image_filters, filter_limits]
