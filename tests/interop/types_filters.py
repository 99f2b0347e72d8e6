"""The filters of DescribeInstanceTypes, of the offerings and of the network, each compared with a plain scan."""

from clients import REGION
from fleet import try_documented
from scan import Scan, documented

PATHS = {
    "auto-recovery-supported": "AutoRecoverySupported",
    "bare-metal": "BareMetal",
    "burstable-performance-supported": "BurstablePerformanceSupported",
    "current-generation": "CurrentGeneration",
    "dedicated-hosts-supported": "DedicatedHostsSupported",
    "ebs-info.attachment-limit-type": "EbsInfo.AttachmentLimitType",
    "ebs-info.maximum-ebs-attachments": "EbsInfo.MaximumEbsAttachments",
    "ebs-info.ebs-optimized-info.baseline-bandwidth-in-mbps": "EbsInfo.EbsOptimizedInfo.BaselineBandwidthInMbps",
    "ebs-info.ebs-optimized-info.baseline-iops": "EbsInfo.EbsOptimizedInfo.BaselineIops",
    "ebs-info.ebs-optimized-info.baseline-throughput-in-mbps": "EbsInfo.EbsOptimizedInfo.BaselineThroughputInMBps",
    "ebs-info.ebs-optimized-info.maximum-bandwidth-in-mbps": "EbsInfo.EbsOptimizedInfo.MaximumBandwidthInMbps",
    "ebs-info.ebs-optimized-info.maximum-iops": "EbsInfo.EbsOptimizedInfo.MaximumIops",
    "ebs-info.ebs-optimized-info.maximum-throughput-in-mbps": "EbsInfo.EbsOptimizedInfo.MaximumThroughputInMBps",
    "ebs-info.ebs-optimized-support": "EbsInfo.EbsOptimizedSupport",
    "ebs-info.encryption-support": "EbsInfo.EncryptionSupport",
    "ebs-info.nvme-support": "EbsInfo.NvmeSupport",
    "free-tier-eligible": "FreeTierEligible",
    "hibernation-supported": "HibernationSupported",
    "hypervisor": "Hypervisor",
    "instance-storage-info.disk.count": "InstanceStorageInfo.Disks.Count",
    "instance-storage-info.disk.size-in-gb": "InstanceStorageInfo.Disks.SizeInGB",
    "instance-storage-info.disk.type": "InstanceStorageInfo.Disks.Type",
    "instance-storage-info.encryption-support": "InstanceStorageInfo.EncryptionSupport",
    "instance-storage-info.nvme-support": "InstanceStorageInfo.NvmeSupport",
    "instance-storage-info.total-size-in-gb": "InstanceStorageInfo.TotalSizeInGB",
    "instance-storage-supported": "InstanceStorageSupported",
    "instance-type": "InstanceType",
    "memory-info.size-in-mib": "MemoryInfo.SizeInMiB",
    "network-info.bandwidth-weightings": "NetworkInfo.BandwidthWeightings",
    "network-info.efa-info.maximum-efa-interfaces": "NetworkInfo.EfaInfo.MaximumEfaInterfaces",
    "network-info.efa-supported": "NetworkInfo.EfaSupported",
    "network-info.ena-support": "NetworkInfo.EnaSupport",
    "network-info.flexible-ena-queues-support": "NetworkInfo.FlexibleEnaQueuesSupport",
    "network-info.encryption-in-transit-supported": "NetworkInfo.EncryptionInTransitSupported",
    "network-info.ipv4-addresses-per-interface": "NetworkInfo.Ipv4AddressesPerInterface",
    "network-info.ipv6-addresses-per-interface": "NetworkInfo.Ipv6AddressesPerInterface",
    "network-info.ipv6-supported": "NetworkInfo.Ipv6Supported",
    "network-info.maximum-network-cards": "NetworkInfo.MaximumNetworkCards",
    "network-info.maximum-network-interfaces": "NetworkInfo.MaximumNetworkInterfaces",
    "network-info.network-performance": "NetworkInfo.NetworkPerformance",
    "nitro-enclaves-support": "NitroEnclavesSupport",
    "nitro-tpm-support": "NitroTpmSupport",
    "nitro-tpm-info.supported-versions": "NitroTpmInfo.SupportedVersions",
    "processor-info.supported-architecture": "ProcessorInfo.SupportedArchitectures",
    "processor-info.sustained-clock-speed-in-ghz": "ProcessorInfo.SustainedClockSpeedInGhz",
    "processor-info.supported-features": "ProcessorInfo.SupportedFeatures",
    "reboot-migration-support": "RebootMigrationSupport",
    "supported-boot-mode": "SupportedBootModes",
    "supported-root-device-type": "SupportedRootDeviceTypes",
    "supported-usage-class": "SupportedUsageClasses",
    "supported-virtualization-type": "SupportedVirtualizationTypes",
    "vcpu-info.default-cores": "VCpuInfo.DefaultCores",
    "vcpu-info.default-threads-per-core": "VCpuInfo.DefaultThreadsPerCore",
    "vcpu-info.default-vcpus": "VCpuInfo.DefaultVCpus",
    "vcpu-info.valid-cores": "VCpuInfo.ValidCores",
    "vcpu-info.valid-threads-per-core": "VCpuInfo.ValidThreadsPerCore",
}
ZONE_PATHS = {
    "group-name": "GroupName",
    "opt-in-status": "OptInStatus",
    "region-name": "RegionName",
    "state": "State",
    "zone-id": "ZoneId",
    "zone-name": "ZoneName",
    "zone-type": "ZoneType",
    "message": "Messages.Message",
    "parent-zone-id": "ParentZoneId",
    "parent-zone-name": "ParentZoneName",
    "group-long-name": "GroupLongName",
}
SUBNET_PATHS = {
    "availability-zone": "AvailabilityZone",
    "availability-zone-id": "AvailabilityZoneId",
    "available-ip-address-count": "AvailableIpAddressCount",
    "cidr-block": "CidrBlock",
    "default-for-az": "DefaultForAz",
    "map-public-ip-on-launch": "MapPublicIpOnLaunch",
    "owner-id": "OwnerId",
    "state": "State",
    "subnet-arn": "SubnetArn",
    "subnet-id": "SubnetId",
    "vpc-id": "VpcId",
    "tag-key": "Tags.Key",
}
# Filters on what these subnets have none of, or what is not shown.
SUBNET_NOT_IN_ANSWERS = {
    "customer-owned-ipv4-pool",
    "enable-dns64",
    "enable-lni-at-device-index",
    "ipv6-cidr-block-association.ipv6-cidr-block",
    "ipv6-cidr-block-association.association-id",
    "ipv6-cidr-block-association.state",
    "ipv6-native",
    "map-customer-owned-ip-on-launch",
    "outpost-arn",
    "private-dns-name-options-on-launch.hostname-type",
    "private-dns-name-options-on-launch.enable-resource-name-dns-a-record",
    "private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record",
    "tag",
}


def type_filters(sandbox):
    """Each of the 56 filters of DescribeInstanceTypes finds what a plain scan finds."""
    ec2 = sandbox.ec2
    pages = ec2.get_paginator("describe_instance_types")
    everything = pages.paginate().build_full_result()["InstanceTypes"]
    # Short names, so that a sample of them fits one page.
    scan = Scan(
        lambda filters: pages.paginate(Filters=filters).build_full_result()["InstanceTypes"] if filters else everything,
        "InstanceType",
        PATHS,
        narrow="instance-type",
    )
    assert len(documented(ec2, "DescribeInstanceTypes")) == 56
    try_documented(ec2, "DescribeInstanceTypes", scan, PATHS, set(), [])
    names = {found["InstanceType"] for found in everything}
    model = set(ec2.meta.service_model.shape_for("InstanceType").enum)
    assert not names - model, f"types that the model does not know: {sorted(names - model)[:5]}"


def offering_filters(sandbox):
    """Offerings by Region, zone and zone id are found by type and location, and agree with each other."""
    ec2 = sandbox.ec2
    found = {}
    for location_type in ["region", "availability-zone", "availability-zone-id"]:
        pages = ec2.get_paginator("describe_instance_type_offerings")

        def ask(filters, location_type=location_type, pages=pages):
            answer = pages.paginate(LocationType=location_type, Filters=filters).build_full_result()[
                "InstanceTypeOfferings"
            ]
            assert all(offering["LocationType"] == location_type for offering in answer)
            return answer

        scan = Scan(
            ask,
            lambda offering: f"{offering['InstanceType']} {offering['Location']}",
            {"instance-type": "InstanceType", "location": "Location"},
        )
        found[location_type] = scan.items
        some = [(("instance-type", [value]),) for value in ["t3.micro", "m5.*", "M5.large", "m?g.large", "no-such"]]
        both = (("instance-type", ["c5.*", "c6g.*"]), ("location", ["*b", "*-az1", REGION]))
        for question in [*some, both]:
            scan.compare(*question)
        for location in scan.occurring("location"):
            scan.compare(("location", [location]), ("instance-type", ["r*"]))
        scan.settle()
    zones = {zone["ZoneName"]: zone["ZoneId"] for zone in ec2.describe_availability_zones()["AvailabilityZones"]}
    by_name = {(each["InstanceType"], zones[each["Location"]]) for each in found["availability-zone"]}
    assert by_name == {(each["InstanceType"], each["Location"]) for each in found["availability-zone-id"]}
    assert {name for name, _ in by_name} == {each["InstanceType"] for each in found["region"]}
    missing = len(found["region"]) * len(zones) - len(by_name)
    assert missing > 50, f"only {missing} types are missing in a zone"


def network_filters(sandbox):
    """The filters of DescribeAvailabilityZones and DescribeSubnets find what a plain scan finds."""
    ec2 = sandbox.ec2
    zones = Scan(
        lambda filters: ec2.describe_availability_zones(Filters=filters)["AvailabilityZones"], "ZoneName", ZONE_PATHS
    )
    try_documented(ec2, "DescribeAvailabilityZones", zones, ZONE_PATHS, set(), [])
    subnets = Scan(lambda filters: ec2.describe_subnets(Filters=filters)["Subnets"], "SubnetId", SUBNET_PATHS)
    try_documented(ec2, "DescribeSubnets", subnets, SUBNET_PATHS, SUBNET_NOT_IN_ANSWERS, [])


CHECKS = [type_filters, offering_filters, network_filters]
