"""Findings as comments on the capture and on its frames, for Wireshark: `--annotate`.

Decides which frames get a comment, and what is said of the capture as a whole. The sentences come from
`report/words/`; `output_file.py` sees to it that the output is whole and the input is never touched.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from analyzer.analysis import Analysis
from analyzer.capture.files.source import open_source
from analyzer.errors import CaptureError, OptionError
from analyzer.keepalive.findings import Flow
from analyzer.keepalive.summary.conclusions import MOST_SHOWN
from analyzer.keepalive.tags.tag import RULES, TAGS, Rule, Tag
from analyzer.reading import ask
from analyzer.report.output_file import binary_output, check_outputs
from analyzer.report.units import printable, short
from analyzer.report.wireshark.copy import CAPTURE, copy_commented, empty_section
from analyzer.report.words import conclusion_sentences, sentences, setting_sentences
from analyzer.schema import ABSENT
from analyzer.version import __version__

if TYPE_CHECKING:
    from analyzer.many.remote import Held

PROGRAM = f"ka-analyze {__version__}"
UNSAID = frozenset(
    (
        Tag.DATA,
        Tag.ACK,
        Tag.SYN,
        Tag.SYN_ACK,
        Tag.FIN,
        Tag.RETRANSMISSION,
        Tag.DUPLICATE_ACK,
        Tag.WINDOW_UPDATE,
        Tag.DUPLICATE_FRAME,
    )
)
"""Tags without a comment, since Wireshark shows them itself; where they are evidence, there is one."""
SETTINGS = ("tcp_keepalive_time", "tcp_keepalive_intvl", "tcp_keepalive_probes", "tcp_user_timeout")


def check(out: str, paths: Sequence[str]) -> None:
    """Raise OptionError if these captures cannot be read twice, or `out` is one of them or no regular file."""
    for path in paths:
        if path == "-" or (Path(path).exists() and not Path(path).is_file() and not Path(path).is_dir()):
            what = "standard input" if path == "-" else path
            raise OptionError(f"--annotate reads the capture twice, which {what} cannot be; write it to a file first")
    check_outputs({"--annotate": out}, paths)
    if Path(out).exists() and not Path(out).is_file():
        raise OptionError(f"--annotate {out} is no regular file; give another name")


def annotate(analysis: "Held", paths: Sequence[str], out: str) -> None:
    """Write the captures that were analysed to `out`, with comments; CaptureError if they have changed since."""
    said = ask(analysis, all_comments)
    frames = 0
    with binary_output(out, "--annotate") as file:
        for path in paths:
            try:
                with open_source(path) as source:
                    frames += copy_commented(source, file, said, frames, PROGRAM)
                said.pop(CAPTURE, None)  # the others add sections of their own
            except CaptureError:
                if len(paths) == 1:
                    raise
        if not file.tell():
            file.write(empty_section(PROGRAM))  # of a capture that was cut before its first section was complete
        if frames != analysis.capture.packets:
            raise CaptureError(f"{out} is not written: the capture has changed while it was read; try again")


def all_comments(analysis: Analysis) -> dict[int, list[str]]:
    """Return comments by frame number, and what is concluded of the capture at CAPTURE, as one comment: of several
    mergecap keeps the first."""
    lines = conclusions(analysis)
    return comments(analysis) | ({CAPTURE: ["\n".join(lines)]} if lines else {})


def conclusions(analysis: Analysis) -> list[str]:
    """Return what is concluded, the most important first, each with what to do about it on a line of its own."""
    said = [conclusion_sentences.in_full(one) for one in analysis.conclusions[:MOST_SHOWN]]
    return [printable(line) for first, *more in said for line in (f"ka-analyze: {first}", *more)]


def comments(analysis: Analysis) -> dict[int, list[str]]:
    """Return comments by frame number: the connection's verdict, the tag and its rule, what the verdict and the
    settings rest on."""
    said: dict[int, list[str]] = defaultdict(list)

    def say(frame: int, words: str) -> None:
        said[frame].append(f"ka-analyze: {printable(words)}")

    for flow in analysis.flows:
        who = f"#{flow.id} {flow.ends[0]} - {flow.ends[1]}"
        say(flow.first_frame, f"{who}: {sentences.headline(flow)}. {' '.join(sentences.sentences(flow))}")
        for frame, words in (*_segments(analysis, flow), *_settings(flow)):
            say(frame, words)
    for number, one in analysis.solicitations:
        probe = f" for probe {one.of_frame}" if one.of_frame else ""
        say(one.frame, _words(Tag.ARP_UNANSWERED, Rule.NOBODY_ANSWERS, number, probe))
    for flow in analysis.flows:
        for frame in flow.verdict.evidence_frames:
            say(frame, f"evidence that #{flow.id} is {sentences.headline(flow)}")
    return dict(said)


def _segments(analysis: Analysis, flow: Flow) -> Iterator[tuple[int, str]]:
    c, s = analysis.candidates.view, analysis.segments.view
    probes = {probe.frame: probe for end in flow.story.ends for probe in end.probes}
    for row in analysis.rows(flow.id):
        tag, frame, of = TAGS[s.tag[row]], c.frame[row], s.of[row]
        if tag in UNSAID and of == ABSENT:
            continue
        took_ns = c.ts_ns[row] - c.ts_ns[of] if of != ABSENT else ABSENT
        after = f", after {short(took_ns)}" if took_ns >= 0 else ""
        more = f" to frame {c.frame[of]}{after}" if of != ABSENT else ""
        if frame in probes:
            probe = probes[frame]
            after = f" after {short(probe.delay_ns)}" if probe.delay_ns != ABSENT else ""
            answered = probe.answer_frame and f", answered by frame {probe.answer_frame}{after}"
            more = answered or ", unanswered"
        yield frame, _words(tag, RULES[s.rule[row]], flow.id, more)


def _words(tag: Tag, rule: Rule, flow: int, more: str) -> str:
    return f"{tag} of #{flow}{more}; {rule}: {sentences.rule(rule)}"


def _settings(flow: Flow) -> Iterator[tuple[int, str]]:
    """Yield, for each frame whose instant bounds a setting, what all of them determine."""
    for end in flow.ends:
        for name in SETTINGS:
            setting = getattr(end.settings, name)
            for frame in setting.frames if setting is not None and end.story.sent else ():
                value = f"{setting.value}, " if setting.value is not None else ""
                who = f"a middlebox before {end}" if end.is_probed_for else str(end)
                yield frame, f"shows {name} of {who}: {value}bounds {setting_sentences.bounds(setting)}"
