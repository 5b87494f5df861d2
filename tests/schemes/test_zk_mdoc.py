"""zk_mdoc: proofs over an mdoc where `pylongfellow` is installed, and a reason in the list where it is not."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from importlib import resources
from typing import TYPE_CHECKING, TypeAlias

import pytest

from idverify.errors import BadMessage, BadSignature, CannotAnswer, Expired, TooYoung, WrongAudience, WrongNonce
from idverify.scheme import Person, Question
from idverify.schemes import MISSING, SCHEMES

if TYPE_CHECKING:
    from tests.schemes.conftest import Stage

Staged: TypeAlias = "Callable[[str], Stage]"
NAME = "zk_mdoc"


def test_it_is_in_the_list_or_the_list_says_why_not() -> None:
    assert (NAME in SCHEMES) != (NAME in MISSING)
    if NAME in MISSING:
        assert "pip install" in MISSING[NAME]


def test_the_command_says_what_is_missing() -> None:
    done = subprocess.run([sys.executable, "-m", "idverify", "schemes"], capture_output=True, text=True, check=True)
    for name, why in MISSING.items():
        said = " ".join(done.stdout.split())
        assert f"{name} missing here {why}" in said


@pytest.fixture
def zk(staged: Staged) -> Stage:
    if NAME in MISSING:
        pytest.skip(MISSING[NAME])
    return staged(NAME)


def test_the_circuit_in_the_package_is_the_librarys_own_for_its_version(zk: Stage) -> None:
    from pylongfellow.backends import google_cpp  # type: ignore[import-not-found,unused-ignore]

    from idverify.schemes._zk_mdoc import ATTRIBUTES, CIRCUIT, VERSION

    circuit = resources.files("idverify.schemes").joinpath(CIRCUIT).read_bytes()
    rows = [row for row in google_cpp.zk_specs() if (row.version, row.num_attributes) == (VERSION, ATTRIBUTES)]
    assert google_cpp.circuit_id(circuit) == rows[0].circuit_hash
    assert zk.scheme.info.experimental


def test_two_showings_of_one_credential_share_nothing_but_what_everybody_shows(zk: Stage, adult: Person) -> None:
    ask = zk.ask()
    credential = zk.credential(adult, ask)
    holder = zk.scheme.holder()
    first, second = (holder.present(credential, replace(ask, nonce=secrets.token_urlsafe(16))) for _ in range(2))
    other = zk.show(replace(adult, id_number="901090000002"), zk.ask())
    pieces = [{shown[i : i + 8] for i in range(len(shown) - 7)} for shown in (first, second, other)]
    assert pieces[0] & pieces[1] <= pieces[2]


def test_a_proof_holds_for_its_question_alone(zk: Stage, adult: Person) -> None:
    from idverify.schemes._zk_mdoc import Shown

    ask, verifier = zk.ask(), zk.verifier
    good = zk.show(adult, ask)
    assert verifier.verify(good, ask).claims == {"over": 16}
    for changed, error in (
        (replace(ask, audience="https://video.example"), WrongAudience),
        (replace(ask, nonce="n" * 22), WrongNonce),
        (replace(ask, reply_to="https://video.example/reply"), BadSignature),
        (replace(ask, question=Question(over=18)), CannotAnswer),
        (replace(ask, now=ask.now + timedelta(seconds=331)), Expired),
        (replace(ask, now=ask.now - timedelta(seconds=31)), Expired),
    ):
        with pytest.raises(error):
            verifier.verify(good, changed)
    shown, other = Shown.decode(good), zk.other_issuer()
    signer = other.certificate(2026)  # type: ignore[attr-defined]
    for forged, refused in (
        (replace(shown, proof=shown.proof[:-1]), BadSignature),
        (replace(shown, proof=b""), BadSignature),
        (replace(shown, proof=bytes(len(shown.proof))), BadSignature),
        (replace(shown, time=b"2026-01-01T11:59:59Z"), BadSignature),
        (replace(shown, value=b"\xf4"), TooYoung),
        (replace(shown, certificate=b"0" * 300), BadMessage),
    ):
        with pytest.raises(refused):
            verifier.verify(forged.encode(), ask)
    eighteen = replace(ask, question=Question(over=18))
    with pytest.raises(BadSignature):
        verifier.verify(replace(shown, age=18).encode(), eighteen)
    with pytest.raises(BadSignature):
        zk.scheme.verifier(other.public).verify(replace(shown, certificate=signer).encode(), ask)


def test_a_child_does_not_even_make_a_proof(zk: Stage, child: Person) -> None:
    with pytest.raises(TooYoung):
        zk.show(child, zk.ask())
