"""Reads what a `test.sh` left: reward.txt or reward.json, and ctrf.json, none of them trusted blindly."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.output import sound
from scorers.base import Check, Status
from scorers.expected import clip
from scorers.untrusted import UnusableFileError, read_regular

_REWARD_BYTES = 64 * 1024
_CTRF_BYTES = 8 * 1024**2
"""As JSON it may need forty times that in memory."""
_MOST_CHECKS = 100_000
_NAMED = 10
_STATUSES: Mapping[str, Status] = {"passed": "passed", "skipped": "skipped", "pending": "skipped"}


@dataclass(frozen=True, slots=True)
class Found:
    """What the rewards' folder holds."""

    rewards: Mapping[str, float]
    """By file name."""
    troubles: tuple[str, ...]
    """Why a file does not count."""
    spoiled: tuple[str, ...]
    """Files that are what no script makes of its reward: a link, a folder, a pipe, too large."""
    checks: tuple[Check, ...]
    """Of ctrf.json."""


def read_rewards(folder: Path) -> Found:
    """Read the folder; never raises for what is in it."""
    rewards: dict[str, float] = {}
    troubles: list[str] = []
    spoiled: list[str] = []
    for name, read in {"reward.txt": _number, "reward.json": _table}.items():
        try:
            rewards[name] = _in_range(read(read_regular(folder / name, _REWARD_BYTES).decode()), name)
        except FileNotFoundError:
            continue
        except UnusableFileError as error:
            spoiled.append(str(error))
        except (ValueError, RecursionError, OverflowError) as error:  # bad UTF-8, JSON or number
            troubles.append(f"{name}: {error}")
    checks: tuple[Check, ...] = ()
    try:
        checks = tuple(_ctrf(json.loads(read_regular(folder / "ctrf.json", _CTRF_BYTES))))
    except FileNotFoundError:
        pass
    except (ValueError, RecursionError, OverflowError, AttributeError, TypeError, KeyError) as error:
        troubles.append(f"ctrf.json: no such report as ctrf.io describes ({error})")
    return Found(rewards, tuple(troubles), tuple(spoiled), checks)


def _number(text: str) -> float:
    try:
        return float(text.strip())
    except ValueError:
        raise ValueError(f"{clip(text.strip(), 60, 0)!r} is no number") from None


def _table(text: str) -> float:
    """Return `reward` of an object of numbers, or its only one."""
    table = json.loads(text)
    if not isinstance(table, dict):
        raise ValueError("it is no object of numbers")  # noqa: TRY004 - one kind of trouble
    numbers = {key: float(value) for key, value in table.items() if type(value) in {int, float}}
    if "reward" in numbers:
        return numbers["reward"]
    if len(numbers) == 1:
        return next(iter(numbers.values()))
    names = ascii(sorted(numbers)[:_NAMED])[1:-1] or "none"
    raise ValueError(f"which number is the reward? There are {clip(names, 200, 0)}")


def _in_range(reward: float, name: str) -> float:
    if not math.isfinite(reward) or not 0 <= reward <= 1:
        raise ValueError(f"{reward} in {name} is not from 0 to 1")
    return reward


def _ctrf(report: Any) -> Iterator[Check]:  # noqa: ANN401 - whatever JSON holds
    for test in report["results"]["tests"][:_MOST_CHECKS]:
        status = str(test["status"])
        suite = test.get("suite")
        duration = test.get("duration")
        yield Check(
            id=sound(" > ".join([*([suite] if isinstance(suite, str) else []), str(test["name"])])),
            status=_STATUSES.get(status, "failed"),
            raw="" if status in {"passed", "failed", "skipped"} else sound(status),
            duration_s=duration / 1000
            if type(duration) in {int, float} and math.isfinite(duration)
            else None,
            message=clip(sound(str(test.get("message") or test.get("trace") or ""))),
        )
