"""The columns of inference: its hypotheses, what it works with, its solutions (`keepalive/settings/infer.py`)."""

from analyzer.schema import Column, table
from analyzer.schema.results import OBSERVED_GAPS

CORRECTED_GAPS = table(
    "CORRECTED_GAPS",
    *OBSERVED_GAPS.columns,
    Column("jitter_ns", "q", "ns", "known variation of the delay to the capture point"),
    Column("slack_ns", "q", "ns", "how much longer than its timer it may be, or TELLS_NOTHING"),
    Column("fewest", "q", "", "probes within it that were not captured, at least"),
    Column("most", "q", "", "... and at most"),
    Column("is_restart", "b", "bool", "an answer before it was not captured: the run of unanswered probes began anew"),
    Column("is_measure", "b", "bool", "settings are measured by it"),
    Column("is_proof", "b", "bool", "it supports the current setting ..."),
    Column("shown_ns", "q", "ns", "... by this duration"),
)
"""The gaps of one end as its prober experienced them, how far they can be trusted, and what they show."""

TYPICAL = table(
    "TYPICAL",
    Column("intvl_ns", "q", "ns", "the interval that the end's probes show, -1"),
    Column("cycle_ns", "q", "ns", "its usual cycle of answered probes, -1"),
    Column("jitter_ns", "q", "ns", "variation of the delay to the capture point"),
    Column("is_repeated", "b", "bool", "the usual cycle was seen more than once"),
)
"""One row: the constants of an end."""

LENGTHS = table(
    "LENGTHS",
    Column("cycle_ns", "q", "ns", "length of a gap between answered probes"),
    Column("first_ns", "q", "ns", "length of a gap before a probe after traffic"),
    Column("sorted_ns", "q", "ns", "the values to sort"),
    Column("spare_ns", "q", "ns", "scratch space for sorting"),
)

AMBIGUITIES = table(
    "AMBIGUITIES",
    Column("gap", "q", "", "row in CORRECTED_GAPS of a gap that too few others confirm"),
    Column("slack_ns", "q", "ns", "its slack_ns if a probe were lost before its end"),
)

RUN_COUNTS = table(
    "RUN_COUNTS",
    Column("fewest", "q", "", "unanswered probes that the prober had counted by a gap's end, at least"),
    Column("most", "q", "", "... and at most"),
    Column("unheard_ns", "q", "ns", "how much longer than apparent it had heard nothing"),
)
"""A row for each of CORRECTED_GAPS."""

HYPOTHESES = table(
    "HYPOTHESES",
    Column("first_gap", "q", "", "row of the first gap in CORRECTED_GAPS"),
    Column("last_gap", "q", "", "row behind the last one"),
    Column("first_ambiguity", "q", "", "row of the first in AMBIGUITIES that is taken for true"),
    Column("last_ambiguity", "q", "", "row behind the last one"),
    Column("clocks", "i", "bits", "the kinds of clock that may have ticked it, by their rows in CLOCKS"),
    Column("is_whole", "b", "bool", "the capture saw the connection open"),
    Column("is_strict", "b", "bool", "all evidence is to be believed"),
    Column("is_rare", "b", "bool", "whatever explains the gaps is rare"),
)

SOLUTIONS = table(
    "SOLUTIONS",
    Column("clocks", "i", "bits", "the kinds of clock on which something explains the gaps, by their rows in CLOCKS"),
    Column("time_low", "q", "s", "the least idle time of all explanations"),
    Column("time_high", "q", "s", "the longest, -1 where nothing bounds it"),
    Column("intvl_low", "q", "s", "the least interval of all explanations"),
    Column("intvl_high", "q", "s", "the longest, -1 where nothing bounds it"),
    Column("is_rare", "b", "bool", "all explanations are rare; else what follows is of those that are not"),
    Column("is_time_known", "b", "bool", "in all of them gaps come from the idle time"),
    Column("is_intvl_known", "b", "bool", "in all of them gaps come from the interval"),
    Column("clock", "b", "", "row in CLOCKS of the likeliest of them"),
    Column("time", "q", "s", "its likeliest idle time, -1 where the gaps need not come from it"),
    Column("intvl", "q", "s", "its likeliest interval, -1 where the gaps need not come from it"),
    Column("weight", "q", "prior.BIT", "how likely it is, as a power of two"),
)

IN_USE = table(
    "IN_USE",
    Column("claims", "q", "", "rows of CLAIMED"),
    Column("proofs", "q", "", "rows of PROOFS"),
)
"""One row."""

CLAIMED = table(
    "CLAIMED",
    Column("clock", "b", "", "row in CLOCKS"),
    Column("frame", "q", "", "a probe, or the give-up"),
    Column("level", "b", "", "level of the boundary that it lies on, in everything found on this clock"),
    Column("jitter_ns", "q", "ns", "as in READINGS"),
)

WEIGHTS = table(
    "WEIGHTS",
    Column("seconds", "q", "s", "a setting, or a step of settings"),
    Column("weight", "q", "prior.BIT", "how likely it is, as a power of two"),
)

CLOCKS = table(
    "CLOCKS",
    Column("hz", "q", "Hz", "ticks a second"),
    Column("depth", "b", "", "levels of the wheel, 0 without one"),
    Column("hears_all", "b", "bool", "idle time counts from segments of any kind"),
    Column("ignores_repeats", "b", "bool", "but not from probes and resends"),
    Column("slack_ns", "q", "ns", "without a wheel: how late the timer fires, whatever the delay ..."),
    Column("slack_shift", "b", "bits", "... and in proportion to it"),
    Column("early_ns", "q", "ns", "how early it fires"),
    Column("ticks_ns", "q", "ns", "how much a captured duration may differ, however short it is"),
)

READINGS = table(
    "READINGS",
    Column("role", "b", "", "what it bears on (`candidates`)"),
    Column("kind", "b", "GapKind", "what ended the gap"),
    Column("idle_ns", "q", "ns", "since the segment from which this clock counts idle time, -1"),
    Column("idle_least_ns", "q", "ns", "least value of that"),
    Column("idle_most_ns", "q", "ns", "greatest value of that"),
    Column("spacing_ns", "q", "ns", "since the probe before, -1"),
    Column("spacing_least_ns", "q", "ns", "least value of that"),
    Column("spacing_most_ns", "q", "ns", "greatest value of that"),
    Column("chain", "q", "", "number of its chain, a series of probes within which instants are comparable"),
    Column("at_ns", "q", "ns", "the gap's end, counted from its chain's beginning"),
    Column("is_on_grid", "b", "bool", "its beginning, too, is a probe that the interval's timer sent"),
    Column("capture_rtt_ns", "q", "ns", "as in CORRECTED_GAPS"),
    Column("jitter_ns", "q", "ns", "possible variation of the delay to the capture point"),
    Column("ceiling", "b", "", "the coarsest level on whose boundary its end may lie"),
    Column("is_sharp", "b", "bool", "its boundary is compared with others"),
    Column("level", "b", "", "level of that boundary, in everything found"),
)

CLAIMS = table(
    "CLAIMS",
    Column("level", "b", "", "an instant lies on a boundary of this level"),
    Column("chain", "q", "", "the chain that it is counted in"),
    Column("at_ns", "q", "ns", "the instant, as in READINGS"),
    Column("jitter_ns", "q", "ns", "by how much it may be off"),
)

SHARP = table(
    "SHARP",
    Column("reading", "q", "", "row in READINGS; first those of idle times, from MAX_PHASED on those of intervals"),
    Column("fit", "i", "", "how the current idle time explains it (`constraints.fit_idle`)"),
    Column("may_be_spacing", "b", "bool", "the current interval explains it"),
    Column("level", "b", "", "level of the boundary that it claims now"),
)

INTVLS = table(
    "INTVLS",
    Column("low", "q", "s", "the least of these intervals"),
    Column("high", "q", "s", "the longest, -1 where nothing bounds it"),
    Column("value", "q", "s", "the likeliest, -1 where the gaps need not come from it"),
)

EVIDENCE = table(
    "EVIDENCE",
    Column("question", "q", "", "its row in HYPOTHESES and SOLUTIONS"),
    Column("clock", "b", "", "row in CLOCKS"),
    Column("has_phase", "b", "bool", "the boundaries of its wheel are believed"),
    Column("is_whole", "b", "bool", "as in HYPOTHESES"),
    Column("first_gap", "q", "", "as in HYPOTHESES"),
    Column("readings", "q", "", "how many there are, in READINGS"),
    Column("sharp_idle", "q", "", "how many there are in SHARP"),
    Column("sharp_spacings", "q", "", "how many there are in SHARP"),
    Column("time_high", "q", "s", "no idle time is longer, -1 where nothing bounds it"),
    Column("intvl_low", "q", "s", "the current intervals, as in INTVLS"),
    Column("intvl_high", "q", "s", "... the longest"),
    Column("intvl", "q", "s", "... the likeliest"),
    Column("latest_ns", "q", "ns", "latest time at which the timer of the longest fires, or TELLS_NOTHING"),
    Column("weight", "q", "prior.BIT", "how likely they are"),
    Column("spacing_claims", "q", "", "claims of the one current interval, the first in CLAIMS"),
    Column("spacing_level", "b", "", "their level"),
)
"""The one row that the steps of the search share."""
