"""Filters compared with a plain scan: the same question put to the sandbox, and to the list of everything.

The scan shares nothing with the sandbox: it walks boto3's parsed answer along a path, and turns a
filter value into a regular expression by the rules of the EC2 User Guide.
"""

import collections
import datetime
import html
import re

# More matches than this are narrowed down to a sample, so that some thousand questions stay quick.
BROAD = 16


def pattern(text):
    """`*` is any text, `?` zero or one character, and a backslash takes the next one as it is."""
    parts, chars = [], iter(text)
    for char in chars:
        if char == "*":
            parts.append(".*")
        elif char == "?":
            parts.append(".?")
        elif char == "\\":
            parts.append(re.escape(next(chars, "\\")))
        else:
            parts.append(re.escape(char))
    return re.compile("".join(parts), re.DOTALL)


def escaped(text):
    return re.sub(r"([*?\\])", r"\\\1", text)


def wire(value):
    """A parsed value as the text that was parsed."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}Z"
    return str(value)


def values(item, path):
    """What `item` has at a path such as `BlockDeviceMappings.Ebs.VolumeSize`, through every list on the way.

    A path may also be a function from the item to its values.
    """
    if callable(path):
        return [wire(value) for value in path(item)]
    found = [item]
    for step in path.split("."):
        below = [part[step] for part in found if step in part]
        found = [each for part in below for each in (part if isinstance(part, list) else [part])]
    return [wire(value) for value in found]


def tag_values(key):
    return lambda item: [tag["Value"] for tag in item.get("Tags", []) if tag["Key"] == key]


def documented(client, operation, member="Filters"):
    """The filter names in the service model's documentation of an operation."""
    text = client.meta.service_model.operation_model(operation).input_shape.members[member].documentation
    names = [html.unescape(name) for name in re.findall(r"<li> <p> ?<code>([^<]+)</code>", text)]
    # The values of one filter are written as a list too.
    severities = {"informational", "low", "medium", "high", "critical"}
    return [name for name in names if name not in severities and not name.startswith("tag:")]


def spread(keys, count):
    """About so many of the keys, from all over the list."""
    return keys[:: -(-len(keys) // count) or 1]


class Scan:
    """Everything one Describe call can answer, and the filters to try on it.

    `ask(filters)` puts the question to the sandbox, `key` names the member that tells items apart
    (or is a function), `paths` maps each filter to its path, and `narrow` is the filter that takes
    keys.
    """

    def __init__(self, ask, key, paths, narrow=None, broad=BROAD):
        self.ask = ask
        self.key = key if callable(key) else lambda item: item[key]
        self.paths = paths
        self.narrow = narrow
        self.broad = broad
        self.items = ask([])
        assert self.items, "there is nothing to filter"
        self.keys = {self.key(item) for item in self.items}
        self.found = {}
        self.questions = 0
        self.wrong = []

    def has(self, name):
        """The values of every item for one filter, in the order of the items."""
        if name not in self.found:
            self.found[name] = [values(item, self.paths[name]) for item in self.items]
        return self.found[name]

    def expected(self, filters):
        left = range(len(self.items))
        for each in filters:
            patterns = [pattern(value) for value in each["Values"]]
            has = self.has(each["Name"])
            left = [at for at in left if any(one.fullmatch(value) for value in has[at] for one in patterns)]
        return sorted(self.key(self.items[at]) for at in left)

    def compare(self, *filters, at_least=False):
        """Asks, and keeps the difference. With `at_least` the sandbox may know more than its answers show."""
        filters = [{"Name": name, "Values": list(texts)} for name, texts in filters]
        expected = self.expected(filters)
        if len(expected) > self.broad and self.narrow:
            sample = spread(expected, self.broad // 2)
            others = spread(sorted(self.keys - set(expected)), self.broad // 2)
            filters.append({"Name": self.narrow, "Values": sample + others})
            expected = self.expected(filters)
        self.questions += 1
        got = sorted(self.key(item) for item in self.ask(filters))
        missing, extra = set(expected) - set(got), set(got) - set(expected)
        assert len(got) == len(set(got)), f"{filters}: something came twice"
        if missing or (extra and not at_least):
            self.wrong.append(f"{filters}: without {sorted(missing)[:3]}, with {sorted(extra)[:3]} too")

    def occurring(self, name):
        """The values that occur for a filter, the rarest first."""
        counts = collections.Counter(value for has in self.has(name) for value in has)
        fit = [value for value in counts if 0 < len(escaped(value)) <= 200]
        return sorted(fit, key=lambda value: (counts[value], value))

    def try_filter(self, name, beside=None, at_least=False):
        """One filter in every way: exact, wildcards, escapes, wrong case, several values, and with another."""
        texts = self.occurring(name)
        self.compare((name, ["no such value"]), at_least=at_least)
        self.compare((name, ["*"]), at_least=at_least)
        if not texts:
            return
        rare, common = texts[0], texts[-1]
        half, last = len(rare) // 2, rare[-1:]
        for asked in [
            [escaped(rare)],
            [escaped(common)],
            [escaped(rare), escaped(texts[len(texts) // 2]), "no such value"],
            [escaped(rare[:half]) + "*"],
            ["*" + escaped(rare[half:])],
            # `?` for a character that is there, and for one that is not.
            [escaped(rare[:half]) + "?" + escaped(rare[half + 1 :]) + "?"],
            # A wildcard taken as it is.
            [escaped(rare[:-1]) + r"\*", escaped(rare[:-1]) + r"\?", "\\" + rare],
            [escaped(rare + last)],
            [escaped(rare.swapcase()), escaped(common.swapcase())],
        ]:
            self.compare((name, asked), at_least=at_least)
        if beside:
            others = self.occurring(beside)
            if others:
                self.compare((name, [escaped(common)]), (beside, [escaped(others[-1])]), at_least=at_least)

    def try_all(self, names, at_least=()):
        """Each filter by itself and beside the one before."""
        before = None
        for name in names:
            self.try_filter(name, before, at_least=name in at_least)
            before = None if name in at_least else name

    def settle(self):
        assert not self.wrong, f"{len(self.wrong)} of {self.questions} differ:\n  " + "\n  ".join(self.wrong[:40])
        return self.questions
