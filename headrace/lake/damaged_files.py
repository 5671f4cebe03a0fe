"""What a run found that it could not read: noted beside the plan, which is then sealed anew without it.

Rows that came before the damage are left to nobody: the keys of some would hide those of
other files. So a run that finds damage commits nothing, and the next one reads what is whole.
"""

import json
from collections.abc import Iterable, Mapping

from headrace import storage
from headrace.lake.plans import Plan, PlannedFile, SealedPlan
from headrace.rows.block import Counts, Refused
from headrace.rows.damaged import without

type Damage = Mapping[str, tuple[Refused, ...]]
"""By the path of a file, what of it cannot be read."""


def damage_found(plan: Plan, counts: Iterable[Counts]) -> Damage:
    """What a run could not read and the plan does not know of."""
    known = {(file.path, each.start) for file in plan.files for each in file.refused}
    found: dict[str, tuple[Refused, ...]] = {}
    for block in counts:
        if block.refused and (block.origin.file, block.refused.start) not in known:
            found[block.origin.file] = (*found.get(block.origin.file, ()), block.refused)
    return found


def note_damage(plan: SealedPlan, damage: Damage) -> None:
    """Keep it for whoever seals the plan anew; run twice it is there once."""
    content = {"seal": plan.seal, "damage": {path: sorted(each) for path, each in sorted(damage.items())}}
    storage.put(_path(plan.folder, plan.number), json.dumps(content).encode())


def noted_damage(folder: str, plan: Plan) -> Damage:
    """What was found since the plan was sealed as it is."""
    told = json.loads(storage.read(_path(folder, plan.number)) or b"{}")
    if told.get("seal") != plan.seal:
        return {}
    return {path: tuple(Refused(*each) for each in found) for path, found in told["damage"].items()}


def without_damage(file: PlannedFile, found: tuple[Refused, ...]) -> PlannedFile:
    """The file with these ranges refused, and the others as they are left."""
    return file._replace(ranges=without(file.ranges, found), refused=(*file.refused, *found))


def _path(folder: str, number: int) -> str:
    return storage.join(folder, f"{number:08d}.damage")
