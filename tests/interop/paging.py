"""Pages: boto3's paginators, the bounds of MaxResults, NextToken, and ids that exclude both."""

import dataclasses
from collections.abc import Callable

from clients import REGION, launch, refused
from landmarks import LINUX


@dataclasses.dataclass
class Paged:
    """A paged operation: how it is called, what it lists, and the MaxResults it takes."""

    method: str
    found: Callable
    least: int
    most: int
    code: str = "InvalidParameterValue"
    question: dict = dataclasses.field(default_factory=dict)
    # The parameter that names items; it excludes MaxResults.
    ids: str | None = None


def each(member, *keys):
    return lambda page: [tuple(item[key] for key in keys) for item in page[member]]


def each_instance(page):
    return [instance["InstanceId"] for reservation in page["Reservations"] for instance in reservation["Instances"]]


ALL_IMAGES = {"IncludeDeprecated": True, "IncludeDisabled": True}
PAGED = [
    Paged("describe_images", each("Images", "ImageId"), 1, 1000, question=ALL_IMAGES, ids="ImageIds"),
    Paged("describe_instances", each_instance, 5, 1000, ids="InstanceIds"),
    Paged(
        "describe_instance_status",
        each("InstanceStatuses", "InstanceId"),
        5,
        1000,
        question={"IncludeAllInstances": True},
        ids="InstanceIds",
    ),
    Paged(
        "describe_instance_types",
        each("InstanceTypes", "InstanceType"),
        5,
        100,
        "InvalidMaxResults",
        ids="InstanceTypes",
    ),
    Paged(
        "describe_instance_type_offerings",
        each("InstanceTypeOfferings", "InstanceType", "Location"),
        5,
        1000,
        "InvalidMaxResults",
        question={
            "LocationType": "availability-zone",
            "Filters": [{"Name": "instance-type", "Values": ["[a-c]*", "m*", "t*"]}],
        },
    ),
    Paged("describe_volumes", each("Volumes", "VolumeId"), 5, 1000, ids="VolumeIds"),
    Paged("describe_tags", each("Tags", "ResourceId", "Key"), 5, 1000),
    Paged("describe_subnets", each("Subnets", "SubnetId"), 5, 1000, ids="SubnetIds"),
    Paged("describe_vpcs", each("Vpcs", "VpcId"), 5, 1000, ids="VpcIds"),
    Paged("describe_security_groups", each("SecurityGroups", "GroupId"), 5, 1000, ids="GroupIds"),
]
# Enough of everything for a second page of the smallest size.
INSTANCES = 13


def everything_once(sandbox):
    """Paginators find everything once, in pages of the size asked for, as the whole answer has it."""
    ec2 = sandbox.ec2
    tags = [{"Key": f"key-{number}", "Value": str(number)} for number in range(3)]
    launch(ec2, LINUX, "t3.nano", INSTANCES, TagSpecifications=[{"ResourceType": "instance", "Tags": tags}])
    for paged in PAGED:
        assert ec2.can_paginate(paged.method), paged.method
        paginator = ec2.get_paginator(paged.method)
        size = min(paged.most, 100 if paged.method == "describe_images" else max(paged.least, 5))
        if paged.method.startswith("describe_instance_type"):
            size = paged.most
        pages = [
            paged.found(page) for page in paginator.paginate(**paged.question, PaginationConfig={"PageSize": size})
        ]
        keys = [key for page in pages for key in page]
        assert keys and len(set(keys)) == len(keys), f"{paged.method}: something came twice"
        assert max(map(len, pages)) <= size, f"{paged.method}: {list(map(len, pages))}, more than {size}"
        if paged.method not in ("describe_vpcs", "describe_security_groups", "describe_subnets"):
            assert len(pages) > 1, f"{paged.method}: only one page of {len(keys)}"
        # Types are cut into pages of 100 even when nobody asks for pages.
        whole = [paged.found(page) for page in paginator.paginate(**paged.question)]
        assert sorted(keys) == sorted(key for page in whole for key in page), f"{paged.method}: pages and whole differ"


def page_sizes(sandbox):
    """MaxResults has each operation's own bounds and error code."""
    # boto3 knows some of the bounds itself.
    ec2 = sandbox.client("ec2", parameter_validation=False)
    for paged in PAGED:
        ask = getattr(ec2, paged.method)
        for size in [paged.least, paged.most]:
            ask(**paged.question, MaxResults=size)
        for size in {paged.least - 1, paged.most + 1, 0, -1} - {paged.least}:
            refused(lambda size=size, ask=ask, paged=paged: ask(**paged.question, MaxResults=size), paged.code)


def tokens(sandbox):
    """A NextToken belongs to its question and Region; any other is InvalidNextToken."""
    ec2 = sandbox.ec2
    for paged in PAGED:
        ask = getattr(ec2, paged.method)
        for token in ["garbage", "AAAA", "é", "x" * 3000]:
            refused(
                lambda token=token, ask=ask, paged=paged: ask(**paged.question, MaxResults=paged.most, NextToken=token),
                "InvalidNextToken",
            )
    images = [image["ImageId"] for image in ec2.describe_images(**ALL_IMAGES)["Images"]]
    first = ec2.describe_images(**ALL_IMAGES, MaxResults=30)
    token = first["NextToken"]
    # The next page may be of another size.
    second = ec2.describe_images(**ALL_IMAGES, MaxResults=7, NextToken=token)
    got = [image["ImageId"] for image in first["Images"] + second["Images"]]
    assert got == images[:37], "pages are not in the order of the whole"
    # A token can be used again, as a retry does.
    assert ec2.describe_images(**ALL_IMAGES, MaxResults=7, NextToken=token)["Images"] == second["Images"]
    for other in [
        {"Owners": ["amazon"]},
        {"IncludeDeprecated": True},
        {"Filters": [{"Name": "name", "Values": ["*"]}]},
    ]:
        refused(lambda other=other: ec2.describe_images(**other, MaxResults=30, NextToken=token), "InvalidNextToken")
    refused(lambda: ec2.describe_instances(MaxResults=30, NextToken=token), "InvalidNextToken")
    # The last page has no token, also when it is full.
    last = ec2.describe_images(**ALL_IMAGES, MaxResults=len(images))
    assert len(last["Images"]) == len(images) and not last.get("NextToken"), len(last["Images"])


def ids_and_pages(sandbox):
    """Ids and MaxResults exclude each other; so many ids at once, and no more."""
    ec2 = sandbox.ec2
    for paged in PAGED:
        if paged.ids is None:
            continue
        known = paged.found(getattr(ec2, paged.method)(**paged.question))[0]
        named = {paged.ids: [known] if isinstance(known, str) else [known[0]]}
        ask = getattr(ec2, paged.method)
        assert len(paged.found(ask(**paged.question, **named))) == 1, paged.method
        # Naming one twice finds it once.
        twice = {paged.ids: named[paged.ids] * 2}
        assert len(paged.found(ask(**paged.question, **twice))) == 1, paged.method
        refused(
            lambda ask=ask, paged=paged, named=named: ask(**paged.question, **named, MaxResults=paged.most),
            "InvalidParameterCombination",
        )
    ids = each_instance(ec2.describe_instances())
    refused(lambda: ec2.describe_instance_status(InstanceIds=(ids * 20)[:101]), "InvalidParameterValue")
    names = [found["InstanceType"] for found in ec2.describe_instance_types()["InstanceTypes"]]
    assert len(names) == 100 and len(ec2.describe_instance_types(InstanceTypes=names)["InstanceTypes"]) == 100
    refused(lambda: ec2.describe_instance_types(InstanceTypes=[*names, "t3.micro"]), "InvalidParameterValue")


def empty_pages(sandbox):
    """An end without items is an empty list and no error, and so is a Region's empty answer."""
    ec2 = sandbox.ec2
    none = [{"Name": "instance-type", "Values": ["no such type"]}]
    assert (
        list(
            ec2.get_paginator("describe_instances")
            .paginate(Filters=none, PaginationConfig={"PageSize": 5})
            .search("Reservations[]")
        )
        == []
    )
    zones = ec2.describe_availability_zones()["AvailabilityZones"]
    assert [zone["ZoneName"] for zone in zones] == [f"{REGION}{letter}" for letter in "abc"], zones


CHECKS = [everything_once, page_sizes, tokens, ids_and_pages, empty_pages]
