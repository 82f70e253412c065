"""Where torch computes."""

from tdsr_bench.errors import UserError


def find_device(name: str) -> str:
    """`name` as torch knows it; ``auto`` is a graphics card where there is one, else the processor.

    Raises:
        UserError: there is no such device here.
    """
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError):
        raise UserError(f"torch finds no device {name!r} here; choose cpu, or auto for what is there.") from None
    return name
