"""The exception tree: what stops an analysis. Oddities inside a capture are diagnostics.

KeepaliveAnalyzerError
├── CaptureError                the input cannot be used at all (exit 2)
│   ├── UnknownFormatError        it is no capture that can be read: what its first octets are
│   │   └── NoCaptureError            nor does it look like one
│   └── CapturePermissionError    it may not be read
├── FilterError                 a filter that is not understood, that libpcap refuses, or no libpcap (exit 2)
└── OptionError                 options that contradict each other or cannot be parsed; a ValueError, too
"""


class KeepaliveAnalyzerError(Exception):
    """Base of all; the text is one line for a person: found, expected, what to do."""


class CaptureError(KeepaliveAnalyzerError):
    """The input cannot be used at all."""


class UnknownFormatError(CaptureError):
    """The input is no capture that can be read."""


class NoCaptureError(UnknownFormatError):
    """The input does not even look like a capture that is damaged, or of another format."""


class CapturePermissionError(CaptureError):
    """The input exists but may not be read."""


class FilterError(KeepaliveAnalyzerError):
    """A capture filter that cannot be compiled."""


class OptionError(KeepaliveAnalyzerError, ValueError):
    """An option's value, or that of an argument of the library, cannot be understood."""
