"""The report page: complete, honest, safe to open, and byte for byte reproducible."""

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
from escalation.scoring.usual import against_usual, span

VOID = {"meta", "link", "br", "hr", "img", "input"}
POISON = '<script>document.title="owned"</script>'


class Outline(HTMLParser):
    """Every element with its attributes and text; fails at an end tag without a start tag."""

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
    parsed = Outline()
    parsed.feed(text)
    parsed.close()
    assert not parsed.open
    return parsed


def words(text):
    return re.sub(r"\s+", " ", "".join(outline(text).text))


@pytest.fixture(scope="module")
def data(crisis):
    return pages(crisis)


@pytest.fixture(scope="module")
def html(data):
    return page(data)


def test_the_page_is_well_formed_and_loads_nothing(html):
    elements = outline(html).elements
    for tag, attributes in elements:
        assert tag not in {"img", "iframe", "object", "embed", "base", "form", "video", "image"}
        assert "src" not in attributes and "xlink:href" not in attributes
        target = attributes.get("href", "#")
        assert target.startswith("#") or target == "data:,"
        assert not any(name.startswith("on") for name in attributes)
    assert not re.search(r"https?://|url\(|@import", html)
    assert [tag for tag, _ in elements].count("script") == 1


def test_every_link_leads_to_an_id_on_the_page_and_ids_are_unique(html):
    elements = outline(html).elements
    names = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert len(names) == len(set(names))
    links = {a["href"][1:] for tag, a in elements if tag == "a"}
    assert links <= set(names) and len(links) > 10


def test_headings_skip_no_level_and_every_picture_has_a_label(html):
    elements = outline(html).elements
    levels = [int(tag[1]) for tag, _ in elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    for tag, attributes in elements:
        if tag == "svg" and "viewbox" not in attributes:
            assert {"aria-hidden", "aria-label", "aria-labelledby"} & set(attributes)


def test_every_unit_is_listed_with_its_number_interval_and_base_rate(data, html):
    text = words(html)
    for score in data.scores:
        assert shown(score) in text
    first = data.scores[0]
    assert f"{percent(first.probability)} in the next 7 days ({against_usual(first)})" in text
    assert f"for {percent(first.probability)}, {span(first.lower, first.upper)}." in text


def test_expected_events_are_shown_unless_the_range_is_zero(data):
    scores = [
        replace(score, expected=1.34, count_low=0, count_high=3 * (at == 0))
        for at, score in enumerate(data.scores)
    ]
    text = words(page(replace(data, scores=scores)))
    assert (
        "Expected events, with their 80% range: 1.3 (0 to 3)" in text
        and "expected: 1.3 (0 to 3)" in text
    )
    assert "(0 to 0)" not in text


def test_drivers_are_named_with_their_contribution(data, html):
    text = words(html)
    drivers = [driver for score in data.scores for driver in score.drivers]
    assert len(drivers) >= 3
    for driver in drivers:
        day = f"{pd.Timestamp(driver.date):%-d %B %Y}"
        assert f"{driver.contribution:+.2f} {day}: {driver.event_type.replace('_', ' ')}" in text


def test_the_record_is_that_of_the_summary_and_marks_the_model_of_the_page(data, html):
    text = words(html)
    for row in data.summary.itertuples():
        assert f"{row.brier:.4f}" in text
    assert f"{data.family} this page" in text
    outcome = data.model_forecasts["outcome"].dropna()
    assert f"{len(outcome):,} forecasts, {int(outcome.sum()):,} of them followed" in text


def test_the_provenance_is_on_the_page(data, html):
    text = words(html)
    stamp = data.scores[0].provenance
    for name in ("model", "family", "model_hash", "training_data", "scored_data", "experiment"):
        assert str(stamp[name]) in text


def test_markup_in_the_data_is_escaped(data):
    events = data.events.copy()
    events[schema.SITE] = events[schema.SITE].mask(events[schema.SITE] == "taji", POISON)
    events[schema.EVENT_TYPE] = POISON
    events[schema.NOTE] = POISON
    scores = tuple(
        replace(score, unit=POISON, status=(POISON,),
                drivers=tuple(replace(d, place=POISON, actor=POISON) for d in score.drivers))
        if score.unit == "taji"
        else replace(score, provenance={**score.provenance, "model": POISON})
        for score in data.scores
    )  # fmt: skip
    html = page(replace(data, scores=scores, events=events))
    assert html.count("<script") == 1
    assert POISON not in html
    assert POISON in words(html)


def test_the_same_data_give_the_same_bytes(data, html, tmp_path):
    sizes = [write_report(data, tmp_path / name) for name in ("a.html", "b.html")]
    first, second = ((tmp_path / name).read_bytes() for name in ("a.html", "b.html"))
    assert first == second == html.encode()
    assert sizes == [len(first)] * 2 and len(first) < write.LARGEST


def test_a_page_that_would_be_too_large_keeps_the_list_and_drops_charts(
    data, html, tmp_path, monkeypatch
):
    small = len(html.encode()) * 2 // 3
    monkeypatch.setattr(write, "LARGEST", small)
    assert write_report(data, tmp_path / "small.html") < small
    text = (tmp_path / "small.html").read_text()
    assert text.count("<details") < html.count("<details")
    assert text.count('<li>\n<div class="who">') == len(data.scores)


def test_a_page_of_many_units_names_all_of_them(data, tmp_path):
    many = [replace(data.scores[1], unit=f"place_{i:04d}") for i in range(150)]
    assert write_report(replace(data, scores=tuple(many)), tmp_path / "many.html") < write.LARGEST
    text = words((tmp_path / "many.html").read_text())
    assert all(shown(score) in text for score in many)


def test_a_model_without_a_stored_record_says_so(data):
    bare = replace(data, forecasts=empty_forecasts(), summary=pd.DataFrame())
    text = words(page(bare))
    assert "No track record is stored with this model" in text
    assert "can't be compared here" in text


def test_a_unit_without_a_probability_is_listed_with_its_status(data):
    why = "no history: nothing was known here on the day"
    nothing = dict.fromkeys(("probability", "lower", "upper", "rank", "change"))
    silent = tuple(replace(score, status=(why,), **nothing) for score in data.scores)
    assert why in words(page(replace(data, scores=(*data.scores[:-1], silent[-1]))))
    assert "No unit has a probability today" in words(page(replace(data, scores=silent)))


def test_assumed_severity_is_reported(data, html):
    assert "without a rung" not in words(html)
    events = data.events.assign(
        **{schema.EVENT_TYPE: ["NATO drill"] * 2 + ["rocket_attack"] * (len(data.events) - 2)}
    )
    assert "2 events are of types without a rung ('NATO drill')" in words(
        page(replace(data, events=events))
    )


def test_a_day_before_the_end_of_training_is_called_in_sample(data, html):
    assert "In-sample" not in words(html)
    later = tuple(
        replace(score, provenance={**score.provenance, "trained_to": "2021-06-30"})
        for score in data.scores
    )
    text = words(page(replace(data, scores=later)))
    assert "In-sample: the model was trained on days up to 30 June 2021" in text


def test_outcomes_that_were_not_known_on_the_day_are_hidden(data):
    known = known_by(data.forecasts, np.datetime64("2020-06-30"))
    assert known["day"].max() == pd.Timestamp("2020-06-24")
    recent = known["day"] > pd.Timestamp("2020-06-23")
    assert known.loc[recent, "outcome"].isna().all() and recent.any()
    assert known.loc[~recent, "outcome"].notna().all()


def corners(path):
    """The corners of a path of M, H, V and Z commands."""
    at, points = [0.0, 0.0], []
    for command, numbers in re.findall("([MHVZ])([^MHVZ]*)", path):
        values = [float(n) for n in numbers.split()]
        if command == "M":
            at = values
        elif command in "HV":
            at = [values[0], at[1]] if command == "H" else [at[0], values[0]]
        points.append((command, *at))
    return points


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


def test_runs_of_true_values():
    known = np.array([False, True, True, False, True])
    assert [run.tolist() for run in runs(known)] == [[1, 2], [4]]


def test_days_lie_along_the_axis_and_few_months_are_labelled():
    axis = Axis(pd.Timestamp("2020-01-01"), pd.Timestamp("2020-12-31"))
    assert (axis.at("2020-01-01"), axis.at("2020-12-31")) == (0, 100)
    ticks = axis.ticks(most=4)
    assert 2 <= len(ticks) <= 4
    assert ticks[0][1] == "Apr 2020" and ticks[0][0] == pytest.approx(100 * 91 / 365, abs=0.01)


@pytest.mark.parametrize(("seed", "capitals"), [(0, 0), (1, 0), (2, 0), (3, 5), (4, 5)])
def test_no_two_map_labels_overlap_and_north_is_up(seed, capitals):
    rng = np.random.default_rng(seed)
    count = 40
    latitude, longitude = 33 + rng.normal(0, 0.6, count), 44 + rng.normal(0, 0.6, count)
    names = [f"{'PLACE' if capitals else 'place'} {i}" for i in range(count)]
    drawn = dot_map(names, latitude, longitude, rng.random(count))
    height = {dot.name: dot.y for dot in drawn.dots}
    assert sorted(height, key=height.get) == [names[i] for i in np.argsort(-latitude)]
    boxes = []
    for dot in drawn.dots:
        assert 0 < dot.x < drawn.width and 0 < dot.y < drawn.height
        if dot.label_x is not None:
            width = 5.6 * (len(dot.name) + capitals / 3)
            left = dot.label_x - (width if dot.anchor == "end" else 0)
            boxes.append((left, dot.label_y - 5.9, left + width, dot.label_y + 5.9))
    assert len(boxes) >= 5
    for a, b in combinations(boxes, 2):
        apart = a[2] <= b[0] + 0.2 or b[2] <= a[0] + 0.2
        assert apart or a[3] <= b[1] + 0.2 or b[3] <= a[1] + 0.2


def test_units_without_a_location_have_no_map():
    nowhere = np.array([np.nan, 33.0])
    assert dot_map(["a", "b"], nowhere, nowhere, np.array([0.1, 0.2])) is None


@pytest.mark.slow
def test_training_logs_a_page_and_the_command_writes_one(tmp_path):
    from command_line import QUICK, escalation

    (tmp_path / "quick.toml").write_text(QUICK + "\n[models]\nlogistic = {}\n")
    assert escalation("train", "quick.toml", folder=tmp_path).returncode == 0
    (logged,) = tmp_path.rglob("artifacts/report.html")
    assert "Overall" in words(logged.read_text())
    done = escalation("report", "--model", "quick", "--out", "a.html", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "quick@champion v1" in words((tmp_path / "a.html").read_text())
    escalation("report", "--model", "quick", "--out", "b.html", folder=tmp_path)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
    refused = escalation("report", "--model", "quick", "--out", "a.pdf", folder=tmp_path)
    assert (refused.returncode, "E-FORMAT" in refused.stderr) == (2, True)


def test_constant_forecasts_are_summarised_without_a_split():
    outcome = np.array([1.0, 0.0, 0.0, 0.0])
    assert "occurred in 25% of cases" in record._in_a_sentence(np.full(4, 0.3), outcome)
    probability = np.array([0.9, 0.8, 0.1, 0.1, 0.1, 0.1])
    outcome = np.array([1.0, 0, 0, 0, 0, 0])
    assert "in the rest, 10% on average, in 0%" in record._in_a_sentence(probability, outcome)
