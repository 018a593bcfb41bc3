"""Describe in words what was scored and with which settings."""

from collections.abc import Iterable, Mapping

from ytvos_keras.evaluation.results import Evaluation
from ytvos_keras.evaluation.table import missing_G

Facts = dict[str, str]


def facts_of(evaluation: Evaluation) -> Facts:
    """Count what was scored, and name the settings that were given."""
    scored = [scores for scores in evaluation.objects if scores.frames]
    frames = {(scores.sequence, frame) for scores in scored for frame in scores.frames}
    return {
        "sequences": str(len({scores.sequence for scores in scored})),
        "objects": str(len(scored)),
        "scored frames": str(len(frames)),
        **{
            name.replace("_", " "): _text(value)
            for name, value in evaluation.settings.items()
            if value is not None
        },
    }


def rules_of(evaluations: Iterable[Evaluation]) -> list[str]:
    """Describe the protocol of the scores and why G is missing; each line once."""
    lines = [line for each in evaluations for line in (each.rule, missing_G(each))]
    return list(dict.fromkeys(filter(None, lines)))


def common_and_own(facts: Mapping[str, Facts]) -> tuple[Facts, dict[str, Facts]]:
    """Split the facts of several methods into shared ones and those of each method."""
    first, *others = facts.values()
    common = {
        name: text
        for name, text in first.items()
        if all(other.get(name) == text for other in others)
    }
    own = {
        method: {name: text for name, text in each.items() if name not in common}
        for method, each in facts.items()
    }
    return common, own


def unscored(evaluation: Evaluation) -> list[str]:
    """Name the objects without a scored frame."""
    return [
        f"{scores.sequence} (object {scores.object_id})"
        for scores in evaluation.objects
        if not scores.frames
    ]


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
