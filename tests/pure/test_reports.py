"""A report that went through JSON is the report that was sent."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from skillport_sync import reports
from skillport_sync.errors import Broken
from skillport_sync.reports import NewToken, PullReport, Report, StatusReport, TokenRow

REPORTS = [
    each
    for each in vars(reports).values()
    if isinstance(each, type) and issubclass(each, Report) and each is not Report
]


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.__name__)
# No deadline: the first of each kind builds its parser.
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_every_report_comes_back_from_json_as_it_was(report: type[Report], data: st.DataObject) -> None:
    sent = data.draw(st.from_type(report))
    assume("nan" not in repr(sent) and "inf" not in repr(sent))  # no duration is either, and JSON has neither
    assert report.from_json(json.loads(json.dumps(sent.to_json()))) == sent


def test_fields_that_a_reader_does_not_know_are_ignored() -> None:
    report = PullReport("acme/skills", "unchanged", None, None, "operator")
    assert PullReport.from_json({**report.to_json(), "from_the_future": 1}) == report


@pytest.mark.parametrize("value", [None, [], {}, {"marketplace": "acme/skills", "outcome": "danced"}])
def test_what_is_no_report_is_broken(value: object) -> None:
    with pytest.raises(Broken, match="a PullReport that cannot be read"):
        PullReport.from_json(value)


def test_times_are_told_in_utc() -> None:
    at = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    assert StatusReport(at, "1", True, ()).to_json()["at"] == "2026-11-20T12:00:00Z"


def test_a_new_token_does_not_show_itself_in_a_repr() -> None:
    row = TokenRow("1", "token:ci", "ci", datetime(2026, 11, 20, tzinfo=UTC))
    assert "hush" not in repr(NewToken("hush", row))
