"""A synthetic landscape: what is where on the ground, how high it is and what it reflects on a day."""

from tdsr_bench.data.landscape.compose import Landscape, make_landscape
from tdsr_bench.data.landscape.render import Light, render, sun
from tdsr_bench.data.landscape.style import STYLES, Style

__all__ = ["STYLES", "Landscape", "Light", "Style", "make_landscape", "render", "sun"]
