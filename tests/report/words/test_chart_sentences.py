"""What the page's first chart shows, in words."""

from analyzer.report.words import chart_sentences
from tests.report.charts.drawing import sample


def test_silences_name_the_path() -> None:
    assert "a connection to 198.51.100.2:9000." in chart_sentences.silences("198.51.100.2:9000")


def test_services_name_the_clock() -> None:
    [limit] = sample("redis-closes-after-10").findings.services[0].idle_limits
    assert "how long it was without data from the other end when" in chart_sentences.services(
        "198.51.100.2:6379", limit._replace(clock="peer-data")
    )


def test_a_timeline_says_what_it_stands_for() -> None:
    assert chart_sentences.timeline(3, 1) == "The timeline of connection #3."
    assert chart_sentences.timeline(3, 24) == "The timeline of connection #3, one of 24 that this is true of."
    assert "one of 1,286 that" in chart_sentences.timeline(14, 1286)
