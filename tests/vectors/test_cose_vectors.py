"""ML-DSA in COSE: the working group's own examples, read, verified and written again (RFC 9964)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from idverify.formats import cbor, cose


@pytest.mark.parametrize(("name", "alg"), [("ML_DSA_44", cose.ML_DSA_44), ("ML_DSA_65", cose.ML_DSA_65)])
def test_published_signatures_verify_with_their_published_keys(vectors: Path, name: str, alg: int) -> None:
    vector = json.loads((vectors / "ml-dsa" / f"{name}.cose.json").read_text())
    published = cbor.read_map(bytes.fromhex(vector["key"]))
    key = cose.read_key({label: value for label, value in published.items() if label != -2})
    written = cose.write_key(key)
    assert written == {label: published[label] for label in (1, 3, -1)}
    message = cose.parse(bytes.fromhex(vector["sign1"]), algs=(alg,))
    assert message.kid == published[2]
    assert cose.check(message, key)
