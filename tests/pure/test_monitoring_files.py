"""The dashboard and the alerts ask for metrics that exist, by labels that they have, and say where to read what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from skillport_sync.observing.counts import EVENTS, WRITES
from skillport_sync.observing.families import FAMILIES, PROCESS, sample_names

ROOT = Path(__file__).parents[2]
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "skillport-sync.json"

LABELS = {sample: set(family.labels) for family in FAMILIES for sample in sample_names(family)}
LABELS |= {name: set() for name in PROCESS} | {"up": set()}
OF_EVERY_TARGET = {"job", "instance", "le"}

_SAMPLE = re.compile(r"\b((?:skillport|process)_\w+|up)\b(?:\{([^}]*)\})?")
_GROUPED = re.compile(r"\bby \(([^)]*)\)")


def rules() -> list[dict[str, object]]:
    (group,) = YAML(typ="safe").load(ALERTS.read_text())["groups"]
    return list(group["rules"])


def panels() -> list[dict[str, object]]:
    return list(json.loads(DASHBOARD.read_text())["panels"])


def expressions() -> Iterator[tuple[str, str]]:
    for rule in rules():
        yield str(rule["alert"]), str(rule["expr"])
    for panel in panels():
        for target in panel.get("targets", []):  # type: ignore[attr-defined]
            yield str(panel["title"]), target["expr"]


@pytest.mark.parametrize(("title", "expression"), list(expressions()))
def test_every_metric_that_is_asked_for_exists_and_has_the_labels(title: str, expression: str) -> None:
    bare = re.sub(r'"[^"]*"', '""', expression)
    asked = _SAMPLE.findall(bare)
    assert asked, "nothing is asked for"
    for name, matchers in asked:
        assert name in LABELS, name
        by = re.findall(r"(\w+)\s*(?:=|!)", matchers)
        assert set(by) <= LABELS[name] | OF_EVERY_TARGET, (name, by)
    grouped = {label.strip() for group in _GROUPED.findall(bare) for label in group.split(",")}
    assert grouped <= set.union(*(LABELS[name] for name, _ in asked)) | OF_EVERY_TARGET


def anchors(page: Path) -> set[str]:
    """What GitHub makes of headings: https://docs.github.com/get-started/writing-on-github (section links)."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_every_alert_says_how_bad_it_is_and_where_to_read_what_to_do(rule: dict[str, dict[str, str]]) -> None:
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert rule["annotations"]["summary"]
    assert anchor in anchors(ROOT / page)


def test_alerts_have_names_of_their_own_and_panels_do_not_overlap() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names)
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])  # type: ignore[index]
            for y in range(at["y"], at["y"] + at["h"])  # type: ignore[index]
        }
        assert not cells & taken, panel["title"]
        taken |= cells


def test_every_metric_is_shown_or_watched() -> None:
    seen = {name for _, expression in expressions() for name, _ in _SAMPLE.findall(expression)}
    unseen = {family.name for family in FAMILIES if not sample_names(family) & seen}
    assert unseen <= {
        "skillport_build_info",
        "skillport_last_pull_in_step",
        "skillport_github_rate_limit_reset_timestamp_seconds",
    }


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_names_follow_prometheus(family: object) -> None:
    name, kind, labels = family.name, family.kind, family.labels  # type: ignore[attr-defined]
    assert re.fullmatch(r"skillport_[a-z_]+", name)
    assert not name.endswith(("_total", "_count", "_sum", "_bucket", "_ms"))
    assert kind != "histogram" or name.endswith("_seconds")
    assert not {"person", "principal", "skill", "path", "commit", "client"} & set(labels)


def test_the_words_of_labels_are_words() -> None:
    assert all(re.fullmatch(r"[a-z_]*", word) for word in EVENTS | WRITES)
