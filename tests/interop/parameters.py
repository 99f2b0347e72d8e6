"""Public parameters of SSM: what is behind them, and what is refused."""

from clients import aws, refused
from landmarks import LINUX, LINUX_ARM64

PREFIX = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-6.12"
DENIED = '[[fault]]\nkind = "denied"\nactions = ["GetParameter"]\n'


def current_images(sandbox):
    """A parameter holds the image that AWS would launch from it, one by one and several at once."""
    ssm = sandbox.client("ssm")
    parameter = ssm.get_parameter(Name=f"{PREFIX}-x86_64")["Parameter"]
    assert (parameter["Value"], parameter["Type"], parameter["DataType"]) == (LINUX, "String", "aws:ec2:image")
    assert parameter["Version"] >= 1 and parameter["LastModifiedDate"].year >= 2026, parameter
    names = [f"{PREFIX}-x86_64", f"{PREFIX}-arm64", "/aws/service/none"]
    several = ssm.get_parameters(Names=names)
    assert {one["Name"]: one["Value"] for one in several["Parameters"]} == {names[0]: LINUX, names[1]: LINUX_ARM64}
    assert several["InvalidParameters"] == names[2:]
    assert aws("ssm", "get-parameter", "--name", names[1], "--query", "Parameter.Value") == LINUX_ARM64


def every_parameter(sandbox):
    """Every parameter that an image shows is there, and holds an image that shows it."""
    filters = [{"Name": "public-ssm-parameter-name", "Values": ["*"]}]
    images = sandbox.ec2.describe_images(Filters=filters)["Images"]
    behind = {image["ImageId"]: image.get("PublicSsmParameterName") for image in images}
    ssm = sandbox.client("ssm")
    for name in {name for name in behind.values() if name}:
        assert behind[ssm.get_parameter(Name=f"/{name}")["Parameter"]["Value"]] == name, name


def refusals(sandbox):
    """What is not there, what cannot be, and what is not permitted."""
    ssm = sandbox.client("ssm")
    refused(lambda: ssm.get_parameter(Name="/aws/service/none"), "ParameterNotFound", status=400)
    refused(lambda: ssm.get_parameter(Name=f"{PREFIX}-x86_64:1"), "ValidationException")
    refused(lambda: ssm.describe_parameters(), "UnknownOperationException")
    sandbox.faults(DENIED)
    try:
        refused(lambda: ssm.get_parameter(Name=f"{PREFIX}-x86_64"), "AccessDeniedException", "ssm:GetParameter")
    finally:
        sandbox.no_faults()
    assert sandbox.state()["calls"]["GetParameter"] >= 3


CHECKS = [current_images, every_parameter, refusals]
