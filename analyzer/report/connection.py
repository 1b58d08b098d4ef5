"""One connection of an analysis, as the library gives it: its verdict in words, its rows, its packets, its timeline."""

from typing import TYPE_CHECKING, Any

from analyzer.keepalive.findings import Flow
from analyzer.keepalive.verdict.values import Verdict
from analyzer.report.wireshark.filters import display_filter
from analyzer.report.words import sentences
from analyzer.report.words.one_line import who

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd
    from matplotlib.axes import Axes
    from rich.console import Group

    from analyzer.report.library import Analysis


class Connection:
    """One connection of an analysis."""

    def __init__(self, of: "Analysis", findings: Flow) -> None:
        self._of = of
        self.findings = findings
        """Everything known of the connection, as dataclasses: ends with settings and story, verdict."""

    @property
    def id(self) -> int:
        return self.findings.id

    @property
    def verdict(self) -> Verdict:
        return self.findings.verdict

    @property
    def headline(self) -> str:
        """Return outcome and cause in a few words."""
        return sentences.headline(self.findings)

    @property
    def sentences(self) -> list[str]:
        """Return sentences that say who probes, and what happened."""
        return sentences.sentences(self.findings)

    @property
    def reasons(self) -> list[str]:
        """Return the reasons for the verdict, in words."""
        return sentences.reasons(self.findings.verdict)

    @property
    def display_filter(self) -> str:
        """Return the filter that shows the connection in Wireshark."""
        return display_filter(self.findings)

    @property
    def ends(self) -> "pd.DataFrame":
        return self._own(self._of.ends).set_index("end")

    @property
    def probes(self) -> "pd.DataFrame":
        return self._own(self._of.probes)

    @property
    def gaps(self) -> "pd.DataFrame":
        return self._own(self._of.gaps)

    @property
    def segments(self) -> "pd.DataFrame":
        return self._own(self._of.segments)

    def _own(self, frame: "pd.DataFrame") -> "pd.DataFrame":
        return frame[frame["flow"] == self.id].drop(columns="flow").reset_index(drop=True)

    def packets(self, *, as_: str = "scapy") -> Any:
        """Return all packets of the connection, as `Analysis.packets` does."""
        return self._of.packets(self.id, as_=as_)

    def write(self, path: "str | PathLike[str]") -> None:
        """Write the packets of the connection, and ICMP errors about it: as pcap if the name ends so, else as
        pcapng."""
        from analyzer.report.interchange.capture_files import write
        from analyzer.report.interchange.packets import of_flow
        from analyzer.report.output_file import check_outputs

        capture = self._of.capture
        check_outputs({"write()": str(path)}, capture.files)
        write(of_flow(capture, self.findings.first_frame), str(path), "write()")

    def plot(self, ax: "Axes | None" = None, **more: Any) -> "Axes":
        """Draw the connection's timeline; `figsize` and properties of the Axes as for all charts."""
        return self._of.plot.timeline(self.id, ax, **more)

    def __rich__(self) -> "Group":
        from analyzer.report.terminal import connection

        return connection(self.findings)

    def __repr__(self) -> str:
        return f"<Connection #{self.id} {who(self.findings)}: {self.headline}>"

    def _repr_html_(self) -> str:
        from analyzer.report.page.page import notebook_connection

        return notebook_connection(self)
