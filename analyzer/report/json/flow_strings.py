"""What there is to say about flows: codes of findings, and the sentences of report/words/, as strings to copy.

A sentence is one or more phrases with places for numbers in between; the last says that nothing follows.
"""

import json
from array import array
from collections.abc import Iterable, Iterator, Sequence, Set
from string import Formatter
from typing import Any, NamedTuple

from analyzer.engine.table import Table
from analyzer.keepalive.catalogue import profiles
from analyzer.keepalive.findings import ROLES
from analyzer.keepalive.model.linux import LINUX
from analyzer.keepalive.settings.constraints import ALL_CLOCKS
from analyzer.keepalive.settings.values import Basis
from analyzer.keepalive.story.values import ProbedBy
from analyzer.keepalive.verdict.os_errors import ERRNOS
from analyzer.keepalive.verdict.values import Cause, Confidence, How, Outcome, Reason
from analyzer.report.json.string_pool import StringPool
from analyzer.report.words import setting_sentences
from analyzer.report.words.reason_sentences import REASONS
from analyzer.schema import ABSENT, OPENED_MIDSTREAM
from analyzer.schema.json import SENTENCES

END = "\0"
"""So that a sentence ends with text, if it is none."""


class Words(NamedTuple):
    """For the kernel: of each list of phrases the first, sentences, and the profiles whose names are there."""

    sentences: Any
    openings: int
    """By FLOWS.opened."""
    roles: int
    """By 2 * FLOWS.opened + end."""
    keepalive: int
    """Not seen, on."""
    probers: int
    """`null` comes first."""
    tunnels: int
    outcomes: int
    causes: int
    """`null` comes first."""
    errnos: int
    """As above."""
    enders: int
    """`null` comes first, then the ends, then the path."""
    hows: int
    confidences: int
    reasons: int
    """Objects, with code and sentence."""
    bases: int
    observed: int
    """Sentences: of each basis as many as the one with most has."""
    timers: int
    """Sentences, by `which_timers`."""
    rates: int
    """Of Linux's clocks, the first of CLOCKS."""
    clock_names: int
    """Of Linux's clocks, and the one of all others."""
    profiles: Any
    profile_names: int
    profile_rows: int
    fitting: "array[int]"
    """Room for what `profiles.matching` finds."""


def reason_object(reason: Reason) -> dict[str, str]:
    """Return a reason as the document has it."""
    return {"code": reason.value, "text": REASONS[reason]}


class FlowStrings:
    """Adds them to `phrases`; names of profiles as their idle times are met."""

    def __init__(self, string_pool: StringPool, tunnels: Sequence[str]) -> None:
        self._strings, self._sentences = string_pool, Table(SENTENCES)
        self._profiles = profiles.Columns()
        opened = range(len(ROLES))
        self._first = {
            "openings": string_pool.add_all("midstream" if one == OPENED_MIDSTREAM else "syn" for one in opened),
            "roles": string_pool.add_all(role.value for one in opened for role in ROLES[one]),
            "keepalive": string_pool.add_all(("not-seen", "on")),
            "probers": string_pool.add_all((None, *(one.value for one in ProbedBy))),
            "tunnels": string_pool.add_all(name or None for name in tunnels),
            "outcomes": string_pool.add_all(one.value for one in Outcome),
            "causes": string_pool.add_all((None, *(one.value for one in Cause))),
            "errnos": string_pool.add_all((None, *ERRNOS)),
            "enders": string_pool.add_all((None, 0, 1, "path")),
            "hows": string_pool.add_all(one.value for one in How),
            "confidences": string_pool.add_all(one.value for one in Confidence),
            "reasons": string_pool.add_all(map(reason_object, Reason)),
            "bases": string_pool.add_all(one.value for one in Basis),
            "observed": self._add_sentences(_observed()),
            "timers": self._add_sentences(f"; {one}" for one in setting_sentences.TIMERS),
            "rates": string_pool.add_all(one.hz for one in LINUX),
            "clock_names": string_pool.add_all(dict.fromkeys(one.name for one in ALL_CLOCKS)),
            "profile_names": string_pool.rows,
        }

    def words(self, idle_times: Set[int]) -> Words:
        """Return the words, with the profiles that have these idle times; not to be kept across the next call."""
        before = len(self._profiles.names)
        self._profiles.meet(idle_times)
        self._strings.add_all(self._profiles.names[before:])
        return Words(
            sentences=self._sentences.view,
            profiles=self._profiles.table.view,
            profile_rows=self._profiles.table.rows,
            fitting=array("q", [0] * profiles.MAX_MATCHES),
            **self._first,
        )

    def _add_sentences(self, sentences: Iterable[str]) -> int:
        first = self._sentences.rows
        for sentence in sentences:
            self._sentences.append(self._strings.rows)
            for text, name, _, _ in Formatter().parse(sentence + END):
                octets = json.dumps(text.removesuffix(END))[1:-1]
                self._strings.add(octets, ABSENT if name is None else setting_sentences.PLACES.index(name))
        return first


def _observed() -> Iterator[str]:
    """Return MOST_VARIANTS sentences for each basis."""
    for basis in setting_sentences.BASES:
        variants = setting_sentences.OBSERVED[basis]
        yield from variants
        yield from [""] * (setting_sentences.MOST_VARIANTS - len(variants))
