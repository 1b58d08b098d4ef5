"""What a recording must be held against: truth.toml and README.md, from what the kernel and the applications said.

Settings are those that getsockopt read back, counts of probes those of TCP_INFO, errors those
that epoll and SO_ERROR gave the application; the rest is what was declared. The analyzer has no part in it.

Which settings the wire determines follows from three rules:

- tcp_keepalive_time, when a probe was sent after a gap whose beginning was recorded;
- tcp_keepalive_intvl, when two probes went unanswered, or one and the RST that gives up;
- tcp_keepalive_probes, when the prober gave up, no user timeout took the count's place, and no data waited, whose
  retransmission timer gives up with the same errno;

the latter two where unanswered probes reach the capture point, the last where none is lost on the way to it.

Who ended a connection follows from the first thing that an application did or was told: it closed, or was told that
the other end had; if it was no orderly close, the first error that one saw. What they cannot know is declared.

What a reader must conclude first (`[[conclusion]]`) is declared with the scene.

Linux's timers are late by up to an eighth. Below SHARP_BELOW_S that is less than the second that
would lead to the next setting; above it a setting counts as determined when it is one that people use. That suits
the slow timers of other stacks, too. Fractions of a second, which some can be set to, are never determined.
"""

import platform
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from samples.record.scenarios import HOSTS, REBOUND_PORT, Connection, Limit, Scenario
from samples.record.stacks.catalogue import SILENT, STACKS, pasta_version

SHARP_BELOW_S = 14
USED_BY_PEOPLE = {15, 20, 30, 45, 60, 75, 90, 120, 150, 180, 240, 300, 600, 900, 1200, 1800, 3600, 7200}
SETTINGS = {"tcp_keepalive_time": "time", "tcp_keepalive_intvl": "intvl", "tcp_keepalive_probes": "probes"}
NOTICED = ("timed-out", "unreachable", "reset")
GIVE_UPS = ("ETIMEDOUT", "ECONNABORTED")
"""The latter on lwIP (err.c err_to_errno of ERR_ABRT)."""
RESETS = ("ECONNRESET", "EPIPE")
RESET_MASK = 25
"""EPOLLIN, EPOLLERR and EPOLLHUP, with which the kernel tells an application of a RST."""
ANSWER_MS = 300
"""An ACK so much younger than the last data answered a probe, if no data waited to be sent."""
COARSE_CLOCK = 6
"""CLOCK_MONOTONIC_COARSE, which advances once a tick (linux/time.h)."""
PASTA_QUIET_S = 30
"""tcp.c KEEPALIVE_INTERVAL of passt."""
MOST_STEPS = 8
"""A longer script is not repeated in the README."""


class UnexpectedTruthError(Exception):
    """The applications saw something else than the scenario declares."""


def write(scenario: Scenario, points: tuple[str, ...], logs: dict[str, list[dict[str, Any]]], folder: Path) -> None:
    flows = [_flow(scenario, connection, points, logs) for connection in scenario.connections]
    if "responder" in points and scenario.forgotten == "rebind":
        flows = [one for flow in flows for one in _rebound(flow)]
    lines = [
        f"what = {_toml(scenario.what)}",
        f"capture_point = {_toml(' and '.join(points))}",
        f"kernel = {_toml(kernel())}",
        f"hz = {kernel_hz()}",
    ]
    prefix = "flow." if len(flows) > 1 else ""
    for flow in flows:
        if prefix:
            lines += ["", "[[flow]]", f"port = {flow['port']}"]
            if "continues" in flow:
                lines.append(f"continues = {flow['continues']}")
        if flow["fault"]:
            lines.append(f"fault = {_toml(flow['fault'])}")
        for end in flow["end"]:
            lines += ["", f"[[{prefix}end]]", *_pairs(end)]
        lines += ["", f"[{prefix}verdict]", *_pairs(flow["verdict"])]
        lines += ["", f"[{prefix}ending]", *_pairs(flow["ending"])]
    for limit in scenario.limits:
        lines += ["", "[[service]]", *_pairs(_service(scenario, limit, flows))]
    for declared in scenario.concludes:
        lines += ["", "[[conclusion]]", *_pairs(_conclusion(scenario, declared))]
    (folder / "truth.toml").write_text("\n".join(lines) + "\n")
    (folder / "README.md").write_text("\n".join(_readme(scenario, folder.name)) + "\n")


def kernel() -> str:
    release = ".".join(platform.release().split(".")[:2])
    return f"Linux {release}" + (" (user-mode, time travel)" if is_user_mode() else "")


def kernel_hz() -> int:
    return round(1 / time.clock_getres(COARSE_CLOCK))


def is_user_mode() -> bool:
    return "User Mode Linux" in Path("/proc/cpuinfo").read_text()


def _flow(
    scenario: Scenario, connection: Connection, points: tuple[str, ...], logs: dict[str, list[dict[str, Any]]]
) -> dict[str, Any]:
    heard = {role: [entry for entry in logs[role] if entry["port"] == connection.port] for role in HOSTS}
    ends = [_end(scenario, connection, points, role, heard[role]) for role in HOSTS]
    fault = _fault(scenario, connection)
    verdict = _verdict(scenario, connection.verdict or scenario.verdict, heard, bool(fault))
    ending = _ending(scenario, connection, verdict, heard)
    return {"port": connection.port, "fault": fault, "end": ends, "verdict": verdict, "ending": ending}


def _rebound(flow: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Beyond the translator: a connection that falls silent, and one from another port that has its numbers.

    Seen together these show who has forgotten what.
    """
    originator, responder = flow["end"]
    unaware = {key: value for key, value in originator.items() if key != "saw"}
    left = {"verdict": {"outcome": "undetected", "cause": "path-dropped"}, "ending": {"by": "none", "lost": 0}}
    yield flow | {"end": [unaware, responder]} | left
    verdict = flow["verdict"] | {"cause": "path-dropped"}
    yield flow | {"port": REBOUND_PORT, "continues": flow["port"], "fault": {}, "verdict": verdict}


def _ending(
    scenario: Scenario, connection: Connection, verdict: dict[str, Any], heard: dict[str, list[dict[str, Any]]]
) -> dict[str, Any]:
    """Who ended the connection and how; the limit it came to, and how many requests were lost with it."""
    declared = connection.ending or scenario.ending
    by, how, seen_as, *_ = (*(declared.split("/") if declared else first_sign(verdict, heard)), "", "")
    ending: dict[str, Any] = {"by": by} | ({"how": how} if how else {}) | ({"seen_as": seen_as} if seen_as else {})
    for limit in scenario.limits:
        if limit.to == connection.to and limit.by == by != "none":
            ending |= _told(limit)
    return ending | {"lost": sum(entry["event"] == "lost" for role in HOSTS for entry in heard[role])}


def _told(limit: Limit) -> dict[str, Any]:
    return {"limit_s": limit.s} | ({"late_s": limit.late_s} if limit.late_s else {}) | {"clock": limit.clock}


def first_sign(verdict: dict[str, Any], heard: dict[str, list[dict[str, Any]]]) -> tuple[str, str]:
    """The first thing that either application did or was told; of a connection that goes on, nothing."""
    if verdict["outcome"] not in {"closed", *NOTICED}:
        return "none", ""
    is_close = verdict["outcome"] == "closed"
    events = {"closes", "end-of-stream", "error"} if is_close else {"error"}
    signs = [(entry, role) for role in HOSTS for entry in heard[role] if entry["event"] in events]
    if not signs:
        raise UnexpectedTruthError(f"{verdict['outcome']}, but no application saw who ended it: declare the ending")
    sign, role = min(signs, key=lambda one: (one[0]["t"], False) if is_close else _place_in_time(one[0]))
    other = HOSTS[1 - HOSTS.index(role)]
    if sign["event"] == "closes":
        return role, sign["how"]
    if sign["event"] == "end-of-stream":
        return other, "fin"
    if sign.get("errno") in RESETS:
        return "path" if verdict.get("cause") == "path-reset" else other, "rst"
    return role, "give-up"


def _service(scenario: Scenario, limit: Limit, flows: list[dict[str, Any]]) -> dict[str, Any]:
    """What all connections to one port say together."""
    to_it = {connection.port for connection in scenario.connections if connection.to == limit.to}
    endings = [flow["ending"] for flow in flows if flow.get("continues", flow["port"]) in to_it]
    service: dict[str, Any] = {"address": scenario.address("responder"), "port": limit.to, "by": limit.by}
    if limit.by != "none":
        service |= _told(limit)
    service |= {name: True for name in ("farewell", "half_closed") if getattr(limit, name)}
    closed = sum(ending["by"] == limit.by for ending in endings) if limit.by != "none" else 0
    return service | {"closed": closed, "lost": sum(ending["lost"] for ending in endings)}


def _conclusion(scenario: Scenario, declared: str) -> dict[str, Any]:
    """What is to be said first, and of which service; what concerns several, as "/all", names none."""
    code, _, port = declared.partition("/")
    if port == "all":
        return {"code": code}
    address = scenario.address("responder")
    host = f"[{address}]" if ":" in address else address
    return {"code": code, "service": f"{host}:{port or 9000}"}


def _fault(scenario: Scenario, connection: Connection) -> dict[str, Any]:
    """What happened first to this connection's path, and when."""
    steps = sorted(scenario.steps_for(connection), key=lambda step: step[0])
    for at, who, verb, *_ in steps:
        if who == "path" and verb != "calm":
            return {"kind": verb, "at_s": at}
    if scenario.forgets_s and len(scenario.connections) == 1:
        return {"kind": "forgotten", "at_s": steps[0][0] + scenario.forgets_s}
    return {}


def is_recorded(scenario: Scenario, points: tuple[str, ...], role: str) -> bool:
    """Whether the points lie before the fault, seen from that end: else its unanswered probes do not reach them.

    A router drops between its interfaces; behind a switch it is the responder itself that hears and says nothing.
    """
    if scenario.middle == "switch":
        return role == "originator"
    near = {"originator": {"originator", "middle:left"}, "responder": {"responder", "middle:right"}}
    return any(point in near[role] | {"middle:any"} for point in points)


def loses_probes(scenario: Scenario, points: tuple[str, ...], role: str) -> bool:
    """Whether probes of that end may be lost before they reach the points."""
    return "loss" in scenario.netem and role not in points


def _end(
    scenario: Scenario, connection: Connection, points: tuple[str, ...], role: str, heard: list[dict[str, Any]]
) -> dict[str, Any]:
    declared = connection.verdict or scenario.verdict
    last, error = _last(heard), _error(heard)
    if error is not None and "errno" not in error and declared.startswith("reset"):
        last = last | {"probes_out": 0}  # a stack that ignores the RST goes on probing, which is no silence
    settings = last["settings"]
    end: dict[str, Any] = {"role": role, "keepalive": bool(settings["keepalive"])}
    if role == "responder" and scenario.middle == "pasta":
        return end | _probed_by_pasta(scenario, connection, error)
    if stack := scenario.host(role).stack:
        end["stack"] = STACKS[stack].version()
    if end["keepalive"]:
        end |= {name: settings[option] for name, option in SETTINGS.items() if option in settings}
        if settings["user_timeout_ms"]:
            end["tcp_user_timeout_s"] = settings["user_timeout_ms"] / 1000
            is_in_force = last["probes_out"] and not (stack and last["probes_out"] == settings.get("probes"))
            if error is not None and is_in_force and role not in scenario.never_due:
                end["effective_probes"] = last["probes_out"]
        if role in scenario.never_due or not _has_probed(last):
            end["probed"] = False
        gave_up = has_given_up(last, error, declared)
        end["determined"] = [
            name
            for name in ([] if role in scenario.never_due else _observed(last, gave_up, stack in SILENT))
            if name in end
            and _is_exact(scenario, end, name)
            and (name == "tcp_keepalive_time" or is_recorded(scenario, points, role))
            and (name != "tcp_keepalive_probes" or not loses_probes(scenario, points, role))
        ]
    if error is not None:
        end["saw"] = {**_told_of(error), "at_s": error["t"]}
    return end


def _probed_by_pasta(scenario: Scenario, connection: Connection, error: dict[str, Any] | None) -> dict[str, Any]:
    """What pasta does in the responder's name has no settings; it has no occasion while the container talks."""
    end: dict[str, Any] = {"keepalive": True, "stack": pasta_version()}
    sends = [at for at, who, verb, *_ in scenario.steps_for(connection) if (who, verb) == ("originator", "send")]
    if max(later - at for at, later in pairwise([*sorted(sends), scenario.seconds])) < PASTA_QUIET_S:
        end["probed"] = False
    return end | ({"saw": {**_told_of(error), "at_s": error["t"]}} if error else {})


def _last(heard: list[dict[str, Any]]) -> dict[str, Any]:
    """The application's last words about its socket."""
    for entry in reversed(heard):
        if entry["event"] == "settings":
            return entry
    raise UnexpectedTruthError("an application never had its connection")


def _error(heard: list[dict[str, Any]]) -> dict[str, Any] | None:
    return next((entry for entry in heard if entry["event"] == "error"), None)


def _has_probed(last: dict[str, Any]) -> bool:
    is_answered = not last["waiting"] and last["since_ack_ms"] + ANSWER_MS < last["since_data_ms"]
    return bool(last["settings"]["keepalive"]) and (last["probes_out"] > 0 or is_answered)


def has_given_up(last: dict[str, Any], error: dict[str, Any] | None, declared: str) -> bool:
    """Whether the keepalive timer gave up. While data waits, it is the retransmission timer, with the same errno.

    An application that is told no errno does not know a give-up from a RST: then it is declared.
    """
    if last["waiting"]:
        return False
    if error is None or "errno" in error:
        return error is not None and error["errno"] in GIVE_UPS
    return not declared.startswith("reset")


def _observed(last: dict[str, Any], gave_up: bool, is_silent: bool) -> Iterator[str]:
    """The three rules of this file's head; a give-up without a RST shows by the probe that does not come."""
    if not _has_probed(last):
        return
    yield "tcp_keepalive_time"
    shows_interval = last["probes_out"] >= (1 if gave_up and not is_silent else 2)
    if shows_interval:
        yield "tcp_keepalive_intvl"
    if gave_up and (shows_interval or not is_silent) and not last["settings"]["user_timeout_ms"]:
        yield "tcp_keepalive_probes"


def _is_exact(scenario: Scenario, end: dict[str, Any], name: str) -> bool:
    if name in scenario.undetermined:
        return False
    is_whole = end[name] == int(end[name])
    return is_whole and (name == "tcp_keepalive_probes" or end[name] < SHARP_BELOW_S or end[name] in USED_BY_PEOPLE)


def _verdict(
    scenario: Scenario, declared: str, heard: dict[str, list[dict[str, Any]]], is_faulty: bool
) -> dict[str, Any]:
    """The declared one, where somebody noticed or nobody was to; else what the wire shows so far.

    On a path without a fault a probe that has no answer at the last instant has one on its way.
    """
    errors = sorted((error for role in HOSTS if (error := _error(heard[role]))), key=_place_in_time)
    outcome, cause, unseen, *_ = (*declared.split("/"), "", "")
    if outcome in NOTICED and not errors:
        if len(scenario.connections) == 1:
            raise UnexpectedTruthError(f"{scenario.name}: {declared} declared, but no application noticed")
        is_probing = is_faulty and any(_last(heard[role])["probes_out"] for role in HOSTS)
        outcome, cause = ("probing", cause) if is_probing else ("alive", "")
    if outcome in {"alive", "open", "probing", "undetected"} and errors:
        raise UnexpectedTruthError(f"{scenario.name}: {outcome} declared, but an application saw {errors[0]['errno']}")
    verdict = {"outcome": outcome} | ({"cause": cause} if cause else {})
    if outcome in NOTICED or (outcome == "closed" and errors):
        verdict |= _told_of(errors[0])
    elif unseen:
        verdict |= {"errno": unseen, "epoll": RESET_MASK}
    return verdict


def _told_of(error: dict[str, Any]) -> dict[str, Any]:
    """What epoll and SO_ERROR reported; other stacks may have neither."""
    return {name: error[name] for name in ("errno", "epoll") if name in error}


def _place_in_time(error: dict[str, Any]) -> tuple[float, bool]:
    """The RST of a give-up tells the other end at once: of two errors at one instant the timeout came first."""
    return round(error["t"], 1), error.get("errno") in RESETS


def _readme(scenario: Scenario, name: str) -> Iterator[str]:
    yield f"# {name}"
    yield ""
    yield f"{scenario.what[0].upper()}{scenario.what[1:]}."
    yield ""
    yield scenario.why
    yield ""
    for line in scenario.look:
        yield f"- {line}"
    steps = [step for step in sorted(scenario.script, key=lambda step: step[0]) if len(scenario.connections) == 1]
    if 0 < len(steps) <= MOST_STEPS:
        told = "; ".join(f"{step[0]:g} s {' '.join(str(word) for word in step[1:])}" for step in steps)
        yield f"- Script, in seconds after the SYN: {told}."
    for setting, reason in scenario.undetermined.items():
        yield f"- {setting} is not determined: {reason}."


def _pairs(table: dict[str, Any]) -> Iterator[str]:
    for key, value in table.items():
        yield f"{key} = {_toml(value)}"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value)
