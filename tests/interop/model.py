"""Every raw answer of the sandbox, compared with the service model that botocore is made of.

boto3 ignores what it does not know, so a misspelt element is an empty member to its user and no
error to anyone. Here each element must be a member of the operation's output shape, in its place,
once, in the namespace, with text of its type.
"""

import base64
import binascii
import collections
import contextlib
import json
import re
import xml.etree.ElementTree as ElementTree

NAMESPACES = {"ec2": "http://ec2.amazonaws.com/doc/2016-11-15/", "sts": "https://sts.amazonaws.com/doc/2011-06-15/"}
# Values that EC2 answers although the model's enum does not hold them.
BESIDE_THE_ENUM = {
    ("PlatformValues", "windows"),  # the enum says Windows, the wire has always said windows
    # Of real instance types; the model's list of features is behind.
    ("SupportedAdditionalProcessorFeature", "metal-compatibility"),
}
FORMS = {
    "boolean": re.compile(r"true|false"),
    "integer": re.compile(r"-?\d+"),
    "long": re.compile(r"-?\d+"),
    "float": re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?"),
    "double": re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?"),
    "timestamp": re.compile(r"\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-6]\d(\.\d{1,9})?Z"),
}
JSON_TYPES = {
    "structure": dict,
    "list": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "long": int,
    "timestamp": (int, float),
}
BITS = {"integer": 31, "long": 63}


def summary(answers, elements):
    """What was compared, in one line."""
    operations = {name.removesuffix(" refused") for name in answers}
    refused = sum(count for name, count in answers.items() if name.endswith(" refused"))
    return (
        f"{len(operations)} operations, {sum(answers.values())} answers ({refused} of them errors) and {elements} "
        "elements are as the service model has them"
    )


class Judge:
    """Looks at the raw answers of the clients it is attached to, and keeps what is wrong with them.

    It collects instead of raising: an exception inside a client would be taken for a failed call,
    and be retried.
    """

    def __init__(self):
        self.answers = collections.Counter()
        self.elements = 0
        self.damaged_answers = 0
        self.findings = []
        self.damage = False

    def attach(self, client):
        service = client.meta.service_model.service_id.hyphenize()
        client.meta.events.register(f"before-parse.{service}.*", self.look)

    @contextlib.contextmanager
    def expecting_damage(self):
        """Pages of HTML are not judged: a fault plan asked for them."""
        self.damage = True
        try:
            yield
        finally:
            self.damage = False

    def look(self, operation_model, response_dict, **_):
        """The hook: one raw answer."""
        operation, status = operation_model.name, response_dict["status_code"]
        content_type = response_dict["headers"].get("content-type")
        if self.damage and content_type == "text/html":
            self.damaged_answers += 1
            return
        if operation_model.metadata["protocol"] == "json":
            self._look_json(operation_model, response_dict)
            return
        try:
            root = ElementTree.fromstring(response_dict["body"])
        except ElementTree.ParseError as error:
            self.find(operation, f"not XML ({error}): {response_dict['body'][:80]!r}")
            return
        self.answers[operation if status < 300 else f"{operation} refused"] += 1
        if content_type != "text/xml;charset=UTF-8":
            self.find(operation, f"Content-Type is {content_type}")
        service = operation_model.service_model.endpoint_prefix
        if status == 200:
            self._success(operation_model, service, root)
        elif service == "sts":
            self._form(root, operation, "sts", ["ErrorResponse", {"Error": ["Type", "Code", "Message"]}, "RequestId"])
        else:
            self._form(root, operation, None, ["Response", {"Errors": {"Error": ["Code", "Message"]}}, "RequestID"])

    def _look_json(self, operation_model, response_dict):
        """An answer of the protocol awsJson1_1, which SSM speaks."""
        operation, status = operation_model.name, response_dict["status_code"]
        self.answers[operation if status < 300 else f"{operation} refused"] += 1
        if response_dict["headers"].get("content-type") != "application/x-amz-json-1.1":
            self.find(operation, f"Content-Type is {response_dict['headers'].get('content-type')}")
        try:
            answer = json.loads(response_dict["body"])
        except ValueError as error:
            self.find(operation, f"not JSON ({error}): {response_dict['body'][:80]!r}")
            return
        if status < 300:
            self._json(operation, operation_model.output_shape, answer)
        elif not set(answer) <= {"__type", "message"} or not answer.get("__type"):
            self.find(operation, f"an error holds {sorted(answer)}")

    def _json(self, path, shape, value):
        self.elements += 1
        kind = shape.type_name
        if not isinstance(value, JSON_TYPES[kind]) or isinstance(value, bool) != (kind == "boolean"):
            self.find(path, f"{value!r} is no {kind}")
        elif kind == "structure":
            for name, member in value.items():
                if name in shape.members:
                    self._json(f"{path}.{name}", shape.members[name], member)
                else:
                    self.find(f"{path}.{name}", "no such member")
            self.missing(path, shape, value)
        elif kind == "list":
            for item in value:
                self._json(f"{path}[]", shape.member, item)
        elif kind == "string" and shape.enum and value not in shape.enum:
            self.find(path, f"{value!r} is no {shape.name}")

    def missing(self, path, shape, present):
        for name in shape.required_members:
            if name not in present:
                self.find(path, f"without the required {name}")

    def find(self, place, what):
        self.findings.append(f"{place}: {what}")

    def settle(self):
        """Ends a check: whatever was found since the last time is its failure."""
        findings, self.findings = self.findings, []
        distinct = list(dict.fromkeys(findings))
        assert not distinct, "answers that the service model does not know:\n  " + "\n  ".join(distinct[:40])

    def _success(self, operation_model, service, root):
        operation = operation_model.name
        namespace = f"{{{NAMESPACES[service]}}}"
        if root.tag != f"{namespace}{operation}Response":
            self.find(operation, f"the root is {root.tag}")
        for element in root.iter():
            self.elements += 1
            if not element.tag.startswith(namespace):
                self.find(operation, f"{element.tag} is not in the namespace")
            element.tag = element.tag.rpartition("}")[2]
            if element.attrib:
                self.find(operation, f"{element.tag} has attributes {element.attrib}")
        if service == "sts":
            names = [child.tag for child in root]
            if names != [f"{operation}Result", "ResponseMetadata"]:
                self.find(operation, f"the answer holds {names}")
            if [child.tag for child in root.iterfind("ResponseMetadata/*")] != ["RequestId"]:
                self.find(operation, "ResponseMetadata does not hold RequestId")
            inside = root.find(f"{operation}Result")
        else:
            request_ids = root.findall("requestId")
            if len(request_ids) != 1 or not request_ids[0].text:
                self.find(operation, "there is not one requestId")
            for request_id in request_ids:
                root.remove(request_id)
            inside = root
        if operation_model.output_shape is not None:
            self._structure(operation, operation_model.output_shape, inside)
        elif [child.tag for child in inside] not in ([], ["return"]):
            self.find(operation, "the operation has no output")

    def _structure(self, path, shape, element):
        if (element.text or "").strip():
            self.find(path, f"a structure with text {element.text!r}")
        members = {member.serialization.get("name", name): member for name, member in shape.members.items()}
        seen = collections.Counter()
        for child in element:
            member = members.get(child.tag)
            below = f"{path}.{child.tag}"
            if member is None:
                self.find(below, "no such member")
                continue
            seen[child.tag] += 1
            if seen[child.tag] == 2 and not member.serialization.get("flattened"):
                self.find(below, "comes more than once")
            if member.type_name == "list" and member.serialization.get("flattened"):
                self._value(below, member.member, child)
            else:
                self._value(below, member, child)
        for name in shape.required_members:
            if shape.members[name].serialization.get("name", name) not in seen:
                self.find(path, f"without the required {name}")

    def _value(self, path, shape, element):
        kind = shape.type_name
        if kind == "structure":
            self._structure(path, shape, element)
        elif kind == "list":
            name = shape.member.serialization.get("name", "member")
            if (element.text or "").strip():
                self.find(path, f"a list with text {element.text!r}")
            for item in element:
                if item.tag == name:
                    self._value(f"{path}[]", shape.member, item)
                else:
                    self.find(path, f"holds {item.tag} and not {name}")
        elif len(element):
            self.find(path, f"a {kind} with elements below")
        else:
            self._scalar(path, shape, element.text or "")

    def _scalar(self, path, shape, text):
        kind = shape.type_name
        if kind == "string":
            if shape.enum and text not in shape.enum and (shape.name, text) not in BESIDE_THE_ENUM:
                self.find(path, f"{text!r} is no {shape.name}")
        elif kind == "blob":
            with_error = None
            try:
                base64.b64decode(text, validate=True)
            except binascii.Error as error:
                with_error = error
            if with_error:
                self.find(path, f"not base64: {with_error}")
        elif not FORMS[kind].fullmatch(text):
            self.find(path, f"{text!r} is no {kind}")
        elif kind in BITS and not -(1 << BITS[kind]) <= int(text) < 1 << BITS[kind]:
            self.find(path, f"{text} does not fit a {kind}")

    def _form(self, root, operation, service, form):
        """An error: exactly these elements in this order, each leaf with text."""
        namespace = f"{{{NAMESPACES[service]}}}" if service else ""
        if root.tag != namespace + form[0]:
            self.find(operation, f"the root of an error is {root.tag}")
        self._children(operation, root, namespace, form[1:])

    def _children(self, path, element, namespace, form):
        expected = []
        for part in form if isinstance(form, list) else [form]:
            expected += part.items() if isinstance(part, dict) else [(part, None)]
        names = [child.tag for child in element]
        if names != [namespace + name for name, _ in expected]:
            self.find(path, f"an error holds {names}, not {[name for name, _ in expected]}")
            return
        for child, (name, below) in zip(element, expected, strict=True):
            if below is not None:
                self._children(f"{path}.{name}", child, namespace, below)
            elif len(child) or not (child.text or "").strip():
                self.find(f"{path}.{name}", "is empty")
