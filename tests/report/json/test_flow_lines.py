"""The lines are those that json.dumps makes of the values; interpreted and compiled, whatever the columns hold."""

import json
from array import array
from pathlib import Path
from random import Random
from typing import Any

import pytest

from analyzer.analysis import Analysis, analyze
from analyzer.engine.dispatch import Engine
from analyzer.engine.table import Table
from analyzer.keepalive.catalogue.profiles import known_idle_times, matching_profiles
from analyzer.keepalive.findings import End, Flow, Found
from analyzer.keepalive.settings.bounds import Inferred
from analyzer.keepalive.settings.constraints import ALL_CLOCKS
from analyzer.keepalive.settings.values import Basis, settings_of
from analyzer.keepalive.story.values import Heartbeat
from analyzer.keepalive.verdict.batch import LOST
from analyzer.keepalive.verdict.os_errors import ERRNOS
from analyzer.keepalive.verdict.values import Cause, Confidence, Outcome, Reason, ending_of, verdict_of
from analyzer.report.json import flow_lines, flow_members
from analyzer.report.json.document import ending_object, settings_object, verdict_object
from analyzer.report.json.flow_strings import FlowStrings, reason_object
from analyzer.report.json.string_pool import StringPool
from analyzer.report.units import iso, seconds
from analyzer.schema import ABSENT
from analyzer.schema.results import ENDINGS, INFERRED, INFERRED_SETTINGS, PROOFS, VERDICTS
from tests.engines import chosen
from tests.recordings import SHORT

NATIVE = chosen(is_native=True)
each_engine = pytest.mark.parametrize("engine", [Engine(), NATIVE], ids=["interpreted", "native"])
DROPPED = Path(__file__).parents[3] / "samples/nat-forgets-one-of-two/capture.pcap"


def flow_object(flow: Flow) -> dict[str, Any]:
    return {
        "id": flow.id,
        "tunnel": flow.tunnel,
        "opened": "midstream" if flow.is_midstream else "syn",
        "start": iso(flow.start_ns),
        "stop": iso(flow.end_ns),
        "packets": flow.packets,
        "bytes": flow.octets,
        "max_idle_s": seconds(flow.max_idle_ns),
        "continues": flow.continues,
        "silent_s": seconds(flow.silent_ns),
        "unacknowledged": unacknowledged_object(flow),
        "ending": ending_object(flow.ending) if flow.ending is not None else None,
        "ends": [end_object(end) for end in flow.ends],
        "verdict": verdict_object(flow.verdict),
    }


def unacknowledged_object(flow: Flow) -> dict[str, Any] | None:
    data = flow.story.unanswered_data
    if data is None or not data.octets or flow.story.reset is not None:
        return None
    forecast = [seconds(one) for one in data.gives_up_ns] if flow.verdict.outcome is Outcome.UNDETECTED else None
    since_s = seconds(flow.story.capture_end_ns - data.since_ns)
    return {
        "end": data.end,
        "octets": data.octets,
        "since_s": since_s,
        "resends": data.resends,
        "gives_up_s": forecast,
    }


def heartbeat_object(beat: Heartbeat | None) -> dict[str, Any] | None:
    if beat is None:
        return None
    return {
        "period_s": seconds(beat.period_ns),
        "octets": list(beat.octets),
        "count": beat.sent,
        "answered": beat.answered,
        "first_frame": beat.first_frame,
        "last_frame": beat.last_frame,
        "stopped_s": seconds(beat.stopped_ns),
    }


def end_object(end: End) -> dict[str, Any]:
    return {
        "addr": end.address,
        "port": end.port,
        "role": end.role.value,
        "keepalive": "on" if end.has_keepalive else "not-seen",
        "probed_by": end.story.probed_by.value if end.story.probed_by is not None else None,
        "probes": len(end.story.probes),
        "answered": end.answered,
        "payload_len": end.payload_len,
        "settings": settings_object(end.settings),
        "matches": list(end.matches),
        "heartbeat": heartbeat_object(end.story.heartbeat),
    }


def written(analysis: Analysis, found: Found, engine: Engine, full: int = 1 << 20) -> list[str]:
    string_pool = StringPool(flow_members.MEMBERS)
    words = FlowStrings(string_pool, analysis.tunnels).words(flow_lines.idle_times(found))
    out, reached, text = bytearray(full + flow_lines.LONGEST_LINE), array("q", [0]), ""
    while reached[0] < found.flow_count:
        octets = engine.run(flow_lines.write_flows, found, reached, words, string_pool.buffer(out), full)
        text += out[:octets].decode("ascii")
    return text.split(flow_members.BEFORE)[1:]


@each_engine
@pytest.mark.parametrize("sample", SHORT, ids=lambda path: path.parent.name)
def test_lines_of_samples(sample: Path, engine: Engine) -> None:
    analysis = analyze(str(sample))
    expected = [json.dumps(flow_object(flow)) for flow in analysis.flows]
    assert [line for found in analysis.flows.columns() for line in written(analysis, found, engine)] == expected
    assert [line for found in analysis.flows.columns() for line in written(analysis, found, engine, 0)] == expected


def made_up(random: Random, found: Found) -> Found:
    """The same flows with settings and verdicts that columns may hold, many of which no capture shows."""
    tables = inferred, settings, proofs, verdicts, endings = [
        Table(one) for one in (INFERRED, INFERRED_SETTINGS, PROOFS, VERDICTS, ENDINGS)
    ]
    for _ in range(200):
        proofs.append(random.randrange(10 ** random.randint(1, 12)))
    for row in range(8 * found.flow_count):
        basis, low, longest = (
            random.choice([ABSENT, *range(len(Basis))]),
            random.randrange(9) ** 6,
            random.randrange(10**12),
        )
        value = random.choice([ABSENT, low, *known_idle_times()])
        high = random.choice([ABSENT, low, low + random.randrange(99_999)])
        low, high = (bound if row % 4 == 3 or bound == ABSENT else bound // 1000 * 1000 for bound in (low, high))
        shortest = random.choice([longest, longest - random.randrange(9) * 10**6])
        settings.append(
            basis,
            value,
            low,
            high,
            random.randrange(1, 9),
            max(shortest, 0),
            longest,
            random.randrange(190),
            random.randrange(9),
        )
    for _ in range(2 * found.flow_count):
        clocks = random.sample(range(1, len(ALL_CLOCKS) + 1), random.randint(0, len(ALL_CLOCKS)))
        inferred.append(sum(clock << 4 * place for place, clock in enumerate(clocks)), 0)
    for _ in range(found.flow_count):
        reasons = sum((random.randrange(len(Reason)) + 1) << 8 * place for place in range(random.randint(0, 7)))
        verdicts.append(
            random.randrange(len(Outcome)),
            random.randrange(-1, len(Cause)),
            random.randrange(-1, 2),
            random.randrange(-1, len(ERRNOS)),
            random.choice([ABSENT, 0x19]),
            random.choice([ABSENT, random.randrange(2**62)]),
            random.randrange(len(Confidence)),
            reasons,
            random.randrange(70),
            random.randrange(128),
        )
    for _ in range(found.flow_count):
        clocks = [random.choice([ABSENT, random.randrange(2**62)]) for _ in range(5)]
        lost = random.randrange(150), random.randrange(9), random.randrange(9)
        endings.append(random.randrange(-1, 4), random.randrange(-1, 3), random.randrange(99), *clocks, *lost)
    views = [one.view for one in tables]
    made = dict(zip(("inferred", "settings", "proofs", "verdicts", "endings"), views, strict=True))
    return found._replace(**made, evidence=views[2])


@each_engine
def test_settings_and_verdicts_that_columns_may_hold(engine: Engine) -> None:
    analysis, random = analyze(str(DROPPED)), Random(7)
    values = list(analysis.flows)
    for _ in range(100):
        [found] = analysis.flows.columns()
        found = made_up(random, found)
        inferred = Inferred(found.inferred, found.settings, found.proofs, None, None)
        for it, line in enumerate(written(analysis, found, engine)):
            verdict, flow = verdict_of(found.verdicts, found.evidence, it), json.loads(line)
            assert '"verdict": ' + json.dumps(verdict_object(verdict)) in line
            ending = ending_of(found.endings, found.evidence, it)
            assert flow["ending"] == (ending_object(ending) if ending is not None else None)
            for end, value in enumerate(values[it].ends):
                settings = settings_of(inferred, 2 * it + end)
                assert '"settings": ' + json.dumps(settings_object(settings)) in line
                ports = values[it].ends[0].port << 16 | values[it].ends[1].port
                matches = matching_profiles(settings, value.payload_len, ports) if value.story.probes else ()
                assert flow["ends"][end]["matches"] == list(matches)


def test_a_line_is_no_longer_than_said() -> None:
    """Of numbers as long as they can be, and the longest sentences, as often as there can be any."""
    number = len(str(2**63))
    members = sum(map(len, flow_members.MEMBERS)) + 40 * (number + 20) + LOST * (number + 2)
    reasons = 7 * max(len(json.dumps(reason_object(one)) + ", ") for one in Reason)
    clocks = len(json.dumps([one.name for one in ALL_CLOCKS]))
    setting = sum(map(len, flow_members.MEMBERS)) + 400 + clocks + 8 * (number + 2) + 16 * number
    end = sum(map(len, flow_members.MEMBERS)) + 4 * setting + 5 * 80 + 16 * number
    assert members + reasons + 127 * (number + 2) + 2 * end <= flow_lines.LONGEST_LINE
