"""Conclusions in words, read aloud."""

import re
from collections.abc import Sequence

import pytest

from analyzer.keepalive.summary.conclusions import Conclusion, ConclusionCode
from analyzer.keepalive.summary.services import IdleLimit
from analyzer.keepalive.verdict.values import Confidence
from analyzer.report.words.conclusion_sentences import TEXTS, text
from analyzer.report.words.fix_sentences import FIXES, fix
from tests.report.words.test_sentences import is_prose
from tests.report.words.test_service_sentences import LIMIT, SECOND

SERVICE = "10.0.0.2:443"
SILENT = {"unnoticed": 0, "probing": 0}
ALONE = LIMIT._replace(closed=1, confidence=Confidence.GUESS)
SCRIPT = LIMIT._replace(by="originator", closed=95, confidence=Confidence.GUESS)
PATH_LIMIT = LIMIT._replace(by="path", how="silent", value_ns=350 * SECOND)


def conclusion(
    code: str,
    flows: int = 1,
    service: str | None = SERVICE,
    matches: tuple[str, ...] = (),
    hosts: tuple[str, ...] = (),
    limit: IdleLimit | None = None,
    **numbers: float,
) -> Conclusion:
    return Conclusion(
        ConclusionCode(code),
        tuple(range(flows)),
        service,
        (),
        Confidence.LIKELY,
        tuple(numbers.items()),
        matches,
        hosts,
        limit,
    )


BRACKET = {"survived_s": 341.02, "failed_s": 352.6, "safe_s": 200, "reset": 0}
OVERRIDES = """
    Look for TCP_KEEPIDLE, TCP_KEEPINTVL and TCP_KEEPCNT in the application, which override sysctl, and for a container,
    which has sysctls of its own; `ka-analyze --sysctl …` prints what is in force.
"""
SWITCHED_OFF = """
    Set SO_KEEPALIVE on the socket: without it no sysctl has an effect (`ka-analyze --advice linux …` prints the lines).
"""
SAID: Sequence[tuple[Conclusion, str, str | None]] = (
    (
        conclusion(
            "settings-not-in-force",
            2,
            hosts=("10.0.0.1",),
            of=3,
            of_hosts=1,
            time_expected_s=60,
            time_on=2,
            time_s=7200,
            time_low_s=7168,
            time_high_s=7200,
            intvl_expected_s=10,
            intvl_on=1,
            intvl_low_s=70,
            probes_expected=3,
            probes_on=2,
            probes=9,
            probes_low=9,
            probes_high=9,
        ),
        """
        On 2 of 3 connections to 10.0.0.2:443 that show their settings the expected ones are not in force at 10.0.0.1:
        tcp_keepalive_time is 7200 (bounds: 7168 to 7200), not 60; on 1 of them tcp_keepalive_intvl is 70 or more, not
        10; tcp_keepalive_probes is 9, not 3.
        """,
        OVERRIDES,
    ),
    (
        conclusion("settings-not-in-force", 1, of=1, due_s=30, silent_on=1, silent_s=151.004),
        """
        On 1 connection to 10.0.0.2:443 the expected settings are not in force: 151 s went by without a probe, though
        one was due after 30 s.
        """,
        SWITCHED_OFF,
    ),
    (
        conclusion(
            "settings-not-in-force",
            5,
            None,
            hosts=("10.0.0.1", "10.0.0.3"),
            services=2,
            of=5,
            of_hosts=2,
            due_s=60,
            silent_on=2,
            silent_s=340.2,
            time_expected_s=60,
            time_on=3,
            time_low_s=90,
            time_high_s=130,
        ),
        """
        On all 5 connections to 2 services the expected settings are not in force at all 2 hosts: on 3 of them
        tcp_keepalive_time is 90 to 130, not 60; on 2 of them up to 340.2 s went by without a probe, though one was due
        after 60 s.
        """,
        OVERRIDES,
    ),
    (
        conclusion("one-way-path"),
        """
        Only one direction of the path to 10.0.0.2:443 works: on 1 connection both ends still send, and one does not
        hear the other.
        """,
        "Look for a route, a filter or a NAT that only one direction passes.",
    ),
    (
        conclusion("nat-rebinding", 2, moved=1, failed_s=724.3, survived_s=30, safe_s=20),
        """
        A NAT on the way to 10.0.0.2:443 forgot a connection within 724.3 s of silence (30 s was survived), and let
        what came later out by another port: that belongs to no connection that the other end knows.
        """,
        """
        Set tcp_keepalive_time to 20 s or less, with SO_KEEPALIVE on, at one end: `ka-analyze --advice linux …`
        prints the lines.
        """,
    ),
    (
        conclusion("nat-rebinding", 6, moved=3, failed_s=724.3, safe_s=200),
        """
        A NAT on the way to 10.0.0.2:443 forgot 3 connections within 724.3 s of silence, and let what came later out
        by another port: that belongs to no connection that the other end knows.
        """,
        """
        Set tcp_keepalive_time to 200 s or less, with SO_KEEPALIVE on, at one end: `ka-analyze --advice linux …`
        prints the lines.
        """,
    ),
    (
        conclusion(
            "path-forgets",
            24,
            matches=("Linux conntrack", "F5 BIG-IP"),
            limit=PATH_LIMIT,
            died=24,
            of=50,
            earliest_s=295,
            latest_s=600,
            **BRACKET,
        ),
        """
        The path to 10.0.0.2:443 forgets a connection after 350 s of silence (341 s was survived, 352.6 s was not),
        and drops what comes later. 24 of 50 connections died of it: their keepalive time of 295 to 600 s is too
        long.
        """,
        """
        Set tcp_keepalive_time to 200 s or less, with SO_KEEPALIVE on, at one end: `ka-analyze --advice linux …`
        prints the lines. Behaves like Linux conntrack, F5 BIG-IP.
        """,
    ),
    (
        conclusion("path-forgets", 1, survived_s=512.1, failed_s=1024.2, safe_s=300, reset=0, died=1, of=1),
        """
        The path to 10.0.0.2:443 forgot a connection after 512 to 1024 s of silence, and dropped what came later.
        One connection alone may be a coincidence.
        """,
        """
        Set tcp_keepalive_time to 300 s or less, with SO_KEEPALIVE on, at one end: `ka-analyze --advice linux …`
        prints the lines.
        """,
    ),
    (
        conclusion("path-forgets", 3, failed_s=12.24, safe_s=4, reset=1, died=3, of=3),
        """
        The path to 10.0.0.2:443 forgets a connection within 12.2 s of silence, and drops what comes later, or
        answers it with RST. All 3 connections died of it.
        """,
        """
        Set tcp_keepalive_time to 4 s or less, with SO_KEEPALIVE on, at one end: `ka-analyze --advice linux …`
        prints the lines.
        """,
    ),
    (
        conclusion("path-resets", 2, limit=PATH_LIMIT._replace(by="unknown"), died=2, of=9, **BRACKET | {"reset": 2}),
        """
        10.0.0.2:443, or a load balancer in its name, forgets a connection after 350 s of silence (341 s was
        survived, 352.6 s was not), and answers what comes later with RST. 2 of 9 connections died of it.
        """,
        """
        Set tcp_keepalive_time to 200 s or less, with SO_KEEPALIVE on, at one end: `ka-analyze --advice linux …`
        prints the lines.
        """,
    ),
    (
        conclusion("path-resets", 1),
        "Something on the path to 10.0.0.2:443 ended 1 connection with RST. No idle limit explains it.",
        "Look for a firewall, NAT or load balancer on the way that was restarted, or rejects such connections.",
    ),
    (
        conclusion("path-resets", 2),
        "Something on the path to 10.0.0.2:443 ended 2 connections with RST. No idle limit explains them.",
        "Look for a firewall, NAT or load balancer on the way that was restarted, or rejects such connections.",
    ),
    (
        conclusion("half-closed-forgotten", 2, failed_s=11.003, died=2),
        "The path to 10.0.0.2:443 forgot 2 half-closed connections within 11 s of silence: what came later was lost.",
        "Close both halves, or answer sooner after the other end's FIN.",
    ),
    (
        conclusion("half-closed-forgotten", 1, survived_s=8, failed_s=11.003, died=1),
        """
        The path to 10.0.0.2:443 forgot 1 half-closed connection after 8 to 11 s of silence: what came later was
        lost. One connection alone may be a coincidence.
        """,
        "Close both halves, or answer sooner after the other end's FIN.",
    ),
    (
        conclusion(
            "keepalive-race", 5, matches=("Node.js http server",), limit=LIMIT, value_s=5, lost=3, hit=3, closed=5, of=6
        ),
        """
        10.0.0.2:443 closes a connection after 5 s without data, just when the client may use it again: on 3 of 5
        connections a request met the close, and was lost. TCP keepalive has nothing to do with it.
        """,
        """
        Let 10.0.0.2:443 keep idle connections for longer than its clients do (for 65 s where a load balancer keeps
        them for 60 s), or let the client retry. Behaves like Node.js http server.
        """,
    ),
    (
        conclusion("keepalive-race", 1, limit=ALONE, value_s=600, lost=1, hit=1, closed=1, of=6),
        """
        10.0.0.2:443 closes a connection after 600 s without data, just when the client may use it again: a
        request met the close, and was lost. TCP keepalive has nothing to do with it. One connection alone may be a
        coincidence.
        """,
        """
        Let 10.0.0.2:443 keep idle connections for longer than its clients do (for 65 s where a load balancer keeps
        them for 60 s), or let the client retry.
        """,
    ),
    (
        conclusion("reused-after-close", 1),
        """
        10.0.0.2:443 closed 1 connection just as the client used it, or before: what the client sent was lost. TCP
        keepalive has nothing to do with it.
        """,
        "Let the client retry on a new connection what a closed one did not answer.",
    ),
    (
        conclusion("reused-after-close", 45),
        """
        10.0.0.2:443 closed 45 connections just as the client used them, or before: what the client sent was lost.
        TCP keepalive has nothing to do with it.
        """,
        "Let the client retry on a new connection what a closed one did not answer.",
    ),
    (
        conclusion("heartbeat-too-often", 1, period_s=10.003),
        """
        10.0.0.2:443 closed 1 connection right after a heartbeat, which came every 10 s: perhaps more often than it
        allows. One connection alone may be a coincidence.
        """,
        """
        Let the heartbeat come less often, or let the service permit it (gRPC: keepalive_time of the client, 5 min
        at the least by default; permit_keepalive_time of the server).
        """,
    ),
    (
        conclusion("data-unacknowledged", 1, longest_s=111.4, resends=10, gives_up_s=1045.8),
        """
        Data on 1 connection to or from 10.0.0.2:443 has been unacknowledged for 111 s, though sent again 10 times.
        The kernel may go on so for up to 17 min, and sends no keepalive probe meanwhile.
        """,
        """
        Set TCP_USER_TIMEOUT on the socket, or let the application give up by itself: no keepalive setting helps
        here.
        """,
    ),
    (
        conclusion("data-unacknowledged", 3, longest_s=5.708, resends=1, gives_up_s=14.6),
        """
        Data on 3 connections to or from 10.0.0.2:443 has been unacknowledged for up to 5.7 s, though sent again up
        to 1 time. The kernel may go on so for up to 15 s, and sends no keepalive probe meanwhile.
        """,
        """
        Set TCP_USER_TIMEOUT on the socket, or let the application give up by itself: no keepalive setting helps
        here.
        """,
    ),
    (
        conclusion("peer-unreachable", 2, hosts=("10.0.0.2",), soonest_s=14.71, latest_s=15.24),
        "ICMP errors say that 10.0.0.2 is unreachable: 2 connections ended so, noticed within 14.7 to 15.2 s.",
        "Look at the route and at filters on the way; the ICMP errors name the router.",
    ),
    (
        conclusion("peer-restarted", 1, hosts=("10.0.0.2",), idle_s=7209.3),
        """
        10.0.0.2:443, or something in its name, no longer knew 1 connection, after 2 h of silence: it was restarted,
        or had forgotten it.
        """,
        """
        If it was not restarted, the path or a load balancer forgets sooner: set tcp_keepalive_time to 200 s or
        less, with SO_KEEPALIVE on (`ka-analyze --advice linux …` prints the lines).
        """,
    ),
    (
        conclusion("peer-restarted", 2, hosts=("10.0.0.1",), idle_s=15),
        """
        10.0.0.1, or something in its name, no longer knew 2 connections to 10.0.0.2:443, after up to 15 s of
        silence: it was restarted, or had forgotten them.
        """,
        None,
    ),
    (
        conclusion("peer-restarted", 1, hosts=("10.0.0.2",), unheard=1),
        """
        10.0.0.2:443, or something in its name, no longer knew 1 connection: it was restarted, or had forgotten or
        closed it before the capture began.
        """,
        None,
    ),
    (
        conclusion("path-drops", 39, heard=1, soonest_s=15.4, latest_s=60.4, **SILENT),
        """
        The path to 10.0.0.2:443, or a filter at its end, drops what is sent on 39 connections, while the host is
        heard elsewhere, noticed within 15.4 to 60.4 s.
        """,
        "Look for a filter, a NAT or a broken link on the way.",
    ),
    (
        conclusion("path-drops", 1, unnoticed=1, probing=0),
        """
        The path to 10.0.0.2:443, or a filter at its end, drops what is sent on 1 connection, and nobody has noticed.
        """,
        "Look for a filter, a NAT or a broken link on the way.",
    ),
    (
        conclusion(
            "path-drops", 3, None, hosts=("10.0.0.0/24",), soonest_s=11.2, latest_s=16.4, unnoticed=0, probing=1
        ),
        """
        The whole network 10.0.0.0/24 fell silent, on 3 connections, noticed within 11.2 to 16.4 s; 1 of them is
        still being probed.
        """,
        "Look at the link to that network, and at its router.",
    ),
    (
        conclusion("peer-silent", 1, hosts=("10.0.0.2",), soonest_s=26.3, latest_s=26.3, idle_s=14, **SILENT),
        """
        10.0.0.2:443 fell silent on 1 connection, noticed within 26.3 s. A path that forgets a connection within 14
        s of silence looks the same.
        """,
        None,
    ),
    (
        conclusion(
            "peer-silent", 1, hosts=("10.0.0.2",), soonest_s=11.2, latest_s=11.2, back_s=27.69, lived=2, **SILENT
        ),
        """
        10.0.0.2:443 fell silent on 1 connection, noticed within 11.2 s. It answered again within 27.7 s: 2 connections
        with more patience lived on.
        """,
        "To live through the like, let probing last for more than 28 s (time + probes × interval).",
    ),
    (
        conclusion("peer-silent", 3, hosts=("10.0.0.2",), soonest_s=90, latest_s=110, back_s=125.2, lived=1, **SILENT),
        """
        10.0.0.2:443 fell silent on 3 connections, noticed within 90 to 110 s. It answered again within 125.2 s: a
        connection with more patience lived on.
        """,
        "To live through the like, let probing last for more than 130 s (time + probes × interval).",
    ),
    (
        conclusion("peer-silent", 5, hosts=("10.0.0.1",), soonest_s=7890.9, latest_s=8040.4, unnoticed=2, probing=2),
        """
        10.0.0.1 fell silent on 5 connections to 10.0.0.2:443, noticed within 7891 to 8040 s; 2 of them are still
        being probed; on 2 of them nobody has noticed.
        """,
        """
        Switch SO_KEEPALIVE on at the end that waits, for example 60/10/5 (time/intvl/probes): `ka-analyze --advice
        linux …` prints the lines.
        """,
    ),
    (
        conclusion("peer-silent", 1, hosts=("10.0.0.2",), unnoticed=0, probing=1, asked=1),
        """
        10.0.0.2:443 has not answered on 1 connection so far, and probing goes on. A single probe without an answer
        may have been lost.
        """,
        None,
    ),
    (
        conclusion("peer-silent", 2, hosts=("10.0.0.1", "10.0.0.4"), unnoticed=2, probing=0),
        "Each of 2 hosts fell silent on 2 connections to 10.0.0.2:443, and nobody has noticed.",
        """
        Switch SO_KEEPALIVE on at the end that waits, for example 60/10/5 (time/intvl/probes): `ka-analyze --advice
        linux …` prints the lines.
        """,
    ),
    (
        conclusion("heartbeat-stopped", 1, period_s=59.84, stopped_s=2163.3),
        """
        A heartbeat every 59.8 s on 1 connection to or from 10.0.0.2:443 stopped 36 min before the capture ends, and
        nobody has closed it.
        """,
        """
        Let the application give up when a heartbeat is missing (a hold timer), or switch SO_KEEPALIVE on:
        `ka-analyze --advice linux …` prints the lines.
        """,
    ),
    (
        conclusion("heartbeat-too-rare", 2, limit=LIMIT._replace(clock="peer-data"), period_s=60.01, value_s=60),
        """
        A heartbeat every 60 s does not keep 2 connections to 10.0.0.2:443 open: they are ended after 60 s without
        data from the other end.
        """,
        "Let it come every 20 s: of a heartbeat one may be lost.",
    ),
    (
        conclusion("service-closes-idle", 6, limit=LIMIT, value_s=8, closed=6, of=6),
        """
        10.0.0.2:443 closes a connection after 8 s without data. All 6 connections ended so; TCP keepalive does not
        prevent that.
        """,
        "If such connections are to stay open, send a request every 5 s, or raise the timeout of 10.0.0.2:443.",
    ),
    (
        conclusion("service-closes-idle", 5, limit=LIMIT, survived_s=9.3, high_s=10.1, closed=5, of=7),
        """
        10.0.0.2:443 closes a connection after 9.3 to 10.1 s without data. 5 of 7 connections ended so; TCP
        keepalive does not prevent that.
        """,
        "If such connections are to stay open, send a request every 6 s, or raise the timeout of 10.0.0.2:443.",
    ),
    (
        conclusion("service-closes-idle", 1, limit=ALONE._replace(clock="no-heartbeat"), value_s=3600, closed=1, of=1),
        """
        10.0.0.2:443 closes a connection after 3600 s without data other than heartbeats. The only connection ended
        so; TCP keepalive does not prevent that. One connection alone may be a coincidence.
        """,
        """
        If such connections are to stay open, send a request (heartbeats do not count) every 2400 s, or raise the
        timeout of 10.0.0.2:443.
        """,
    ),
    (
        conclusion("service-closes-idle", 95, limit=SCRIPT, high_s=1.303, closed=95, of=100),
        """
        The client of 10.0.0.2:443 closes a connection after at most 1.303 s without data. 95 of 100 connections ended
        so; TCP keepalive does not prevent that. The client opened its next connection right then: this may as well be
        the pause between two of its tasks.
        """,
        None,
    ),
    (
        conclusion("service-closes-idle", 4, limit=LIMIT._replace(by="originator"), high_s=6.02, closed=4, of=9),
        """
        The client of 10.0.0.2:443 closes a connection after at most 6 s without data. 4 of 9 connections ended so;
        TCP keepalive does not prevent that.
        """,
        None,
    ),
    (
        conclusion(
            "service-closes-idle",
            6,
            None,
            ("Firefox keep-alive",),
            ("10.0.0.1",),
            LIMIT._replace(by="originator"),
            value_s=115,
            closed=6,
            services=6,
        ),
        """
        Clients at 10.0.0.1 close a connection after 115 s without data, whatever the service: 6 connections to 6
        services ended so; TCP keepalive does not prevent that. Behaves like Firefox keep-alive.
        """,
        None,
    ),
    (
        conclusion("open-and-silent", 6, shortest_s=1242, longest_s=3292),
        """
        6 connections to 10.0.0.2:443 have been silent for 21 min to 55 min, and nobody probes: whether the other
        end is still there, nobody knows.
        """,
        """
        Switch SO_KEEPALIVE on at one end, with a time below every idle limit on the path (many are 300 to 350 s):
        `ka-analyze --advice linux …` prints the lines.
        """,
    ),
    (
        conclusion("open-and-silent", 1, shortest_s=400.3, longest_s=400.3, services=1),
        """
        1 connection to 10.0.0.2:443 has been silent for 400 s, and nobody probes: whether the other end is still
        there, nobody knows.
        """,
        """
        Switch SO_KEEPALIVE on at one end, with a time below every idle limit on the path (many are 300 to 350 s):
        `ka-analyze --advice linux …` prints the lines.
        """,
    ),
    (
        conclusion("keepalive-works", 26, None, probes=1157, earliest_s=60, latest_s=290),
        "Keepalive works on 26 connections: 1,157 probes were all answered, the first after 60 to 290 s of silence.",
        None,
    ),
    (
        conclusion("keepalive-works", 1, None, probes=1),
        "Keepalive works on 1 connection: 1 probe was answered.",
        None,
    ),
    (
        conclusion("nothing-idle", 0, None, longest_s=7.0172, connections=5),
        "No connection was silent for long enough to matter: 7 s at the most, on 5 connections.",
        None,
    ),
    (
        conclusion("nothing-idle", 0, None, longest_s=0.0003, connections=1),
        "The only connection was never silent for long enough to matter: less than 1 s.",
        None,
    ),
)
each = pytest.mark.parametrize(
    ("one", "words", "remedy"), SAID, ids=[f"{n}-{one.code.value}" for n, (one, _, _) in enumerate(SAID)]
)


@each
def test_read_aloud(one: Conclusion, words: str, remedy: str | None) -> None:
    """As it stands above, but for the line breaks; and it is prose."""
    found = text(one), fix(one)
    assert found == (" ".join(words.split()), " ".join(remedy.split()) if remedy is not None else None)
    for said in filter(None, found):
        assert is_prose(said)
        assert "  " not in said
        assert not re.search(r"\b1 (connections|probes|times|half-closed connections)\b", said)


def test_every_code_has_words() -> None:
    assert {one.code for one, _, _ in SAID} == set(ConclusionCode) == set(TEXTS)
    assert {one.code for one, _, remedy in SAID if remedy is not None} == set(FIXES)


def test_a_service_over_ipv6_is_named_in_full() -> None:
    one = conclusion("peer-silent", service="[fd00::2]:443", hosts=("fd00::2",), **SILENT)
    assert text(one) == "[fd00::2]:443 fell silent on 1 connection."


def test_an_end_that_is_not_known_is_one_of_both() -> None:
    assert text(conclusion("peer-silent", **SILENT)) == "One end fell silent on 1 connection to 10.0.0.2:443."


@pytest.mark.parametrize(
    ("count", "reopened", "words"),
    [
        (1, 1, "The client has opened others since: it may have been abandoned."),
        (6, 6, "The same clients have opened others since: they may have been abandoned."),
        (6, 2, "The same clients have opened others since: 2 of them may have been abandoned."),
    ],
)
def test_clients_that_came_back(count: int, reopened: int, words: str) -> None:
    one = conclusion("open-and-silent", count, shortest_s=400, longest_s=1242, reopened=reopened)
    assert text(one).endswith(words)


def test_silent_connections_to_many_services() -> None:
    one = conclusion("open-and-silent", 30, None, shortest_s=400, longest_s=1242, services=28)
    assert text(one).startswith(
        "30 connections to 28 services have been silent for 400 s to 21 min, and nobody probes:"
    )
