"""Cards that are made up, for tests of what is made of cards."""

from typing import Any

from tdsr_bench.card import ResultCard

NONE = {"value": None, "missing": ["no network"]}


def gap(regions: dict[str, float]) -> dict[str, Any]:
    value = sum(regions.values()) / len(regions)
    return {"value": value, "regions": regions, "raw": value, "ci95": [value - 0.1, value + 0.1]}


def card(
    name: str,
    regions: list[float],
    *,
    track: str = "sisr",
    fingerprint: str = "f" * 64,
    about: dict[str, Any] | None = None,
    **changes: Any,
) -> ResultCard:
    """A card whose image gap without LPIPS has the values `regions`; `about` is said of its submission."""
    named = {f"r{index}": value for index, value in enumerate(regions)}
    content = {
        "schema": 1,
        "status": "complete",
        "protocol": {"id": "tdsr-v1", "version": "1", "sha256": "a" * 64},
        "data": {
            "name": "tiny",
            "arm": "real",
            "split": "test",
            "fingerprint": fingerprint,
            "scenes": [f"s{index}" for index in range(max(2, len(named)))],
            "strips": ["t"],
            "regions": list(named),
        },
        "submission": {"name": name, "track": track, "sha256": name, "training_data": "none", "parameters": 0}
        | (about or {}),
        "networks": {"score": []},
        "environment": {},
        "summary": {
            "image_gap": NONE,
            "task_gap": NONE,
            "combined_gap": NONE,
            "image_gap_no_lpips": gap(named),
            "combined_gap_no_lpips": NONE,
            "guards": {"ranked": True, "consistency_ratio": 1.0},
            "metrics": {},
        },
        "references": {"bicubic": {"image_gap": NONE, "image_gap_no_lpips": gap(dict.fromkeys(named, 0.0))}},
        "timing": {},
        "rows": [],
    }
    return ResultCard.model_validate(content | changes)


def guarded(reason: str) -> dict[str, Any]:
    summary = card("x", [9.0, 9.0, 9.0]).model_dump(mode="json")["summary"]
    return summary | {"guards": {"ranked": False, "reasons": [reason]}}
