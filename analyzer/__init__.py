"""ka-analyze: which TCP keepalive settings are in force in a capture, and what happened.

    import analyzer
    analysis = analyzer.analyze("capture.pcap")
    for flow in analysis.flows:
        print(flow.ends[0], flow.verdict.outcome)

Names are imported when first used, so that `import analyzer` costs nothing.
"""

from typing import TYPE_CHECKING, Any

from analyzer.version import __version__

if TYPE_CHECKING:
    from analyzer.analysis import Analysis, analyze
    from analyzer.keepalive.tags import Tag
    from analyzer.keepalive.verdict import Outcome

__all__ = ["Analysis", "Outcome", "Tag", "__version__", "analyze"]

_HOMES = {
    "Analysis": "analyzer.analysis",
    "analyze": "analyzer.analysis",
    "Tag": "analyzer.keepalive.tags",
    "Outcome": "analyzer.keepalive.verdict",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'analyzer' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
