"""The version, for those parts of the package that must not import the package's own names."""

__version__ = "0.1.0"
