"""The fourteen characters that regions of the synthetic landscape have."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Style:
    """What tells the landscape of one region from another; lengths in metres.

    Attributes:
        lines: what crosses the whole scene, in the order in which it cuts it up: motorway, primary, river, coast.
        town_radius: how far the built-up area reaches from its centre; beyond 1500 the whole scene is a town.
        urban_block, rural_block, parcel: the longest side that a block, a farmland block, a parcel of it may have.
        slant: standard deviation in degrees by which a street leaves the right angle.
        bend, wiggle: amplitude of wide (600 to 1500 m) and of narrow (180 to 350 m) curves.
        cul_de_sac: share of the smallest streets that end blind.
        urban, rural: weights of what a block is used for (see `buildings.PLOTS` and `cover`).
        crops: weights of what grows on a parcel.
        roofs: the set of roof materials (see `buildings.ROOFS`).
        hedges: share of parcel edges with a row of trees; street_trees: trees for 100 m of a town's street.
        conifers: share of needle trees.
        latitude: degrees north, which sets the sun; dry: summers scorch the grass; soil: material of bare ground.
        season: day of the year around which the frames and the reference lie.
    """

    lines: tuple[str, ...] = ("primary",)
    town_radius: float = 2000.0
    urban_block: float = 120.0
    rural_block: float = 320.0
    parcel: float = 150.0
    slant: float = 4.0
    bend: float = 20.0
    wiggle: float = 2.0
    cul_de_sac: float = 0.0
    urban: Mapping[str, float] = field(default_factory=lambda: {"houses": 1.0})
    rural: Mapping[str, float] = field(default_factory=lambda: {"fields": 1.0})
    crops: Mapping[str, float] = field(default_factory=lambda: {"cereal": 4, "maize": 2, "grass": 3, "beet": 1})
    roofs: str = "mixed"
    hedges: float = 0.2
    street_trees: float = 1.0
    conifers: float = 0.2
    latitude: float = 49.0
    dry: bool = False
    soil: str = "soil"
    season: int = 185


_SUBURB = Style(
    lines=("primary", "primary"),
    urban_block=165,
    slant=7,
    bend=32,
    wiggle=5,
    cul_de_sac=0.4,
    urban={"houses": 7, "terraces": 2, "park": 0.7, "school": 0.5, "shops": 0.4},
    street_trees=1.5,
)
_VILLAGE = Style(
    lines=("primary",),
    town_radius=380,
    urban_block=140,
    slant=12,
    bend=38,
    wiggle=7,
    urban={"houses": 6, "farm": 1.2, "terraces": 1, "park": 0.5, "shops": 0.3},
    rural={"fields": 7, "forest": 1.2, "meadow": 1},
)

STYLES: Mapping[str, Style] = {
    "suburb": _SUBURB,
    "market-town": replace(
        _VILLAGE,
        lines=("primary", "primary"),
        town_radius=560,
        urban_block=125,
        urban={"houses": 4, "terraces": 2, "old": 3, "park": 0.7, "shops": 0.6, "halls": 0.3},
        rural={"fields": 6, "forest": 1, "meadow": 1, "halls": 0.5},
        season=160,
    ),
    "large-fields": replace(
        _VILLAGE,
        lines=("motorway", "primary"),
        town_radius=330,
        rural_block=480,
        parcel=330,
        slant=3,
        bend=25,
        wiggle=2,
        rural={"fields": 10, "farmstead": 3, "forest": 0.6},
        crops={"cereal": 5, "beet": 2, "maize": 2, "rape": 2, "grass": 0.5},
        hedges=0.05,
        season=150,
    ),
    "industry": Style(
        lines=("motorway", "primary"),
        urban_block=250,
        slant=2,
        bend=15,
        urban={"halls": 7, "shops": 2, "terraces": 1, "waste": 1, "school": 0.4, "lake": 0.2},
        roofs="flat",
        street_trees=0.4,
        season=200,
    ),
    "river-valley": replace(
        _VILLAGE,
        lines=("primary", "river"),
        town_radius=440,
        rural={"fields": 4, "meadow": 3, "forest": 2, "orchard": 1},
        parcel=130,
        season=175,
    ),
    "tower-blocks": Style(
        lines=("primary", "primary"),
        urban_block=210,
        slant=3,
        bend=18,
        urban={"slabs": 6, "terraces": 1, "school": 1, "shops": 1, "park": 1, "houses": 0.6},
        roofs="flat",
        street_trees=2.0,
        latitude=52,
        season=190,
    ),
    "city-grid": Style(
        lines=("primary", "primary"),
        urban_block=140,
        slant=0.0,
        bend=4,
        wiggle=0,
        urban={"perimeter": 7, "shops": 0.8, "slabs": 0.7, "park": 0.7, "plaza": 0.5},
        roofs="flat",
        street_trees=2.0,
        latitude=41,
        season=195,
    ),
    "old-town": Style(
        lines=("primary", "river"),
        urban_block=135,
        slant=15,
        bend=35,
        wiggle=9,
        urban={"old": 8, "perimeter": 2, "park": 0.7, "plaza": 0.7, "houses": 0.7},
        roofs="tile",
        street_trees=0.6,
        latitude=44,
        season=180,
    ),
    "small-fields": replace(
        _VILLAGE,
        town_radius=400,
        rural_block=230,
        parcel=85,
        slant=9,
        rural={"fields": 7, "orchard": 1, "farmstead": 2, "forest": 0.5, "meadow": 1},
        crops={"cereal": 3, "maize": 2, "grass": 4, "vegetables": 2, "vines": 1},
        hedges=0.5,
        season=170,
    ),
    "forest-edge": replace(
        _VILLAGE,
        lines=("primary", "primary"),
        town_radius=430,
        rural_block=280,
        slant=15,
        bend=45,
        urban={"houses": 7, "terraces": 1.5, "park": 0.5, "shops": 0.4, "farm": 0.5},
        rural={"forest": 6, "meadow": 2, "fields": 2, "lake": 0.4},
        conifers=0.6,
        latitude=51,
        season=210,
    ),
    "coast": replace(
        _SUBURB,
        lines=("coast", "primary"),
        town_radius=720,
        urban_block=135,
        cul_de_sac=0.15,
        urban={"houses": 4, "terraces": 2, "old": 1, "perimeter": 1.2, "slabs": 0.6, "park": 0.6, "shops": 0.5},
        rural={"scrub": 3, "fields": 2, "orchard": 2},
        crops={"cereal": 2, "vegetables": 3, "vines": 2, "fallow": 1},
        roofs="tile",
        latitude=40,
        dry=True,
        soil="pale_soil",
        season=165,
    ),
    "dry-land": replace(
        _VILLAGE,
        town_radius=430,
        urban_block=120,
        slant=8,
        urban={"old": 3, "houses": 5, "waste": 0.6, "shops": 0.4, "farm": 0.4},
        rural={"scrub": 4, "orchard": 3, "fields": 4, "greenhouses": 0.6},
        crops={"cereal": 4, "fallow": 3, "vines": 2, "vegetables": 1},
        roofs="tile",
        hedges=0.03,
        street_trees=0.3,
        conifers=0.5,
        latitude=37,
        dry=True,
        soil="pale_soil",
        season=155,
    ),
    "inner-city": Style(
        lines=("primary", "primary"),
        urban_block=155,
        slant=6,
        bend=18,
        wiggle=2,
        urban={"perimeter": 5, "slabs": 2, "old": 1, "terraces": 1, "shops": 0.6, "park": 0.8, "school": 0.4},
        street_trees=1.5,
        latitude=47,
        season=170,
    ),
    "outskirts": replace(
        _SUBURB,
        lines=("motorway", "primary"),
        town_radius=900,
        urban_block=150,
        urban={"houses": 4, "perimeter": 1, "terraces": 2, "shops": 1, "halls": 1, "slabs": 0.7, "park": 0.6},
        rural={"fields": 5, "forest": 1, "meadow": 1},
        latitude=45,
        season=195,
    ),
}
"""Each region's name and character."""
