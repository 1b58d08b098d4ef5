"""The charts of an analysis by name, as the library gives them: `a.plot.timeline(flow=12)`."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from analyzer.keepalive.summary.services import IdleLimit
    from analyzer.report.library import Analysis


class Plot:
    """Charts of an analysis: each takes the Axes to draw on, or makes its own, and returns it."""

    def __init__(self, of: "Analysis") -> None:
        self._of = of

    def __repr__(self) -> str:
        names = (name for name in vars(type(self)) if not name.startswith("_"))
        return f"<Plot with {', '.join(names)}>"

    def timeline(self, flow: int | str = 0, ax: "Axes | None" = None) -> "Axes":
        """Draw the timeline of one connection."""
        from analyzer.report.charts.timeline import timeline

        return timeline(self._of, self._of.flow(flow).id, ax)

    def candidates(
        self,
        flow: int | str = 0,
        setting: str = "tcp_keepalive_intvl",
        end: int | None = None,
        ax: "Axes | None" = None,
    ) -> "Axes":
        """Draw how observed durations become a setting: `tcp_keepalive_intvl` or `tcp_keepalive_time`."""
        from analyzer.report.charts.candidates import candidates

        return candidates(self._of, self._of.flow(flow).id, setting, end, ax)

    def silences(self, path: str | None = None, ax: "Axes | None" = None) -> "Axes":
        """Draw how long a path may be silent, with known limits."""
        from analyzer.report.charts.silences import silences

        return silences(self._of, path, ax)

    def services(
        self, service: str | None = None, limit: "IdleLimit | None" = None, ax: "Axes | None" = None
    ) -> "Axes":
        """Draw how long the connections to a service were idle, and which of them its idle limit closed."""
        from analyzer.report.charts.services import services

        return services(self._of, service, limit, ax)

    def overview(self, ax: "Axes | None" = None) -> "Axes":
        """Draw every connection as a bar in time, by outcome."""
        from analyzer.report.charts.overview import overview

        return overview(self._of, ax)

    def hosts(self, addr: str | None = None, ax: "Axes | None" = None) -> "Axes":
        """Draw settings by host and port."""
        from analyzer.report.charts.hosts import hosts

        return hosts(self._of, addr, ax)

    def cost(self, ax: "Axes | None" = None) -> "Axes":
        """Draw probes an hour by host."""
        from analyzer.report.charts.cost import cost

        return cost(self._of, ax)
