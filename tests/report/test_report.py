"""The page that an analyst opens: whole, honest, safe to open, and the same bytes again."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import combinations, pairwise

import numpy as np
import pandas as pd
import pytest
from pages import pages

from escalation import schema
from escalation._util.text import percent
from escalation.report import page, record, write, write_report
from escalation.report.charts import Axis, band, dot_map, steps
from escalation.report.ground import runs
from escalation.report.page_data import empty_forecasts, known_by
from escalation.report.sections import shown
from escalation.scoring.usual import against_usual, came_true

VOID = {"meta", "link", "br", "hr", "img", "input"}
POISON = '<script>document.title="owned"</script>'


class Outline(HTMLParser):
    """Every element with its attributes and text; fails where one is closed that is not open."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.elements, self.text = [], [], []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.text.append(data)


def outline(text):
    found = Outline()
    found.feed(text)
    found.close()
    assert not found.open
    return found


def words(text):
    return re.sub(r"\s+", " ", "".join(outline(text).text))


@pytest.fixture(scope="module")
def data(crisis):
    return pages(crisis)


@pytest.fixture(scope="module")
def made(data):
    return page(data)


def test_the_page_is_well_formed_and_asks_for_nothing_from_anywhere(made):
    found = outline(made)
    for tag, attributes in found.elements:
        assert tag not in {"img", "iframe", "object", "embed", "base", "form", "video", "image"}
        assert "src" not in attributes and "xlink:href" not in attributes
        target = attributes.get("href", "#")
        assert target.startswith("#") or target == "data:,"
        assert not any(name.startswith("on") for name in attributes)
    assert not re.search(r"https?://|url\(|@import", made)
    assert [tag for tag, _ in found.elements].count("script") == 1


def test_every_link_leads_to_a_place_on_the_page_and_every_name_is_given_once(made):
    found = outline(made).elements
    names = [attributes["id"] for _, attributes in found if "id" in attributes]
    assert len(names) == len(set(names))
    links = {a["href"][1:] for tag, a in found if tag == "a"}
    assert links <= set(names) and len(links) > 10


def test_headings_go_down_one_at_a_time_and_every_picture_says_what_it_shows(made):
    found = outline(made).elements
    levels = [int(tag[1]) for tag, _ in found if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    for tag, attributes in found:
        if tag == "svg" and "viewbox" not in attributes:
            told = {"aria-hidden", "aria-label", "aria-labelledby"} & set(attributes)
            assert told


def test_every_unit_is_listed_with_its_number_interval_and_base_rate(data, made):
    text = words(made)
    for one in data.scores:
        assert shown(one) in text
    first = data.scores[0]
    assert f"{percent(first.probability)} in the next 7 days ({against_usual(first)})" in text
    assert came_true(first.probability, first.lower, first.upper) in text


def test_how_many_are_expected_is_told_where_one_may_come(data):
    told = [
        replace(one, expected=1.34, count_low=0, count_high=3 * (at == 0))
        for at, one in enumerate(data.scores)
    ]
    text = words(page(replace(data, scores=told)))
    assert text.count("ow many: 1.3 (0 to 3)") >= 2 and "(0 to 0)" not in text


def test_drivers_are_named_with_what_they_add(data, made):
    text = words(made)
    told = 0
    for one in data.scores:
        for driver in one.drivers:
            day = f"{pd.Timestamp(driver.date):%-d %B %Y}"
            assert (
                f"{driver.contribution:+.2f} {day}: {driver.event_type.replace('_', ' ')}" in text
            )
            told += 1
    assert told >= 3


def test_the_record_is_that_of_the_summary_and_the_speaker_is_marked(data, made):
    text = words(made)
    for row in data.summary.itertuples():
        assert f"{row.brier:.4f}" in text
    assert f"{data.family} this page" in text
    known = data.own["outcome"].notna().sum()
    assert f"{known:,} forecasts, {int(data.own['outcome'].sum()):,} of them followed" in text


def test_where_it_comes_from_is_on_the_page(data, made):
    text = words(made)
    stamp = data.scores[0].provenance
    for name in ("model", "family", "model_hash", "training_data", "scored_data", "experiment"):
        assert str(stamp[name]) in text


def test_text_that_is_a_program_is_shown_and_not_run(data):
    events = data.events.copy()
    events[schema.SITE] = events[schema.SITE].mask(events[schema.SITE] == "taji", POISON)
    events[schema.EVENT_TYPE] = POISON
    events[schema.NOTE] = POISON
    scores = tuple(
        replace(one, unit=POISON, status=(POISON,),
                drivers=tuple(replace(d, place=POISON, actor=POISON) for d in one.drivers))
        if one.unit == "taji" else replace(one, provenance={**one.provenance, "model": POISON})
        for one in data.scores
    )  # fmt: skip
    found = page(replace(data, scores=scores, events=events))
    assert found.count("<script") == 1
    assert POISON not in found
    assert POISON in words(found)


def test_the_same_story_gives_the_same_bytes(data, made, tmp_path):
    sizes = [write_report(data, tmp_path / name) for name in ("a.html", "b.html")]
    first, second = ((tmp_path / name).read_bytes() for name in ("a.html", "b.html"))
    assert first == second == made.encode()
    assert sizes == [len(first)] * 2 and len(first) < write.LARGEST


def test_a_page_that_would_be_too_large_keeps_the_list_and_drops_charts(
    data, made, tmp_path, monkeypatch
):
    small = len(made.encode()) * 2 // 3
    monkeypatch.setattr(write, "LARGEST", small)
    assert write_report(data, tmp_path / "small.html") < small
    text = (tmp_path / "small.html").read_text()
    assert text.count("<details") < made.count("<details")
    assert text.count('<li>\n<div class="who">') == len(data.scores)


def test_a_page_of_many_units_names_all_of_them(data, tmp_path):
    many = [replace(data.scores[1], unit=f"place_{i:04d}") for i in range(150)]
    assert write_report(replace(data, scores=tuple(many)), tmp_path / "many.html") < write.LARGEST
    text = words((tmp_path / "many.html").read_text())
    assert all(shown(one) in text for one in many)


def test_a_model_without_a_stored_record_says_so(data):
    bare = replace(data, forecasts=empty_forecasts(), summary=pd.DataFrame())
    text = words(page(bare))
    assert "No track record is stored with this model" in text
    assert "can't be compared here" in text


def test_a_unit_without_an_answer_is_there_with_its_status(data):
    why = "no history: nothing was known here on the day"
    nothing = dict.fromkeys(("probability", "lower", "upper", "rank", "change"))
    silent = tuple(replace(one, status=(why,), **nothing) for one in data.scores)
    assert why in words(page(replace(data, scores=(*data.scores[:-1], silent[-1]))))
    assert "No unit can be given a probability today" in words(page(replace(data, scores=silent)))


def test_severity_that_is_assumed_is_told(data, made):
    assert "without a rung" not in words(made)
    own = data.events.assign(
        **{schema.EVENT_TYPE: ["NATO drill"] * 2 + ["rocket_attack"] * (len(data.events) - 2)}
    )
    assert "2 events are of types without a rung ('NATO drill')" in words(
        page(replace(data, events=own))
    )


def test_a_day_that_the_model_has_learned_from_is_called_in_sample(data, made):
    assert "In-sample" not in words(made)
    later = tuple(
        replace(one, provenance={**one.provenance, "trained_to": "2021-06-30"})
        for one in data.scores
    )
    text = words(page(replace(data, scores=later)))
    assert "In-sample: the model was trained on days up to 30 June 2021" in text


def test_outcomes_that_had_not_come_by_the_day_are_not_told(data):
    told = known_by(data.forecasts, np.datetime64("2020-06-30"))
    assert told["day"].max() == pd.Timestamp("2020-06-24")
    recent = told["day"] > pd.Timestamp("2020-06-23")
    assert told.loc[recent, "outcome"].isna().all() and recent.any()
    assert told.loc[~recent, "outcome"].notna().all()


def corners(path):
    """The points of a path of M, H, V and Z, by walking it."""
    at, found = [0.0, 0.0], []
    for command, numbers in re.findall("([MHVZ])([^MHVZ]*)", path):
        values = [float(n) for n in numbers.split()]
        if command == "M":
            at = values
        elif command in "HV":
            at = [values[0], at[1]] if command == "H" else [at[0], values[0]]
        found.append((command, *at))
    return found


def test_a_curve_holds_each_value_until_the_next_and_stops_at_gaps():
    x, y = np.array([0.0, 10, 20, 30]), np.array([0.1, 0.4, np.nan, 1.0])
    assert corners(steps(x, y, end=50.0)) == [
        ("M", 0, 90), ("H", 10, 90), ("V", 10, 60), ("H", 20, 60), ("M", 30, 0), ("H", 50, 0),
    ]  # fmt: skip
    assert steps(np.empty(0), np.empty(0), end=1.0) == ""


def test_an_interval_is_a_closed_shape_of_the_right_area():
    rng = np.random.default_rng(3)
    x, low = np.arange(0.0, 60, 10), rng.uniform(0, 0.4, 6).round(3)
    high = low + rng.uniform(0.1, 0.5, 6).round(3)
    points = np.array([(a, b) for _, a, b in corners(band(x, low, high, end=60.0))])
    a, b = points[:-1].T if len(points) % 2 else points.T
    area = abs(np.dot(a, np.roll(b, 1)) - np.dot(b, np.roll(a, 1))) / 2
    assert area == pytest.approx(((high - low) * 10 * 100).sum(), abs=2.0)


def test_stretches_without_a_gap():
    known = np.array([False, True, True, False, True])
    assert [run.tolist() for run in runs(known)] == [[1, 2], [4]]


def test_days_lie_along_the_axis_and_few_of_them_are_named():
    axis = Axis(pd.Timestamp("2020-01-01"), pd.Timestamp("2020-12-31"))
    assert (axis.at("2020-01-01"), axis.at("2020-12-31")) == (0, 100)
    ticks = axis.ticks(most=4)
    assert 2 <= len(ticks) <= 4
    assert ticks[0][1] == "Apr 2020" and ticks[0][0] == pytest.approx(100 * 91 / 365, abs=0.01)


@pytest.mark.parametrize("seed", range(5))
def test_no_two_labels_of_the_map_touch_and_north_is_up(seed):
    rng = np.random.default_rng(seed)
    count = 40
    latitude, longitude = 33 + rng.normal(0, 0.6, count), 44 + rng.normal(0, 0.6, count)
    names = [f"place {i}" for i in range(count)]
    drawn = dot_map(names, latitude, longitude, rng.random(count))
    height = {dot.name: dot.y for dot in drawn.dots}
    assert sorted(height, key=height.get) == [names[i] for i in np.argsort(-latitude)]
    boxes = []
    for dot in drawn.dots:
        assert 0 < dot.x < drawn.width and 0 < dot.y < drawn.height
        if dot.label_x is not None:
            left = dot.label_x - (5.6 * len(dot.name) if dot.anchor == "end" else 0)
            boxes.append((left, dot.label_y - 5.9, left + 5.6 * len(dot.name), dot.label_y + 5.9))
    assert len(boxes) >= 5
    for one, other in combinations(boxes, 2):
        apart = one[2] <= other[0] + 0.2 or other[2] <= one[0] + 0.2
        assert apart or one[3] <= other[1] + 0.2 or other[3] <= one[1] + 0.2


def test_units_without_a_place_have_no_map():
    nowhere = np.array([np.nan, 33.0])
    assert dot_map(["a", "b"], nowhere, nowhere, np.array([0.1, 0.2])) is None


@pytest.mark.slow
def test_training_logs_a_page_and_the_command_writes_one(tmp_path):
    from command_line import QUICK, escalation

    (tmp_path / "quick.toml").write_text(QUICK + "\n[models]\nlogistic = {}\n")
    assert escalation("train", "quick.toml", folder=tmp_path).returncode == 0
    (logged,) = tmp_path.rglob("artifacts/report.html")
    assert "All together" in words(logged.read_text())
    done = escalation("report", "--model", "quick", "--out", "a.html", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "quick@champion v1" in words((tmp_path / "a.html").read_text())
    escalation("report", "--model", "quick", "--out", "b.html", folder=tmp_path)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
    refused = escalation("report", "--model", "quick", "--out", "a.pdf", folder=tmp_path)
    assert (refused.returncode, "E-FORMAT" in refused.stderr) == (2, True)


def test_a_record_that_always_says_the_same_is_told_without_a_split():
    came = np.array([1.0, 0.0, 0.0, 0.0])
    assert "occurred in 25% of cases" in record._middle(np.full(4, 0.3), came)
    said, came = np.array([0.9, 0.8, 0.1, 0.1, 0.1, 0.1]), np.array([1.0, 0, 0, 0, 0, 0])
    assert "in the rest, 10% and 0%" in record._middle(said, came)
