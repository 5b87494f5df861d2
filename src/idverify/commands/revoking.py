"""`idverify revoke`: the operator of the identity provider withdraws somebody's credentials.

It writes into the identity provider's own database and talks to no service: so there is no endpoint of management
that somebody else could find. A running identity provider publishes the change with its next list.
"""

from __future__ import annotations

import asyncio
import time
from argparse import Namespace
from pathlib import Path

from idverify.commands.comparing import settings_from
from idverify.commands.terminal import print_json, say
from idverify.errors import BadEnvironment, BadUsage
from idverify.settings import Settings

PARTY = "identity_provider"


def revoke(options: Namespace) -> int:
    """Revoke, and say when platforms will know."""
    from idverify.identity_provider import status_entries
    from idverify.identity_provider.tables import METADATA
    from idverify.schemes import SCHEMES
    from idverify.storage import Store

    settings = settings_from(options)
    scheme = str(options.scheme)
    if scheme and (scheme not in SCHEMES or not SCHEMES[scheme].info.status):
        with_status = [name for name, each in SCHEMES.items() if each.info.status]
        raise BadUsage(f"credentials of {scheme!r} have no status", hint=f"those of {', '.join(with_status)} have one")
    store = Store.open(_database(settings), METADATA, schema=PARTY)
    try:
        work = lambda connection: status_entries.revoke(connection, options.id_number, scheme=scheme, now=time.time())  # noqa: E731
        revoked = asyncio.run(store.write(work))
    finally:
        store.close()
    within = settings.status_ttl + settings.status_publish
    if options.json:
        print_json({"revoked": revoked, "reaches_platforms_within": within})
    else:
        print(f"{revoked} credentials of {options.id_number} are revoked; platforms refuse them within {within:g} s")
    say("next: show one of them at a platform" if revoked else "next: idverify people shows ID numbers")
    return 0


def _database(settings: Settings) -> str:
    """The identity provider's database. Raises BadEnvironment where none was ever made in the folder."""
    if settings.database_url:
        return settings.database_url
    path = Path(settings.folder).resolve() / f"{PARTY}.sqlite"
    if not path.is_file():
        raise BadEnvironment(
            f"no identity provider has run in the folder {settings.folder}", hint="name the folder of idverify up"
        )
    return f"sqlite:///{path}"
