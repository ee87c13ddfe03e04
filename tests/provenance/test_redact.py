"""Credentials do not survive, and what is not one does."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from venturalitica.core.redact import redact_name, redact_text, redact_uri
from venturalitica.core.secret_names import is_secret_name

SECRET = "hunter2-C4nary"


@pytest.mark.parametrize(
    "uri",
    [
        f"https://user:{SECRET}@host.example/path",
        f"https://{SECRET}@host.example/path",
        f"https://user:{SECRET}@[::1]:5000/path?x=1#y",
        f"postgresql+psycopg2://user:{SECRET}@db.example:5432/mlflow",
        f"mysql://user:p%40{SECRET}@db.example/mlflow?ssl=true",
        f"https://host.example/path?token={SECRET}",
        f"https://host.example/path?a=1&api_key={SECRET}&b=2",
        f"https://host.example/path?X-Amz-Signature={SECRET}&X-Amz-Credential={SECRET}",
        f"https://host.example/path?sig={SECRET}&se=2026",
        f"https://host.example/path#access_token={SECRET}",
        f"https://host.example/path?a=1;password={SECRET}",
        f"https://host.example/cb?code={SECRET}",
        f"user:{SECRET}@host.example:repo.git",
        f"https://a:b@c:{SECRET}@host.example/",
        f"https://host.example/?client%5Fsecret={SECRET}",
    ],
)
def test_addresses(uri: str) -> None:
    assert SECRET not in redact_uri(uri)
    assert SECRET not in redact_text(f"GET {uri} failed: 500")
    if "host.example" in uri:
        assert "host.example" in redact_uri(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "https://host.example:5000/#/experiments/1/runs/ab12cd34ab12cd34ab12cd34ab12cd34",
        "sqlite:///mlflow.db",
        "file:///srv/mlruns",
        "git@github.com:org/repo.git",
        "ssh://git@github.com/org/repo.git",
        "databricks",
        "http://localhost:5000",
        "https://wandb.ai/team/project/runs/x?nw=abc",
        "./mlruns",
        "",
    ],
)
def test_addresses_without_credentials_stay(uri: str) -> None:
    assert redact_uri(uri) == uri


@pytest.mark.parametrize(
    "text",
    [
        f"MLFLOW_TRACKING_PASSWORD={SECRET}",
        f"password: {SECRET}",
        f'{{"api_key": "{SECRET}"}}',
        f"WANDB_API_KEY='{SECRET}'",
        f"Authorization: Bearer {SECRET}abcdef",
        f"Authorization: Basic {SECRET}==",
        f"train.py --token {SECRET} --epochs 3",
        f"--password={SECRET}",
        f"client_secret={SECRET}&x=1",
        f"connect user:{SECRET}@db.example failed",
        f"aws_secret_access_key = {SECRET}",
    ],
)
def test_sentences(text: str) -> None:
    assert SECRET not in redact_text(text)


@pytest.mark.parametrize(
    "token",
    [
        "ghp_0123456789abcdefABCDEF0123456789abcd",
        "github_pat_11ABCDEFG0123456789_abcdef",
        "glpat-ABCDEFGHIJKLMNOPQRST",
        "AKIAIOSFODNN7EXAMPLE",
        "sk-proj-0123456789abcdefghij",
        "hf_abcdefghijklmnopqrstuvwxyz",
        "xoxb-0123456789-abcdefghijkl",
        "dapi0123456789abcdef0123456789abcdef",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.SflKxwRJSMeKKF2QT4fw",
        "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIB\n-----END EC PRIVATE KEY-----",
    ],
)
def test_tokens_of_known_shapes(token: str) -> None:
    assert token not in redact_text(f"refused {token} today")
    assert token.splitlines()[-1] not in redact_text(f"refused {token} today")


@pytest.mark.parametrize(
    "text",
    [
        "RESOURCE_DOES_NOT_EXIST: Run with id=ab12cd34 not found",
        "the connection was refused by localhost:5000",
        "control 'accuracy': value 0.71 is below 0.80",
        "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "column Attribute9 has 3 nulls",
    ],
)
def test_plain_sentences_stay(text: str) -> None:
    assert redact_text(text) == text


@given(st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_text_is_taken(text: str) -> None:
    redact_uri(text)
    once = redact_text(text)
    assert isinstance(once, str)


def test_long_hostile_text_does_not_hang() -> None:
    for text in ("a" * 50_000, "a:" * 20_000, "://" * 20_000, "token" * 10_000, "-" * 50_000):
        redact_text(text)
        redact_uri(text)


def test_names() -> None:
    for name in ("WANDB_API_KEY", "password", "x-amz-signature", "refresh_token", "DB_PASS"):
        assert is_secret_name(name)
    for name in ("max_depth", "n_estimators", "path", "run_id", "monkey"):
        assert not is_secret_name(name)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("training", "training"),
        ("credit model (v2), März 3/4", "credit model (v2), März 3/4"),
        ("why? because", "why? because"),
        (f"rows.csv?sig={SECRET}&a=1", "rows.csv?sig=[removed]&a=1"),
        (f"model?X-Amz-Signature={SECRET}", "model?X-Amz-Signature=[removed]"),
        (f"run token={SECRET}", "run token=[removed]"),
        (f"s3://key:{SECRET}@bucket/rows?token={SECRET}", "s3://bucket/rows?token=[removed]"),
    ],
)
def test_a_name_loses_its_credentials_and_nothing_else(name, kept):
    assert redact_name(name) == kept
