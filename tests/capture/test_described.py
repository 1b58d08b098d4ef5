"""What the inputs are, in a few numbers."""

from analyzer.capture.described import Capture


def test_a_frame_is_in_the_file_that_its_number_is_of() -> None:
    capture = Capture(("a", "b", "c"), ("pcap",), 9, 9, 0, 0, 0, (), frames=(4, 0, 5))
    assert [capture.file_of(frame) for frame in (0, 1, 4, 5, 9, 10)] == [None, "a", "a", "c", "c", None]
