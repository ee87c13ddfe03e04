"""VERIFIED says what: a red record that verifies must not read as an all-green result."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import pytest
from typer.testing import CliRunner

from venturalitica.cli.app import app
from venturalitica.cli.verify import facts
from venturalitica.core.verdict import Told
from venturalitica.ledger.verify.about import about_all, genuine_words, outcome_words
from venturalitica.review.verification import verify_source

POLICY = """\
policy: loan
version: "2.1"
controls:
  - {id: accuracy, metric: accuracy, must: ">= 0.70"}
  - {id: recall, metric: recall, must: ">= 0.50"}
  - {id: enough, metric: row_count, must: ">= 10"}
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import pandas as pd

    import venturalitica as vl

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "evidence"))
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(tmp_path / "config"))
    Path("policy.yaml").write_text(POLICY)
    for wrong in (5, 60):
        said = [0, 1] * (100 - wrong) + [1, 0] * wrong
        table = pd.DataFrame({"label": [0, 1] * 100, "said": said})
        vl.enforce(table, policy="policy.yaml", target="label", prediction="said", name="enforce")
    return tmp_path / "evidence"


def bundle(home: Path, index: int) -> Path:
    from venturalitica.ledger import Ledger

    path = home.parent / "bundles" / f"{index}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(Ledger.open(home).bundle(index))
    return path


def said(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["verify", *arguments])
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def test_a_red_record_that_verifies_says_red(home: Path) -> None:
    text = said(str(bundle(home, 1)))
    assert "Record audit 'enforce' of 2" in text
    assert "entry 1 Policy loan 2.1 Light RED: 2 of 3 controls failed" in text
    assert "Signer key " in text
    assert "VERIFIED every step that could be made held" in text
    assert "the evidence is genuine; the light it records is RED: 2 of 3 controls failed" in text
    assert "open it as a report" in text


def test_a_green_record_says_so(home: Path) -> None:
    text = said(str(bundle(home, 0)))
    assert "the light it records is green: all 3 controls passed" in text
    assert "RED" not in text


def test_a_log_says_how_many_of_each_light(home: Path) -> None:
    text = said(str(home))
    assert "Records 2, from 2" in text
    assert "Lights 1 RED, 1 green" in text
    assert "the evidence is genuine; the lights it records: 1 RED, 1 green" in text
    assert "add --witnesses" in text
    assert "venturalitica report run last" in text


def test_a_folder_of_bundles_is_told_one_by_one(home: Path) -> None:
    folder = bundle(home, 0).parent
    bundle(home, 1)
    text = said(str(folder))
    assert text.index("entry 0") < text.index("entry 1")
    assert "1 RED, 1 green" in text


def test_json_carries_the_same_facts(home: Path) -> None:
    result = CliRunner().invoke(app, ["verify", str(bundle(home, 1)), "--json"])
    about = json.loads(result.stdout)["about"]
    assert about["lights"] == {"red": 1}
    told = about["each"][0]
    assert (told["policy"], told["version"], told["light"]) == ("loan", "2.1", "red")
    assert (told["controls"], told["failed"], told["unevaluated"]) == (3, 2, 0)
    assert about["signers"] == told["signers"]


def page(home: Path, source: Path) -> tuple[str, list[str]]:
    """The HTML of a verification as words, and the lights of record and evidence."""
    out = home.parent / "verify.html"
    CliRunner().invoke(app, ["verify", str(source), "--format", f"html={out}"])
    html = out.read_text()
    text = re.sub("<style>.*?</style>|<[^>]+>", " ", html, flags=re.DOTALL)
    lights = re.findall(r'<section class="vl-answer vl-is-(\w+)"', html)
    return " ".join(unescape(text).split()), lights


def test_the_page_of_a_bundle_heads_with_what_was_verified_and_holds_its_report(home: Path) -> None:
    text, lights = page(home, bundle(home, 1))
    assert lights == ["red", "green"]
    facts = ("audit, entry 1 of a log with 2", "loan 2.1", "2 of 3 controls failed", "enforce")
    for fact in (*facts, "Signed by key"):
        assert text.index(fact) < text.index("Step by step") < text.index("Controls at a glance")
    assert "What is recorded Red: 2 of 3 controls failed" in text
    assert "openssl dgst -sha256 -verify" in text
    assert page(home, bundle(home, 0))[1] == ["green", "green"]


def test_the_page_of_what_does_not_verify_has_no_light_of_its_record(home: Path) -> None:
    path = bundle(home, 0)
    path.write_bytes(path.read_bytes().replace(b'"sig\\":\\"M', b'"sig\\":\\"N', 1))
    text, lights = page(home, path)
    assert lights == ["grey", "red"]
    assert "It says green: none of 3 controls failed" in text
    assert "Nothing in it is proven." in text
    path.write_text("{}")
    assert page(home, path)[1] == ["red"]


def test_the_page_of_several_records_tells_them_apart(home: Path) -> None:
    text, lights = page(home, home)
    assert lights == ["red", "green"]
    assert "What is recorded 1 RED, 1 green" in text
    folder = bundle(home, 0).parent
    bundle(home, 1)
    text, lights = page(home, folder)
    assert lights == ["red", "green"]
    assert "Green 0 of 3" in text
    assert "Red 2 of 3" in text


def test_what_does_not_verify_is_only_what_it_says_of_itself(home: Path) -> None:
    path = bundle(home, 0)
    data = bytearray(path.read_bytes())
    data[data.index(b"payload") + 60] ^= 1
    path.write_bytes(bytes(data))
    result = CliRunner().invoke(app, ["verify", str(path)])
    assert result.exit_code == 1
    assert "genuine" not in result.output
    lines = (home / "log" / "entries.jsonl").read_bytes().splitlines(keepends=True)
    (home / "log" / "entries.jsonl").write_bytes(lines[0])
    result = CliRunner().invoke(app, ["verify", str(home)])
    assert result.exit_code == 1
    assert "What it says of itself, which is not proven:" in result.output


def test_nothing_readable_is_told_of_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("{}")
    assert facts(verify_source(path))["about"] is None
    assert about_all([None]) is None


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ((0, 0, 0), "no control was judged in it"),
        ((1, 0, 0), "its control passed"),
        ((6, 3, 0), "3 of 6 controls failed"),
        ((6, 3, 1), "3 of 6 controls failed, 1 not evaluated"),
        ((6, 0, 2), "2 of 6 controls not evaluated"),
    ],
)
def test_outcomes_in_words(counts: tuple[int, int, int], words: str) -> None:
    controls, failed, unevaluated = counts
    told = Told(
        index=0,
        kind="audit",
        name="x",
        run_id="y",
        at="z",
        policy="p",
        version="1",
        light="amber",
        controls=controls,
        failed=failed,
        unevaluated=unevaluated,
        signers=(),
        runs=(),
    )
    assert outcome_words(told) == words


def test_a_log_without_lights_claims_none(tmp_path: Path) -> None:
    from tests.ledger.conftest import make_statement
    from venturalitica.ledger import Ledger, load_signer

    ledger = Ledger.open(tmp_path / "h", signer=load_signer(None, tmp_path / "config"))
    ledger.append(make_statement(0) | {"predicateType": "urn:example:other"})
    about = verify_source(ledger.home).about
    assert about is not None
    assert genuine_words(about) == "the evidence is genuine; no record in it holds a light"
