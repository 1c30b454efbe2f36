"""What of the benchmarks needs no measuring: charts, the page that they are written to, and what peers are given."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import orjson
import pytest
from jsonschema_rs import Draft202012Validator

from tools.bench import page, signed_patch
from tools.bench.charts.curves import HEIGHT, WIDTH, Axis, curve_chart
from tools.bench.growth import WORK, steps
from tools.bench.peers import SIGNED, patch_schema
from tools.bench.sections import CHARTS, PLANS, SECTIONS

PAGE = page.PAGE.read_text(encoding="utf-8")
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        pytest.param((1, 1000), 0, 3, id="powers of ten are its ends"),
        pytest.param((20, 900_000), 1, 6, id="others are inside"),
        pytest.param((50, 50), 1, 2, id="one value has a square of its own"),
        pytest.param((0, 7), 0, 1, id="nothing stands at the lower end"),
        pytest.param((), 0, 1, id="no values"),
    ],
)
def test_an_axis_reaches_from_power_to_power(values: tuple[float, ...], low: int, high: int) -> None:
    axis = Axis.over("µs", values)
    assert (axis.low, axis.high) == (low, high)
    assert all(0 <= axis.share(value) <= 1 for value in values)


def test_a_chart_holds_each_curve_that_has_points() -> None:
    """Inside its frame, with its name; a name is text whatever it holds."""
    chart = curve_chart("A & B", "x", "y", {"<ours>": [(1, 40), (1000, 4000)], "beside": [(1, 90)], "absent": []})
    drawn = ElementTree.fromstring(chart)
    texts = [text.text for text in drawn.iter(f"{SVG}text")]
    assert {"A & B", "<ours>", "beside", "1k", "10k"} <= set(texts)
    assert "absent" not in texts
    points = [(float(row.get("cx", -1)), float(row.get("cy", -1))) for row in drawn.iter(f"{SVG}circle")]
    assert len(points) == 3
    assert all(0 < x < WIDTH and 0 < y < HEIGHT for x, y in points)


@pytest.mark.parametrize(
    ("first", "most", "expected"),
    [(1, 20, [1, 2, 5, 10, 20]), (1, 7, [1, 2, 5, 7]), (1000, 1000, [1000])],
    ids=str,
)
def test_steps_end_at_the_most(first: int, most: int, expected: list[int]) -> None:
    assert steps(first, most) == expected


def test_a_section_is_put_in_its_place(tmp_path: Path) -> None:
    """What others wrote stays; pictures lie in a folder of the page's name."""
    written = tmp_path / "benchmarks.md"
    written.write_text("a\n<!-- one -->\nold\n<!-- /one -->\nb\n<!-- two -->\nkept\n<!-- /two -->\n", encoding="utf-8")
    page.put("one", "new", {"chart": "<svg/>"}, written)
    text = written.read_text(encoding="utf-8")
    assert text == "a\n<!-- one -->\nnew\n<!-- /one -->\nb\n<!-- two -->\nkept\n<!-- /two -->\n"
    assert (tmp_path / "benchmarks" / "chart.svg").read_text(encoding="utf-8") == "<svg/>"
    with pytest.raises(ValueError, match="three"):
        page.put("three", "", {}, written)


@pytest.mark.parametrize("name", SECTIONS)
def test_the_page_has_a_place_for_each_section(name: str) -> None:
    """What stands there says when it was measured, and what else the machine did meanwhile."""
    found = re.findall(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", PAGE, re.S)
    assert len(found) == 1
    head = found[0].partition("\n\n")[0]
    assert re.match(r"Measured 20\d\d-\d\d-\d\d", head)
    assert re.search("idle|busy|other work", head, re.I)


def test_the_page_shows_every_picture_and_no_other() -> None:
    shown = set(re.findall(r"\]\(benchmarks/(\w+)\.svg\)", PAGE))
    assert shown == {path.stem for path in page.PAGE.with_suffix("").iterdir()} == {*CHARTS, "throughput"}


def test_every_plan_says_how_far_each_work_goes() -> None:
    assert {name: set(plan.most) for name, plan in PLANS.items()} == {name: set(WORK) for name in PLANS}


def test_peers_get_rules_that_the_measured_request_keeps() -> None:
    """And others do not: their header rule and the contract's schema are what a checking peer checks."""
    schema = Draft202012Validator(patch_schema())
    assert all(schema.is_valid(orjson.loads(body)) for body in signed_patch.BODIES)
    assert not schema.is_valid([{"op": "explode", "path": "/CustomerType"}])
    assert re.fullmatch(SIGNED, signed_patch.headers()["Authorization"])
    assert not re.fullmatch(SIGNED, "Bearer abc")
