"""The lateness figure shows the shares of its record, and leaves out what is unknown."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from escalation import plots, schema
from escalation.errors import UsageError
from escalation.events import EventArchive
from escalation.events.revisions import summarise_revisions

DELAYS = (0, 0, 0, 0, 1, 2, 5, 9, 20, 40)
SPANS = ["same day", "1", "2 to 3", "4 to 7", "8 to 14", "15 to 30", "over 30"]


def archive(*, updated=3, sources=("afp", "reuters")):
    """Ten events per source, some of them updated from 1 killed to 5."""
    rows = []
    for source in sources:
        for number, delay in enumerate(DELAYS):
            day = pd.Timestamp("2020-01-01") + pd.Timedelta(days=number)
            kind = "rocket_attack" if number % 3 else "air_strike"
            first = (source, str(number), day, day + pd.Timedelta(days=delay), kind, 1)
            rows.append((*first, "add"))
            if number < updated:
                rows.append((*first[:3], first[3] + pd.Timedelta(days=50), kind, 5, "update"))
    columns = [schema.SOURCE, schema.EVENT_ID, schema.EVENT_DATE, schema.KNOWN_DATE,
               schema.EVENT_TYPE, schema.KILLED, schema.OPERATION]  # fmt: skip
    frame = pd.DataFrame(rows, columns=columns).assign(severity=5)
    frame = frame.reindex(columns=[*schema.EVENT_COLUMNS, schema.OPERATION])
    counts = [schema.KILLED, schema.WOUNDED]
    frame[counts] = frame[counts].astype("Int64")
    return EventArchive.of(frame, known_basis="observed")


def words(figure):
    return [text.get_text() for text in figure.texts]


def test_bars_are_the_shares_of_each_span_for_all_sources_and_types():
    figure = plots.lateness_figure(summarise_revisions(archive()))
    bars, changes = figure.axes
    assert [label.get_text() for label in bars.get_yticklabels()] == [
        "all events (20)", "source afp (10)", "source reuters (10)", "rocket attack (12)",
        "air strike (8)",
    ]  # fmt: skip
    assert [text.get_text() for text in bars.get_legend().get_texts()] == SPANS
    widths = [container.patches[0].get_width() for container in bars.containers]
    np.testing.assert_allclose(widths, [0.4, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
    (killed,) = [line for line in changes.get_lines() if line.get_gid() == "killed"]
    np.testing.assert_allclose(killed.get_xdata(), [0.3, 0.3, 0.3, 1 / 3, 0.25])
    assert {text.get_text() for text in changes.texts} == {"by 4"}
    assert words(figure)[0] == "At least nine in ten events were reported within 20 days"


def test_texts_overlap_neither_each_other_nor_the_edge():
    figure = plots.lateness_figure(summarise_revisions(archive()))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    bars = figure.axes[0]
    shown = [*bars.get_yticklabels(), *figure.texts, *bars.get_legend().get_texts(), bars.title]
    shown += [*bars.texts, *figure.axes[1].texts]
    boxes = [text.get_window_extent(canvas.get_renderer()) for text in shown if text.get_text()]
    assert not [pair for pair in combinations(boxes, 2) if pair[0].overlaps(pair[1])]
    assert all(box.x0 >= 0 and box.x1 <= figure.bbox.width for box in boxes)


def test_a_single_source_or_type_gets_no_row():
    single = archive(sources=("afp",))
    same = replace(single, versions=single.versions.assign(event_type="battle"))
    figure = plots.lateness_figure(summarise_revisions(same))
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["all events (10)"]


def test_a_panel_without_data_is_left_out():
    observed = archive()
    (only_late,) = plots.lateness_figure(summarise_revisions(archive(updated=0))).axes
    assert only_late.get_title(loc="left").startswith("first reports")
    figure = plots.lateness_figure(summarise_revisions(replace(observed, known_basis="event_date")))
    (only_changes,) = figure.axes
    assert only_changes.get_title(loc="left").startswith("events whose toll")
    labels = only_changes.get_yticklabels()
    assert labels[0].get_text() == "all events (20)"
    assert all(label.get_visible() for label in labels)
    assert words(figure)[0] == "30% of events have a later version"


def test_assumed_report_dates_are_called_assumed():
    figure = plots.lateness_figure(summarise_revisions(replace(archive(), known_basis="assumed")))
    assert words(figure)[0] == "Report dates are assumed, not observed"


def test_without_delays_and_revisions_there_is_no_figure():
    silent = replace(archive(updated=0), known_basis="event_date")
    with pytest.raises(UsageError, match="E-PLOT"):
        plots.lateness_figure(summarise_revisions(silent))
