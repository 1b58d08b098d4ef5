"""The DataFrames: dtypes as declared, numbers as in the findings, frames of several captures fit together."""

from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from analyzer.analysis import Analysis, analyze
from analyzer.report.tables.frames import frame
from analyzer.schema.export import FRAMES
from tests.recordings import SHORT

SAMPLES = Path(__file__).parents[3] / "samples"

each_table = pytest.mark.parametrize("name", FRAMES)


@cache
def analysis_of(sample: str) -> Analysis:
    return analyze(str(SAMPLES / sample / "capture.pcap"))


@each_table
@pytest.mark.parametrize("sample", ["nat-forgets-one-of-two", "link-dead-arp-8-3-5", "heartbeat"])
def test_columns_are_those_of_the_schema(name: str, sample: str) -> None:
    made = frame(name, analysis_of(sample))
    assert [(column, str(dtype)) for column, dtype in made.dtypes.items()] == [
        (field.name, field.dtype) for field in FRAMES[name]
    ]
    for field in FRAMES[name]:
        assert (made.attrs["units"][field.name], made.attrs["meanings"][field.name]) == (field.unit, field.meaning)


@each_table
def test_a_capture_without_connections_has_empty_tables(name: str, tmp_path: Path) -> None:
    empty = tmp_path / "empty.pcap"
    empty.write_bytes((SAMPLES / "nc-30-10-5/capture.pcap").read_bytes()[:24])
    made = frame(name, analyze(str(empty)))
    assert made.empty
    assert list(made.columns) == [field.name for field in FRAMES[name]]


@pytest.mark.parametrize("sample", SHORT, ids=lambda path: path.parent.name)
def test_numbers_are_those_of_the_findings(sample: Path) -> None:
    analysis = analyze(str(sample))
    flows, ends, probes = (frame(name, analysis) for name in ("flows", "ends", "probes"))
    assert list(flows["outcome"]) == [flow.verdict.outcome.value for flow in analysis.flows]
    told = [probe for flow in analysis.flows for end in flow.ends for probe in end.story.probes]
    assert list(probes["frame"]) == [probe.frame for probe in told]
    assert [time.value for time in probes["time"]] == [probe.ts_ns for probe in told]
    assert flows["probes"].sum() == ends["probes"].sum() == len(told)


def test_what_is_missing_is_missing() -> None:
    probes = frame("probes", analysis_of("nat-forgets-14-3-4"))
    assert probes["answer_frame"].isna().all()
    assert probes["delay"].isna().all()
    ends = frame("ends", analysis_of("nat-forgets-14-3-4"))
    assert pd.isna(ends["tcp_keepalive_intvl"].iloc[1])


def test_segments_come_in_capture_order_with_what_was_asked_on_the_link() -> None:
    segments = frame("segments", analysis_of("link-dead-arp-8-3-5"))
    assert segments["frame"].is_monotonic_increasing
    assert (segments["tag"] == "arp-unanswered").sum() == len(analysis_of("link-dead-arp-8-3-5").solicitations) > 0


def test_a_path_is_blamed_for_the_silence_that_broke_it() -> None:
    silences = frame("silences", analysis_of("nat-forgets-one-of-two"))
    assert list(silences["result"]) == ["failed", "survived"]
    failed_s, survived_s = silences["length"].dt.total_seconds()
    assert 14.0 <= failed_s < 14.3
    assert 6.0 <= survived_s < 6.3


def test_frames_of_two_captures_keep_their_categories() -> None:
    both = [frame("flows", analysis_of(sample)) for sample in ("nc-30-10-5", "peer-alive-8-2-4")]
    assert str(pd.concat(both)["outcome"].dtype) == "category"
