"""Asks the pristine project, where canaries look suspicious, whether it takes any: no agent's code is there.

A project may name its tests in ways of its own, leave some out in a conftest, or refuse what lacks a mark. A
canary that it does not collect by itself is no evidence, and where it breaks the collection it has to go.
"""

from collections.abc import Sequence

from scorers.canary import without_parameters
from scorers.pytest_session import Session
from scorers.pytest_trees import Trees

_COLLECT = ("--collect-only", "-qqq", "--assert=plain")


def not_taken(trees: Trees, args: Sequence[str]) -> frozenset[str]:
    """Return the ids of the canaries that the pristine project does not collect."""
    session = _rehearse(trees, args, {file: source.planted for file, source in trees.sources.items()})
    if not session.collects and not _rehearse(trees, args, {}).collects:
        return frozenset()  # it collects nothing at all before the agent's work: no canary is to blame
    told = {without_parameters(id_) for id_ in session.ids} if session.collects else set()
    if broken := session.errors.keys() & trees.sources.keys():  # it needs the agent's work: canaries alone
        alone = _rehearse(trees, args, {file: trees.sources[file].alone for file in broken})
        told |= {without_parameters(id_) for id_ in alone.ids}
    return frozenset(id_ for id_ in trees.canaries.ids if id_ not in told)


def _rehearse(trees: Trees, args: Sequence[str], texts: dict[str, bytes]) -> Session:
    runner = trees.pristine()
    for file, text in texts.items():
        if (runner.place.tree / file).exists():
            (runner.place.tree / file).write_bytes(text)
    return runner.session([*args, *_COLLECT], short=True)
