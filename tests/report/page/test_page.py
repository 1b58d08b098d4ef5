"""The page: whole in itself, findings first, nothing of a capture becomes markup, usable with 10,000 connections."""

import json
import re
import shutil
import subprocess
import sys
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import pytest

import analyzer
from tests.transcript import analyse, transcript

SAMPLES = Path(__file__).parents[3] / "samples"
OUTCOMES = {
    "alive": "peer-alive-8-2-4",
    "closed": "closed-in-order",
    "timed-out": "nc-30-10-5",
    "unreachable": "unreachable-host-7-2-4",
    "reset": "firewall-resets-14-3-4",
    "probing": "still-probing-8-3-9",
    "undetected": "nat-data-too-late",
}
HOSTILE = "<img src=x onerror=alert(1)>{{7*7}}'\"&.pcap"


class Page(HTMLParser):
    """What a page consists of: elements with their attributes, the words outside of scripts and styles."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.scripts: list[str] = []
        self._inside = ""
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)
        self.data = json.loads(self.scripts[0])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, _tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts.append(data)
        elif self._inside != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def page_of(capture: Path | analyzer.Analysis, folder: Path) -> Page:
    found = analyzer.analyze(capture) if isinstance(capture, Path) else capture
    found.write_html(folder / "report.html")
    return Page(folder / "report.html")


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_headline_findings_come_first(outcome: str, tmp_path: Path) -> None:
    capture = SAMPLES / OUTCOMES[outcome] / "capture.pcap"
    page, one = page_of(capture, tmp_path), analyzer.analyze(capture).flow(0)
    assert one.verdict.outcome.value == outcome
    assert ("article", {"class": f"card o-{outcome}", "id": "flow-0"}) in page.elements
    headline = one.headline[:1].upper() + one.headline[1:]
    assert page.text.index(headline) < page.text.index("Why we say so") < page.text.rindex("All connections")
    for sentence in (*one.sentences, *one.reasons):
        assert sentence in page.text


def test_outcomes_are_counted_by_their_own_names(tmp_path: Path) -> None:
    """RSTs are RSTs, and what is unreachable has not timed out."""
    both = [SAMPLES / f"{name}/capture.pcap" for name in ("unreachable-host-7-2-4", "nc-30-10-5")]
    page = page_of(analyzer.analyze(*both), tmp_path)
    assert "⊘ 1 unreachable" in page.text
    assert "✕ 1 timed out" in page.text


def test_charts_are_pictures_with_words(tmp_path: Path) -> None:
    page = page_of(SAMPLES / "node-closes-after-5/capture.pcap", tmp_path)
    drawn = [given for tag, given in page.elements if tag == "svg"]
    ids = {given.get("id") for _, given in page.elements}
    assert drawn
    for given in drawn:
        assert given["role"] == "img"
        assert set(str(given["aria-labelledby"]).split()) <= ids


def test_a_service_has_its_chart_once(tmp_path: Path) -> None:
    page = page_of(SAMPLES / "haproxy-closes-after-5-7-9/capture.pcap", tmp_path)
    assert ("section", {"id": "services"}) in page.elements
    for port, limit in ((9000, 5), (9001, 7), (9002, 9)):
        assert f"The responder closes a connection after {limit} s without data" in page.text
        title = f"Idle times at 198.51.100.2:{port}: 3 closed by the limit"
        assert page.text.count(title) == 4  # for eyes and for screen readers, wide and narrow
    drawn = [attributes["id"] for tag, attributes in page.elements if tag == "svg"]
    assert [name for name in drawn if name in ("why", "service-0-0", "service-1-0", "service-2-0")] == [
        "why", "service-1-0", "service-2-0"
    ]  # fmt: skip
    assert page.text.count("The chart of these idle times is above") == 1


def test_without_an_idle_limit_there_are_no_services(tmp_path: Path) -> None:
    page = page_of(SAMPLES / "half-open/capture.pcap", tmp_path)
    assert ("section", {"id": "services"}) not in page.elements


def test_a_nat_sample_answers_why_and_what_to_set(tmp_path: Path) -> None:
    page = page_of(SAMPLES / "nat-forgets-one-of-two/capture.pcap", tmp_path)
    for words in ("1 of 2 connections died", "a NAT, a firewall or a load balancer", "ETIMEDOUT", "What to set"):
        assert words in page.text
    assert "net.ipv4.tcp_keepalive_time = " in page.source


def test_nothing_is_fetched_and_only_our_script_runs(tmp_path: Path) -> None:
    page = page_of(SAMPLES / "nat-forgets-one-of-two/capture.pcap", tmp_path)
    for tag, attributes in page.elements:
        assert tag not in ("link", "iframe", "object", "embed", "base", "form")
        for name in ("src", "href", "xlink:href", "action", "srcset"):
            assert (attributes.get(name) or "#").startswith(("#", "data:image/png;base64,"))
        assert not any(name.startswith("on") for name in attributes)
    [policy] = [a["content"] or "" for tag, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"]
    digest = b64encode(sha256(page.scripts[-1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none';")


def test_names_from_outside_stay_words(tmp_path: Path) -> None:
    hostile = tmp_path / HOSTILE
    hostile.write_bytes((SAMPLES / "nc-30-10-5/capture.pcap").read_bytes())
    page = page_of(hostile, tmp_path)
    assert HOSTILE in page.text
    assert "img" not in [tag for tag, _ in page.elements]
    assert "49" not in page.text.split("capture")[0].replace(str(tmp_path), "")


def test_data_cannot_end_its_script(tmp_path: Path) -> None:
    page = page_of(SAMPLES / "nc-30-10-5/capture.pcap", tmp_path)
    raw = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.source, re.DOTALL)
    assert raw is not None
    assert not set("<>&") & set(raw[1])


def test_charts_of_a_page_have_ids_of_their_own(tmp_path: Path) -> None:
    page = page_of(SAMPLES / "nat-forgets-one-of-two/capture.pcap", tmp_path)
    names = [attributes["id"] for tag, attributes in page.elements if tag == "svg"]
    assert len(names) == len(set(names)) >= 8
    used = {(a.get("xlink:href") or "")[1:] for tag, a in page.elements if tag == "use"}
    assert used <= {a.get("id") for _, a in page.elements}


def test_neither_the_page_nor_its_charts_need_dataframes(tmp_path: Path) -> None:
    """They take a fifth of a second to import."""
    made = f"analyzer.load_example().write_html({str(tmp_path / 'page.html')!r})"
    code = f"import sys, analyzer; {made}; print(*{{'pandas', 'pyarrow', 'matplotlib.pyplot'}} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=SAMPLES.parent)
    assert done.stdout.strip() == ""


def test_an_empty_capture_has_a_page(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pcap"
    empty.write_bytes((SAMPLES / "nc-30-10-5/capture.pcap").read_bytes()[:24])
    page = page_of(empty, tmp_path)
    assert "No TCP connection in this capture." in page.text
    assert page.data["rows"] == []


def many(count: int) -> analyzer.Analysis:
    """So many connections, of which every other one is probed in vain."""
    lines = []
    for time, words in (
        (0, "A:{0}>B A seq 1000 ack 5000"),
        (1, "B>A:{0} PA seq 5000 ack 1000 len 9"),
        (2, "A:{0}>B A seq 1000 ack 5009"),
        (32, "A:{0}>B A seq 999 ack 5009"),
        (62, "A:{0}>B A seq 999 ack 5009"),
    ):
        lines += [f"{time} {words.format(port)}" for port in range(40_001, 40_001 + count) if port % 2 or time < 30]
    return analyzer.Analysis(analyse(transcript("\n".join(lines))))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Page:
    folder = tmp_path_factory.mktemp("large")
    return page_of(many(2_000), folder)


def test_many_connections_are_rows_not_markup(large: Page) -> None:
    assert len(large.data["rows"]) == 2_000
    assert len(large.source) < 1_200_000  # 10,000 are less than 5 MB
    assert [attributes["id"] for tag, attributes in large.elements if tag == "article"] == ["flow-0"]
    assert "999 other connections ended the same way" in large.text
    counted = "connections?|other|probes?|times|survived|failed|more|open|being"
    assert "2,000 connections" in large.text
    assert re.findall(rf"\b\d{{4,}} (?:{counted})\b", large.text) == []


def test_rows_refer_to_words_that_exist(large: Page) -> None:
    words = large.data["words"]
    for row in large.data["rows"]:
        assert 0 <= row[3] < len(words)
        if len(row) > 11:
            sentences, ends, course, reasons, frames = row[11]
            assert all(0 <= one < len(words) for one in (*sentences, course, *reasons))
            assert len(ends) == 1
            assert frames


@pytest.mark.needs("chromium")
def test_the_table_is_drawn_in_a_browser(large: Page, tmp_path: Path) -> None:
    path = tmp_path / "large.html"
    path.write_text(large.source, encoding="utf-8")
    command = [
        shutil.which("chromium") or "", "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=4000",
        f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", path.as_uri(),
    ]  # fmt: skip
    dom = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    assert dom.count('class="open"') == 200
    assert "Show more (1,800)" in dom
    assert "being probed 1,000" in re.sub("<[^>]*>", "", dom)


SORTED = """<script>
const heading = [...document.querySelectorAll("#table th")].find(one => one.textContent === NAME);
heading.firstChild.click();
</script>"""


def drawn(source: str, folder: Path, name: str = "", width: int = 1400) -> str:
    """The page's elements after its script has run, sorted by a column if that is named."""
    if name:  # a script more than the page's policy allows
        source = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", source)
        source = source.replace("</body>", SORTED.replace("NAME", json.dumps(name)) + "</body>")
    path = folder / "drawn.html"
    path.write_text(source, encoding="utf-8")
    command = [
        shutil.which("chromium") or "", "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=4000",
        f"--user-data-dir={folder / 'profile'}", f"--window-size={width},900", "--dump-dom", path.as_uri(),
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


@pytest.mark.needs("chromium")
def test_columns_of_numbers_are_sorted_as_numbers(tmp_path: Path) -> None:
    source = page_of(SAMPLES / "nat-fifty-300/capture.pcap", tmp_path).source
    settings = re.findall(r'<td class="less">(\d+)/\d', drawn(source, tmp_path, "time/intvl/probes"))
    assert len(settings) == 50
    assert [int(one) for one in settings] == sorted(int(one) for one in settings)
    assert {"60", "100", "600"} & set(settings) == {"60", "600"}  # as words 600 would come before 88
    ends = re.findall(r"<td>192\.0\.2\.1:(\d+) ", drawn(source, tmp_path, "connection"))
    assert [int(one) for one in ends] == list(range(40000, 40050))


@pytest.mark.needs("chromium")
def test_a_row_is_a_line_at_1400_pixels(tmp_path: Path) -> None:
    source = page_of(SAMPLES / "nat-fifty-300/capture.pcap", tmp_path).source
    measured = """<script>
    const rows = [...document.querySelectorAll("#table tbody tr")].map(row => row.clientHeight);
    const box = document.getElementById("table").parentNode;
    document.title = [Math.max(...rows), box.scrollWidth - box.clientWidth].join(" ");
    </script></body>"""
    source = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", source).replace("</body>", measured)
    found = re.search(r"<title>(\d+) (\d+)</title>", drawn(source, tmp_path))
    assert found is not None
    assert int(found[1]) < 40  # two lines are 45
    assert int(found[2]) == 0


@pytest.mark.slow
@pytest.mark.needs("chromium")
@pytest.mark.parametrize("sample", ["nat-fifty-300", "ipv6-8-2-4", "nginx-closes-after-8"])
@pytest.mark.parametrize("width", [390, 800, 1000])
def test_nothing_is_cut_where_the_page_is_narrow(sample: str, width: int, tmp_path: Path) -> None:
    """Neither the page nor a chart or a table in it, but for the one of all connections, is to be moved sideways.

    The browser's window is 500 pixels wide at the least; what the style sheet asks is the same there.
    """
    source = page_of(SAMPLES / sample / "capture.pcap", tmp_path).source
    measured = """<script>
    document.body.style.width = "WIDTHpx";
    const boxes = [document.body, ...document.querySelectorAll("section, figure, .scroll:not(#all .scroll)")];
    document.title = Math.max(...boxes.map(box => box.scrollWidth - box.clientWidth)) + " " + document.body.clientWidth;
    </script></body>""".replace("WIDTH", str(width))
    source = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", source).replace("</body>", measured)
    found = re.search(r"<title>(\d+) (\d+)</title>", drawn(source, tmp_path, width=width))
    assert found is not None
    assert (int(found[1]), int(found[2])) == (0, width)


def test_each_chart_is_there_for_a_telephone_too(tmp_path: Path) -> None:
    page = page_of(SAMPLES / "nat-fifty-300/capture.pcap", tmp_path)
    titles = [str(values["aria-labelledby"]).split("-title")[0] for tag, values in page.elements if tag == "svg"]
    assert titles[1::2] == [f"{one}-narrow" for one in titles[::2]]


def test_the_foot_has_version_date_and_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    found = analyzer.analyze(SAMPLES / "nc-30-10-5/capture.pcap")
    found.write_html(tmp_path / "page.html", command="ka-analyze 'http://me:secret@example.org/a b.pcap'")
    text = Page(tmp_path / "page.html").text
    assert f"Made by ka-analyze {analyzer.__version__} on 1970-01-02 00:00 UTC" in text
    assert "ka-analyze 'http://…@example.org/a b.pcap'" in text
    assert "secret" not in text


def test_pages_are_the_same_but_for_their_foot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = []
    for epoch in ("0", "86400"):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
        sources.append(page_of(SAMPLES / "gunicorn-closes-after-2/capture.pcap", tmp_path).source)
    assert sources[0] != sources[1]
    assert sources[0].replace("1970-01-01 00:00", "1970-01-02 00:00") == sources[1]


def test_hosts_are_a_row_for_each_service(tmp_path: Path) -> None:
    page = page_of(SAMPLES / "nat-fifty-300/capture.pcap", tmp_path)
    hosts = page.source[page.source.index('id="hosts"') : page.source.index('id="all"')]
    assert len(re.findall('<tr><td class="head">192.0.2.1</td>', hosts)) == 1
    assert "different settings" in hosts
