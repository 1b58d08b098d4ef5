"""ka-analyze: which TCP keepalive settings are in force in a capture, and what happened.

    import analyzer
    a = analyzer.analyze("capture.pcap")
    a.conclusions               # what all of it says, and what to do about it
    a.flows                     # pandas DataFrames: flows, ends, probes, gaps, segments, hosts, path_limits, …
    a.flow(12)                  # one connection in full
    a.plot.timeline(flow=12)    # a matplotlib Axes
    a.packets(flow=12)          # a PacketList of scapy
    analyzer.forge(time=60, intvl=10, probes=5)  # what such settings look like

    for event in analyzer.watch("eth0"):
        print(event.time_ns, event.name, event.ends, event.fields)

Names are imported when first used, so that `import analyzer` costs nothing.
"""

from typing import TYPE_CHECKING, Any

from analyzer.version import __version__

if TYPE_CHECKING:
    from analyzer.errors import CaptureError, KeepaliveAnalyzerError, OptionError
    from analyzer.keepalive.tags.tag import Tag
    from analyzer.keepalive.verdict.values import Outcome
    from analyzer.monitor.watch import watch
    from analyzer.report.connection import Connection
    from analyzer.report.interchange.forging import forge
    from analyzer.report.library import Analysis, analyze, load_example

__all__ = [
    "Analysis",
    "CaptureError",
    "Connection",
    "KeepaliveAnalyzerError",
    "OptionError",
    "Outcome",
    "Tag",
    "__version__",
    "analyze",
    "forge",
    "load_example",
    "watch",
]

_HOMES = {
    "Analysis": "analyzer.report.library",
    "CaptureError": "analyzer.errors",
    "KeepaliveAnalyzerError": "analyzer.errors",
    "OptionError": "analyzer.errors",
    "Connection": "analyzer.report.connection",
    "analyze": "analyzer.report.library",
    "load_example": "analyzer.report.library",
    "forge": "analyzer.report.interchange.forging",
    "Tag": "analyzer.keepalive.tags.tag",
    "Outcome": "analyzer.keepalive.verdict.values",
    "watch": "analyzer.monitor.watch",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'analyzer' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
