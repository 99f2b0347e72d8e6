"""What comes with an instance: its attributes, volumes, network interfaces and keys."""

from clients import REGION, instances, launch, refused, wait
from landmarks import ENCRYPTED, LINUX

# The first 32 bytes of nothing in particular, as an OpenSSH public key.
PUBLIC_KEY = b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f interop"
ATTRIBUTES = {
    "instanceType": "InstanceType",
    "kernel": "KernelId",
    "ramdisk": "RamdiskId",
    "userData": "UserData",
    "disableApiTermination": "DisableApiTermination",
    "disableApiStop": "DisableApiStop",
    "instanceInitiatedShutdownBehavior": "InstanceInitiatedShutdownBehavior",
    "rootDeviceName": "RootDeviceName",
    "blockDeviceMapping": "BlockDeviceMappings",
    "productCodes": "ProductCodes",
    "sourceDestCheck": "SourceDestCheck",
    "groupSet": "Groups",
    "ebsOptimized": "EbsOptimized",
    "sriovNetSupport": "SriovNetSupport",
    "enaSupport": "EnaSupport",
    "enclaveOptions": "EnclaveOptions",
}


def instance_attributes(sandbox):
    """Each attribute of an instance is read, some are changed, and the change is believed."""
    ec2 = sandbox.ec2
    [one] = launch(ec2, LINUX, DisableApiTermination=True, UserData="#!/bin/sh\n")
    wait(ec2, "instance_running", [one])
    for attribute, member in ATTRIBUTES.items():
        answer = ec2.describe_instance_attribute(InstanceId=one, Attribute=attribute)
        assert answer["InstanceId"] == one and member in answer, (attribute, answer)
    read = lambda attribute: ec2.describe_instance_attribute(InstanceId=one, Attribute=attribute)  # noqa: E731
    assert read("disableApiTermination")["DisableApiTermination"] == {"Value": True}
    assert read("userData")["UserData"]["Value"] == "IyEvYmluL3NoCg=="
    assert read("instanceType")["InstanceType"]["Value"] == "t3.micro"
    refused(lambda: ec2.terminate_instances(InstanceIds=[one]), "OperationNotPermitted")
    refused(
        lambda: ec2.modify_instance_attribute(InstanceId=one, InstanceType={"Value": "t3.small"}),
        "IncorrectInstanceState",
    )
    ec2.modify_instance_attribute(InstanceId=one, DisableApiTermination={"Value": False})
    ec2.stop_instances(InstanceIds=[one])
    wait(ec2, "instance_stopped", [one])
    ec2.modify_instance_attribute(InstanceId=one, InstanceType={"Value": "t3.small"})
    [instance] = instances(ec2, InstanceIds=[one])
    assert instance["InstanceType"] == "t3.small", instance["InstanceType"]
    [credit] = ec2.describe_instance_credit_specifications(InstanceIds=[one])["InstanceCreditSpecifications"]
    assert credit == {"InstanceId": one, "CpuCredits": "unlimited"}, credit
    ec2.terminate_instances(InstanceIds=[one])


def volumes(sandbox):
    """Volumes belong to their instances; what is not deleted with them is left."""
    ec2 = sandbox.ec2
    tags = [{"ResourceType": "volume", "Tags": [{"Key": "kept", "Value": "maybe"}]}]
    [one] = launch(ec2, ENCRYPTED, "m7i.large", TagSpecifications=tags)
    wait(ec2, "instance_running", [one])
    [instance] = instances(ec2, InstanceIds=[one])
    attached = {mapping["Ebs"]["VolumeId"]: mapping for mapping in instance["BlockDeviceMappings"]}
    of_instance = [{"Name": "attachment.instance-id", "Values": [one]}]
    found = ec2.describe_volumes(Filters=of_instance)["Volumes"]
    assert {volume["VolumeId"] for volume in found} == set(attached) and len(found) == 3
    for volume in found:
        [attachment] = volume["Attachments"]
        mapping = attached[volume["VolumeId"]]
        assert volume["State"] == "in-use" and volume["Encrypted"] and volume["AvailabilityZone"].startswith(REGION), (
            volume
        )
        assert attachment["Device"] == mapping["DeviceName"] and attachment["InstanceId"] == one, attachment
        assert attachment["DeleteOnTermination"] == mapping["Ebs"]["DeleteOnTermination"]
        assert volume["Tags"] == tags[0]["Tags"], volume
    assert len(ec2.describe_volumes(Filters=[{"Name": "volume-type", "Values": ["io2"]}, *of_instance])["Volumes"]) == 1
    named = ec2.describe_volumes(VolumeIds=list(attached)[:1])["Volumes"]
    assert [volume["VolumeId"] for volume in named] == list(attached)[:1]
    refused(lambda: ec2.describe_volumes(VolumeIds=["vol-0123456789abcdef0"]), "InvalidVolume.NotFound")
    refused(lambda: ec2.describe_volumes(VolumeIds=list(attached), MaxResults=5), "InvalidParameterCombination")
    ec2.terminate_instances(InstanceIds=[one])
    wait(ec2, "instance_terminated", [one])
    left = [volume for volume in ec2.describe_volumes()["Volumes"] if volume["VolumeId"] in attached]
    expected = {volume for volume, mapping in attached.items() if not mapping["Ebs"]["DeleteOnTermination"]}
    assert {volume["VolumeId"] for volume in left} == expected, left
    assert all(volume["State"] == "available" and not volume["Attachments"] for volume in left), left


def interfaces(sandbox):
    """Network interfaces that a launch describes: subnet, groups, no public address, two of them."""
    ec2 = sandbox.ec2
    subnets = {subnet["AvailabilityZone"]: subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]}
    subnet = subnets[f"{REGION}c"]
    [group] = ec2.describe_security_groups()["SecurityGroups"]
    first = {"DeviceIndex": 0, "SubnetId": subnet, "Groups": [group["GroupId"]], "AssociatePublicIpAddress": False}
    [one] = launch(ec2, LINUX, NetworkInterfaces=[first])
    second = {"DeviceIndex": 1, "SubnetId": subnet, "DeleteOnTermination": True, "Description": "second"}
    both = [{key: first[key] for key in ("DeviceIndex", "SubnetId", "Groups")}, second]
    [two] = launch(ec2, LINUX, "m5.large", NetworkInterfaces=both)
    wait(ec2, "instance_running", [one, two])
    [instance] = instances(ec2, InstanceIds=[one])
    assert "PublicIpAddress" not in instance and instance["SubnetId"] == subnet, instance
    [instance] = instances(ec2, InstanceIds=[two])
    found = {interface["Attachment"]["DeviceIndex"]: interface for interface in instance["NetworkInterfaces"]}
    assert set(found) == {0, 1} and found[1]["Description"] == "second", instance["NetworkInterfaces"]
    addresses = [interface["PrivateIpAddress"] for interface in found.values()]
    assert len(set(addresses)) == 2 and instance["PrivateIpAddress"] == found[0]["PrivateIpAddress"], addresses
    refused(lambda: launch(ec2, LINUX, NetworkInterfaces=[first], SubnetId=subnet), "InvalidParameterCombination")


def tags(sandbox):
    """Tags are set, overwritten and deleted by key or by key and value; reserved ones and too many are refused."""
    ec2 = sandbox.ec2
    [one] = launch(ec2, LINUX)

    def now():
        found = ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [one]}])["Tags"]
        return {tag["Key"]: tag["Value"] for tag in found}

    odd = "<a> & 'b' \"c\" é"
    ec2.create_tags(
        Resources=[one], Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": odd}, {"Key": "c", "Value": ""}]
    )
    ec2.create_tags(Resources=[one], Tags=[{"Key": "a", "Value": "2"}])
    assert now() == {"a": "2", "b": odd, "c": ""}, now()
    # Another value is another tag.
    ec2.delete_tags(Resources=[one], Tags=[{"Key": "a", "Value": "1"}, {"Key": "b"}])
    assert now() == {"a": "2", "c": ""}, now()
    refused(lambda: ec2.create_tags(Resources=[one], Tags=[{"Key": "aws:a", "Value": ""}]), "InvalidParameterValue")
    many = [{"Key": f"key-{number}", "Value": "x"} for number in range(50)]
    refused(lambda: ec2.create_tags(Resources=[one], Tags=many), "TagLimitExceeded")
    refused(lambda: ec2.create_tags(Resources=["i-0123456789abcdef0"], Tags=many[:1]), "InvalidInstanceID.NotFound")
    ec2.delete_tags(Resources=[one])
    assert now() == {}, now()


def regions(sandbox):
    """The Regions are described, by name and by filter."""
    ec2 = sandbox.ec2
    [region] = ec2.describe_regions(Filters=[{"Name": "region-name", "Values": ["sand*"]}])["Regions"]
    assert region["RegionName"] == REGION and region["Endpoint"] and region["OptInStatus"] == "opt-in-not-required", (
        region
    )
    refused(lambda: ec2.describe_regions(RegionNames=["nowhere-1"]), "InvalidParameterValue")


def key_pairs(sandbox):
    """Keys are imported, launched with, found and deleted; private keys are not made here, and that is said."""
    ec2 = sandbox.ec2
    refused(lambda: ec2.create_key_pair(KeyName="made"), "UnsupportedOperation", "ImportKeyPair")
    ec2.import_key_pair(KeyName="made", PublicKeyMaterial=PUBLIC_KEY)
    imported = ec2.import_key_pair(KeyName="imported", PublicKeyMaterial=PUBLIC_KEY)
    assert imported["KeyName"] == "imported" and imported["KeyFingerprint"], imported
    assert {"made", "imported", "sandbox"} <= {pair["KeyName"] for pair in ec2.describe_key_pairs()["KeyPairs"]}
    [one] = launch(ec2, LINUX, KeyName="imported")
    assert instances(ec2, InstanceIds=[one])[0]["KeyName"] == "imported"
    refused(lambda: ec2.import_key_pair(KeyName="imported", PublicKeyMaterial=PUBLIC_KEY), "InvalidKeyPair.Duplicate")
    ec2.delete_key_pair(KeyName="made")
    refused(lambda: ec2.describe_key_pairs(KeyNames=["made"]), "InvalidKeyPair.NotFound")
    refused(lambda: launch(ec2, LINUX, KeyName="made"), "InvalidKeyPair.NotFound")


CHECKS = [instance_attributes, volumes, interfaces, tags, regions, key_pairs]
