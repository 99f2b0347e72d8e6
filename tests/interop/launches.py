"""RunInstances: tokens, dry runs, counts, and every refusal with its code."""

import base64
import concurrent.futures
import uuid

from clients import REGION, instances, launch, refused, wait
from landmarks import (
    DISABLED,
    ENCRYPTED,
    HVM_INSTANCE_STORE,
    HVM_WITHOUT_ENA,
    LINUX,
    LINUX_ARM64,
    MAC_X86_64,
    MARKETPLACE_UNSUBSCRIBED,
    PARAVIRTUAL,
    PENDING,
    TYPE_RESTRICTED,
    UEFI_TPM,
    WINDOWS,
)

ONE = {"ImageId": LINUX, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}


def ids_of(answer):
    return sorted(instance["InstanceId"] for instance in answer["Instances"])


def idempotency(sandbox):
    """The same token launches once, with other parameters it is refused, and it tells what became of its instances."""
    ec2 = sandbox.ec2
    call = {**ONE, "MinCount": 2, "MaxCount": 2, "ClientToken": "interop-regional"}
    # A dry run does not use a token up.
    refused(lambda: ec2.run_instances(**call, DryRun=True), "DryRunOperation", status=412)
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: ec2.run_instances(**call), range(4)))
    assert len({answer["ReservationId"] for answer in answers}) == 1, "one token made several reservations"
    ids = ids_of(answers[0])
    assert len(ids) == 2 and all(ids_of(answer) == ids for answer in answers), [ids_of(answer) for answer in answers]
    for change in [{"InstanceType": "t3.small"}, {"MaxCount": 3}, {"ImageId": WINDOWS}, {"KeyName": "sandbox"}]:
        refused(
            lambda change=change: ec2.run_instances(**{**call, **change}), "IdempotentParameterMismatch", status=400
        )
    found = instances(ec2, Filters=[{"Name": "client-token", "Values": ["interop-regional"]}])
    assert sorted(instance["InstanceId"] for instance in found) == ids
    ec2.terminate_instances(InstanceIds=ids[:1])
    wait(ec2, "instance_terminated", ids[:1])
    again = ec2.run_instances(**call)
    states = sorted(instance["State"]["Name"] for instance in again["Instances"])
    assert ids_of(again) == ids and states[1] == "terminated", states
    ec2.terminate_instances(InstanceIds=ids[1:])
    wait(ec2, "instance_terminated", ids)
    refused(lambda: ec2.run_instances(**call), "IdempotentInstanceTerminated", status=400)


def token_scopes(sandbox):
    """A token is zonal when the request names a zone, and the same text in another zone launches again."""
    ec2 = sandbox.ec2
    subnets = {subnet["AvailabilityZone"]: subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]}
    call = {**ONE, "ClientToken": "interop-zonal"}
    in_a, in_b = {"Placement": {"AvailabilityZone": f"{REGION}a"}}, {"Placement": {"AvailabilityZone": f"{REGION}b"}}
    subnet_c = {"SubnetId": subnets[f"{REGION}c"]}
    launched = [ids_of(ec2.run_instances(**call, **where)) for where in [in_a, in_b, subnet_c, {}]]
    assert len({ids[0] for ids in launched}) == 4, launched
    for where, ids in zip([in_a, in_b, subnet_c, {}], launched, strict=True):
        assert ids_of(ec2.run_instances(**call, **where)) == ids, where
    # The subnet names the zone, so this is the token of zone a, with other parameters.
    refused(lambda: ec2.run_instances(**call, SubnetId=subnets[f"{REGION}a"]), "IdempotentParameterMismatch")
    refused(lambda: ec2.run_instances(**{**call, "ClientToken": "x" * 65}), "InvalidClientToken")
    refused(lambda: ec2.run_instances(**{**call, "ClientToken": "tökén"}), "InvalidClientToken")
    # Tokens are compared with case, and boto3 makes one for each call that has none.
    assert ids_of(ec2.run_instances(**{**call, "ClientToken": "INTEROP-ZONAL"})) not in launched
    one, other = (ec2.run_instances(**ONE)["Instances"][0] for _ in range(2))
    assert one["InstanceId"] != other["InstanceId"]
    assert uuid.UUID(one["ClientToken"]) != uuid.UUID(other["ClientToken"])


def dry_runs(sandbox):
    """A dry run answers what the call would have, and changes nothing."""
    ec2 = sandbox.ec2
    ids = launch(ec2, LINUX)
    before = instances(ec2)
    for call in [
        lambda: ec2.run_instances(**ONE, DryRun=True),
        lambda: ec2.terminate_instances(InstanceIds=ids, DryRun=True),
        lambda: ec2.create_tags(Resources=ids, Tags=[{"Key": "a", "Value": "b"}], DryRun=True),
        lambda: ec2.describe_images(DryRun=True),
        lambda: ec2.describe_instances(DryRun=True),
        lambda: ec2.describe_instance_types(DryRun=True),
        lambda: ec2.get_console_output(InstanceId=ids[0], DryRun=True),
    ]:
        refused(call, "DryRunOperation", "Request would have succeeded, but DryRun flag is set.", status=412)
    refused(lambda: ec2.run_instances(**{**ONE, "ImageId": LINUX_ARM64}, DryRun=True), "InvalidParameterValue")
    refused(
        lambda: ec2.terminate_instances(InstanceIds=["i-0123456789abcdef0"], DryRun=True), "InvalidInstanceID.NotFound"
    )
    assert [i["InstanceId"] for i in instances(ec2)] == [i["InstanceId"] for i in before]
    # Types and Region are looked at before the dry run is answered, the parameters themselves too.
    refused(lambda: ec2.run_instances(**{**ONE, "InstanceType": "t3.huge"}, DryRun=True), "InvalidParameterValue")


def compatibility(sandbox):
    """What an image and a type say to each other has the code and the words that EC2 was seen to answer."""
    ec2 = sandbox.ec2
    for image, instance_type, more, code, said in [
        (LINUX_ARM64, "t3.micro", {}, "InvalidParameterValue", "does not match the architecture 'arm64' of the specified AMI"),
        (LINUX, "m7g.large", {}, "InvalidParameterValue", "The architecture 'arm64' of the specified instance type"),
        (MAC_X86_64, "t3.micro", {}, "InvalidParameterValue", "'x86_64_mac'"),
        (UEFI_TPM, "t2.micro", {}, "InvalidParameterValue", "does not support an AMI with a boot mode of UEFI"),
        (PARAVIRTUAL, "t3.micro", {}, "InvalidParameterCombination", "Virtualization type 'hvm' is required for instances of type"),
        (HVM_WITHOUT_ENA, "m5.large", {}, "InvalidParameterCombination", "(ENA) is required for the 'm5.large' instance type"),
        (HVM_INSTANCE_STORE, "t2.micro", {}, "UnsupportedOperation", "instance-store root device is not supported"),
        (TYPE_RESTRICTED, "t3.micro", {}, "InvalidParameterCombination", ""),
        (HVM_INSTANCE_STORE, "m3.medium", {"InstanceInitiatedShutdownBehavior": "stop"}, "InvalidParameterCombination", "elastic images"),
        (LINUX, "m5.large", {"HibernationOptions": {"Configured": True}}, "UnsupportedHibernationConfiguration", ""),
        (LINUX, "t3.micro", {"Placement": {"Tenancy": "host"}}, "UnavailableHostRequirements", "do not have a host"),
        (LINUX, "t3.micro", {"Placement": {"Affinity": "default"}}, "InvalidParameterCombination", ""),
        (LINUX, "t3.micro", {"EnclaveOptions": {"Enabled": True}}, "UnsupportedOperation", ""),
        (ENCRYPTED, "m7i.large", {"HibernationOptions": {"Configured": True}, "EnclaveOptions": {"Enabled": True}}, "InvalidParameterCombination", ""),
    ]:  # fmt: skip
        call = dict(ImageId=image, InstanceType=instance_type, MinCount=1, MaxCount=1, **more)
        refused(lambda call=call: ec2.run_instances(**call), code, said, status=400)
    link = "https://aws.amazon.com/marketplace"
    unsubscribed = {**ONE, "ImageId": MARKETPLACE_UNSUBSCRIBED}
    refused(lambda: ec2.run_instances(**unsubscribed), "OptInRequired", link, status=401)


def refusals(sandbox):
    """Bad parameters of RunInstances are refused with EC2's codes."""
    ec2 = sandbox.client("ec2", parameter_validation=False)
    volume = lambda **ebs: {"BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": ebs}]}  # noqa: E731
    root = ec2.describe_images(ImageIds=[LINUX])["Images"][0]["RootDeviceName"]
    for change, code in [
        ({"ImageId": "ami-0123456789abcdef0"}, "InvalidAMIID.NotFound"),
        ({"ImageId": "ami-1"}, "InvalidAMIID.Malformed"),
        ({"ImageId": PENDING}, "InvalidAMIID.Unavailable"),
        ({"ImageId": DISABLED}, "InvalidAMIID.Unavailable"),
        ({"InstanceType": "t3.huge"}, "InvalidParameterValue"),
        ({"MinCount": 0}, "InvalidParameterValue"),
        ({"MinCount": 2}, "InvalidParameterValue"),
        ({"MinCount": "two"}, "InvalidParameterValue"),
        ({"MaxCount": 5000}, "ResourceCountExceeded"),
        ({"SubnetId": "subnet-0123456789abcdef0"}, "InvalidSubnetID.NotFound"),
        ({"SecurityGroupIds": ["sg-0123456789abcdef0"]}, "InvalidGroup.NotFound"),
        ({"KeyName": "no-such-key"}, "InvalidKeyPair.NotFound"),
        ({"Placement": {"AvailabilityZone": f"{REGION}z"}}, "InvalidParameterValue"),
        ({"Placement": {"GroupName": "no-such-group"}}, "InvalidPlacementGroup.Unknown"),
        ({"UserData": base64.b64encode(b"x" * 16385).decode()}, "InvalidParameterValue"),
        ({"CreditSpecification": {"CpuCredits": "none"}}, "InvalidCpuCredits"),
        (
            {"TagSpecifications": [{"ResourceType": "image", "Tags": [{"Key": "a", "Value": "b"}]}]},
            "InvalidParameterValue",
        ),
        (
            {"TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "aws:a", "Value": "b"}]}]},
            "InvalidParameterValue",
        ),
        ({"MetadataOptions": {"HttpPutResponseHopLimit": 65}}, "InvalidParameterValue"),
        ({"MetadataOptions": {"HttpTokens": "maybe"}}, "InvalidParameterValue"),
        ({"BlockDeviceMappings": [{"DeviceName": "nonsense", "Ebs": {"VolumeSize": 8}}]}, "InvalidBlockDeviceMapping"),
        ({"BlockDeviceMappings": [{"DeviceName": root, "NoDevice": ""}]}, "InvalidBlockDeviceMapping"),
        (volume(VolumeSize=1), "InvalidBlockDeviceMapping"),
        (volume(SnapshotId="snap-0123456789abcdef0"), "InvalidBlockDeviceMapping"),
        (
            {"BlockDeviceMappings": [{"DeviceName": "/dev/sdf", "Ebs": {"SnapshotId": "snap-0123456789abcdef0"}}]},
            "InvalidSnapshot.NotFound",
        ),
        (volume(VolumeType="st1", VolumeSize=500), "BootForVolumeTypeUnsupported"),
    ]:
        try:
            refused(lambda change=change: ec2.run_instances(**{**ONE, **change}), code, status=400)
        except AssertionError as error:
            raise AssertionError(f"{change}: {error}") from None
    refused(lambda: ec2.run_instances(InstanceType="t3.micro", MinCount=1, MaxCount=1), "MissingParameter")
    refused(lambda: ec2.run_instances(ImageId=LINUX, InstanceType="t3.micro", MaxCount=1), "MissingParameter")


def offered_types(sandbox):
    """A type that a zone does not offer is Unsupported there, with the zones that do in the message."""
    ec2 = sandbox.ec2
    zones = {}
    for page in ec2.get_paginator("describe_instance_type_offerings").paginate(LocationType="availability-zone"):
        for offering in page["InstanceTypeOfferings"]:
            zones.setdefault(offering["InstanceType"], set()).add(offering["Location"])
    everywhere = {f"{REGION}{letter}" for letter in "abc"}
    candidates = [
        name
        for name in sorted(zones)
        if zones[name] != everywhere and name.startswith(("c6i.", "c6a.", "m6a.", "r6i."))
    ]
    name = candidates[0]
    missing = sorted(everywhere - zones[name])[0]
    call = {**ONE, "InstanceType": name, "Placement": {"AvailabilityZone": missing}}
    refused(lambda: ec2.run_instances(**call), "Unsupported", f"choosing {', '.join(sorted(zones[name]))}", status=400)
    del call["Placement"]
    launched = [ec2.run_instances(**call)["Instances"][0]["Placement"]["AvailabilityZone"] for _ in range(3)]
    assert set(launched) <= zones[name], (launched, zones[name])


CHECKS = [idempotency, token_scopes, dry_runs, compatibility, refusals, offered_types]
