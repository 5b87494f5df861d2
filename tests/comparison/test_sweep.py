"""A sweep's figures by hand, its sentences, picture and page, and what the command refuses."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import msgspec
import numpy as np
import pytest

from idverify import cli
from idverify.commands.sweeping import print_sweep
from idverify.comparison import sweep_figures as figures
from idverify.comparison import sweep_ledgers as ledgers
from idverify.comparison import sweep_point, sweep_words
from idverify.comparison.folders import new_run
from idverify.comparison.sweep import rates_in
from idverify.comparison.sweep_folder import HEAD, read_sweep, rows, write_sweep
from idverify.comparison.sweep_model import SCHEMA_FILE, Sweep, as_bytes, from_bytes, schema
from idverify.comparison.sweep_page import render
from idverify.comparison.sweep_picture import charts, log_axis, picture
from idverify.comparison.sweep_point import Sample
from idverify.errors import BadEnvironment, BadUsage
from idverify.ledger import RawRecord, Received, Sent
from idverify.privacy.delays import density
from tests.comparison.sweep_example import empty, make_sweep

SVG = "{http://www.w3.org/2000/svg}"


def test_the_interval_of_a_percentile_lies_at_its_binomial_ranks() -> None:
    ordered = [float(value) for value in range(1, 101)]
    found = figures.quantile(ordered, 0.5)  # binomial (100, 0.5): 2.5 % at 40, 97.5 % at 60
    assert (found.ms, found.low, found.high) == (50.0, 40.0, 61.0)
    assert figures.quantile(ordered[:20], 0.95).high is None  # nothing lies beyond the largest of twenty


def test_too_few_samples_have_no_high_percentile() -> None:
    assert figures.waits([]).p50 is None
    assert (figures.waits([1.0] * 19).p95, figures.waits([1.0] * 199).p99) == (None, None)
    assert figures.waits([1.0] * 200).p99 is not None


def test_a_rate_has_the_interval_of_a_poisson_count() -> None:
    assert figures.poisson(0) == pytest.approx((0.0, 3.689), abs=1e-3)
    assert figures.poisson(10) == pytest.approx((4.795, 18.390), abs=1e-3)


def test_cpu_is_read_between_two_samples() -> None:
    samples = [Sample(10.0, {"a": 1.0}), Sample(12.0, {"a": 2.0}), Sample(14.0, {"a": 4.0})]
    assert sweep_point.shares(samples, 11.0, 13.0) == {"a": pytest.approx((3.0 - 1.5) / 2.0)}
    assert sweep_point.shares(samples, 11.0, 11.0) == {}


def test_the_capacity_is_the_setting_or_what_the_cpu_of_a_request_allows() -> None:
    assert sweep_point.capacity_of(50.0, set_to=25.0, busy=0.1, workers=1) == (25.0, "set")
    assert sweep_point.capacity_of(50.0, set_to=0.0, busy=0.25, workers=2) == (400.0, "estimated")
    assert sweep_point.capacity_of(0.0, set_to=0.0, busy=0.0, workers=1) == (None, "estimated")


def test_the_delay_that_attackers_know_is_waiting_and_thinking() -> None:
    known = density(figures.delay([500.0] * 100, 1.0, seed=1))
    assert known is not None
    lags = np.linspace(0.0, 12.0, 6_001)
    heights = known.of(lags)
    assert heights[lags < 0.4].max() < 0.05
    assert heights.sum() * 0.002 == pytest.approx(1.0, abs=0.02)
    assert (heights * lags).sum() * 0.002 == pytest.approx(1.5, abs=0.15)
    assert figures.delay([], 1.0, seed=1).name == "none"


def test_an_idle_issuer_is_compared_with_the_formulas() -> None:
    found = figures.expected(10.0, 2.0)
    assert found is not None
    assert [found.top_1, found.effective_set] == pytest.approx([1 / 21, np.e * 20.0], rel=1e-3)
    assert figures.expected(10.0, 0.0) is None


def record(time: float, flow: str = "", subject: str = "") -> RawRecord:
    nothing, sent = Received("", None, {}), Sent("", None)
    return RawRecord(1, time, "platform_a", "", "POST", "/r", "/r", 200, 0, 0, nothing, sent, subject, flow, "")


def test_what_began_in_the_warm_up_does_not_count_even_if_it_ends_later(tmp_path: Path) -> None:
    from idverify.privacy.public import Public

    begun, counted = 10.0, 12.0
    issuer = [record(5.0), record(11.0), record(13.0)]
    shown = [record(6.0, "early"), record(11.0, "warm"), record(13.0, "warm"), record(12.5, "late"), record(14.0)]
    for party, records in (("identity_provider", issuer), ("platform_a", shown), ("platform_b", [])):
        ledgers.write(tmp_path, party, records)
    ledgers.lay_out(tmp_path, tmp_path / "out", Public(), begun=begun, counted=counted)

    def times(party: str) -> list[float]:
        return [each.time for each in ledgers.read([tmp_path / "out" / f"{party}.jsonl"])]

    assert times("identity_provider") == [5.0, 11.0, 13.0]
    assert times("identity_provider_rush") == [11.0, 13.0]
    assert times("platform_a") == [6.0, 12.5, 14.0]
    assert times("platform_a_rush") == [12.5, 14.0]


def test_the_finding_has_numbers_and_intervals() -> None:
    said = sweep_words.finding(make_sweep())
    assert said.split("; ")[0] == (
        "With sd_jwt_vc_batch, at 103 arrivals a second (4.0 times what the issuer can answer), "
        "a platform recognised 475 of 500 who came back (95 %: 92.7–96.7 %)"
    )
    assert "; at 1.03 a second none of 15 who came back (≤ 21.8 %)." in said
    assert "none of 500 who came back (≤ 0.7 %), and 800 of 1,000 gave up (95 %: 77.4–82.4 %); at 1.03" in said
    assert sweep_words.finding(empty()).startswith("Nothing was measured")


def test_the_committed_schema_is_the_models_and_a_sweep_fits_it() -> None:
    assert SCHEMA_FILE.read_bytes() == schema()
    jsonschema.Draft202012Validator(json.loads(schema())).validate(json.loads(as_bytes(make_sweep())))
    with pytest.raises(BadEnvironment, match="does not fit schema 1"):
        from_bytes(b'{"schema": 2}')


@pytest.mark.parametrize("sweep", [make_sweep(), empty()], ids=["whole", "empty"])
def test_a_folder_has_the_same_in_every_form(sweep: Sweep, tmp_path: Path) -> None:
    folder = new_run(tmp_path, kind="sweep")
    write_sweep(folder, sweep)
    assert folder.name == "001-sweep"
    assert {path.name for path in folder.iterdir()} == {"sweep.json", "sweep.csv", "picture.svg", "sweep.html"}
    assert (tmp_path / "latest-sweep").resolve() == folder.resolve()
    assert not (tmp_path / "latest").exists()
    assert new_run(tmp_path).name == "002"
    assert read_sweep(folder) == sweep
    assert all(len(row) == len(HEAD) for row in rows(sweep))
    assert len((folder / "sweep.csv").read_text().splitlines()) == 1 + len(list(rows(sweep)))


def test_the_picture_says_in_words_what_it_shows_and_asks_for_nothing() -> None:
    text = picture(make_sweep())
    root = ElementTree.fromstring(text)
    assert root.get("role") == "img"
    told = [root.findtext(f"{SVG}title"), root.findtext(f"{SVG}desc")]
    assert told[0] == "Privacy under load"
    assert "475 of 500" in (told[1] or "")
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    drawn = [element.text for element in root.iter(f"{SVG}text")]
    assert drawn.count("sd_jwt_vc_batch") == drawn.count("privacy_pass") == 4
    for axis in ("arrivals a second", "utilisation of the issuer", "all it can answer"):
        assert axis in drawn
    assert len(charts(make_sweep())) == 4
    assert charts(empty()) == []


def test_a_withheld_set_is_not_drawn_and_a_doubtful_mark_has_a_hole() -> None:
    waits, sets, *_ = charts(make_sweep())
    doubtful = waits.series[1].marks[-1]
    assert doubtful.hollow
    assert len(sets.series[1].marks) == 2
    assert picture(make_sweep()).count('class="hole"') == 3


def test_a_narrow_range_still_has_a_decade_of_its_axis() -> None:
    axis = log_axis([4.0, 5.0], str)
    assert axis.high / axis.low == pytest.approx(10.0)
    assert axis.at(0.0001) == 0.0
    assert axis.at(4.5) == pytest.approx(0.5, abs=0.03)


def test_the_page_has_every_figure_beside_the_charts() -> None:
    page = render(make_sweep())
    assert "475 of 500 (95 %: 92.7–96.7 %)" in page.replace("\u00a0", " ")
    assert page.count("<svg role") == 4
    assert "adversary miscalibrated, value withheld" in page
    assert "the generator was busy" in page
    assert "<script" not in page
    assert "a port is taken" in render(empty())


def test_what_the_terminal_shows_fits_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    print_sweep(make_sweep())
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    assert "475/500" in shown
    assert "…" not in shown


@pytest.mark.parametrize("text", ["", "0", "-1", "nan", "inf", "1,,3", "many", "1e9", "3,1,3"])
def test_rates_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(BadUsage, match="rate"):
        rates_in(text)


def test_rates_are_put_in_order() -> None:
    assert rates_in("10, 1,2.5") == (1.0, 2.5, 10.0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--scheme", "nothing"], "'nothing' is no scheme"),
        (["--scheme", "privacy_pass,privacy_pass"], "is named twice"),
        (["--scheme", ""], "names none in one place"),
        (["--scheme", "privacy_pass,,bbs"], "names none in one place"),
        (["--scheme", "self_declared"], "has no issuer"),
        (["--scheme", "privacy_pass", "--rates", "3,x"], "'x' is no rate"),
        (["--scheme", "privacy_pass", "--mandate", "nowhere"], "nowhere"),
        (["--scheme", "privacy_pass", "--patience", "-1"], "at least 0"),
        (["--rates", "1"], "--scheme"),
    ],
)
def test_a_wrong_command_is_refused_before_anything_starts(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["sweep", *arguments, "--out", str(tmp_path / "runs")]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_a_point_without_arrivals_breaks_nothing() -> None:
    sweep = make_sweep()
    none = msgspec.structs.replace(
        sweep.points[0], arrivals=0, rate=0.0, waited=figures.waits([]), timing=[], utilisation=None
    )
    quiet = msgspec.structs.replace(sweep, points=[none], curves=[])
    assert render(quiet)
    assert picture(quiet)
