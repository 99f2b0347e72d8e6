"""What an owner reads and changes about images, Allowed AMIs, and which images are found at all."""

from clients import launch, refused
from landmarks import DEPRECATED, DISABLED, LINUX, MARKETPLACE, PENDING, SELF_OWNED, SHARED, UEFI_TPM

ATTRIBUTES = [
    "description",
    "kernel",
    "ramdisk",
    "launchPermission",
    "productCodes",
    "sriovNetSupport",
    "bootMode",
    "tpmSupport",
    "uefiData",
    "lastLaunchedTime",
    "imdsSupport",
    "deregistrationProtection",
]


def ids(ec2, **question):
    return {image["ImageId"] for image in ec2.describe_images(**question)["Images"]}


def visibility(sandbox):
    """Owners, launch permissions, deprecated and disabled images: what is found and what is hidden."""
    ec2 = sandbox.ec2
    everything, own = ids(ec2), ids(ec2, Owners=["self"])
    account = ec2.describe_images(ImageIds=[SELF_OWNED])["Images"][0]["OwnerId"]
    assert own == ids(ec2, Owners=[account]) and {SELF_OWNED, PENDING} <= own <= everything, len(own)
    assert DISABLED not in everything and DISABLED in ids(ec2, IncludeDisabled=True)
    assert DEPRECATED not in everything and DEPRECATED in ids(ec2, IncludeDeprecated=True)
    # Naming one finds it although it is deprecated.
    assert ids(ec2, ImageIds=[DEPRECATED]) == {DEPRECATED}
    aliases = ["amazon", "aws-marketplace"]
    for alias in aliases:
        found = ec2.describe_images(Owners=[alias])["Images"]
        assert found and {image.get("ImageOwnerAlias") for image in found} == {alias}, alias
    assert ids(ec2, Owners=aliases) == ids(ec2, Owners=aliases[:1]) | ids(ec2, Owners=aliases[1:])
    public, mine = ids(ec2, ExecutableUsers=["all"]), ids(ec2, ExecutableUsers=["self"])
    assert SHARED in mine and SHARED not in public and LINUX in public and SELF_OWNED not in public
    assert public == {image["ImageId"] for image in ec2.describe_images()["Images"] if image["Public"]}
    refused(lambda: ec2.describe_images(Owners=["nobody"]), "InvalidUserID.Malformed")
    refused(lambda: ec2.describe_images(ExecutableUsers=["12345"]), "InvalidUserID.Malformed")
    refused(lambda: ec2.describe_images(ImageIds=[LINUX, "ami-0123456789abcdef0"]), "InvalidAMIID.NotFound")


def attributes(sandbox):
    """DescribeImageAttribute: each attribute of an own image, and none of others'."""
    ec2 = sandbox.ec2
    image = ec2.describe_images(ImageIds=[SELF_OWNED])["Images"][0]
    got = {attribute: ec2.describe_image_attribute(ImageId=SELF_OWNED, Attribute=attribute) for attribute in ATTRIBUTES}
    assert all(answer["ImageId"] == SELF_OWNED for answer in got.values())
    assert got["description"]["Description"]["Value"] == image["Description"]
    assert got["bootMode"]["BootMode"]["Value"] == image["BootMode"]
    before = got["launchPermission"]["LaunchPermissions"]
    refused(lambda: ec2.describe_image_attribute(ImageId=SELF_OWNED, Attribute="blockDeviceMapping"), "AuthFailure")
    refused(lambda: ec2.describe_image_attribute(ImageId=LINUX, Attribute="launchPermission"), "AuthFailure")
    refused(lambda: ec2.describe_image_attribute(ImageId="ami-1", Attribute="description"), "InvalidAMIID.Malformed")
    add = {"Add": [{"UserId": "123456789012"}, {"Group": "all"}]}
    ec2.modify_image_attribute(ImageId=SELF_OWNED, LaunchPermission=add)
    permissions = ec2.describe_image_attribute(ImageId=SELF_OWNED, Attribute="launchPermission")["LaunchPermissions"]
    assert sorted(map(str, permissions)) == sorted(map(str, before + add["Add"])), permissions
    assert ec2.describe_images(ImageIds=[SELF_OWNED])["Images"][0]["Public"] is True
    ec2.modify_image_attribute(ImageId=SELF_OWNED, LaunchPermission={"Remove": add["Add"]})
    ec2.modify_image_attribute(ImageId=SELF_OWNED, Description={"Value": "changed <by> interop & boto3"})
    assert ec2.describe_images(ImageIds=[SELF_OWNED])["Images"][0]["Description"] == "changed <by> interop & boto3"


def switches(sandbox):
    """An image disabled and enabled again, and a deprecation set and taken back."""
    ec2 = sandbox.ec2
    assert ec2.disable_image(ImageId=SELF_OWNED)["Return"] is True
    assert SELF_OWNED not in ids(ec2)
    refused(lambda: launch(ec2, SELF_OWNED), "InvalidAMIID.Unavailable")
    assert ec2.enable_image(ImageId=SELF_OWNED)["Return"] is True
    ec2.enable_image_deprecation(ImageId=SELF_OWNED, DeprecateAt="2030-01-01T00:00:00Z")
    assert ec2.describe_images(ImageIds=[SELF_OWNED])["Images"][0]["DeprecationTime"].startswith("2030-01-01T00:00:00")
    ec2.disable_image_deprecation(ImageId=SELF_OWNED)
    assert "DeprecationTime" not in ec2.describe_images(ImageIds=[SELF_OWNED])["Images"][0]


def allowed_images(sandbox):
    """Allowed AMIs: audit mode tells, enabled hides and refuses as if the image did not exist, own images always pass."""
    ec2 = sandbox.ec2
    assert ec2.get_allowed_images_settings()["State"] == "disabled"
    everything = ids(ec2)
    criteria = [
        {"ImageProviders": ["amazon"]},
        {"ImageNames": ["flatcar-*"], "CreationDateCondition": {"MaximumDaysSinceCreated": 100000}},
    ]
    ec2.replace_image_criteria_in_allowed_images_settings(ImageCriteria=criteria)
    ec2.enable_allowed_images_settings(AllowedImagesSettingsState="audit-mode")
    shown = ec2.get_allowed_images_settings()
    assert (shown["State"], shown["ManagedBy"]) == ("audit-mode", "account") and shown["ImageCriteria"] == criteria, (
        shown
    )
    assert ids(ec2) == everything
    allowed = ids(ec2, Filters=[{"Name": "image-allowed", "Values": ["true"]}])
    assert {LINUX, UEFI_TPM, SELF_OWNED} <= allowed < everything and MARKETPLACE not in allowed
    launch(ec2, MARKETPLACE)
    ec2.enable_allowed_images_settings(AllowedImagesSettingsState="enabled")
    try:
        assert ids(ec2) == allowed
        refused(lambda: ec2.describe_images(ImageIds=[MARKETPLACE]), "InvalidAMIID.NotFound")
        refused(lambda: launch(ec2, MARKETPLACE), "InvalidAMIID.NotFound")
        launch(ec2, LINUX)
        launch(ec2, SELF_OWNED)
    finally:
        ec2.disable_allowed_images_settings()
    assert ids(ec2) == everything


CHECKS = [visibility, attributes, switches, allowed_images]
