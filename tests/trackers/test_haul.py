"""What is fetched from a run to be verified is bounded, and has no name that leads elsewhere."""

from __future__ import annotations

import pytest

from venturalitica.errors import TrackerError
from venturalitica.trackers.haul import MAX_BYTES, MAX_DEPTH, MAX_FILE, MAX_FILES, Haul
from venturalitica.trackers.links import UNREADABLE, address, is_http, origin, without_credentials


def test_our_names_are_admitted() -> None:
    haul = Haul()
    haul.admit("venturalitica/evidence.json", 10, folder="venturalitica")
    haul.admit("venturalitica/audits", None, folder="venturalitica")
    haul.admit("venturalitica/audits/0a/evidence.json", 5, folder="venturalitica/audits/0a")
    haul.admit("policy_snapshot/Kreditprüfung 2.yaml", 5, folder="policy_snapshot")
    assert (haul.files, haul.bytes) == (4, 20)


@pytest.mark.parametrize(
    "path",
    [
        "venturalitica",
        "venturalitica/",
        "venturalitica/../x",
        "venturalitica/./x",
        "venturalitica//x",
        "venturalitica/a\\b",
        "venturalitica/a\0b",
        "venturalitica/\x1b[2J",
        "/etc/passwd",
        "other/x",
        "venturalitica2/x",
        "venturalitica" + "/d" * MAX_DEPTH,
    ],
)
def test_names_that_lead_elsewhere_are_refused(path: str) -> None:
    with pytest.raises(TrackerError, match="not a name of ours"):
        Haul().admit(path, 1, folder="venturalitica")


def test_more_than_evidence_needs_is_refused() -> None:
    with pytest.raises(TrackerError, match="no evidence of ours"):
        Haul().admit("venturalitica/x", MAX_FILE + 1, folder="venturalitica")
    for full in (Haul(files=MAX_FILES), Haul(bytes=MAX_BYTES)):
        with pytest.raises(TrackerError, match="holds more"):
            full.admit("venturalitica/x", 1, folder="venturalitica")


@pytest.mark.parametrize("uri", ["http://[", "http://u:secret@[x", "\0", "file:///\0", "\ud800"])
def test_an_address_that_is_none_is_shown_as_such(uri: str) -> None:
    """It stands in a record, which may come from anybody."""
    assert address(uri) == UNREADABLE
    assert not is_http(uri)
    assert "secret" not in without_credentials(uri)


def test_a_port_that_is_none_is_nobody_s() -> None:
    assert origin("http://a:99999/") == ("", "", None)
    assert origin("https://A/") == ("https", "a", 443)
