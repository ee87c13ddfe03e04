"""`venturalitica keys`: shown, handed over, exported; and what `verify --keys` makes of it."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from venturalitica.audit.project import open_ledger
from venturalitica.core.link import Link
from venturalitica.ledger import Ledger, load_signer, read_keys
from venturalitica.ledger.log.key_history import hand_over
from venturalitica.ledger.signing.key_rotation import swap
from venturalitica.ledger.signing.signer import KEY_FILE, encrypted_pem, new_key_pem
from venturalitica.system.settings import Settings

STATEMENT: dict[str, Any] = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"name": "x", "digest": {"sha256": "0" * 64}}],
    "predicateType": "urn:example:tiny",
    "predicate": {"n": 1},
}


@pytest.fixture
def config(project: Path) -> Path:
    folder = Settings.current().config
    assert folder is not None
    return folder


@pytest.fixture
def ledger(project: Path) -> Ledger:
    found = open_ledger()
    found.append(STATEMENT)
    return found


def facts(call: Any, *arguments: object) -> Any:
    result = call("keys", *arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_show_makes_no_key(call, config: Path) -> None:
    result = call("keys", "show")
    assert result.exit_code == 0
    assert "No signing key yet" in result.stdout
    assert facts(call, "show")["in_use"] is None
    assert not config.exists()
    assert call("keys", "export").exit_code == 2
    assert call("keys", "rotate").exit_code == 2


def test_show_tells_which_where_and_what_was_signed(call, config: Path, ledger: Ledger) -> None:
    ledger.append(STATEMENT)
    signer = load_signer(None, config)
    found = facts(call, "show")
    assert found["in_use"] == {
        "records": {"keyid": signer.keyid, "algorithm": "ECDSA P-256"},
        "checkpoints": {"keyid": signer.checkpoint_signer().keyid, "algorithm": "Ed25519"},
        "path": str(config / KEY_FILE),
        "mode": "0600",
        "encrypted": False,
    }
    assert [(use["first"], use["last"], use["retired_in"]) for use in found["log"]] == [
        (0, 1, None)
    ]
    text = call("keys", "show").stdout
    assert signer.keyid in text
    assert "mode 0600" in text
    assert "in use" in text


def test_nothing_private_is_ever_shown(call, config: Path, ledger: Ledger) -> None:
    secret = (config / KEY_FILE).read_text().splitlines()[1]
    for arguments in (["show"], ["export"], ["rotate"], ["show", "--json"]):
        result = call("keys", *arguments)
        assert secret not in result.stdout + result.stderr
        assert "PRIVATE" not in result.stdout + result.stderr


def test_rotate_and_verify_with_the_keys_of_before(call, config: Path, ledger: Ledger) -> None:
    assert call("keys", "export", "--out", "old.pem").exit_code == 0
    old = load_signer(None, config)
    done = facts(call, "rotate", "--reason", "yearly")
    assert (done["old"], done["entry"]) == (old.keyid, 1)
    new = load_signer(None, config)
    assert (done["new"], done["checkpoints"]) == (new.keyid, new.checkpoint_signer().keyid)
    open_ledger().append(STATEMENT)
    result = call("verify", "--keys", "old.pem")
    assert result.exit_code == 0, result.stdout
    assert "through the rotation in entry 1" in result.stdout
    assert call("verify").exit_code == 0
    assert "retired in entry 1" in call("keys", "show").stdout
    shown = facts(call, "show")
    assert [one["records"]["keyid"] for one in shown["retired"]] == [old.keyid]
    assert [use["retired_in"] for use in shown["log"]] == [1, None]
    (config / "evidence.json").write_bytes(Ledger.open(ledger.home).bundle(2))
    bundle = call("verify", config / "evidence.json", "--keys", "old.pem")
    assert bundle.exit_code == 0, bundle.stdout
    assert "through the rotation in entry 1" in bundle.stdout


def test_verify_from_python_knows_the_retired_key_as_ones_own(call, ledger: Ledger) -> None:
    import venturalitica as vl

    call("keys", "rotate")
    open_ledger().append(STATEMENT)
    found = {step.name: step for step in vl.verify().steps}
    assert found["trust"].ok
    assert "your own key" in found["trust"].detail
    assert found["rotation"].ok


def test_a_thief_with_the_old_key_is_found_by_verify(call, config: Path, ledger: Ledger) -> None:
    old = load_signer(None, config)
    call("keys", "export", "--out", "old.pem")
    call("keys", "rotate")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("venturalitica.ledger.ledger.refuse_retired", lambda *_: None)
        Ledger.open(ledger.home, signer=old).append(STATEMENT)
    result = call("verify", "--keys", "old.pem")
    assert result.exit_code == 1
    assert "was retired in entry 1" in result.stdout


def test_export_is_what_verify_reads(call, config: Path, ledger: Ledger) -> None:
    call("keys", "rotate")
    text = call("keys", "export").stdout
    (config / "all.pem").write_text(text)
    listed = facts(call, "export")
    assert [key.keyid for key in read_keys(config / "all.pem")] == [key["keyid"] for key in listed]
    assert [key["algorithm"] for key in listed] == ["ECDSA P-256", "Ed25519"] * 2
    assert call("verify", "--keys", config / "all.pem").exit_code == 0
    assert call("keys", "export", "--out", "/nowhere/at/all.pem").exit_code == 2


def test_export_tells_role_time_and_lineage(call, config: Path, ledger: Ledger) -> None:
    old = load_signer(None, config)
    call("keys", "rotate")
    new = load_signer(None, config)
    at = [entry.record.appended_at for entry in Ledger.open(ledger.home).entries()]
    listed = {(key["keyid"], key["role"]): key for key in facts(call, "export")}
    sealers = [signer.checkpoint_signer().keyid for signer in (old, new)]
    assert set(listed) == {
        (new.keyid, "records"), (sealers[1], "checkpoints"),
        (old.keyid, "records"), (sealers[0], "checkpoints"),
    }  # fmt: skip
    for role, before, after in (
        ("records", old.keyid, new.keyid),
        ("checkpoints", sealers[0], sealers[1]),
    ):
        first, second = listed[before, role], listed[after, role]
        assert (first["follows"], first["followed_by"]) == (None, after)
        assert (second["follows"], second["followed_by"]) == (before, None)
        assert (first["first"], first["since"], first["last"]) == (0, at[0], 1)
        assert (first["until"], second["since"], second["until"]) == (at[1], at[1], None)
    text = call("keys", "export").stdout
    assert f"# key          {old.keyid}\n# role         records (ECDSA P-256)\n" in text
    assert f"# used         from entry 0, {at[0]}, until 1, {at[1]}\n" in text
    assert f"# used         since entry 1, {at[1]}; in use\n" in text
    assert f"# follows      {sealers[0]}\n# followed by  no other key\n" in text


def test_a_forged_time_plants_no_key_in_the_exported_file(
    call, config: Path, ledger: Ledger, monkeypatch
) -> None:
    """Whoever can write the log's files may name our key under a line that we never signed."""
    planted = load_signer(None, config.with_name("another")).public.pem
    real = Link.of
    monkeypatch.setattr(Link, "of", lambda said: replace(real(said), appended_at=f"x\n{planted}"))
    text = call("keys", "export").stdout
    assert "since entry 0, at no time that can be read; in use" in text
    assert text.count("BEGIN PUBLIC KEY") == 2
    assert planted.splitlines()[1] not in text


def test_keys_are_exported_where_the_log_cannot_be_read(call, ledger: Ledger) -> None:
    (ledger.home / "keys" / ("0" * 64 + ".pem")).write_text("nothing")
    result = call("keys", "export")
    assert result.exit_code == 0
    assert "when each key was in use is not told" in result.stderr
    assert "signed nothing in the log of this project" in result.stdout


def test_the_given_key_is_told_how(call, config: Path, ledger: Ledger, monkeypatch) -> None:
    pem = (config / KEY_FILE).read_text()
    monkeypatch.setenv("VENTURALITICA_SIGNING_KEY", pem)
    refused = call("keys", "rotate")
    assert refused.exit_code == 2
    assert "keys rotate --new new_key.pem" in refused.stderr
    new = config / "new_key.pem"
    new.write_bytes(new_key_pem())
    new.chmod(0o600)
    done = facts(call, "rotate", "--new", new)
    assert done["entry"] == 1
    assert "VENTURALITICA_SIGNING_KEY" in done["next"]
    assert (config / KEY_FILE).read_text() == pem
    again = facts(call, "rotate", "--new", new)
    assert again["entry"] is None
    with pytest.raises(Exception, match="retired in entry 1"):
        open_ledger().append(STATEMENT)
    monkeypatch.setenv("VENTURALITICA_SIGNING_KEY", str(new))
    assert open_ledger().append(STATEMENT).index == 2
    assert call("verify").exit_code == 0


def test_a_key_that_signed_before_is_no_new_one(call, config: Path, ledger: Ledger) -> None:
    other = config / "other.pem"
    other.write_bytes(new_key_pem())
    other.chmod(0o600)
    Ledger.open(ledger.home, signer=load_signer(str(other))).append(STATEMENT)
    refused = call("keys", "rotate", "--new", other)
    assert refused.exit_code == 2
    assert "signed entry 1 already" in refused.stderr
    other.chmod(0o644)
    assert "chmod 600" in call("keys", "rotate", "--new", other).stderr


def test_a_retired_key_does_not_come_back(call, config: Path, ledger: Ledger, monkeypatch) -> None:
    for _ in range(2):
        assert call("keys", "rotate").exit_code == 0
    current = load_signer(None, config).keyid
    for path in sorted(config.glob("*.retired.pem")):
        refused = call("keys", "rotate", "--new", path)
        assert refused.exit_code == 2
        assert "retired" in refused.stderr
        monkeypatch.setenv("VENTURALITICA_HOME", str(config.parent / "another"))
        assert call("keys", "rotate", "--new", path).exit_code == 2, "known without the log, too"
        monkeypatch.delenv("VENTURALITICA_HOME")
    assert load_signer(None, config).keyid == current
    assert open_ledger().append(STATEMENT).index == 3
    assert call("verify").exit_code == 0


def test_the_given_key_is_not_rotated_to_itself(call, config: Path, ledger, monkeypatch) -> None:
    assert call("keys", "rotate").exit_code == 0
    monkeypatch.setenv("VENTURALITICA_SIGNING_KEY", str(config / KEY_FILE))
    refused = call("keys", "rotate", "--new", config / KEY_FILE)
    assert refused.exit_code == 2
    assert "in use" in refused.stderr
    assert call("verify").exit_code == 0


def test_an_encrypted_key_stays_encrypted(call, config: Path, ledger: Ledger, monkeypatch) -> None:
    path = config / KEY_FILE
    path.write_bytes(encrypted_pem(path.read_bytes(), "open sesame"))
    monkeypatch.setenv("VENTURALITICA_SIGNING_KEY_PASSPHRASE", "open sesame")
    assert facts(call, "rotate")["entry"] == 1
    shown = facts(call, "show")
    assert shown["in_use"]["encrypted"] is True
    assert shown["retired"][0]["encrypted"] is True
    assert "sesame" not in json.dumps(shown)


def test_a_rotation_whose_record_could_not_be_written_is_made_up_for(
    call, config: Path, ledger: Ledger
) -> None:
    log = ledger.home / "log"
    entries = (log / "entries.jsonl").read_bytes()
    (log / "entries.jsonl").write_bytes(entries + b"somebody's line\n")
    failed = call("keys", "rotate")
    assert failed.exit_code == 2
    assert "was added after the last checkpoint" in failed.stderr
    assert f"the key was replaced by {load_signer(None, config).keyid}" in failed.stderr
    (log / "entries.jsonl").write_bytes(entries)
    assert open_ledger().append(STATEMENT).index == 2
    assert call("verify").exit_code == 0
    assert facts(call, "show")["log"][0]["retired_in"] == 1


def test_a_log_that_could_not_be_told_in_time_is_told_by_the_next_rotation(
    call, config: Path, ledger: Ledger
) -> None:
    call("keys", "export", "--out", "old.pem")
    retired = swap(config).retired
    retired.chmod(0o644)
    open_ledger().append(STATEMENT)  # the retired key is refused, so nothing is said of it
    retired.chmod(0o600)
    assert "this log was not told" in " ".join(call("keys", "show").stdout.split())
    assert call("verify", "--keys", "old.pem").exit_code == 1
    assert facts(call, "rotate")["entry"] == 2
    assert [use["retired_in"] for use in facts(call, "show")["log"]] == [3, 2, None]
    assert call("verify").exit_code == 0


def test_a_hand_over_by_a_thief_is_told(call, config: Path, ledger: Ledger) -> None:
    thief = load_signer(None, config.parent / "thief")
    hand_over(
        Ledger.open(ledger.home, signer=thief).append,
        load_signer(None, config),
        thief,
        reason="mine now",
    )
    result = call("keys", "rotate")
    assert f"already that the old key handed over to {thief.keyid}" in result.stdout
    assert "somebody else has the old key" in result.stdout
    assert facts(call, "rotate")["successor"] is None


def test_a_key_in_the_work_tree_is_warned_of(call, project: Path, ledger: Ledger, monkeypatch):
    (project / ".git").mkdir()
    (project / "keys").mkdir()
    key = project / "keys" / "key.pem"
    key.write_bytes(new_key_pem())
    key.chmod(0o600)
    assert facts(call, "show")["warning"] == ""
    monkeypatch.setenv("VENTURALITICA_SIGNING_KEY", str(key))
    assert "git work tree" in facts(call, "show")["warning"]
    assert "git work tree" in call("keys", "show").stdout


def test_a_key_from_outside_is_rotated_outside(call, ledger: Ledger, monkeypatch) -> None:
    monkeypatch.setenv("VENTURALITICA_SIGNER", "their_kms:signer")
    refused = call("keys", "rotate")
    assert refused.exit_code == 2
    assert "rotate it there" in refused.stderr


def test_files_are_0600(call, config: Path, ledger: Ledger) -> None:
    call("keys", "rotate")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in config.glob("*.pem")}
    assert set(modes.values()) == {0o600}
    assert len(modes) == 2
