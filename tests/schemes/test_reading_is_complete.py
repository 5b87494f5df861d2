"""`Scheme.read` may not hide anything: raw bytes must not link or name people where `read` does not."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import chain, count, islice
from typing import TYPE_CHECKING, TypeAlias

import pytest

from idverify.scheme import Challenge, Credential, Json, Person
from idverify.schemes import SCHEMES

if TYPE_CHECKING:
    from tests.schemes.conftest import Stage

WINDOW = 8
Features: TypeAlias = Callable[[bytes], set[object]]
Run: TypeAlias = "tuple[list[bytes], bytes]"


def leaves(value: Json) -> Iterator[object]:
    """Every name's and element's last value."""
    if isinstance(value, Mapping):
        for member in value.values():
            yield from leaves(member)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for item in value:
            yield from leaves(item)
    else:
        yield value


def texts(message: bytes) -> list[bytes]:
    """The message, and each base64 (either alphabet) or hex piece of it decoded, twice over and at every offset."""
    found, fresh = [message], [message]
    for _ in range(2):
        fresh = [decoded for text in fresh for decoded in pieces(text)]
        found += fresh
    return found


def pieces(message: bytes) -> Iterator[bytes]:
    for found in re.findall(rb"[A-Za-z0-9_+/-]{12,}", message):
        piece = found.translate(bytes.maketrans(b"+/", b"-_"))
        for start in range(4):  # a run may begin inside a longer base64 text
            part = piece[start:]
            yield base64.urlsafe_b64decode(part[: len(part) // 4 * 4])
        if re.fullmatch(rb"(?:[0-9a-fA-F]{2})+", piece):
            yield bytes.fromhex(piece.decode())


def windows(message: bytes) -> set[object]:
    return {t[i : i + WINDOW] for t in texts(message) for i in range(len(t) - WINDOW + 1)}


def transcript(stage: Stage, person: Person, ask: Challenge) -> Run:
    holder = stage.scheme.holder()
    given = None if stage.scheme.info.issued == "ahead" else ask
    asked = holder.request(stage.issuer.public, now=ask.now, challenge=given)
    response = stage.issuer.issue(person, asked.message, now=ask.now)
    return [asked.message, response], holder.present(holder.accept(asked, response)[0], ask)


def linked(features: Features, runs: Sequence[Run]) -> list[bool]:
    """For each run whether what the platform saw leads back to that run at the issuer, and to it alone."""
    owners: dict[object, set[int]] = {}
    for who, (at_issuer, _) in enumerate(runs):
        for message in at_issuer:
            for feature in features(message):
                owners.setdefault(feature, set()).add(who)
    return [
        {next(iter(owners[f])) for f in features(shown) if len(owners.get(f, ())) == 1} == {who}
        for who, (_, shown) in enumerate(runs)
    ]


FIRST_ROUNDS, ROUNDS = 4, 64
"""Random characters beside fixed ones are alike in two messages now and then, but not for one person each time.

The first character of a point of BLS12-381, for one, takes 14 values. Where a person's pseudonyms at two platforms
begin alike, they do so in every round; what tells this from a link is that a new accident points to somebody else in
half of the rounds. In 64 rounds none does once in 10^19 tests."""


def always_linked(features: Features, rounds: Iterable[Sequence[Run]]) -> set[int]:
    """Who is linked in every round; no round is asked for once nobody is left."""
    left: set[int] | None = None
    for runs in rounds:
        found = {who for who, is_linked in enumerate(linked(features, runs)) if is_linked}
        left = found if left is None else left & found
        if not left:
            break
    return left or set()


def hides_nothing(stage: Stage, rounds: Iterator[Sequence[Run]]) -> bool:
    """Whether `read` links as many as the raw bytes, which cannot be more than everybody."""
    first = list(islice(rounds, FIRST_ROUNDS))
    read = always_linked(lambda message: set(leaves(stage.scheme.read(message))), first)
    if len(read) == len(first[0]):
        return True
    return len(read) >= len(always_linked(windows, chain(first, islice(rounds, ROUNDS - FIRST_ROUNDS))))


def people(someone: Person, number: int) -> list[Person]:
    return [
        replace(
            someone,
            id_number=f"9010{i:02d}000{i:03d}",
            name=f"Người Thứ {i:04d}",
            born=date(1990, 5, 1) + timedelta(days=37 * i),
        )
        for i in range(number)
    ]


@pytest.mark.parametrize("identity", [False, True])
def test_read_links_whatever_the_raw_bytes_link(stage: Stage, adult: Person, *, identity: bool) -> None:
    rounds = ([transcript(stage, person, stage.ask(identity=identity)) for person in people(adult, 6)] for _ in count())
    assert hides_nothing(stage, rounds)


def test_read_links_two_platforms_where_the_raw_bytes_do(stage: Stage, adult: Person) -> None:
    ahead = stage.scheme.info.issued == "ahead"
    everybody = [(who, stage.credential(who, stage.ask()) if ahead else None) for who in people(adult, 6)]

    def run(person: Person, kept: Credential | None) -> Run:
        first, second = stage.ask(), replace(stage.ask(), audience="https://video.example")
        holder = stage.scheme.holder()
        one, other = (holder.present(kept or stage.credential(person, ask), ask) for ask in (first, second))
        return [one], other

    assert hides_nothing(stage, ([run(person, kept) for person, kept in everybody] for _ in count()))


def test_this_measure_sees_what_a_real_name_gives_away_and_that_a_blind_reader_would_not(
    staged: Callable[[str], Stage], adult: Person
) -> None:
    runs = [transcript(staged("real_name"), p, staged("real_name").ask()) for p in people(adult, 6)]
    assert all(linked(windows, runs))
    assert not any(linked(lambda _: set(), runs))


def test_this_measure_sees_nothing_in_blindly_signed_tokens(staged: Callable[[str], Stage], adult: Person) -> None:
    runs = [transcript(staged("privacy_pass"), p, staged("privacy_pass").ask()) for p in people(adult, 6)]
    assert not any(linked(windows, runs))


def test_every_text_that_decodes_somewhere_in_a_message_is_read(stage: Stage, adult: Person) -> None:
    ask = stage.ask(identity=True)
    at_issuer, shown = transcript(stage, adult, ask)
    for message in [*at_issuer, shown]:
        seen = json.dumps(stage.scheme.read(message), ensure_ascii=False)
        for text in texts(message):
            try:
                readable = text.decode("utf-8")
            except UnicodeDecodeError:
                continue
            if not readable.isprintable():
                continue
            for quoted in re.findall(r'"([^"\\:,{}]{4,})"', readable):
                assert quoted in seen


def test_every_byte_of_a_binary_message_is_in_a_field(stage: Stage, adult: Person) -> None:
    at_issuer, shown = transcript(stage, adult, stage.ask())
    for message in [*at_issuer, shown]:
        if message.isascii():
            continue
        fields = [base64.urlsafe_b64decode(v + "==") for v in leaves(stage.scheme.read(message)) if isinstance(v, str)]
        left = message
        for part in sorted(fields, key=len, reverse=True):
            assert part in left
            left = left.replace(part, b"", 1)
        assert len(left) <= 3  # the token type and the truncated key id, which are numbers


@pytest.mark.parametrize("name", list(SCHEMES))
def test_reading_gives_plain_json_values(name: str, staged: Callable[[str], Stage], adult: Person) -> None:
    at_issuer, shown = transcript(staged(name), adult, staged(name).ask())
    for message in [*at_issuer, shown]:
        value = SCHEMES[name].read(message)
        assert isinstance(value, dict)
        assert json.loads(json.dumps(value, allow_nan=False)) == value


def test_a_credential_is_read_with_names_values_salts_and_digests(
    staged: Callable[[str], Stage], adult: Person
) -> None:
    stage = staged("sd_jwt_vc")
    at_issuer, _ = transcript(stage, adult, stage.ask())
    value = stage.scheme.read(at_issuer[1])
    assert isinstance(value, Mapping)
    issued, disclosures = value["issued"], value["disclosures"]
    assert isinstance(issued, Mapping)
    assert isinstance(issued["payload"], Mapping)
    found = set(leaves(value))
    assert {adult.name, adult.id_number, adult.born.isoformat(), "age_equal_or_over"} <= found | set(issued["payload"])
    digests = issued["payload"]["_sd"]
    assert isinstance(digests, list)
    assert isinstance(disclosures, list)
    assert set(digests) <= {d["digest"] for d in disclosures if isinstance(d, dict)}


HOSTILE = {
    "a JWS in a JWS": b'{"a":"e30.e30.e30"}',
    "duplicate members": b'{"a":"first","a":"second"}',
    "a lone surrogate": b'{"\\ud800":"\\udfff"}',
    "an endless number": b'{"a":' + b"9" * 10_000 + b"}",
    "infinity": b'{"a":1e999,"b":-Infinity,"c":NaN}',
    "nested": b"[" * 90_000,
    "tildes": b"~" * 90_000,
    "dots and tildes": b"e30.e30.~e30~.~..~" * 900,
}


@pytest.mark.parametrize("message", HOSTILE.values(), ids=HOSTILE.keys())
def test_reading_never_raises_and_loses_no_duplicate(stage: Stage, message: bytes) -> None:
    text = json.dumps(stage.scheme.read(message), allow_nan=False, ensure_ascii=False)
    text.encode()
    if b"first" in message:
        assert "first" in text
        assert "second" in text
