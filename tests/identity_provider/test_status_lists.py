"""Status lists at the identity provider: entries that nobody shares, and lists that tell what was revoked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from idverify.errors import Conflict, Unavailable
from idverify.formats import jose, status_list
from idverify.formats.status_list import CWT_TYPE, JWT_TYPE, StatusList
from idverify.identity_provider.keys import KeyStore
from idverify.identity_provider.list_signing import LISTS
from idverify.identity_provider.status_entries import BLOCK, ENTRY_TABLE, LONGEST_LIFE, SIZE, Entries, bind
from idverify.identity_provider.tables import METADATA
from idverify.scheme import Status
from idverify.schemes import SCHEMES
from idverify.settings import Settings
from idverify.storage import Store
from tests.identity_provider.service import PEOPLE, Service, adult, running

HOST = Settings().status_host
TTL, PUBLISH = Settings().status_ttl, Settings().status_publish
WITH_STATUS = [name for name, scheme in SCHEMES.items() if scheme.info.status]


def opened(url: str) -> Store:
    return Store.open(url, METADATA, schema="identity_provider")


async def drawn(entries: Entries, count: int) -> list[Status]:
    """So many entries, one answer after the other."""
    found = []
    for _ in range(count):
        await entries.ready()
        status = entries.draw()
        assert status is not None
        found.append(status)
    return found


def on(url: str, processes: int, work: Callable[[list[Entries]], Sequence[Status]], *, size: int, block: int) -> None:
    """Run `work` with the entries of several processes, and check that no entry comes twice."""
    stores = [opened(url) for _ in range(processes)]
    try:
        found = work([Entries(store, host=HOST, size=size, block=block) for store in stores])
    finally:
        for store in stores:
            store.close()
    assert len(set(found)) == len(found)
    assert all(0 <= status.index < size for status in found)


def test_no_entry_is_given_out_twice_by_several_processes(database_url: str) -> None:
    async def all_at_once(processes: list[Entries]) -> list[Status]:
        each = await asyncio.gather(*(drawn(entries, 300) for entries in processes))
        return [status for part in each for status in part]

    # Lists of 64 in blocks of 16: the four begin new lists all the time, some of them at the same moment.
    on(database_url, 4, lambda processes: asyncio.run(all_at_once(processes)), size=64, block=16)
    # Each block is a new list: whoever finds that others are quicker, time after time, waits for its turn.
    on(database_url, 4, lambda processes: asyncio.run(all_at_once(processes)), size=16, block=16)


def test_processes_that_begin_at_once_share_one_list(database_url: str) -> None:
    async def all_at_once(processes: list[Entries]) -> list[Status]:
        each = await asyncio.gather(*(drawn(entries, 20) for entries in processes))
        found = [status for part in each for status in part]
        assert {status.uri for status in found} == {f"{HOST}/lists/1"}
        return found

    on(database_url, 4, lambda processes: asyncio.run(all_at_once(processes)), size=1024, block=64)


def test_a_full_list_is_followed_by_another_and_no_entry_of_it_is_lost(tmp_path: Path) -> None:
    def work(processes: list[Entries]) -> list[Status]:
        found = asyncio.run(drawn(processes[0], 64))
        assert {status.uri for status in found} == {f"{HOST}/lists/1", f"{HOST}/lists/2"}
        assert sorted(status.index for status in found if status.uri.endswith("1")) == list(range(32))
        return found

    on(f"sqlite:///{tmp_path / 'x.sqlite'}", 1, work, size=32, block=8)


def test_after_a_restart_no_entry_comes_again(database_url: str) -> None:
    before: list[Status] = []
    for _ in range(4):

        def work(processes: list[Entries]) -> list[Status]:
            before.extend(asyncio.run(drawn(processes[0], 5)))
            return before

        on(database_url, 1, work, size=1024, block=16)


def test_the_order_of_entries_tells_nothing(tmp_path: Path) -> None:
    store = opened(f"sqlite:///{tmp_path / 'x.sqlite'}")
    indices = [status.index for status in asyncio.run(drawn(Entries(store, host=HOST), 2000))]
    store.close()
    rising = sum(a < b for a, b in pairwise(indices))
    assert 900 < rising < 1100  # half of 1999 steps go up, with a standard deviation of 13
    assert max(indices) > SIZE * 0.99
    assert min(indices) < SIZE * 0.01
    near = sum(abs(a - b) < 1000 for a, b in pairwise(indices))
    assert near < 90  # chance gives 30


def test_without_a_status_host_nothing_has_a_status(tmp_path: Path) -> None:
    store = opened(f"sqlite:///{tmp_path / 'x.sqlite'}")
    entries = Entries(store, host="")
    asyncio.run(entries.ready())
    assert entries.draw() is None
    store.close()


def test_more_than_is_at_hand_is_unavailable_for_now(tmp_path: Path) -> None:
    store = opened(f"sqlite:///{tmp_path / 'x.sqlite'}")
    entries = Entries(store, host=HOST, size=64, block=8)

    async def go() -> None:
        await entries.ready()
        for _ in range(8):
            entries.draw()
        with pytest.raises(Unavailable):
            entries.draw()
        await entries.ready()
        assert entries.draw()

    asyncio.run(go())
    store.close()


def test_a_database_that_is_gone_is_unavailable(tmp_path: Path) -> None:
    store = opened(f"sqlite:///{tmp_path / 'x.sqlite'}")
    entries = Entries(store, host=HOST)
    store.close()
    with pytest.raises(Unavailable):
        asyncio.run(entries.ready())


def test_an_entry_that_is_bound_cannot_be_bound_again(database_url: str) -> None:
    store = opened(database_url)
    status = Status(f"{HOST}/lists/1", 7)

    async def go() -> None:
        await store.write(lambda c: bind(c, [status], id_number="9", scheme="x", now=1.0))
        with pytest.raises(Conflict):
            await store.write(lambda c: bind(c, [status], id_number="8", scheme="x", now=2.0))

    asyncio.run(go())
    store.close()


def listed(service: Service, form: str = JWT_TYPE, number: int = 1) -> StatusList:
    """The list as the status host gets it."""
    document = service.ask("GET", "/api/status-lists").json()
    kind = "jwt" if form == JWT_TYPE else "cwt"
    answer = service.ask("GET", f"/api/status-lists/{number}/{kind}")
    assert answer.headers["content-type"] == form
    keys = jose.KeySet(document["keys"])
    uri = f"{document['host']}/lists/{number}"
    token = status_list.verify(answer.content, form, keys.find, uri=uri, now=service.clock())
    assert token.ttl == document["ttl"] == TTL
    assert token.expires is not None
    return token.statuses


def entries_of(service: Service) -> list[tuple[int, str, str, float]]:
    """(index, ID number, scheme, revoked) of all that was given out."""

    def rows(connection: Connection) -> list[tuple[int, str, str, float]]:
        return [(r.entry, r.id_number, r.scheme, r.revoked) for r in connection.execute(select(ENTRY_TABLE))]

    return asyncio.run(service.store.read(rows))


@pytest.mark.parametrize("name", WITH_STATUS)
@pytest.mark.parametrize("form", [JWT_TYPE, CWT_TYPE])
def test_who_lost_a_phone_revokes_what_was_on_it_and_nothing_else(service: Service, name: str, form: str) -> None:
    linh, minh = service.sign_in(adult()), service.sign_in(adult(number=1))
    for authorization in (linh, linh, minh):
        assert service.issue(name, authorization).status_code == 200
    assert not any(listed(service, form).packed)
    answer = service.ask("POST", "/api/revocations", json={}, headers=linh)
    given = entries_of(service)
    mine = {index for index, id_number, _, _ in given if id_number == PEOPLE.id_number(adult())}
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {"revoked": len(mine), "reaches_platforms_within": TTL + PUBLISH}
    statuses = listed(service, form)
    assert {index for index in range(len(statuses)) if statuses.at(index)} == mine
    assert len(given) > len(mine) >= 2
    again = service.ask("POST", "/api/revocations", json={}, headers=linh)
    assert again.json()["revoked"] == 0


@pytest.mark.parametrize("name", WITH_STATUS)
def test_a_batch_has_an_entry_for_each_credential(service: Service, name: str) -> None:
    info, holder = SCHEMES[name].info, SCHEMES[name].holder()
    asked = holder.request(service.keys.public(name), now=service.clock(), count=info.batch)
    headers = service.sign_in(adult()) | {"Content-Type": "application/octet-stream"}
    answer = service.ask("POST", f"/api/issue/{name}", content=asked.message, headers=headers)
    got = holder.accept(asked, answer.content)
    indices = [index for index, *_ in entries_of(service)]
    assert len(got) == len(set(indices)) == len(indices) == info.batch


def test_one_scheme_may_be_revoked_by_itself(service: Service) -> None:
    mine = service.sign_in(adult())
    for name in WITH_STATUS:
        service.issue(name, mine)
    first = WITH_STATUS[0]
    service.ask("POST", "/api/revocations", json={"scheme": first}, headers=mine)
    assert {scheme for _, _, scheme, revoked in entries_of(service) if revoked} == {first}
    unknown = service.ask("POST", "/api/revocations", json={"scheme": "nothing"}, headers=mine)
    assert (unknown.status_code, unknown.json()["error"]) == (404, "not_found")


def test_nobody_revokes_without_a_session(service: Service) -> None:
    service.issue(WITH_STATUS[0], service.sign_in(adult()))
    for authorization in ("", "Bearer x", "Bearer " + "x" * 43, "Basic eDp4"):
        answer = service.ask("POST", "/api/revocations", json={}, headers={"Authorization": authorization})
        assert answer.status_code == 401
    assert not any(revoked for *_, revoked in entries_of(service))


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"scheme":1}', b'{"id_number":"9"}', b'{"scheme":"a","scheme":"b"}']
)
def test_a_malformed_revocation_revokes_nothing(service: Service, body: bytes) -> None:
    mine = service.sign_in(adult())
    service.issue(WITH_STATUS[0], mine)
    headers = mine | {"Content-Type": "application/json"}
    assert service.ask("POST", "/api/revocations", content=body, headers=headers).status_code == 400
    assert not any(revoked for *_, revoked in entries_of(service))


def test_an_issue_that_is_not_stored_is_not_given_out(service: Service) -> None:
    mine, body = service.sign_in(adult()), service.request_of(SCHEMES[WITH_STATUS[0]])
    service.issue(WITH_STATUS[0], mine)  # entries are at hand, so only the writing fails
    service.store._closed = True
    headers = mine | {"Content-Type": "application/octet-stream"}
    answer = service.ask("POST", f"/api/issue/{WITH_STATUS[0]}", content=body, headers=headers)
    service.store._closed = False
    assert answer.status_code == 503
    assert len(entries_of(service)) == SCHEMES[WITH_STATUS[0]].info.batch


def test_a_list_is_signed_once_in_a_ttl_unless_something_was_revoked(service: Service) -> None:
    mine = service.sign_in(adult())
    service.issue(WITH_STATUS[0], mine)
    path = "/api/status-lists/1/jwt"
    first = service.ask("GET", path)
    assert service.ask("GET", path).content == first.content
    assert service.ask("GET", path, headers={"If-None-Match": first.headers["etag"]}).status_code == 304
    service.clock.forward(TTL + 1)
    second = service.ask("GET", path)
    assert second.content != first.content
    service.ask("POST", "/api/revocations", json={}, headers=mine)
    assert service.ask("GET", path).content != second.content


def test_a_list_is_signed_by_new_keys_after_a_rotation(tmp_path: Path) -> None:
    keys = KeyStore(tmp_path / "keys", {WITH_STATUS[0]: SCHEMES[WITH_STATUS[0]]}, issuer="http://127.0.0.1:8001")
    with running(tmp_path, keys) as service:
        service.issue(WITH_STATUS[0], service.sign_in(adult()))
        before = service.ask("GET", "/api/status-lists/1/jwt").content.decode()
        keys.lists.rotate(LISTS)
        after = service.ask("GET", "/api/status-lists/1/jwt").content.decode()
        kids = [key["kid"] for key in service.ask("GET", "/api/status-lists").json()["keys"]]
        jwks = service.ask("GET", "/.well-known/jwks.json").json()["keys"]
    typ = "statuslist+jwt"
    assert [jose.parse(after, typ=typ).kid, jose.parse(before, typ=typ).kid] == kids
    assert set(kids) <= {key["kid"] for key in jwks}


def test_entries_are_forgotten_when_no_credential_can_be_valid_any_more(service: Service) -> None:
    service.issue(WITH_STATUS[0], service.sign_in(adult()))
    service.clock.forward(LONGEST_LIFE + 1)
    service.issue(WITH_STATUS[0], service.sign_in(adult(number=1)))
    assert {id_number for _, id_number, _, _ in entries_of(service)} == {PEOPLE.id_number(adult(number=1))}


@pytest.mark.parametrize(
    "path", ["/api/status-lists/1/jwt", "/api/status-lists/0/jwt", "/api/status-lists/x/jwt", "/api/status-lists/1/xml"]
)
def test_a_list_that_there_is_not_is_not_found(service: Service, path: str) -> None:
    answer = service.ask("GET", path)
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


def test_no_document_shows_a_private_key_or_a_person(service: Service) -> None:
    service.issue(WITH_STATUS[0], service.sign_in(adult()))
    for path in ("/api/status-lists", "/api/status-lists/1/jwt"):
        text = service.ask("GET", path).text
        assert PEOPLE.id_number(adult()) not in text
    for key in service.ask("GET", "/api/status-lists").json()["keys"]:
        assert "d" not in key


def test_a_block_fits_into_a_list() -> None:
    assert SIZE % BLOCK == 0
