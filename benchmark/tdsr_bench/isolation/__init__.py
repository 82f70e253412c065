"""Runs a submission apart from the data: it is given a view, and gives back numbers.

`isolated` opens a submission, and is what everything else uses. What its process is told stands in `wire`, what it does
in `worker`, what it may see in `sandbox`, what it may use up in `limits`; `child` starts it, asks it and ends it.
"""
