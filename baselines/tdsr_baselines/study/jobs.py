"""From a plan to what has to be done: trainings, and runs that are scored; each with what it needs first."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tdsr_baselines.disturb import DISTURBANCES
from tdsr_baselines.training.config import TrainingConfig
from tdsr_bench.errors import ProtocolError
from tdsr_bench.study.plan import ArmPlan, NetworkPlan, StudyPlan, VariantPlan
from tdsr_bench.toml_file import nearest


@dataclass(frozen=True)
class TrainingJob:
    """A network to be trained.

    Attributes:
        name: such as ``hat-real-pixel-1``.
        title: how tables call it.
        config: what to train; where it starts from is known when that is trained.
        start: the training that it begins from.
    """

    name: str
    title: str
    config: dict[str, Any]
    start: str | None

    def configured(self, start: Path | None) -> TrainingConfig:
        """The configuration, to begin from the checkpoint `start`.

        Raises:
            ProtocolError: it is not one.
        """
        network = self.config["network"] | ({"start": start} if start else {})
        try:
            return TrainingConfig(**self.config | {"network": network})
        except ValidationError as error:
            raise ProtocolError(f"The training {self.name} cannot be configured: {_problem(error)}.") from None


@dataclass(frozen=True)
class RunJob:
    """A method to be scored.

    Attributes:
        name, group, network, variant, arm, tested, seed, disturbance: see `tdsr_bench.study.record.RunRecord`.
        training: the name of the one that makes its network; None of methods that are not trained.
        submission: the file of a method that is not trained.
    """

    name: str
    group: str
    network: str | None
    variant: str | None
    arm: str
    tested: str
    seed: int | None
    disturbance: str | None = None
    training: str | None = None
    submission: Path | None = None


def trainings(plan: StudyPlan) -> dict[str, TrainingJob]:
    """All trainings of `plan` by name, first seeds first; arms that are trained alike share one."""
    found: dict[str, TrainingJob] = {}
    for network, arm, variant, seed in _cells(plan):
        name = training_name(plan, network, arm, variant, seed)
        if name not in found:
            found[name] = _training(plan, name, network, arm, variant, seed)
    return found


def runs(plan: StudyPlan, beside: Path) -> list[RunJob]:
    """All runs of `plan`, whose submissions begin at the folder `beside`: methods, the grid, then disturbed frames.

    Raises:
        ProtocolError: there is no such disturbance.
    """
    _check(plan)
    methods = [*_methods(plan, beside)]
    grid = [
        RunJob(
            name=f"{network}-{arm}-{variant}-{seed}",
            group=f"{network}-{arm}-{variant}",
            network=network,
            variant=variant,
            arm=arm,
            tested=plan.arms[arm].tested,
            seed=seed,
            training=training_name(plan, network, arm, variant, seed),
        )
        for network, arm, variant, seed in _cells(plan)
    ]
    return [*methods, *grid, *_disturbed(plan, [*methods, *grid])]


def training_name(plan: StudyPlan, network: str, arm: str, variant: str, seed: int) -> str:
    """The training of a cell: that of the arm where it is trained, unless it is tuned where it is tested."""
    about = plan.variants[variant]
    tuned_elsewhere = about.start and about.tuned == "tested" and plan.arms[arm].tested != plan.arms[arm].trained
    return f"{network}-{arm if tuned_elsewhere else _home(plan, arm)}-{variant}-{seed}"


def _home(plan: StudyPlan, arm: str) -> str:
    """The arm that is trained as `arm` is, and tested there as well; `arm` itself where there is none."""
    trained = plan.arms[arm].trained
    same = (name for name, other in plan.arms.items() if (other.trained, other.tested) == (trained, trained))
    return next(same, arm)


def _cells(plan: StudyPlan) -> Iterator[tuple[str, str, str, int]]:
    """Network, arm, variant, seed: all first seeds, then all second ones."""
    most = max(variant.seeds for variant in plan.variants.values())
    for seed in range(1, most + 1):
        for variant, about in plan.variants.items():
            for arm in about.arms or plan.arms:
                for network in about.networks or plan.networks:
                    if seed <= min(about.seeds, plan.networks[network].seeds):
                        yield network, arm, variant, seed


def _training(plan: StudyPlan, name: str, network: str, arm: str, variant: str, seed: int) -> TrainingJob:
    net, where, about = plan.networks[network], plan.arms[arm], plan.variants[variant]
    start = about.start and training_name(plan, network, arm, about.start, seed if _repeats(plan, about, seed) else 1)
    return TrainingJob(
        name=name,
        title=f"{net.title}, {where.title if start else _trained_title(plan, arm)}, {about.title}, {seed}",
        config=_config(plan, name, net, where, about, seed),
        start=start,
    )


def _repeats(plan: StudyPlan, about: VariantPlan, seed: int) -> bool:
    """Whether what `about` starts from is trained with this seed too."""
    return about.start is not None and plan.variants[about.start].seeds >= seed


def _trained_title(plan: StudyPlan, arm: str) -> str:
    return plan.arms[_home(plan, arm)].title


def _config(
    plan: StudyPlan, name: str, network: NetworkPlan, arm: ArmPlan, variant: VariantPlan, seed: int
) -> dict[str, Any]:
    tuned = variant.start is not None and variant.tuned == "tested"
    config: dict[str, Any] = {
        "name": name,
        "regime": variant.regime,
        "seed": seed,
        "data": {"name": plan.data, "arm": arm.tested if tuned else arm.trained, "fold": plan.fold},
        "network": {"size": network.size} | network.network,
        "training": dict(plan.training) | network.training | variant.training,
        "loss": [loss for group in variant.losses for loss in plan.losses[group]],
    }
    return config | ({"balancing": variant.balancing} if variant.balancing else {})


def _methods(plan: StudyPlan, beside: Path) -> Iterator[RunJob]:
    for path in plan.methods:
        for tested in dict.fromkeys(arm.tested for arm in plan.arms.values()):
            name = f"{path.parent.name}-{tested}"
            yield RunJob(name, name, None, None, tested, tested, None, submission=beside / path)


def _disturbed(plan: StudyPlan, known: list[RunJob]) -> Iterator[RunJob]:
    wanted = plan.robustness
    tested = {plan.arms[arm].tested for arm in wanted.arms}
    for disturbance in wanted.disturbances:
        for run in known:
            trained = run.variant in wanted.variants and run.arm in wanted.arms and run.seed == 1
            method = run.submission and run.submission.parent.name in wanted.methods and run.tested in tested
            if trained or method:
                about = vars(run) | {"disturbance": disturbance}
                yield RunJob(**about | {key: f"{about[key]}@{disturbance}" for key in ("name", "group")})


def _problem(error: ValidationError) -> str:
    """The first problem; a key that nobody knows before one that is missing, since a misspelt one is both."""
    problems = error.errors()
    problem = next((each for each in problems if each["type"] == "extra_forbidden"), problems[0])
    return f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"


def _check(plan: StudyPlan) -> None:
    for name in plan.robustness.disturbances:
        if name not in DISTURBANCES:
            raise ProtocolError(
                f"robustness.disturbances names {name!r}; the nearest is {nearest(name, DISTURBANCES)}."
            )
