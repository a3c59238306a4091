"""Draws a timeline from left to right: a lane an attempt, Stripe's among them. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from markupsafe import Markup

from paidonce.reports.charts.svg import clipped, element, group, line, picture, rect, text, width_of
from paidonce.reports.charts.timescale import TimeScale
from paidonce.reports.timeline.model import Bar, Timeline
from paidonce.reports.timeline.steps import Kind, Step
from paidonce.reports.words import duration

WIDTH = 1120
_LEFT, _RIGHT = 148, 900
_TOP = 44
_ROW = {"attempt": 58, "stripe": 46}
_BAR = {"attempt": 30, "stripe": 22}
_PAD = 12
_AXIS = 58
_APART = 34
_SMALL, _NORMAL = 12.5, 13.5


class _Placed(msgspec.Struct, frozen=True, kw_only=True):
    """A bar with its place in pixels; ``y`` is the middle of it."""

    bar: Bar
    x1: float
    x2: float
    y: float


class _Lane(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    top: float
    height: float
    placed: tuple[_Placed, ...]


def timeline_picture(shown: Timeline, identity: str) -> Markup:
    """The whole as an inline picture; ``identity`` must be unique in the page."""
    drawing, height = timeline_drawing(shown, identity)
    told = " ".join(f"{step.number}. {step.text}" for step in shown.steps)
    title = f"Timeline of {shown.scenario} with {shown.variant}: {shown.conclusion}"
    return picture(WIDTH, height, title, told, drawing, identity=identity)


def timeline_drawing(shown: Timeline, identity: str) -> tuple[Markup, float]:
    """The drawing alone, to be put into another picture, and its height at width ``WIDTH``."""
    scale = _scale(shown)
    lanes, bottom = _lanes(shown, scale)
    placed = [item for lane in lanes for item in lane.placed]
    parts = [
        _defs(identity),
        *(_lane_ground(shown, lane) for lane in lanes),
        _break(shown, scale, bottom),
        *_connectors(shown, placed),
        *(_bar(shown, item, scale, identity) for item in placed),
        *_markers(shown, placed, scale),
        _axis(shown, scale, bottom, identity),
    ]
    return group(*parts, class_="timeline"), bottom + _AXIS


def _scale(shown: Timeline) -> TimeScale:
    times = [step.t for step in shown.steps] + [bar.start for bar in shown.bars]
    times += [bar.end for bar in shown.bars if bar.end is not None]
    times += [end for bar in shown.bars for _, end in bar.holds]
    return TimeScale(times, _LEFT, _RIGHT, _APART)


def _lanes(shown: Timeline, scale: TimeScale) -> tuple[list[_Lane], float]:
    """Stripe in the middle, so that calls cross as few lanes as can be."""
    attempts = list(range(shown.stripe))
    half = (len(attempts) + 1) // 2
    lanes = []
    top = float(_TOP)
    for number in [*attempts[:half], shown.stripe, *attempts[half:]]:
        kind = "stripe" if number == shown.stripe else "attempt"
        bars = sorted((b for b in shown.bars if b.lane == number), key=lambda b: b.start)
        rows = _packed(bars, scale)
        height = _ROW[kind] * (max(rows, default=0) + 1) + _PAD
        placed = tuple(
            _Placed(
                bar=bar,
                x1=scale(bar.start),
                x2=_end(bar, scale),
                y=top + _PAD / 2 + _ROW[kind] * (row + 0.5) + (6 if kind == "attempt" else 0),
            )
            for bar, row in zip(bars, rows, strict=True)
        )
        lanes.append(_Lane(number=number, top=top, height=height, placed=placed))
        top += height + 6
    return lanes, top - 6


def _end(bar: Bar, scale: TimeScale) -> float:
    return _RIGHT + 30 if bar.end is None else scale(bar.end)


def _packed(bars: Sequence[Bar], scale: TimeScale) -> list[int]:
    """For each bar the first row in which it and the words behind it are free."""
    ends: list[float] = []
    rows = []
    for bar in bars:
        start = scale(bar.start)
        words = bar.answer if bar.tone != "call" else f"{bar.label} {bar.answer}"
        reach = max(_end(bar, scale) + 34 + width_of(words, _SMALL), start + 90)
        row = next((r for r, end in enumerate(ends) if end <= start - 14), len(ends))
        ends[row : row + 1] = [reach]
        rows.append(row)
    return rows


def _defs(identity: str) -> Markup:
    stripes = element(
        "pattern",
        element("path", d="M-2,2 l4,-4 M0,8 l8,-8 M6,10 l4,-4", class_="hatch-line"),
        id=f"{identity}-hatch",
        width=8,
        height=8,
        patternUnits="userSpaceOnUse",
    )
    return element("defs", stripes)


def _lane_ground(shown: Timeline, lane: _Lane) -> Markup:
    stripe = lane.number == shown.stripe
    middle = lane.top + lane.height / 2
    name = clipped(shown.lanes[lane.number], 15, _LEFT - 30, bold=True)
    what = "takes the money" if stripe else "a client"
    return group(
        rect(0, lane.top, WIDTH, lane.height, f"lane-ground{' stripe' if stripe else ''}", 10),
        rect(0, lane.top, 5, lane.height, _colour(None if stripe else lane.number), 2.5),
        text(18, middle - 1, name, "lane-name"),
        text(18, middle + 15, what, "lane-what"),
    )


def _colour(lane: int | None) -> str:
    return "fill-nobody" if lane is None else f"fill-{lane % 6}"


def _stroke(lane: int | None) -> str:
    return "line-nobody" if lane is None else f"line-{lane % 6}"


def _break(shown: Timeline, scale: TimeScale, bottom: float) -> Markup:
    if shown.broke_at is None:
        return Markup("")
    x = scale(shown.broke_at)
    width = width_of(shown.broke, 14, bold=True) + 26
    left = min(max(x - width / 2, 4), WIDTH - width - 4)
    return group(
        rect(x, _TOP - 6, WIDTH - x, bottom - _TOP + 12, "broke-ground"),
        line(x, 30, x, bottom + 6, "broke-line"),
        rect(left, 4, width, 27, "broke-pill", 13.5),
        text(left + width / 2, 22.5, shown.broke, "broke-text", "middle"),
    )


def _connectors(shown: Timeline, placed: Sequence[_Placed]) -> list[Markup]:
    """From the bar of an attempt to Stripe's at the call, and back at its answer."""
    markups = []
    for call in placed:
        if call.bar.lane != shown.stripe or call.bar.owner is None:
            continue
        made_by = [
            item
            for item in placed
            if item.bar.lane == call.bar.owner
            and item.bar.start <= call.bar.start
            and (item.bar.end is None or call.bar.start <= item.bar.end)
        ]
        if not made_by:
            continue
        asker = made_by[-1]
        down = asker.y < call.y
        start = asker.y + (15 if down else -15)
        end = call.y + (-11 if down else 11)
        markups.append(_arrow(call.x1, start, end, _stroke(call.bar.owner)))
        answered = asker.bar.end is None or (call.bar.end or 0) <= asker.bar.end
        if answered and not call.bar.answer:
            markups.append(_arrow(call.x2, end, start, _stroke(call.bar.owner)))
    return markups


def _arrow(x: float, y1: float, y2: float, class_: str) -> Markup:
    back = -6 if y2 > y1 else 6
    head = f"M{x - 4:.5g},{y2 + back:.5g} L{x:.5g},{y2:.5g} L{x + 4:.5g},{y2 + back:.5g}"
    return group(
        line(x, y1, x, y2, f"connector {class_}"), element("path", d=head, class_=f"head {class_}")
    )


def _bar(shown: Timeline, item: _Placed, scale: TimeScale, identity: str) -> Markup:
    bar = item.bar
    if bar.lane == shown.stripe:
        return _call_bar(item, scale, identity)
    height = _BAR["attempt"]
    width = item.x2 - item.x1
    room = width - 34
    label_fits = width_of(bar.label, _NORMAL, bold=True) <= room
    label_at = (item.x1 + 17, item.y + 4.5) if label_fits else (item.x1 - 9, item.y - 20)
    tone = f"answer {bar.tone}"
    known = bar.end is not None
    room_behind = WIDTH - item.x2 - 22
    return group(
        rect(
            item.x1,
            item.y - height / 2,
            width,
            height,
            f"bar {_stroke(bar.owner)} tint-{(bar.owner or 0) % 6}{'' if known else ' open'}",
            8,
        ),
        text(*label_at, bar.label, "bar-label"),
        text(item.x2 + 15, item.y + 4.5, clipped(bar.answer, _NORMAL, room_behind), tone),
    )


def _call_bar(item: _Placed, scale: TimeScale, identity: str) -> Markup:
    bar, height = item.bar, _BAR["stripe"]
    top = item.y - height / 2
    parts = [
        rect(item.x1, top, item.x2 - item.x1, height, f"call {_stroke(bar.owner)}", 6),
    ]
    for start, end in bar.holds:
        x1, x2 = max(scale(start), item.x1), min(scale(end), item.x2)
        hatch = element(
            "rect",
            x=x1,
            y=top,
            width=max(x2 - x1, 1.0),
            height=height,
            rx=6,
            fill=f"url(#{identity}-hatch)",
        )
        parts.append(hatch)
    x = item.x2 + 16
    if bar.taken is not None:
        width = max(18.0, 10 + width_of(bar.taken, 12))
        parts.append(rect(x, item.y - 9, width, 18, f"coin {_colour(bar.owner)}", 5))
        parts.append(text(x + width / 2, item.y + 4.5, bar.taken, "coin-text", "middle"))
        x += width + 7
    words = f"{bar.label}, {bar.answer}" if bar.answer else bar.label
    class_ = "call-label took" if bar.taken is not None else "call-label"
    parts.append(text(x, item.y + 4.5, clipped(words, _SMALL, WIDTH - x - 6), class_))
    return group(*parts)


def _markers(shown: Timeline, placed: Sequence[_Placed], scale: TimeScale) -> list[Markup]:
    """The numbered circles that lead from the picture to the sentences beside it."""
    markups = []
    for step in shown.steps:
        x, y = scale(step.t), _height_of(step, placed)
        if step.kind is Kind.HOLD and any(
            other is not step and other.t == step.t for other in shown.steps
        ):
            x += 21  # an answer is held the moment it is there
        class_ = "marker broke" if step.broke else f"marker {_stroke(step.owner)}"
        markups.append(
            group(
                element("circle", cx=x, cy=y, r=9.5, class_=class_),
                text(x, y + 4, str(step.number), "marker-text", "middle"),
                class_="broke" if step.broke else None,
            )
        )
    return markups


def _height_of(step: Step, placed: Sequence[_Placed]) -> float:
    """The middle of the bar the step belongs to."""

    def belongs(item: _Placed) -> bool:
        bar = item.bar
        if bar.lane != step.lane:
            return False
        if step.kind is Kind.ASK:
            return bar.start == step.t
        if step.kind is Kind.ANSWER:
            return bar.end == step.t
        if step.kind is Kind.HOLD:
            return any(start == step.t for start, _ in bar.holds)
        ends = {bar.end, *(start for start, _ in bar.holds)}
        return step.t in ends and bar.owner == step.owner

    in_lane = [item for item in placed if item.bar.lane == step.lane]
    found = next((item for item in placed if belongs(item)), None) or next(iter(in_lane), None)
    return found.y if found is not None else _TOP + 20


def _axis(shown: Timeline, scale: TimeScale, bottom: float, identity: str) -> Markup:
    """Times since the first request, at the steps, as many as can be read."""
    origin = min((step.t for step in shown.steps), default=0)
    parts = [line(_LEFT, bottom + 10, _RIGHT + 40, bottom + 10, "axis")]
    last, said = -100.0, ""
    for t in sorted({step.t for step in shown.steps}):
        x = scale(t)
        parts.append(line(x, bottom + 6, x, bottom + 14, "axis"))
        words = duration(t - origin)
        if words != said and x - last >= width_of(words, 12) + 12:
            parts.append(text(x, bottom + 29, words, "tick", "middle"))
            last, said = x, words
    note = "Time runs to the right, "
    note += "stretched where much happens at once" if scale.stretched else "to scale"
    if any(bar.holds for bar in shown.bars):
        parts.append(rect(_LEFT, bottom + 40, 26, 12, "call line-nobody", 4))
        parts.append(
            element(
                "rect",
                x=_LEFT,
                y=bottom + 40,
                width=26,
                height=12,
                rx=4,
                fill=f"url(#{identity}-hatch)",
            )
        )
        parts.append(text(_LEFT + 34, bottom + 50, f"held by the harness.  {note}", "tick"))
    else:
        parts.append(text(_LEFT, bottom + 50, note, "tick"))
    return group(*parts)
