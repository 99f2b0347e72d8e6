"""The table of launches in docs/semantics.md: written from a whole run, and compared with today's crash points."""

import datetime
import pathlib
import re

from matrix import FAULTS, MEANINGS, points

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs/semantics.md"
BEGIN = "<!-- from here written by tests/campaign/run launches --long --write-docs -->\n"
END = "<!-- to here -->\n"


def written(results, summary):
    """The table, with what the columns are."""
    by_cell = {(each.point, each.fault): each for each in results}
    today = datetime.datetime.now(datetime.UTC).date()
    lines = [f"{today}: {summary}.", ""]
    lines += [f"- **{fault}**: {meaning}" for fault, meaning in MEANINGS.items()]
    lines += ["", "| Death at | " + " | ".join(FAULTS) + " |", "|---|" + "---|" * len(FAULTS)]
    for point in points():
        row = [f"{each.sets} / {each.instances}" for each in (by_cell[point, fault] for fault in FAULTS)]
        lines.append(f"| `{point}` | " + " | ".join(row) + " |")
    return "\n".join(lines) + "\n"


def write_page(results, summary):
    """Puts the table of a whole run into the page."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n{written(results, summary)}\n{END}{after}")


def check_page(there):
    """How the page's rows and columns differ from the crash points and faults that there are."""
    table = PAGE.read_text().partition(BEGIN)[2].partition(END)[0]
    columns = re.search(r"^\| Death at \| (.*) \|$", table, re.M)
    if columns is None or columns[1].split(" | ") != list(FAULTS):
        yield f"the columns of the table of launches are not {list(FAULTS)}"
    rows = re.findall(r"^\| `([^`]+)` \|", table, re.M)
    if rows != there:
        differ = sorted(set(there) ^ set(rows))
        named = ", ".join(differ[:5]) or "their order"
        yield f"the rows of the table of launches are not today's crash points: {len(differ)} differ, {named}"
