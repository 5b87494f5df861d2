"""Capture and decoding: what a ledger keeps, what it never keeps, and what can be read from it."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from httpx import ASGITransport, AsyncClient

from idverify import ledger as module
from idverify.ledger import OBSERVER, Capture, Ledger, decode, note
from idverify.ledger_decode import collapsed
from idverify.scheme import Json
from idverify.schemes import SCHEMES

SCHEMA = json.loads(Path(module.__file__).with_name("ledger.schema.json").read_bytes())
RAW = {**SCHEMA, "oneOf": [{"$ref": "#/$defs/raw"}]}
DECODED = {**SCHEMA, "oneOf": [{"$ref": "#/$defs/decoded"}]}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path / "ledgers" / "party.jsonl", "party")
    yield ledger
    ledger.close()


def service() -> FastAPI:
    app = FastAPI()

    @app.post("/echo/{name}")
    async def echo(name: str, request: Request) -> Response:
        if flow := request.query_params.get("flow"):
            note(request, flow=flow)
        if subject := request.query_params.get("subject"):
            note(request, subject=subject)
        note(request, scheme=name if name in SCHEMES else "")
        return Response(await request.body(), media_type=request.headers.get("content-type"))

    @app.get("/page")
    async def page() -> HTMLResponse:
        return HTMLResponse("<p>canary-in-a-page</p>")

    @app.post("/sign-in")
    async def sign_in() -> JSONResponse:
        return JSONResponse({"token": "canary-token", "expires_in": 1}, headers={"Set-Cookie": "s=canary-cookie"})

    return app


async def _post(ledger: Ledger, path: str, content: bytes, **headers: str) -> None:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    async with AsyncClient(transport=ASGITransport(Capture(service(), ledger)), base_url="http://party") as client:
        await client.post(path, content=content, headers=sent)


def post(ledger: Ledger, path: str, content: bytes, **headers: str) -> None:
    asyncio.run(_post(ledger, path, content, **headers))


def lines(ledger: Ledger) -> list[bytes]:
    ledger.flush()
    return ledger.path.read_bytes().splitlines()


def raw(ledger: Ledger) -> list[dict[str, Json]]:
    found = [json.loads(line) for line in lines(ledger)]
    for record in found:
        jsonschema.validate(record, RAW)
    return found


def everything(ledger: Ledger) -> bytes:
    """The ledger's bytes and, after them, all bodies decoded from base64."""
    text = b"\n".join(lines(ledger))
    for record in raw(ledger):
        for side in ("received", "sent"):
            part = record[side]
            assert isinstance(part, dict)
            text += base64.b64decode(str(part["body"] or ""))
    return text


def test_an_exchange_is_one_line_with_the_bytes_of_both_sides(ledger: Ledger) -> None:
    post(ledger, "/echo/x?flow=f1&subject=s1", b"\x00\x01", content_type="application/octet-stream", user_agent="w/1")
    [record] = raw(ledger)
    assert record["route"] == "/echo/{name}"
    assert record["path"] == "/echo/x"
    assert (record["up"], record["down"], record["status"]) == (2, 2, 200)
    assert (record["subject"], record["flow"]) == ("s1", "f1")
    assert record["received"] == {
        "type": "application/octet-stream",
        "body": "AAE=",
        "headers": {"user-agent": "w/1"},
    }


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b'{"pin":"canary-1","x":[{"password":"canary-2","y":1}]}'),
        ("application/json", b'{"\\u0070in":"canary-1"}'),
        ("application/json", b'{"PIN" : "canary-1"}'),
        ("application/json", b'{"pin":"canary-1"'),
        ("application/json", b'{"code":"canary-1","binding":"canary-2"}'),
        ("application/problem+json; charset=utf-8", b'{"access_token":["canary-1"]}'),
        ("application/x-www-form-urlencoded", b"a=1&pin=canary-1"),
        ("application/x-www-form-urlencoded", b"a=1&%70in=canary-1&code_verifier=canary-2"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="pin"\r\n\r\ncanary-1\r\n--x--',
        ),
    ],
)
def test_a_secret_member_never_reaches_the_ledger(ledger: Ledger, kind: str, body: bytes) -> None:
    post(ledger, "/echo/x", body, content_type=kind)
    assert b"canary" not in everything(ledger)
    assert b"[redacted]" in everything(ledger) or b"%5Bredacted%5D" in everything(ledger)


def test_what_is_beside_a_secret_stays(ledger: Ledger) -> None:
    post(ledger, "/echo/x", b'{"pin":"1","handle":"anna"}', content_type="application/json")
    [record] = decode(lines(ledger), {})
    assert dict(record.fields)["received.handle"] == "anna"
    assert dict(record.fields)["received.pin"] == "[redacted]"


def test_cookies_bearer_tokens_and_queries_are_not_kept(ledger: Ledger) -> None:
    post(ledger, "/sign-in?code=canary-query", b"", authorization="Bearer canary-bearer", cookie="s=canary")
    assert b"canary" not in everything(ledger)


def test_a_private_token_is_kept_because_the_platform_sees_it(ledger: Ledger) -> None:
    post(ledger, "/echo/x", b"", authorization='PrivateToken token="AAECAw=="')
    [record] = decode(lines(ledger), {})
    assert record.fields["received.authorization.token"] == "AAECAw"


def test_of_a_page_only_the_size_is_kept(ledger: Ledger) -> None:
    async def get() -> None:
        async with AsyncClient(transport=ASGITransport(Capture(service(), ledger)), base_url="http://p") as client:
            await client.get("/page")

    asyncio.run(get())
    [record] = raw(ledger)
    assert record["down"] == len("<p>canary-in-a-page</p>")
    assert b"canary" not in everything(ledger)


def test_a_long_body_is_cut_and_marked(ledger: Ledger) -> None:
    post(ledger, "/echo/x", b"z" * 1_100_000, content_type="application/octet-stream")
    [record] = raw(ledger)
    received = record["received"]
    assert isinstance(received, dict)
    assert received["cut"] is True
    assert len(base64.b64decode(str(received["body"]))) == 1_048_576
    assert record["up"] == 1_100_000


def test_a_flows_subject_goes_to_all_its_records_of_the_same_party(ledger: Ledger) -> None:
    post(ledger, "/echo/x?flow=f1", b"1", content_type="text/x")
    post(ledger, "/echo/x?flow=f2", b"1", content_type="text/x")
    post(ledger, "/echo/x?flow=f1&subject=s1", b"1", content_type="text/x")
    assert [record.subject for record in decode(lines(ledger), {})] == ["s1", "", "s1"]


def test_damaged_lines_are_counted_and_the_others_read(ledger: Ledger) -> None:
    post(ledger, "/echo/x", b"{}", content_type="application/json")
    [good] = lines(ledger)
    decoding = decode([good, good[:50], b"{}", b"\xff\xfe", b"", good], {})
    assert len(list(decoding)) == 2
    assert decoding.damaged == 3


def test_what_the_path_says_is_read_too(ledger: Ledger) -> None:
    post(ledger, "/echo/0815", b"1", content_type="text/x")
    post(ledger, "/echo/x-y", b"1", content_type="text/x")
    post(ledger, "/nowhere/1", b"1", content_type="text/x")
    first, second, lost = decode(lines(ledger), {})
    assert first.fields["received.path.name"] == 815
    assert second.fields["received.path.name"] == "x-y"
    assert not any("path" in name for name in lost.fields)


def test_a_token_of_no_scheme_is_read_where_its_type_says_that_it_is_one(ledger: Ledger) -> None:
    token = b"eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJodHRwczovL2xpc3RzLzMifQ.c2ln"
    post(ledger, "/echo/x", token, content_type="application/statuslist+jwt")
    post(ledger, "/echo/x", b"a.b", content_type="application/statuslist+jwt")
    good, bad = decode(lines(ledger), {})
    assert good.fields["received.payload.sub"] == "https://lists/3"
    assert good.fields["received.signature"] == "c2ln"
    assert bad.fields["received.body"]


def test_lists_have_one_name_and_no_value_is_lost(ledger: Ledger) -> None:
    post(
        ledger, "/echo/x", b'{"keys":[{"kid":"a"},{"kid":"b"}],"n":[1,2,3],"no":null}', content_type="application/json"
    )
    [record] = decode(lines(ledger), {})
    received = {name: value for name, value in record.fields.items() if name.startswith("received.")}
    received.pop("received.headers.user-agent")
    assert received.pop("received.path.name") == "x"
    assert received == {
        "received.keys[].kid": "a",
        "received.keys[].kid #2": "b",
        "received.n[]": 1,
        "received.n[] #2": 2,
        "received.n[] #3": 3,
    }
    assert {collapsed(name) for name in received} == {"received.keys[].kid", "received.n[]"}


@pytest.mark.parametrize(
    "value",
    [
        *(b"1e400", b"-1e400", b"NaN", b"-0", b"-0.0", b"1.0", b"12345678901234567890123", b"0.1e-400", b"1E5"),
        *(
            b'"\\ud800"',
            b'"\xed\xa0\x80"',
            b'"\\ud83d\\ude00"',
            b'"\\u0000"',
            b'{"b": 1, "b": 2}',
            b'"a\tb"',
            b"01",
            b"[1,]",
        ),
    ],
)
def test_json_is_read_as_the_standard_library_reads_it(ledger: Ledger, value: bytes) -> None:
    body = b'{"a": ' + value + b"}"
    post(ledger, "/echo/x", b"{}", content_type="application/json")
    written = json.loads(lines(ledger)[0])
    written["received"]["body"] = base64.b64encode(body).decode()
    [record] = decode([json.dumps(written)], {})
    found = {name: leaf for name, leaf in record.fields.items() if name.startswith("received.a")}
    try:
        expected = json.loads(body)["a"]
    except ValueError:
        assert not found
        assert record.fields["received.body"] == base64.urlsafe_b64encode(body).rstrip(b"=").decode()
    else:
        assert repr([*found.values()]) == repr([*expected.values()] if isinstance(expected, dict) else [expected])


def test_hostile_json_is_decoded_without_recursion(ledger: Ledger) -> None:
    post(ledger, "/echo/x", b"[" * 20_000 + b"]" * 20_000, content_type="application/json")
    post(ledger, "/echo/x", b"[" + b"1," * 30_000 + b"1]", content_type="application/json")
    records = list(decode(lines(ledger), {}))
    assert len(records) == 2
    assert all(len(record.fields) <= 20_002 for record in records)


@pytest.mark.parametrize("name", sorted(SCHEMES))
def test_a_schemes_message_is_read_by_the_scheme_and_fits_the_schema(ledger: Ledger, name: str) -> None:
    for body in (b"", b"\x00\x02\x07" + b"r" * 256, b"a.b.c~d~", b'{"x":1}'):
        post(ledger, f"/echo/{name}", body, content_type="application/octet-stream")
    for record in decode(lines(ledger), SCHEMES):
        assert record.scheme == name
        jsonschema.validate(record.as_json(), DECODED)


def test_without_a_ledger_nothing_is_captured_and_the_app_answers() -> None:
    async def get() -> int:
        async with AsyncClient(transport=ASGITransport(Capture(service(), None)), base_url="http://p") as client:
            return (await client.get("/page")).status_code

    assert asyncio.run(get()) == 200


def test_a_ledger_that_cannot_be_written_counts_what_it_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = Ledger(tmp_path / "x.jsonl", "party")

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("idverify.ledger.os.write", full)
    post(ledger, "/echo/x", b"1", content_type="text/x")
    ledger.flush()
    monkeypatch.undo()
    ledger.close()
    assert ledger.lost == 1
    assert "loses records" in capsys.readouterr().err


def test_a_record_that_is_encoded_while_others_are_written_is_not_lost(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = ledger._encode

    def interrupted(record: object) -> bytes:
        encoded = encode(record)
        ledger.flush()  # as the ledger's own thread may at any moment
        return encoded

    monkeypatch.setattr(ledger, "_encode", interrupted)
    for name in ("first", "second", "third"):
        post(ledger, f"/echo/{name}", b"")
    assert [record["path"] for record in raw(ledger)] == ["/echo/first", "/echo/second", "/echo/third"]


def test_the_network_observer_sees_addresses_time_and_sizes_and_nothing_that_was_said(tmp_path: Path) -> None:
    ledger, observer = Ledger(tmp_path / "p.jsonl", "p"), Ledger(tmp_path / "network_observer-p.jsonl", OBSERVER)

    async def talk() -> None:
        app = Capture(service(), ledger, observer=observer)
        transport = ASGITransport(app, client=("127.9.8.7", 40_000))
        async with AsyncClient(transport=transport, base_url="http://party.example") as client:
            await client.post("/echo/secret-path?subject=s1&flow=f1", content=b"canary", headers={"user-agent": "w/1"})

    asyncio.run(talk())
    [seen], [kept] = raw(observer), raw(ledger)
    ledger.close()
    observer.close()
    assert (seen["party"], seen["peer"], seen["subject"]) == (OBSERVER, "127.9.8.7", "127.9.8.7")
    assert seen["time"] == kept["time"]
    assert seen["received"] == {"type": "", "body": None, "headers": {"host": "party.example"}}
    assert isinstance(seen["up"], int)
    assert seen["up"] > 6
    text = json.dumps(seen)
    assert not any(word in text for word in ("canary", "secret-path", "s1", "f1", "w/1"))
