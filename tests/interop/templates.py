"""Launch templates: made, versioned, described, launched from and deleted."""

from clients import REGION, instances, refused
from fleet import try_documented
from landmarks import LINUX, LINUX_ARM64
from scan import Scan

COUNT = {"MinCount": 1, "MaxCount": 1}
DATA = {
    "ImageId": LINUX,
    "InstanceType": "t3.small",
    "KeyName": "sandbox",
    "Monitoring": {"Enabled": True},
    "MetadataOptions": {"HttpTokens": "required"},
    "Placement": {"AvailabilityZone": f"{REGION}b"},
    "BlockDeviceMappings": [
        {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 20, "VolumeType": "gp3", "DeleteOnTermination": True}}
    ],
    "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "from", "Value": "template"}]}],
    "InstanceInitiatedShutdownBehavior": "terminate",
}


def versions(sandbox):
    """A template and its versions, found by id, by name and by filters, with the data that was given."""
    ec2 = sandbox.ec2
    tags = [{"ResourceType": "launch-template", "Tags": [{"Key": "team", "Value": "a"}]}]
    made = ec2.create_launch_template(LaunchTemplateName="web", LaunchTemplateData=DATA, TagSpecifications=tags)[
        "LaunchTemplate"
    ]
    named, template_id = {"LaunchTemplateName": "web"}, made["LaunchTemplateId"]
    assert (made["DefaultVersionNumber"], made["LatestVersionNumber"]) == (1, 1) and template_id.startswith("lt-"), made
    changed = {"InstanceType": "t3.micro"}
    second = ec2.create_launch_template_version(
        **named, SourceVersion="1", VersionDescription="smaller", LaunchTemplateData=changed
    )["LaunchTemplateVersion"]
    assert second["VersionNumber"] == 2 and not second["DefaultVersion"], second
    assert (
        second["LaunchTemplateData"]["InstanceType"] == "t3.micro" and second["LaunchTemplateData"]["ImageId"] == LINUX
    )
    found = ec2.describe_launch_template_versions(LaunchTemplateId=template_id)["LaunchTemplateVersions"]
    by_number = {version["VersionNumber"]: version for version in found}
    assert set(by_number) == {1, 2} and by_number[1]["DefaultVersion"], found
    for key, value in DATA.items():
        assert by_number[1]["LaunchTemplateData"][key] == value, (key, by_number[1]["LaunchTemplateData"][key])
    for version, number in [("$Latest", 2), ("$Default", 1), ("1", 1)]:
        [one] = ec2.describe_launch_template_versions(**named, Versions=[version])["LaunchTemplateVersions"]
        assert one["VersionNumber"] == number, (version, one["VersionNumber"])
    ec2.modify_launch_template(**named, DefaultVersion="2")
    for question in [{"LaunchTemplateIds": [template_id]}, {"LaunchTemplateNames": ["web"]}, {}]:
        [one] = ec2.describe_launch_templates(**question)["LaunchTemplates"]
        assert (one["DefaultVersionNumber"], one["LatestVersionNumber"], one["Tags"]) == (2, 2, tags[0]["Tags"]), one
    for name, value, count in [
        ("launch-template-name", "w?b", 1),
        ("tag:team", "a", 1),
        ("tag-key", "team", 1),
        ("tag:team", "b", 0),
    ]:
        found = ec2.describe_launch_templates(Filters=[{"Name": name, "Values": [value]}])["LaunchTemplates"]
        assert len(found) == count, (name, found)


def launches_from_templates(sandbox):
    """A launch takes what the template says, and what the request says instead."""
    ec2 = sandbox.ec2
    [template] = ec2.describe_launch_templates(LaunchTemplateNames=["web"])["LaunchTemplates"]
    by_id = {"LaunchTemplateId": template["LaunchTemplateId"], "Version": "1"}
    [instance] = ec2.run_instances(LaunchTemplate=by_id, **COUNT)["Instances"]
    assert (instance["ImageId"], instance["InstanceType"], instance["KeyName"]) == (LINUX, "t3.small", "sandbox")
    assert (
        instance["Placement"]["AvailabilityZone"] == f"{REGION}b"
        and instance["MetadataOptions"]["HttpTokens"] == "required"
    )
    assert len(instance["BlockDeviceMappings"]) == 2, instance["BlockDeviceMappings"]
    tags = {tag["Key"]: tag["Value"] for tag in instance["Tags"]}
    assert tags["from"] == "template" and tags["aws:ec2launchtemplate:version"] == "1", tags
    # Without a version it is the default one, which is the second.
    [instance] = ec2.run_instances(LaunchTemplate={"LaunchTemplateName": "web"}, **COUNT)["Instances"]
    assert instance["InstanceType"] == "t3.micro"
    over = {"ImageId": LINUX_ARM64, "InstanceType": "t4g.micro", "Placement": {"AvailabilityZone": f"{REGION}c"}}
    [instance] = ec2.run_instances(LaunchTemplate={"LaunchTemplateName": "web", "Version": "$Latest"}, **over, **COUNT)[
        "Instances"
    ]
    assert (instance["InstanceType"], instance["Placement"]["AvailabilityZone"]) == ("t4g.micro", f"{REGION}c")
    found = instances(ec2, Filters=[{"Name": "tag:aws:ec2launchtemplate:id", "Values": [template["LaunchTemplateId"]]}])
    assert len(found) == 3, len(found)


def template_refusals(sandbox):
    """Templates and versions that are not there, names that are taken, data that cannot be launched."""
    ec2 = sandbox.client("ec2", parameter_validation=False)
    launch = lambda **template: ec2.run_instances(LaunchTemplate=template, **COUNT)  # noqa: E731
    some = {"ImageId": LINUX}
    for call, code in [
        (lambda: launch(LaunchTemplateName="no-such"), "InvalidLaunchTemplateName.NotFoundException"),
        (lambda: launch(LaunchTemplateId="lt-0123456789abcdef0"), "InvalidLaunchTemplateId.NotFound"),
        (lambda: launch(LaunchTemplateId="lt-1"), "InvalidLaunchTemplateId.Malformed"),
        (lambda: launch(LaunchTemplateName="web", Version="9"), "InvalidLaunchTemplateId.VersionNotFound"),
        (lambda: launch(LaunchTemplateName="web", LaunchTemplateId="lt-0123456789abcdef0"), "InvalidParameterCombination"),
        (lambda: launch(Version="1"), "MissingParameter"),
        (lambda: ec2.create_launch_template(LaunchTemplateName="web", LaunchTemplateData=some), "InvalidLaunchTemplateName.AlreadyExistsException"),
        (lambda: ec2.create_launch_template(LaunchTemplateName="a", LaunchTemplateData=some), "InvalidLaunchTemplateName.MalformedException"),
        (lambda: ec2.create_launch_template(LaunchTemplateName="empty", LaunchTemplateData={}), "MissingParameter"),
        (lambda: ec2.describe_launch_templates(LaunchTemplateNames=["no-such"]), "InvalidLaunchTemplateName.NotFoundException"),
        (lambda: ec2.delete_launch_template(LaunchTemplateName="no-such"), "InvalidLaunchTemplateName.NotFoundException"),
    ]:  # fmt: skip
        refused(call, code, status=400)


def pages_and_ends(sandbox):
    """Templates and versions in pages; versions and templates are deleted, the default version is not."""
    ec2 = sandbox.ec2
    for number in range(11):
        ec2.create_launch_template(LaunchTemplateName=f"many-{number:02}", LaunchTemplateData={"ImageId": LINUX})
    paginate = ec2.get_paginator("describe_launch_templates").paginate
    pages = [page["LaunchTemplates"] for page in paginate(PaginationConfig={"PageSize": 5})]
    names = [template["LaunchTemplateName"] for page in pages for template in page]
    assert len(pages) == 3 and sorted(names) == sorted(["web", *(f"many-{number:02}" for number in range(11))]), names
    for _ in range(4):
        ec2.create_launch_template_version(LaunchTemplateName="web", LaunchTemplateData={"ImageId": LINUX})
    paginate = ec2.get_paginator("describe_launch_template_versions").paginate
    pages = [
        page["LaunchTemplateVersions"] for page in paginate(LaunchTemplateName="web", PaginationConfig={"PageSize": 4})
    ]
    assert (
        sorted(version["VersionNumber"] for page in pages for version in page) == [1, 2, 3, 4, 5, 6] and len(pages) == 2
    )
    deleted = ec2.delete_launch_template_versions(LaunchTemplateName="web", Versions=["1", "2", "9"])
    done = [each["VersionNumber"] for each in deleted["SuccessfullyDeletedLaunchTemplateVersions"]]
    kept = {
        each["VersionNumber"]: each["ResponseError"]["Code"]
        for each in deleted["UnsuccessfullyDeletedLaunchTemplateVersions"]
    }
    assert done == [1] and set(kept) == {2, 9} and kept[9] == "launchTemplateVersionDoesNotExist", (done, kept)
    refused(
        lambda: ec2.run_instances(LaunchTemplate={"LaunchTemplateName": "web", "Version": "1"}, **COUNT),
        "InvalidLaunchTemplateId.VersionNotFound",
    )
    ec2.delete_launch_template(LaunchTemplateName="web")
    assert "web" not in [each["LaunchTemplateName"] for each in ec2.describe_launch_templates()["LaunchTemplates"]]


VERSION_PATHS = {
    "create-time": "CreateTime",
    "ebs-optimized": "LaunchTemplateData.EbsOptimized",
    "http-endpoint": "LaunchTemplateData.MetadataOptions.HttpEndpoint",
    "http-tokens": "LaunchTemplateData.MetadataOptions.HttpTokens",
    "host-resource-group-arn": "LaunchTemplateData.Placement.HostResourceGroupArn",
    "iam-instance-profile": "LaunchTemplateData.IamInstanceProfile.Arn",
    "image-id": "LaunchTemplateData.ImageId",
    "instance-type": "LaunchTemplateData.InstanceType",
    "is-default-version": "DefaultVersion",
    "kernel-id": "LaunchTemplateData.KernelId",
    "license-configuration-arn": "LaunchTemplateData.LicenseSpecifications.LicenseConfigurationArn",
    "network-card-index": "LaunchTemplateData.NetworkInterfaces.NetworkCardIndex",
    "ram-disk-id": "LaunchTemplateData.RamDiskId",
}


def version_filters(sandbox):
    """Every documented filter of DescribeLaunchTemplateVersions finds what a plain scan finds."""
    ec2 = sandbox.ec2
    ec2.create_launch_template(LaunchTemplateName="varied", LaunchTemplateData=DATA)
    profile = {"Arn": "arn:aws:iam::123456789012:instance-profile/varied"}
    for data in [
        {"InstanceType": "m5.large", "EbsOptimized": True, "KernelId": "aki-05a4db01"},
        {
            "ImageId": LINUX_ARM64,
            "IamInstanceProfile": profile,
            "NetworkInterfaces": [{"NetworkCardIndex": 0, "DeviceIndex": 0}],
        },
        {"MetadataOptions": {"HttpEndpoint": "enabled"}, "Placement": {"Tenancy": "dedicated"}},
    ]:
        ec2.create_launch_template_version(LaunchTemplateName="varied", LaunchTemplateData=data)
    scan = Scan(
        lambda filters: ec2.describe_launch_template_versions(LaunchTemplateName="varied", Filters=filters)[
            "LaunchTemplateVersions"
        ],
        "VersionNumber",
        VERSION_PATHS,
    )
    try_documented(ec2, "DescribeLaunchTemplateVersions", scan, VERSION_PATHS, {"http-protocol-ipv4"}, [])


CHECKS = [versions, launches_from_templates, template_refusals, pages_and_ends, version_filters]
