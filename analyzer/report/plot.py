"""The charts of an analysis by name, as the library gives them: `a.plot.timeline(flow=12)`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from analyzer.errors import OptionError
from analyzer.schema.export import SETTINGS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from analyzer.keepalive.summary.services import IdleLimit
    from analyzer.report.library import Analysis


class Plot:
    """Charts of an analysis: each takes the Axes to draw on, or makes its own, and returns it.

    `figsize` is the size of its own in inches; any other keyword is a property of the Axes, as `Axes.set` takes it:
    `title`, `xlim`, `xlabel`, …
    """

    def __init__(self, of: "Analysis") -> None:
        self._of = of

    def __repr__(self) -> str:
        names = (name for name in vars(type(self)) if not name.startswith("_"))
        return f"<Plot with {', '.join(names)}>"

    def timeline(self, flow: int | str = 0, ax: "Axes | None" = None, **more: Any) -> "Axes":
        """Draw the timeline of one connection."""
        from analyzer.report.charts.timeline import timeline

        return self._drawn(timeline, ax, more, self._of.flow(flow).id)

    def candidates(
        self,
        flow: int | str = 0,
        setting: str = "tcp_keepalive_intvl",
        end: int | None = None,
        ax: "Axes | None" = None,
        **more: Any,
    ) -> "Axes":
        """Draw how observed durations become a setting: `tcp_keepalive_intvl` or `tcp_keepalive_time`."""
        from analyzer.report.charts.candidates import candidates

        if setting not in SETTINGS[:2] or end not in (None, 0, 1):
            raise OptionError(f"setting is {' or '.join(SETTINGS[:2])}, and end is 0 or 1")
        return self._drawn(candidates, ax, more, self._of.flow(flow).id, setting, end)

    def silences(self, path: str | None = None, ax: "Axes | None" = None, **more: Any) -> "Axes":
        """Draw how long a path may be silent, with known limits."""
        from analyzer.report.charts.silences import silences

        return self._drawn(silences, ax, more, path)

    def services(
        self, service: str | None = None, limit: "IdleLimit | None" = None, ax: "Axes | None" = None, **more: Any
    ) -> "Axes":
        """Draw how long the connections to a service were idle, and which of them its idle limit closed."""
        from analyzer.report.charts.services import services

        return self._drawn(services, ax, more, service, limit)

    def overview(self, ax: "Axes | None" = None, **more: Any) -> "Axes":
        """Draw every connection as a bar in time, by outcome."""
        from analyzer.report.charts.overview import overview

        return self._drawn(overview, ax, more)

    def hosts(self, addr: str | None = None, ax: "Axes | None" = None, **more: Any) -> "Axes":
        """Draw settings by host and port."""
        from analyzer.report.charts.hosts import hosts

        return self._drawn(hosts, ax, more, addr)

    def cost(self, ax: "Axes | None" = None, **more: Any) -> "Axes":
        """Draw probes an hour by host."""
        from analyzer.report.charts.cost import cost

        return self._drawn(cost, ax, more)

    def _drawn(self, chart: Callable[..., "Axes"], ax: "Axes | None", more: dict[str, Any], *arguments: Any) -> "Axes":
        from analyzer.report.charts import style

        figsize, title = more.pop("figsize", None), more.pop("title", None)
        if ax is not None and figsize is not None:
            raise OptionError("figsize is for a chart of its own; these axes have the size of their figure")
        with style.sized(figsize):
            drawn = chart(self._of, *arguments, ax)
        if title is not None:
            style.title(drawn, title)
        drawn.set(**more)
        return drawn
