"""OpenStreetMap from a server that speaks the Overpass API, through osmnx (the extra ``osm``)."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import numpy as np

from tdsr_bench.data.grid import Bounds
from tdsr_bench.data.osm_features import TASKS, Features
from tdsr_bench.data.osm_tags import ROAD_WIDTHS, read_tags
from tdsr_bench.data.truth import TruthOrigin
from tdsr_bench.errors import DataError
from tdsr_bench.files import cache_folder, digest
from tdsr_bench.foreign import from_json, read_bytes

QUERY: Mapping[str, bool | str | list[str]] = {"highway": True, "building": True}
"""What is asked for: everything with one of these tags."""

MOST_BYTES = 2**29
"""Of an answer: as much as a server uses for one unless it is asked for more."""

ANSWER_SECONDS = 20
"""How long a server may take to say that it is there."""


@dataclass(frozen=True)
class Overpass:
    """A server, such as ``https://overpass-api.de/api``, and the day whose map is asked for; None is the newest."""

    url: str
    day: date | None = None

    @property
    def key(self) -> str:
        """Changes with everything that masks depend on."""
        return digest(self.url, ROAD_WIDTHS, self.day)[:16]

    def load(self, boxes: Mapping[str, Bounds]) -> "OverpassMap":
        """Everything, asked for one scene at a time.

        Raises:
            DataError: osmnx is not installed.
        """
        return OverpassMap(self, _osmnx(), boxes)


@dataclass(frozen=True, eq=False)
class OverpassMap:
    """What a server answers for each scene. Answers are kept, and are not asked for again.

    Attributes:
        server: which one.
        osmnx: the module.
        boxes: of the scenes, in degrees.
        days: those of the answers so far.
    """

    server: Overpass
    osmnx: ModuleType
    boxes: Mapping[str, Bounds]
    days: list[date] = field(default_factory=list)
    tasks: tuple[str, ...] = tuple(TASKS)

    @property
    def origin(self) -> TruthOrigin:
        """What is recorded of it; without a day of its own, the earliest of its answers."""
        day = self.server.day or min(self.days, default=None)
        where = "the date asked for" if self.server.day else "the earliest osm_base of the answers"
        return TruthOrigin(
            name=self.server.url, sha256=None, snapshot=day, snapshot_from=where, road_widths=ROAD_WIDTHS
        )

    def covers(self, scene: str) -> bool:  # noqa: ARG002
        """A server has the whole world."""
        return True

    def near(self, scene: str) -> Features:
        """The features around `scene`.

        Raises:
            DataError: the server cannot be reached, refuses, or does not answer in full.
        """
        box = self.boxes[scene]
        folder = cache_folder() / "overpass" / digest(self.server.url, self.server.day, box, QUERY)[:16]
        rate_limit = bool(list(folder.glob("*.json"))) or _has_status(self.server.url)
        with _configured(self.osmnx, self.server, folder, rate_limit=rate_limit):
            found = self._ask(box)
        self._check(folder)
        return found

    def _ask(self, box: Bounds) -> Features:
        from requests import RequestException

        try:
            frame = self.osmnx.features_from_bbox(box, dict(QUERY))
        except (ValueError, KeyError, RequestException):  # nothing there, or no proper answer: see `_check`
            return Features(np.array([], dtype=object), [])
        columns = {name: frame[name].to_numpy() for name in frame.columns if name != "geometry"}
        tags = [read_tags({name: column[index] for name, column in columns.items()}) for index in range(len(frame))]
        return Features(np.asarray(frame.geometry, dtype=object), tags)

    def _check(self, folder: Path) -> None:
        """Refuse what is no complete answer: osmnx keeps only those, and warns of the others in its log alone."""
        answers = [_answer(path) for path in folder.glob("*.json")]
        if not answers or not all("elements" in answer for answer in answers):
            shutil.rmtree(folder, ignore_errors=True)
            raise DataError(
                f"{self.server.url} gave no complete answer (it refused, or ran out of time or memory); try again "
                f"later, or another server by --overpass. What is finished is kept."
            )
        self.days.extend(day for answer in answers if (day := _day(answer)))


def _answer(path: Path) -> dict[str, Any]:
    """What a server answered; nothing where that is no table."""
    try:
        answer = from_json(read_bytes(path, most=MOST_BYTES))
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _day(answer: dict[str, Any]) -> date | None:
    try:
        return date.fromisoformat(answer["osm3s"]["timestamp_osm_base"][:10])
    except (KeyError, TypeError, ValueError):
        return None


def _osmnx() -> ModuleType:
    try:
        import osmnx
    except ImportError:
        raise DataError(
            "--overpass needs osmnx, which is not installed; run `pip install 'tdsr-bench[osm]'`, or give a file by "
            "--osm."
        ) from None
    return osmnx


def _has_status(url: str) -> bool:
    """Whether the server at `url` tells how busy it is; osmnx would wait a minute for one that does not."""
    try:
        with urlopen(f"{url.rstrip('/')}/status", timeout=ANSWER_SECONDS) as answer:
            return bool(answer.status == 200)
    except HTTPError:
        return False
    except (URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise DataError(
            f"{url} does not answer ({reason}); check the address and the network, or give a file by --osm. What is "
            f"finished is kept."
        ) from None


@contextmanager
def _configured(osmnx: Any, server: Overpass, folder: Path, *, rate_limit: bool) -> Iterator[None]:
    """osmnx's settings for one question, and its own again afterwards."""
    settings = osmnx.settings
    dated = "" if server.day is None else f'[date:"{server.day.isoformat()}T00:00:00Z"]'
    wanted = {
        "overpass_url": server.url,
        "overpass_settings": "[out:json][timeout:{timeout}]{maxsize}" + dated,
        "overpass_rate_limit": rate_limit,
        "use_cache": True,
        "cache_folder": str(folder),
        "cache_only_mode": False,
        "doh_url_template": None,
    }
    before = {name: getattr(settings, name) for name in wanted}
    try:
        for name, value in wanted.items():
            setattr(settings, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(settings, name, value)
