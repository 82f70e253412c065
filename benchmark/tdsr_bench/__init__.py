"""The protocol: what a score of a super-resolved Sentinel-2 image is, and how it is measured."""

__version__ = "0.1.0"
