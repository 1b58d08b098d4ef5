"""The manual, made from what the program declares: flags, tables, exit codes. `generated.py` writes it to docs/."""

from collections.abc import Iterator

import click

from analyzer.cli import main
from analyzer.cli.options import GROUPS
from analyzer.cli.process import EXIT_CODES
from analyzer.report.tables.files import csv_name
from analyzer.schema.export import FRAMES

SHELLS = {
    "bash": ("~/.bashrc", 'eval "$(_KA_ANALYZE_COMPLETE=bash_source ka-analyze)"'),
    "zsh": ("~/.zshrc", 'eval "$(_KA_ANALYZE_COMPLETE=zsh_source ka-analyze)"'),
    "fish": (
        "~/.config/fish/completions/ka-analyze.fish",
        "_KA_ANALYZE_COMPLETE=fish_source ka-analyze | source",
    ),
}
TABLES = {
    "flows": "The connections. In the library indexed by `flow`.",
    "ends": "Both ends of each connection, with the settings in force and what they rest on.",
    "probes": "Every keepalive probe, and what answered it.",
    "gaps": "Every observation of a keepalive timer: what the settings are inferred from.",
    "segments": "The segments that may matter, each with its tag and the rule that gave it; no run of plain data.",
    "silences": (
        "The experiments with the path: every silence of 10 s and more while neither end waited for the other, and the "
        "longest that was survived by a connection which survived only shorter ones, if it probes, has a heartbeat, or "
        "is silent for longer."
    ),
    "hosts": "What the probing connections of a host have in common; a row with a `port` for a service that differs.",
    "path_limits": "For how long each path may be silent.",
    "services": "After how long without use somebody ends the connections to a service.",
    "conclusions": "What the whole capture says in a few sentences, the most important first.",
    "survival": "The likeliest share of silences that a path survives, as steps.",
    "advice": "What should be set otherwise.",
    "diagnostics": "What is imperfect about the capture.",
}
EXAMPLES = {
    "the report, the connections that matter most first": "ka-analyze capture.pcap",
    "the same as a page for a browser": "ka-analyze --html report.html capture.pcap",
    "one connection with its timeline": "ka-analyze --flow 3 capture.pcap",
    "from a pipe": "tcpdump -w - -s 128 tcp or icmp or icmp6 or arp | ka-analyze -",
    "fail where settings are not what they should be": "ka-analyze --expect time=60,intvl=10,probes=3 capture.pcap",
}


def visible(group: tuple[click.Option, ...]) -> Iterator[tuple[str, str]]:
    """Flags as they are written, and their one help text."""
    with click.Context(main) as context:
        for option in group:
            record = option.get_help_record(context)
            if record is not None:
                yield record[0], option.help or ""


ENDINGS = (
    """SIGTERM and SIGHUP end it as the shell says it: 143 and 129. Nothing half written is left behind. Live, the
first of these signals ends the capture, as ^C does, and what was asked for is written; the second ends the command.""",
    """Before a live capture begins, outputs are refused that could not be written when it ends. A recording (`-w`) that
cannot be written any further ends alone, with a line; the exit code is then 2.""",
    """An output replaces a file by its name, with the old one's permissions from the first octet on. Links are
followed if this user or root has made them.""",
)
"""How the command ends, and what is there then."""


def command_page() -> str:
    lines = ["# The command", "", "\n\n".join(_paragraphs()), "", "```", "ka-analyze [OPTIONS] FILE...", "```"]
    for heading, group in GROUPS.items():
        lines += ["", f"## {heading}", "", "| flag | |", "|---|---|"]
        lines += [f"| `{_cell(flags)}` | {_cell(words)} |" for flags, words in visible(group)]
    lines += ["", "## Exit codes", "", "| code | meaning |", "|---|---|"]
    lines += [f"| {code} | {words} |" for code, words in EXIT_CODES.items()]
    lines += [f"\n{words}" for words in ENDINGS]
    lines += ["", "## Completion", "", "| shell | line | in |", "|---|---|---|"]
    lines += [f"| {shell} | `{_cell(line)}` | `{place}` |" for shell, (place, line) in SHELLS.items()]
    return "\n".join(lines) + "\n"


def tables_page() -> str:
    lines = [
        "# The tables",
        "",
        "The same in the library (`a.flows`, `a.probes`, …: pandas DataFrames), in `--csv DIR`, in `--parquet DIR`",
        "and in `--duckdb FILE`, with the names of CSV.",
        "In CSV instants are ISO 8601 in UTC, durations are seconds and their names end in `_s`, and what is missing",
        "is empty. In Parquet and in the library instants and durations have types of their own, to the nanosecond;",
        "Parquet carries unit and meaning in each field's metadata. `Int64` is an integer that may be missing.",
    ]
    for name, fields in FRAMES.items():
        lines += [
            "",
            f"## {name}",
            "",
            TABLES[name],
            "",
            "| column | in CSV | type | unit | meaning |",
            "|---|---|---|---|---|",
        ]
        lines += [
            f"| `{field.name}` | `{csv_name(field)}` | {field.dtype} | {_cell(field.unit)} | {_cell(field.meaning)} |"
            for field in fields
        ]
    return "\n".join(lines) + "\n"


def man_page() -> str:
    """In roff, with man(7)'s macros."""
    lines = ['.TH KA\\-ANALYZE 1 "" "ka\\-analyze" "User Commands"']
    lines += [
        ".SH NAME",
        "ka\\-analyze \\- find TCP keepalive in packet captures: who probes, with which settings, what came of it",
    ]
    lines += [".SH SYNOPSIS", ".B ka\\-analyze", "[\\fIOPTIONS\\fR] \\fIFILE\\fR..."]
    lines += [".SH DESCRIPTION"]
    for index, paragraph in enumerate(_paragraphs()):
        lines += ([".PP"] if index else []) + ([_roff(paragraph)] if paragraph else [])
    lines += [".SH OPTIONS"]
    for heading, group in GROUPS.items():
        lines += [f".SS {_roff(heading)}"]
        for flags, words in visible(group):
            lines += [".TP", f".B {_roff(flags)}", _roff(words)]
    lines += [
        ".SH ENVIRONMENT",
        _roff("Every option can be set as KA_ and its long name in capitals: KA_JSON=1 is --json."),
        _roff("KA_ENGINE=interpreter does without machine code, some thirty times as slowly."),
    ]
    lines += [_roff("NO_COLOR and FORCE_COLOR are honoured; --color beats them.")]
    lines += [".SH EXIT STATUS"]
    for code, words in EXIT_CODES.items():
        lines += [".TP", f".B {code}", _roff(words)]
    lines += [".SH EXAMPLES"]
    for words, line in EXAMPLES.items():
        lines += [".TP", _roff(f"{words}:"), ".nf", _roff(line), ".fi"]
    lines += [".SH SEE ALSO", ".BR tcp (7),", ".BR tcpdump (8),", ".BR tshark (1),", ".BR sysctl (8)"]
    return "\n".join(lines) + "\n"


def _paragraphs() -> list[str]:
    """The command's own description, a line a paragraph."""
    return [" ".join(one.split()) for one in (main.help or "").split("\n\n")]


def _cell(words: str) -> str:
    return words.replace("|", "\\|")


def _roff(words: str) -> str:
    """As text that no macro is hidden in."""
    escaped = words.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped
