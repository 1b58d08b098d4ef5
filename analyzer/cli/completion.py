"""Values that a shell completes: words of --only, --fail-on and --advice, interfaces."""

from collections.abc import Iterable

import click


def outcomes(_: click.Context, __: click.Parameter, given: str) -> list[str]:
    """Complete the last of the outcomes that are given."""
    from analyzer.keepalive.verdict.values import Outcome

    return _after_commas(given, (one.value for one in Outcome))


def unwanted(_: click.Context, __: click.Parameter, given: str) -> list[str]:
    """Complete the last of the outcomes and codes of conclusions that are given."""
    from analyzer.keepalive.summary.conclusions import ConclusionCode
    from analyzer.keepalive.verdict.values import Outcome

    return _after_commas(given, (one.value for one in (*Outcome, *ConclusionCode)))


def systems(_: click.Context, __: click.Parameter, given: str) -> list[str]:
    """Complete the name of a system that there is advice for."""
    from analyzer.report.recipes import names

    return [one for one in names() if one.startswith(given)]


def interfaces(_: click.Context, __: click.Parameter, given: str) -> list[str]:
    """Complete the name of an interface, or 'any'."""
    import socket

    try:
        found = [name for _, name in socket.if_nameindex()]
    except OSError:
        found = []
    return [one for one in (*found, "any") if one.startswith(given)]


def _after_commas(given: str, words: Iterable[str]) -> list[str]:
    before, comma, last = given.rpartition(",")
    taken = before.split(",")
    return [f"{before}{comma}{word}" for word in words if word.startswith(last) and word not in taken]
