"""The filters of DescribeInstances and DescribeInstanceStatus, on instances that differ in all that they look at."""

from clients import REGION, instances, launch, wait
from landmarks import (
    BROKEN_VOLUME,
    ENCRYPTED,
    HVM_INSTANCE_STORE,
    LINUX,
    LINUX_ARM64,
    MARKETPLACE,
    NEVER_READY,
    PARAVIRTUAL,
    SELF_OWNED,
    UBUNTU,
    UEFI_TPM,
    WINDOWS,
)
from scan import Scan, documented, tag_values

ADDRESSES = "NetworkInterfaces.PrivateIpAddresses"
PATHS = {
    "affinity": "Placement.Affinity",
    "architecture": "Architecture",
    "availability-zone": "Placement.AvailabilityZone",
    "availability-zone-id": "Placement.AvailabilityZoneId",
    "block-device-mapping.attach-time": "BlockDeviceMappings.Ebs.AttachTime",
    "block-device-mapping.delete-on-termination": "BlockDeviceMappings.Ebs.DeleteOnTermination",
    "block-device-mapping.device-name": "BlockDeviceMappings.DeviceName",
    "block-device-mapping.status": "BlockDeviceMappings.Ebs.Status",
    "block-device-mapping.volume-id": "BlockDeviceMappings.Ebs.VolumeId",
    "boot-mode": "BootMode",
    "capacity-reservation-id": "CapacityReservationId",
    "capacity-reservation-specification.capacity-reservation-preference": "CapacityReservationSpecification.CapacityReservationPreference",
    # An instance without a token has an empty one.
    "client-token": lambda instance: [instance["ClientToken"]] if instance["ClientToken"] else [],
    "current-instance-boot-mode": "CurrentInstanceBootMode",
    "dns-name": lambda instance: [instance["PublicDnsName"]] if instance["PublicDnsName"] else [],
    "ebs-optimized": "EbsOptimized",
    "ena-support": "EnaSupport",
    "enclave-options.enabled": "EnclaveOptions.Enabled",
    "hibernation-options.configured": "HibernationOptions.Configured",
    "host-id": "Placement.HostId",
    "hypervisor": "Hypervisor",
    "iam-instance-profile.arn": "IamInstanceProfile.Arn",
    "iam-instance-profile.id": "IamInstanceProfile.Id",
    "image-id": "ImageId",
    "instance-id": "InstanceId",
    "instance-lifecycle": "InstanceLifecycle",
    "instance-state-code": "State.Code",
    "instance-state-name": "State.Name",
    "instance-type": "InstanceType",
    "instance.group-id": "SecurityGroups.GroupId",
    "instance.group-name": "SecurityGroups.GroupName",
    "ip-address": "PublicIpAddress",
    "ipv6-address": "Ipv6Address",
    "kernel-id": "KernelId",
    "key-name": "KeyName",
    "launch-index": "AmiLaunchIndex",
    "launch-time": "LaunchTime",
    "maintenance-options.auto-recovery": "MaintenanceOptions.AutoRecovery",
    "metadata-options.http-endpoint": "MetadataOptions.HttpEndpoint",
    "metadata-options.http-protocol-ipv6": "MetadataOptions.HttpProtocolIpv6",
    "metadata-options.http-put-response-hop-limit": "MetadataOptions.HttpPutResponseHopLimit",
    "metadata-options.http-tokens": "MetadataOptions.HttpTokens",
    "metadata-options.instance-metadata-tags": "MetadataOptions.InstanceMetadataTags",
    "metadata-options.state": "MetadataOptions.State",
    "monitoring-state": "Monitoring.State",
    "network-interface.addresses.association.ip-owner-id": f"{ADDRESSES}.Association.IpOwnerId",
    "network-interface.addresses.association.public-dns-name": f"{ADDRESSES}.Association.PublicDnsName",
    "network-interface.addresses.association.public-ip": f"{ADDRESSES}.Association.PublicIp",
    "network-interface.addresses.primary": f"{ADDRESSES}.Primary",
    "network-interface.addresses.private-dns-name": f"{ADDRESSES}.PrivateDnsName",
    "network-interface.addresses.private-ip-address": f"{ADDRESSES}.PrivateIpAddress",
    "network-interface.association.ip-owner-id": "NetworkInterfaces.Association.IpOwnerId",
    "network-interface.association.public-dns-name": "NetworkInterfaces.Association.PublicDnsName",
    "network-interface.association.public-ip": "NetworkInterfaces.Association.PublicIp",
    "network-interface.attachment.attach-time": "NetworkInterfaces.Attachment.AttachTime",
    "network-interface.attachment.attachment-id": "NetworkInterfaces.Attachment.AttachmentId",
    "network-interface.attachment.delete-on-termination": "NetworkInterfaces.Attachment.DeleteOnTermination",
    "network-interface.attachment.device-index": "NetworkInterfaces.Attachment.DeviceIndex",
    "network-interface.attachment.instance-id": lambda i: [i["InstanceId"]] if i["NetworkInterfaces"] else [],
    "network-interface.attachment.instance-owner-id": lambda i: [i["OwnerId"]] if i["NetworkInterfaces"] else [],
    "network-interface.attachment.network-card-index": "NetworkInterfaces.Attachment.NetworkCardIndex",
    "network-interface.attachment.status": "NetworkInterfaces.Attachment.Status",
    "network-interface.availability-zone": lambda i: (
        [i["Placement"]["AvailabilityZone"]] if i["NetworkInterfaces"] else []
    ),
    # An interface without a description has an empty one.
    "network-interface.description": lambda i: [n["Description"] for n in i["NetworkInterfaces"] if n["Description"]],
    "network-interface.group-id": "NetworkInterfaces.Groups.GroupId",
    "network-interface.group-name": "NetworkInterfaces.Groups.GroupName",
    "network-interface.ipv6-addresses.ipv6-address": "NetworkInterfaces.Ipv6Addresses.Ipv6Address",
    "network-interface.mac-address": "NetworkInterfaces.MacAddress",
    "network-interface.network-interface-id": "NetworkInterfaces.NetworkInterfaceId",
    "network-interface.operator.managed": "NetworkInterfaces.Operator.Managed",
    "network-interface.owner-id": "NetworkInterfaces.OwnerId",
    "network-interface.private-dns-name": "NetworkInterfaces.PrivateDnsName",
    "network-interface.private-ip-address": "NetworkInterfaces.PrivateIpAddress",
    "network-interface.public-dns-name": "NetworkInterfaces.Association.PublicDnsName",
    "network-interface.status": "NetworkInterfaces.Status",
    "network-interface.source-dest-check": "NetworkInterfaces.SourceDestCheck",
    "network-interface.subnet-id": "NetworkInterfaces.SubnetId",
    "network-interface.vpc-id": "NetworkInterfaces.VpcId",
    "network-performance-options.bandwidth-weighting": "NetworkPerformanceOptions.BandwidthWeighting",
    "operator.managed": "Operator.Managed",
    "outpost-arn": "OutpostArn",
    "owner-id": "OwnerId",
    "placement-group-name": lambda instance: [name for name in [instance["Placement"].get("GroupName")] if name],
    "placement-partition-number": "Placement.PartitionNumber",
    "platform": "Platform",
    "platform-details": "PlatformDetails",
    "private-dns-name": lambda instance: [instance["PrivateDnsName"]] if instance["PrivateDnsName"] else [],
    "private-dns-name-options.enable-resource-name-dns-a-record": "PrivateDnsNameOptions.EnableResourceNameDnsARecord",
    "private-dns-name-options.enable-resource-name-dns-aaaa-record": "PrivateDnsNameOptions.EnableResourceNameDnsAAAARecord",
    "private-dns-name-options.hostname-type": "PrivateDnsNameOptions.HostnameType",
    "private-ip-address": "PrivateIpAddress",
    "product-code": "ProductCodes.ProductCodeId",
    "product-code.type": "ProductCodes.ProductCodeType",
    "ramdisk-id": "RamdiskId",
    "reason": lambda instance: [instance["StateTransitionReason"]] if instance["StateTransitionReason"] else [],
    "requester-id": "RequesterId",
    "reservation-id": "ReservationId",
    "root-device-name": "RootDeviceName",
    "root-device-type": "RootDeviceType",
    "source-dest-check": "SourceDestCheck",
    "spot-instance-request-id": "SpotInstanceRequestId",
    "state-reason-code": "StateReason.Code",
    "state-reason-message": "StateReason.Message",
    "subnet-id": "SubnetId",
    "tag-key": "Tags.Key",
    "tag:Name": tag_values("Name"),
    "tag:odd": tag_values("odd"),
    "tenancy": "Placement.Tenancy",
    "tpm-support": "TpmSupport",
    "usage-operation": "UsageOperation",
    "usage-operation-update-time": "UsageOperationUpdateTime",
    "virtualization-type": "VirtualizationType",
    "vpc-id": "VpcId",
}
# Documented, and about what the sandbox has none of or what no answer shows; they match nothing, or everything with `*`.
NOT_IN_ANSWERS = {
    "capacity-reservation-specification.capacity-reservation-target.capacity-reservation-id",
    "capacity-reservation-specification.capacity-reservation-target.capacity-reservation-resource-group-arn",
    "metadata-options.http-protocol-ipv4",
    "network-interface.addresses.association.allocation-id",
    "network-interface.addresses.association.association-id",
    "network-interface.addresses.association.carrier-ip",
    "network-interface.addresses.association.customer-owned-ip",
    "network-interface.association.allocation-id",
    "network-interface.association.association-id",
    "network-interface.association.carrier-ip",
    "network-interface.association.customer-owned-ip",
    "network-interface.deny-all-igw-traffic",
    "network-interface.ipv4-prefixes.ipv4-prefix",
    "network-interface.ipv6-address",
    "network-interface.ipv6-addresses.is-primary-ipv6",
    "network-interface.ipv6-native",
    "network-interface.ipv6-prefixes.ipv6-prefix",
    "network-interface.operator.principal",
    "network-interface.outpost-arn",
    "network-interface.requester-id",
    "network-interface.requester-managed",
    "network-interface.tag-key",
    "network-interface.tag-value",
    "operator.principal",
}
STATUS_PATHS = {
    "availability-zone": "AvailabilityZone",
    "availability-zone-id": "AvailabilityZoneId",
    "event.code": "Events.Code",
    "event.description": "Events.Description",
    "event.instance-event-id": "Events.InstanceEventId",
    "event.not-after": "Events.NotAfter",
    "event.not-before": "Events.NotBefore",
    "event.not-before-deadline": "Events.NotBeforeDeadline",
    "instance-state-code": "InstanceState.Code",
    "instance-state-name": "InstanceState.Name",
    "instance-status.reachability": "InstanceStatus.Details.Status",
    "instance-status.status": "InstanceStatus.Status",
    "operator.managed": "Operator.Managed",
    "system-status.reachability": "SystemStatus.Details.Status",
    "system-status.status": "SystemStatus.Status",
    "attached-ebs-status.status": "AttachedEbsStatus.Status",
    "application-status.status": "ApplicationStatus.Status",
}
STATUS_NOT_IN_ANSWERS = {"operator.principal"}


VOLUME_PATHS = {
    "attachment.attach-time": "Attachments.AttachTime",
    "attachment.delete-on-termination": "Attachments.DeleteOnTermination",
    "attachment.device": "Attachments.Device",
    "attachment.instance-id": "Attachments.InstanceId",
    "attachment.status": "Attachments.State",
    "availability-zone": "AvailabilityZone",
    "availability-zone-id": "AvailabilityZoneId",
    "create-time": "CreateTime",
    "encrypted": "Encrypted",
    # Only answered for those that are.
    "fast-restored": lambda volume: [volume.get("FastRestored", False)],
    "multi-attach-enabled": "MultiAttachEnabled",
    "operator.managed": "Operator.Managed",
    "size": "Size",
    # A volume without a snapshot has an empty one.
    "snapshot-id": lambda volume: [volume["SnapshotId"]] if volume["SnapshotId"] else [],
    "status": "State",
    "tag-key": "Tags.Key",
    "tag:odd": tag_values("odd"),
    "volume-id": "VolumeId",
    "volume-type": "VolumeType",
}
TAG_PATHS = {
    "key": "Key",
    "resource-id": "ResourceId",
    "resource-type": "ResourceType",
    "value": lambda tag: [tag["Value"]],
    "tag:odd": lambda tag: [tag["Value"]] if tag["Key"] == "odd" else [],
}


def start(sandbox):
    """The fleet, in states that stay: running, started again, impaired, stopped, terminated, failed."""
    ec2 = sandbox.ec2
    tagged = lambda kind, **tags: {  # noqa: E731
        "ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }  # fmt: skip
    profile = {"Arn": "arn:aws:iam::123456789012:instance-profile/fleet"}
    pair = launch(
        ec2, LINUX, count=2, ClientToken="fleet-pair", TagSpecifications=[tagged("instance", Name="web", odd="a*b?c\\")]
    )
    others = [
        launch(ec2, LINUX_ARM64, "m7g.large", EnclaveOptions={"Enabled": True}, Placement={"AvailabilityZone": f"{REGION}b"}),
        launch(ec2, WINDOWS, "m5.large", KeyName="sandbox", Monitoring={"Enabled": True}, IamInstanceProfile=profile),
        launch(ec2, PARAVIRTUAL, "t1.micro", Placement={"AvailabilityZone": f"{REGION}c"}),
        launch(ec2, HVM_INSTANCE_STORE, "m3.medium"),
        launch(ec2, MARKETPLACE, "m7i.large", Placement={"Tenancy": "dedicated"}, ClientToken="fleet-product"),
        launch(ec2, UEFI_TPM, "m7i.large", TagSpecifications=[tagged("instance", Name="Web", odd="axbyc")]),
        launch(ec2, UBUNTU, "c5.large", InstanceMarketOptions={"MarketType": "spot"}, EbsOptimized=True),
        launch(ec2, ENCRYPTED, "m7i.large", HibernationOptions={"Configured": True}),
        launch(ec2, SELF_OWNED, "t2.micro", MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 3}),
    ]  # fmt: skip
    [subnet] = ec2.describe_subnets(Filters=[{"Name": "availability-zone", "Values": [f"{REGION}b"]}])["Subnets"]
    two = [
        {"DeviceIndex": 0, "SubnetId": subnet["SubnetId"]},
        {"DeviceIndex": 1, "SubnetId": subnet["SubnetId"], "Description": "2nd"},
    ]
    others.append(
        launch(
            ec2, LINUX, "m5.large", NetworkInterfaces=two, TagSpecifications=[tagged("network-interface", odd="eni")]
        )
    )
    [again], [asleep] = launch(ec2, LINUX, "t3.medium"), launch(ec2, LINUX, "t3.large")
    gone = launch(ec2, LINUX, "t3.nano")
    failed = launch(ec2, BROKEN_VOLUME)
    ailing = launch(ec2, NEVER_READY, "t3.small")
    healthy = pair + [each for ids in others for each in ids]
    wait(ec2, "instance_running", [*healthy, *ailing, *gone, again, asleep])
    ec2.stop_instances(InstanceIds=[again, asleep])
    wait(ec2, "instance_stopped", [again, asleep])
    ec2.start_instances(InstanceIds=[again])
    ec2.terminate_instances(InstanceIds=gone)
    wait(ec2, "instance_status_ok", [*healthy, again])
    wait(ec2, "instance_terminated", gone + failed)


def try_documented(ec2, operation, scan, paths, absent, more):
    """Every documented filter is known: those with a path to the scan, the others by not being refused."""
    names = set(documented(ec2, operation)) - {"tag"}
    assert names <= set(paths) | absent, names - set(paths) - absent
    refusals = []
    for name in sorted(names | set(paths)):
        try:
            scan.ask([{"Name": name, "Values": ["no such value"]}])
        except ec2.exceptions.ClientError as error:
            refusals.append(f"{name}: {error.response['Error']['Code']}")
    served = [name for name in paths if not any(each.startswith(f"{name}:") for each in refusals)]
    scan.try_all(served)
    for question in more:
        scan.compare(*question)
    scan.wrong += [f"documented, and refused: {each}" for each in refusals]
    print(f"     {scan.settle()} questions about {len(scan.items)} items")


def instance_filters(sandbox):
    """Every documented filter of DescribeInstances finds what a plain scan finds."""
    start(sandbox)
    ec2 = sandbox.ec2
    scan = Scan(lambda filters: instances(ec2, Filters=filters), "InstanceId", PATHS, narrow="instance-id", broad=6)
    more = [
        (
            ("instance-state-name", ["running", "stopped"]),
            ("tag:Name", ["web", "Web"]),
            ("instance-type", ["t3.*", "m7i.*"]),
        ),
        (("tag:odd", [r"a\*b\?c\\"]),),
        (("tag:odd", ["a*b?c"]),),
    ]
    try_documented(ec2, "DescribeInstances", scan, PATHS, NOT_IN_ANSWERS, more)


def status_filters(sandbox):
    """Every documented filter of DescribeInstanceStatus finds what a plain scan finds."""
    ec2 = sandbox.ec2
    for everything in [False, True]:
        scan = Scan(
            lambda filters, everything=everything: ec2.describe_instance_status(
                IncludeAllInstances=everything, Filters=filters
            )["InstanceStatuses"],
            "InstanceId",
            STATUS_PATHS,
        )
        states = {status["InstanceState"]["Name"] for status in scan.items}
        assert (states == {"running"}) != everything, states
        try_documented(ec2, "DescribeInstanceStatus", scan, STATUS_PATHS, STATUS_NOT_IN_ANSWERS, [])


def volume_and_tag_filters(sandbox):
    """Every documented filter of DescribeVolumes and DescribeTags finds what a plain scan finds."""
    ec2 = sandbox.ec2
    [some] = ec2.describe_volumes(Filters=[{"Name": "volume-type", "Values": ["st1"]}])["Volumes"]
    ec2.create_tags(Resources=[some["VolumeId"]], Tags=[{"Key": "odd", "Value": "volume"}])
    volumes = Scan(lambda filters: ec2.describe_volumes(Filters=filters)["Volumes"], "VolumeId", VOLUME_PATHS)
    try_documented(ec2, "DescribeVolumes", volumes, VOLUME_PATHS, {"operator.principal"}, [])
    key = lambda tag: f"{tag['ResourceId']} {tag['Key']}"  # noqa: E731
    tags = Scan(lambda filters: ec2.describe_tags(Filters=filters)["Tags"], key, TAG_PATHS)
    assert {item["ResourceType"] for item in tags.items} >= {"instance", "volume", "network-interface", "image"}
    try_documented(ec2, "DescribeTags", tags, TAG_PATHS, set(), [])


CHECKS = [instance_filters, status_filters, volume_and_tag_filters]
