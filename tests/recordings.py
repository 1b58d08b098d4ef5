"""The recordings in samples/, and the few that tests of formats and faces read in many ways."""

from pathlib import Path

FOLDER = Path(__file__).parents[1] / "samples"
SAMPLES = sorted(FOLDER.glob("*/capture.pcap*"))


def is_short(capture: Path) -> bool:
    """One connection, recorded on one kernel: the others are longer or more of the same."""
    truth = capture.with_name("truth.toml").read_text()
    return capture.suffix == ".pcap" and "[[flow]]" not in truth and "-hz" not in capture.parent.name


SHORT = [capture for capture in SAMPLES if is_short(capture)]
