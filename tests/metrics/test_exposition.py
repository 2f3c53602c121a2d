"""The text format, read back by prometheus_client and by Prometheus' own checker; and what each file names."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procession.metrics import families as f
from procession.metrics.exposition import Sample, exposition
from procession.metrics.families import BY_NAME, FAMILIES, Type
from procession.metrics.shipped import GRAFANA, RULES, shipped
from tests.metrics.reading import Numbers, promtool

DOCS = Path(__file__).parents[2] / "docs/how-to/metrics.md"
SAID_OF_FAILED = (
    "web.1 has failed",
    "It is not started again until a person does. See: procession doctor web",
)
SAID_OF_QUEUE = (
    "1100 tasks wait in queue celery of celery",
    "See whether its workers work, or start more: procession scale NAME=COUNT",
)
METRIC = re.compile(r"\bprocession_[a-z_]+[a-z]\b")


def test_the_text() -> None:
    samples = [
        Sample(f.OPEN_FDS, ("web", "1"), 12),
        Sample(f.UP, (), True),
        Sample(f.OPEN_FDS, ("web", "2"), 13),
        Sample(f.LAST_EXIT, ("web", "1", "", "SIGKILL"), 1),
    ]
    assert exposition(samples) == (
        "# HELP procession_up Whether the supervisor answers.\n"
        "# TYPE procession_up gauge\n"
        "procession_up 1\n"
        "# HELP procession_instance_last_exit_info How it ended last: its exit code, or the signal that killed it;"
        " always 1.\n"
        "# TYPE procession_instance_last_exit_info gauge\n"
        'procession_instance_last_exit_info{process="web",replica="1",signal="SIGKILL"} 1\n'
        "# HELP procession_instance_open_fds Open file descriptors of its whole tree.\n"
        "# TYPE procession_instance_open_fds gauge\n"
        'procession_instance_open_fds{process="web",replica="1"} 12\n'
        'procession_instance_open_fds{process="web",replica="2"} 13\n'
    )


@given(st.text(min_size=1, alphabet=st.characters(exclude_categories=["Cs"])), st.integers(0, 2**53))
def test_what_is_in_a_label_is_read_back_as_it_was(text: str, number: int) -> None:
    """A queue may be called anything."""
    said = exposition([Sample(f.QUEUE_DEPTH, ("rq", text, ""), number)])
    read = Numbers(said.replace("\r", "\\r"))  # the parser takes a bare carriage return for the end of a line
    assert read.number("procession_queue_depth", runner="rq", queue=text.replace("\r", "\\r")) == float(
        f"{number:.15g}"
    )


def test_half_a_character_does_not_spoil_the_rest() -> None:
    assert exposition([Sample(f.QUEUE_DEPTH, ("rq", "\udcff", ""), 1)]).encode().endswith(b'queue="?"} 1\n')


def test_prometheus_finds_nothing_to_complain_of() -> None:
    assert not promtool("check", "metrics", text=exposition(_one_of_each()))


def test_nothing_is_named_against_the_rules() -> None:
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)
    for family in FAMILIES:
        assert family.name.endswith("_total") == (family.type is Type.COUNTER)
        assert not {"instance", "job"} & set(family.labels), "Prometheus gives these names to what it has asked"


@pytest.mark.parametrize("name", [RULES, GRAFANA])
def test_what_is_shipped_names_metrics_that_there_are(name: str) -> None:
    named = set(METRIC.findall(shipped(name)))
    assert named
    assert named <= set(BY_NAME)


def test_the_page_explains_every_metric_once() -> None:
    rows = re.findall(r"^\| `(procession_\w+)`", DOCS.read_text(), re.MULTILINE)
    assert rows == [family.name for family in FAMILIES]


def test_the_dashboard_has_a_panel_for_what_matters() -> None:
    board = json.loads(shipped(GRAFANA))
    queries = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    assert all('job=~"$job"' in query for query in queries)
    assert {variable["name"] for variable in board["templating"]["list"]} == {"datasource", "job", "instance"}


def test_prometheus_takes_the_rules(tmp_path: Path) -> None:
    path = tmp_path / "rules.yml"
    path.write_text(shipped(RULES))
    assert "SUCCESS" in promtool("check", "rules", str(path))


def test_the_rules_fire_when_they_should_and_only_then(tmp_path: Path) -> None:
    """Prometheus runs them over a story of ours: web fails after 10 minutes; nothing else happens."""
    (tmp_path / "rules.yml").write_text(shipped(RULES))
    labels = 'process="web",replica="1"'
    firing = """
      - eval_time: {at}
        alertname: {name}
        exp_alerts: {alerts}
"""
    failed = _alert("critical", SAID_OF_FAILED, process="web", replica="1", state="failed")
    queue_long = _alert("warning", SAID_OF_QUEUE, runner="celery", queue="celery")
    (tmp_path / "test.yml").write_text(
        f"""
rule_files: [rules.yml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - series: 'procession_up'
        values: '1x30'
      - series: 'procession_instance_state{{{labels},state="failed"}}'
        values: '0x9 1x20'
      - series: 'procession_process_wanted{{process="web"}}'
        values: '1x30'
      - series: 'procession_process_ready{{process="web"}}'
        values: '1x9 0x20'
      - series: 'procession_queue_depth{{runner="celery",queue="celery",priority="0"}}'
        values: '600x30'
      - series: 'procession_queue_depth{{runner="celery",queue="celery",priority="3"}}'
        values: '500x30'
    alert_rule_test:"""
        + firing.format(at="9m", name="ProcessionInstanceFailed", alerts="[]")
        + firing.format(at="11m", name="ProcessionInstanceFailed", alerts=failed)
        + firing.format(at="13m", name="ProcessionNotReady", alerts="[]")
        + firing.format(at="9m", name="ProcessionQueueLong", alerts="[]")
        + firing.format(at="12m", name="ProcessionQueueLong", alerts=queue_long)
        + firing.format(at="30m", name="ProcessionSupervisorDown", alerts="[]")
    )
    assert "SUCCESS" in promtool("test", "rules", str(tmp_path / "test.yml"))


def _alert(severity: str, said: tuple[str, str], **labels: str) -> str:
    """One that fires, as promtool wants it; JSON is YAML."""
    words = {"summary": said[0], "description": said[1]}
    return json.dumps([{"exp_labels": {"severity": severity, **labels}, "exp_annotations": words}])


def _one_of_each() -> list[Sample]:
    return [Sample(family, tuple(f"{label} of it" for label in family.labels), 1.5) for family in FAMILIES]
