"""What the page's first chart shows, in words.

Beside `sentences.py` the only prose about findings.
"""

from analyzer.keepalive.summary.services import IdleLimit
from analyzer.report.words.service_sentences import SINCE


def silences(path: str) -> str:
    """Say what the marks of a path's silences mean."""
    return (
        f"Each mark is a silence on a connection to {path}. After those above the path still passed segments, after "
        "those below it did not."
    )


def services(service: str, limit: IdleLimit) -> str:
    """Say what the marks of a service's connections mean."""
    return (
        f"Each mark is a connection to {service}: how long it was {SINCE[limit.clock]} when it was closed, or at the "
        "most if it was not."
    )


def timeline(flow: int, alike: int) -> str:
    """Say which connection a timeline is of, and how many others it stands for."""
    others = f", one of {alike:,} that this is true of" if alike > 1 else ""
    return f"The timeline of connection #{flow}{others}."
