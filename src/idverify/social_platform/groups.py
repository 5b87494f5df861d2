"""The groups of a platform: a fixed few, two of them with an age."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from idverify.errors import NotAllowed, NotFound
from idverify.social_platform.tables import Member, table


@dataclass(frozen=True, slots=True)
class Group:
    """`age` in years, None for everybody."""

    id: str
    title: str
    about: str
    age: int | None = None


_ALL = (
    Group("everyone", "Market square", "News of the village, open to everybody."),
    Group("over_16", "Over 16", "Motorbikes, music and first jobs.", 16),
    Group("over_18", "Over 18", "Late evenings and rice wine.", 18),
)
GROUPS: dict[str, Group] = {group.id: group for group in _ALL}


def group(id_: str) -> Group:
    """The group with this id. Raises NotFound."""
    if id_ not in GROUPS:
        raise NotFound("there is no such group", hint=f"the groups are {', '.join(GROUPS)}")
    return GROUPS[id_]


def memberships(connection: Connection, account_id: str) -> frozenset[str]:
    """The ids of the groups that an account is in."""
    members = table(Member)
    found = connection.execute(select(members.c.group_id).where(members.c.account_id == account_id))
    return frozenset(found.scalars())


def require_member(connection: Connection, group_id: str, account_id: str) -> None:
    """Raises NotAllowed for whoever is not in the group."""
    if group_id not in memberships(connection, account_id):
        raise NotAllowed(f"only members of {group(group_id).title} may do that", hint="join the group first")
