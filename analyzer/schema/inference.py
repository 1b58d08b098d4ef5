"""The columns of inference: what is asked of it, what it works with, what it finds (`keepalive/settings/infer.py`)."""

from analyzer.schema import Column, table
from analyzer.schema.results import OBSERVED_GAPS

CORRECTED_GAPS = table(
    "CORRECTED_GAPS",
    *OBSERVED_GAPS.columns,
    Column("jitter_ns", "q", "ns", "by how much the way to the capture point is known to vary"),
    Column("slack_ns", "q", "ns", "by so much it may be longer than its timer; TELLS_NOTHING"),
    Column("fewest", "q", "", "probes within it that were not captured, at least"),
    Column("best", "q", "", "... most likely"),
    Column("most", "q", "", "... and at most"),
    Column("is_restart", "b", "bool", "an answer before it was not captured: the run of unanswered probes began anew"),
    Column("is_measure", "b", "bool", "settings are measured by it"),
    Column("is_proof", "b", "bool", "it speaks for the setting in question ..."),
    Column("shown_ns", "q", "ns", "... and shows it by this duration"),
)
"""The gaps of one end as its prober lived them, how far they may be believed, and what they show."""

TYPICAL = table(
    "TYPICAL",
    Column("intvl_ns", "q", "ns", "the interval that the end's probes show, -1"),
    Column("cycle_ns", "q", "ns", "its usual cycle of answered probes, -1"),
    Column("jitter_ns", "q", "ns", "by how much the way to the capture point varies"),
    Column("is_repeated", "b", "bool", "the usual cycle was seen more than once"),
)
"""One row: the constants of an end."""

LENGTHS = table(
    "LENGTHS",
    Column("cycle_ns", "q", "ns", "of a gap between answered probes"),
    Column("first_ns", "q", "ns", "of a gap before a probe after traffic"),
    Column("sorted_ns", "q", "ns", "what is put in order"),
    Column("spare_ns", "q", "ns", "room for that"),
)

AMBIGUITIES = table(
    "AMBIGUITIES",
    Column("gap", "q", "", "row in SEEN of a gap that too few others confirm"),
    Column("slack_ns", "q", "ns", "what it would have as slack_ns if a probe were lost before its end"),
)

RUN_COUNTS = table(
    "RUN_COUNTS",
    Column("fewest", "q", "", "unanswered probes that the prober had counted by a gap's end, at least"),
    Column("best", "q", "", "... most likely"),
    Column("most", "q", "", "... and at most"),
    Column("unheard_ns", "q", "ns", "since how much longer it had heard nothing than it seems"),
)
"""A row for each of SEEN."""

HYPOTHESES = table(
    "HYPOTHESES",
    Column("first_gap", "q", "", "row of the first gap in SEEN"),
    Column("last_gap", "q", "", "row behind the last one"),
    Column("first_ambiguity", "q", "", "row of the first in DOUBTS that is taken for true"),
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
    Column("level", "b", "", "on whose boundary it lies, as all has it that was found on this clock"),
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
    Column("ticks_ns", "q", "ns", "by so much a captured duration may differ, however short it is"),
)

READINGS = table(
    "READINGS",
    Column("role", "b", "", "what it bears on (`candidates`)"),
    Column("kind", "b", "GapKind", "what ended the gap"),
    Column("idle_ns", "q", "ns", "since the segment from which this clock counts idle time, -1"),
    Column("idle_least_ns", "q", "ns", "what that is at least"),
    Column("idle_most_ns", "q", "ns", "... and at most"),
    Column("spacing_ns", "q", "ns", "since the probe before, -1"),
    Column("spacing_least_ns", "q", "ns", "what that is at least"),
    Column("spacing_most_ns", "q", "ns", "... and at most"),
    Column("chain", "q", "", "instants are comparable within a chain: probes each of which knows the one before"),
    Column("at_ns", "q", "ns", "the gap's end, counted from its chain's beginning"),
    Column("is_on_grid", "b", "bool", "it began, too, with a probe that the interval's timer sent"),
    Column("capture_rtt_ns", "q", "ns", "as in SEEN"),
    Column("jitter_ns", "q", "ns", "by how much the way to the capture point may vary"),
    Column("ceiling", "b", "", "the coarsest level on whose boundary its end may lie"),
    Column("is_sharp", "b", "bool", "its boundary is compared with others"),
    Column("level", "b", "", "of that boundary, in all that was found"),
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
    Column("fit", "i", "", "how the idle time in question explains it (`constraints.fit_idle`)"),
    Column("may_be_spacing", "b", "bool", "the interval in question explains it"),
    Column("level", "b", "", "of the boundary that it claims now"),
)

INTVLS = table(
    "INTVLS",
    Column("low", "q", "s", "the least of these intervals"),
    Column("high", "q", "s", "the longest, -1 where nothing bounds it"),
    Column("value", "q", "s", "the likeliest, -1 where the gaps need not come from it"),
)

EVIDENCE = table(
    "EVIDENCE",
    Column("question", "q", "", "its row in ASKED and FOUND"),
    Column("clock", "b", "", "row in CLOCKS"),
    Column("has_phase", "b", "bool", "the boundaries of its wheel are believed"),
    Column("is_whole", "b", "bool", "as in ASKED"),
    Column("first_gap", "q", "", "as in ASKED"),
    Column("readings", "q", "", "how many there are, in READINGS"),
    Column("sharp_idle", "q", "", "how many there are in SHARP"),
    Column("sharp_spacings", "q", "", "how many there are in SHARP"),
    Column("time_high", "q", "s", "no idle time is longer, -1 where nothing bounds it"),
    Column("intvl_low", "q", "s", "the intervals in question, as in INTVLS"),
    Column("intvl_high", "q", "s", "... the longest"),
    Column("intvl", "q", "s", "... the likeliest"),
    Column("latest_ns", "q", "ns", "when the timer of the longest has fired at the latest; TELLS_NOTHING"),
    Column("weight", "q", "prior.BIT", "how likely they are"),
    Column("spacing_claims", "q", "", "claims of the one interval in question, the first in CLAIMS"),
    Column("spacing_level", "b", "", "their level"),
)
"""The one row that the steps of the search share."""
