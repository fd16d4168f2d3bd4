"""The chart: `docs/benchmark.svg`, drawn by hand, for light and dark backgrounds."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from bench.contenders import CONTENDERS
from bench.plan import TAP
from bench.results import Results

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_WIDTH = 760
#: Where bars begin, and how long the longest may be.
_LEFT, _LENGTH = 190, 430
_LINE, _THICK = 30, 18

# An image in a page follows the reader's colour scheme by itself.
_STYLE = """\
<style>
  .paper { fill: #ffffff; } .ink { fill: #1f2328; } .pale { fill: #59636e; }
  .peer { fill: #8c959f; } .ours { fill: #0969da; } .axis { stroke: #d1d9e0; }
  .mark { stroke: #1f2328; stroke-width: 1.5; }
  text { font-size: 13px; font-family: system-ui, -apple-system, "Segoe UI", sans-serif; }
  .title { font-size: 15px; font-weight: 600; }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #0d1117; } .ink { fill: #f0f6fc; } .pale { fill: #9198a1; }
    .peer { fill: #656c76; } .ours { fill: #4493f8; } .axis { stroke: #3d444d; }
    .mark { stroke: #f0f6fc; }
  }
</style>
"""


def chart(data: Mapping[str, Any]) -> str:
    """Draw the chart.

    Args:
        data: The content of `benchmark.json`.

    Returns:
        An SVG.
    """
    results = Results(data)
    top = [*_rates(results, 34)]
    middle = 34 + _LINE * (len(CONTENDERS) + 2)
    bottom = [*_waits(results, middle)]
    height = middle + _LINE * (len(results.plan.concurrency) + 1) + 10
    size = f'viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
    title = "Rows per second of tap-yonyou and its peers, and its time with latency"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{title}">',
            f"<title>{title}</title>",
            _STYLE + f'<rect class="paper" width="{_WIDTH}" height="{height}" rx="6"/>',
            *top,
            *bottom,
            "</svg>\n",
        ]
    )


def _rates(results: Results, y: int) -> Iterator[str]:
    plan = results.plan
    runs = {name: results.nearby(name) for name in CONTENDERS}
    longest = max((plan.rows / run.spread[0] for run in runs.values() if run), default=1)
    what = f"{plan.rows:,} rows, {plan.page_sizes[0]:,} per page"
    text = f"Rows per second, {what}, {plan.nearby} ms a page (more is better)"
    yield _text(16, y - 8, text, "title ink")
    for number, (name, contender) in enumerate(CONTENDERS.items()):
        line, run = y + 10 + number * _LINE, runs[name]
        yield _text(_LEFT - 10, line + 14, contender.title, "ink", "end")
        if run is None:
            yield _text(_LEFT + 4, line + 14, "did not run or did not bring all rows", "pale")
            continue
        scale = _LENGTH / longest
        low, high = (_LEFT + plan.rows / seconds * scale for seconds in reversed(run.spread))
        yield _bar(line, run.rate * scale, "ours" if name == TAP else "peer")
        yield _line(low, line + _THICK / 2, high, line + _THICK / 2)
        end = max(high, _LEFT + run.rate * scale)
        yield _text(end + 8, line + 14, f"{run.rate:,.0f}", "ink")
    note = y + 24 + len(CONTENDERS) * _LINE
    yield _text(_LEFT, note, "floor: a bare loop that does the minimum, one page at a time", "pale")


def _waits(results: Results, y: int) -> Iterator[str]:
    plan = results.plan
    runs = {number: results.of("latency", concurrency=number) for number in plan.concurrency}
    longest = max((run.spread[1] for run in runs.values() if run), default=1)
    what = f"{plan.pages} pages at {plan.latency} ms latency"
    text = f"Seconds for {what} (less is better; the mark: the ideal)"
    yield _text(16, y - 8, text, "title ink")
    for position, (number, run) in enumerate(runs.items()):
        line, scale = y + 10 + position * _LINE, _LENGTH / longest
        yield _text(_LEFT - 10, line + 14, f"tap-yonyou, concurrency {number}", "ink", "end")
        if run is None:
            yield _text(_LEFT + 4, line + 14, "did not run", "pale")
            continue
        yield _bar(line, run.median * scale, "ours")
        end = _LEFT + run.median * scale
        if ideal := results.ideal(number):
            mark = _LEFT + ideal * scale
            yield _line(mark, line - 4, mark, line + _THICK + 4)
            end = max(end, mark)
        yield _text(end + 8, line + 14, f"{run.median:.1f} s", "ink")


def _bar(y: float, length: float, css: str) -> str:
    shape = f'x="{_LEFT}" y="{y:g}" width="{length:.1f}" height="{_THICK}" rx="2"'
    return f'<rect class="{css}" {shape}/>'


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="mark" x1="{x1:.1f}" y1="{y1:g}" x2="{x2:.1f}" y2="{y2:g}"/>'


def _text(x: float, y: float, text: str, css: str, anchor: str = "start") -> str:
    place = f'x="{x:.1f}" y="{y:g}" text-anchor="{anchor}"'
    return f'<text class="{css}" {place}>{escape(text)}</text>'
