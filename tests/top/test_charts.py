"""The lines of the last minutes: a picture, and the readings behind it."""

from __future__ import annotations

from dataclasses import replace

from procession.top.charts import CELL_SECONDS, KEEP_SECONDS, History, chart
from procession.watching.picture import InstanceRow
from procession.watching.usage import Usage

ROW = InstanceRow(
    key="web.1", name="web.1", state="ready", tone="good", mark="●", note="", is_alive=True, is_old=False, pid="1",
    life="1", uptime="1 s", restarts="0", used=Usage(100, 0.0), memory="100 B", cpu="7 %",
)  # fmt: skip


def test_now_is_at_the_right_and_what_nobody_saw_is_blank() -> None:
    assert chart([(0.0, 8.0), (CELL_SECONDS, 4.0), (3 * CELL_SECONDS, 1.0)], width=6) == ["  █▄ ▁"]
    assert chart([], width=3, height=2) == ["   ", "   "]


def test_a_cell_is_the_most_of_its_seconds_and_little_is_no_nothing() -> None:
    assert chart([(0.0, 1.0), (1.0, 100.0), (2.0, 1.0), (CELL_SECONDS, 0.0)], width=2) == ["█▁"]


def test_a_higher_chart_has_more_steps() -> None:
    points = [(0.0, 16.0), (CELL_SECONDS, 12.0), (2 * CELL_SECONDS, 4.0)]
    assert chart(points, width=3, height=2) == ["█▄ ", "██▄"]


def test_what_does_little_draws_no_mountains() -> None:
    assert chart([(0.0, 1.0)], width=1, least=20.0) == ["▁"]


def test_processor_time_is_that_since_the_last_look() -> None:
    history = History()
    history.note([ROW], 10.0)
    assert history.cpu_text(ROW) == "7 %"  # on average since its start: all that one look can tell
    busy = replace(ROW, used=Usage(200, 1.0))
    history.note([busy], 12.0)
    assert (history.cpu(busy), history.cpu_text(busy)) == ([(12.0, 50.0)], "50 %")
    assert history.memory(busy) == [(10.0, 100.0), (12.0, 200.0)]


def test_the_next_life_begins_its_own_and_the_past_is_forgotten() -> None:
    history = History()
    history.note([ROW], 0.0)
    history.note([replace(ROW, used=Usage(100, 1.0))], KEEP_SECONDS + 1)
    assert len(history.memory(ROW)) == 1
    following = replace(ROW, life="2")
    history.note([following], KEEP_SECONDS + 2)
    assert history.memory(ROW) == []
    assert history.cpu(following) == []
