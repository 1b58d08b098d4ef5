"""The version, written once: the build, `--version` and the JSON document read it here."""

__version__ = "0.1.0"
