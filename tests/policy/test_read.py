"""Reading policies that are right, and files that are none."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from venturalitica.core.policy import Role, Threshold
from venturalitica.errors import PolicyError
from venturalitica.policy import lint, parse_policy, read_policy


def test_every_key_arrives(good: str) -> None:
    policy = parse_policy(good.encode())
    assert (policy.name, policy.version) == ("credit-scoring", "1.2")
    assert policy.title == "Credit scoring, accuracy and equal treatment"
    assert policy.roles["target"] == Role("target", favorable=1, line=5)
    assert policy.roles["gender"].map == {
        "A91": "male",
        "A92": "female",
        "A93": "male",
        "A94": "male",
        "A95": "female",
    }
    assert policy.roles["age"] == Role("age", bins=(25.0, 60.0), column="Attribute13", line=7)
    accuracy, parity, gap, between, complete = policy.controls
    assert accuracy.must == Threshold(">=", 0.7)
    assert str(accuracy.must) == ">= 0.70"
    assert (accuracy.article, accuracy.on_fail, accuracy.min_support) == ("15(1)", "warn", 10)
    assert (accuracy.nulls, accuracy.phase, accuracy.line) == ("refuse", None, 9)
    assert (parity.across, parity.compare, parity.on_fail) == (("gender",), None, "block")
    assert (gap.across, gap.compare) == (("gender", "age"), "difference")
    assert (gap.min_support, gap.nulls) == (30, "drop")
    assert gap.remedy == "Reweight the training rows."
    assert (between.groups, between.phase) == (("female", "male"), "model")
    assert between.must.bound == -0.05
    assert complete.of == ("gender", "age")


def test_exact_bytes_and_digest(good: str, tmp_path: Path) -> None:
    data = b"\xef\xbb\xbf" + good.replace("\n", "\r\n").encode() + b"\r\n# end  \r\n\r\n"
    path = tmp_path / "rules.yaml"
    path.write_bytes(data)
    policy = read_policy(path)
    assert policy.bytes == data
    assert policy.sha256 == hashlib.sha256(data).hexdigest()
    assert (policy.filename, policy.path) == ("rules.yaml", str(path))
    assert [control.line for control in policy.controls] == [9, 14, 21, 29, 36]


def test_policy_defaults_reach_controls(good: str) -> None:
    text = good.replace("roles:", "min_support: 50\nnulls: drop\nroles:", 1)
    controls = parse_policy(text.encode()).controls
    assert [control.min_support for control in controls] == [50, 50, 30, 50, 50]
    assert {control.nulls for control in controls} == {"drop"}


def test_json_is_the_same_policy(good: str) -> None:
    from ruamel.yaml import YAML

    plain = YAML(typ="safe", pure=True).load(good)
    for filename in ("policy.json", "policy.yaml"):
        for layout in ({}, {"indent": "\t"}, {"indent": 2}):
            text = json.dumps(plain, **layout)
            policy = parse_policy(text.encode(), filename=filename)
            expected = parse_policy(good.encode())
            assert [_bare(c) for c in policy.controls] == [_bare(c) for c in expected.controls]
            assert {k: (r.map, r.bins) for k, r in policy.roles.items()} == {
                k: (r.map, r.bins) for k, r in expected.roles.items()
            }


def _bare(control: Any) -> tuple[Any, ...]:
    return tuple(getattr(control, name) for name in control.__slots__ if name != "line")


def test_json_lines(lint_text: Any) -> None:
    text = '{"policy": "a",\n "version": "1",\n\n "controls": [\n  {"id": "a", "must": ">= x"}\n]}'
    lines = [
        (problem.line, problem.message.partition(":")[0])
        for problem in lint_text(text, "a.json").errors
    ]
    assert lines == [(5, "control 'a'"), (5, "control 'a'")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"policy": "a",}', "1: not valid JSON: found '}'"),
        ('{"policy": "a"\n "version": 1}', "2: not valid JSON: found '\"version\"' where a comma"),
        ('{"policy": NaN}', "1: not valid JSON: found 'NaN' where a value is expected"),
        ("{'policy': 1}", "1: not valid JSON"),
        ('{"policy": 01}', "1: not valid JSON"),
        ('{"policy": "a"} x', "where the end of the file is expected"),
        ('{"policy": "\\ud800"}', "half a surrogate pair"),
        ('{"policy": "\\x"}', "wrong escape"),
        ('{"policy": "a\nb"}', "1: not valid JSON"),
        ('{"policy": ', "the file ends where a value is expected"),
        ("", "the file ends where a value is expected"),
        ("[" * 5000, "nested more than 20 deep"),
        ("[" + "1," * 30000, "more than 20,000 keys and values"),
    ],
)
def test_json_faults(lint_text: Any, text: str, said: str) -> None:
    (problem,) = lint_text(text, "a.json").errors
    assert said in str(problem)


@pytest.mark.parametrize(
    "favorable", ["good", "1", "true", "no", "", "ja é", "2024-01-01", "1_000"]
)
def test_text_labels_stay_text(favorable: str) -> None:
    policy = _with_favorable(json.dumps(favorable))
    assert policy.role("target").favorable == favorable


@pytest.mark.parametrize(
    ("written", "label"),
    [
        ("1", 1),
        ("1.0", 1),
        ("-2", -2),
        ("0.5", 0.5),
        ("1e3", 1000),
        ("true", True),
        ("False", False),
        ("no", "no"),
        ("yes", "yes"),
        ("NO", "NO"),
        ("2024-01-01", "2024-01-01"),
        ("1:30", "1:30"),
        ("1_000", "1_000"),
        ("good", "good"),
    ],
)
def test_unquoted_labels_are_yaml_1_2(written: str, label: object) -> None:
    favorable = _with_favorable(written).role("target").favorable
    assert favorable == label
    assert type(favorable) is type(label)


def _with_favorable(written: str) -> Any:
    return parse_policy(
        f'policy: a\nversion: "1"\nroles: {{target: {{favorable: {written}}}}}\n'
        f'controls:\n  - {{id: a, metric: accuracy, must: ">= 0.5"}}\n'.encode()
    )


@pytest.mark.parametrize("written", ["010", "0x1F", "0o17", "00", "-012", "01.5"])
def test_numbers_that_yaml_versions_read_differently_are_refused(written: str) -> None:
    with pytest.raises(PolicyError, match=r"model_policy.yaml:3: .* different numbers"):
        _with_favorable(written)


def test_number_codes_in_a_map(lint_text: Any) -> None:
    text = (
        'policy: a\nversion: "1"\nroles:\n  sex: {map: {1: male, 2.0: female, x: other}}\n'
        "controls:\n"
        '  - {id: a, metric: demographic_parity_ratio, across: sex, must: ">= 0.8"}\n'
    )
    assert lint_text(text).policy.roles["sex"].map == {1: "male", 2: "female", "x": "other"}


def test_emoji_and_scripts(lint_text: Any) -> None:
    text = (
        'policy: "crédito \\ud83d\\ude00"\nversion: "版本 1"\nroles: {género: {}}\ncontrols:\n'
        '  - {id: "نسبة ✓", metric: demographic_parity_ratio, across: género, must: ">= 0.8"}\n'
    )
    policy = lint_text(text).policy
    assert policy.name == "crédito 😀"
    assert policy.controls[0].id == "نسبة ✓"
    assert policy.controls[0].across == ("género",)


def test_anchors_are_values(lint_text: Any) -> None:
    text = (
        'policy: a\nversion: "1"\nroles:\n  gender: {map: &m {a: x, b: y}}\n  other: {map: *m}\n'
        'controls:\n  - {id: a, metric: accuracy, must: &t ">= 0.8"}\n'
        "  - {id: b, metric: accuracy, must: *t}\n"
    )
    policy = lint_text(text).policy
    assert policy.roles["other"].map == policy.roles["gender"].map == {"a": "x", "b": "y"}
    assert policy.controls[1].must == Threshold(">=", 0.8)


def test_metrics_are_not_judged_where_the_caller_says_so(good: str) -> None:
    data = good.replace("metric: accuracy", "metric: acuracy").encode()
    policy = parse_policy(data, check_metrics=False)
    assert policy.controls[0].metric == "acuracy"


# --- files -------------------------------------------------------------------------------------


def test_missing_file_names_the_place_and_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model_policy.yaml").write_text("x")
    (tmp_path / "data.csv").write_text("x")
    with pytest.raises(PolicyError) as caught:
        read_policy("model_polcy.yaml")
    assert str(caught.value) == (
        f"model_polcy.yaml: there is no such policy file (looked from {tmp_path}); did you mean "
        "'model_policy.yaml'? 'venturalitica init' writes one to start from"
    )
    assert caught.value.problems[0].line == 0
    assert caught.value.exit_status == 2


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="is a folder; expected a policy file"):
        read_policy(tmp_path)
    (tmp_path / "b.yaml").write_text("x")
    (tmp_path / "my_policy.yml").write_text("x")
    with pytest.raises(PolicyError, match=r"is a folder; name the file in it, .*my_policy\.yml'"):
        read_policy(tmp_path)


def test_things_that_are_no_file(tmp_path: Path) -> None:
    for path in ("/dev/null", tmp_path / "a" / "b.yaml", "x" * 5000, "a\0b", "policy: a\nb: 1"):
        with pytest.raises(PolicyError):
            read_policy(path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PolicyError, match="not a regular file"):
        read_policy(tmp_path / "pipe")


def test_unreadable_file(tmp_path: Path) -> None:
    path = tmp_path / "model_policy.yaml"
    path.symlink_to(path)
    with pytest.raises(PolicyError, match="cannot be read: too many levels of symbolic links"):
        read_policy(path)


def test_text_is_not_bytes() -> None:
    with pytest.raises(TypeError, match="bytes of a policy"):
        parse_policy("policy: a")  # type: ignore[arg-type]


def test_a_link_to_a_policy_is_read(tmp_path: Path, good: str) -> None:
    (tmp_path / "real.yaml").write_text(good)
    (tmp_path / "model_policy.yaml").symlink_to(tmp_path / "real.yaml")
    assert read_policy(tmp_path / "model_policy.yaml").filename == "model_policy.yaml"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "the file is empty"),
        (b"\xef\xbb\xbf", "the file is empty"),
        (b"# only\n", "the file is empty"),
        (b"{}\n", "the policy is empty"),
        (b"- a\n", "a policy is a mapping"),
        (b"42", "a policy is a mapping"),
        (b"a\n" * 600_000, "more than 1,048,576 bytes"),
        ("policy: caf\xe9".encode("latin-1"), ":1: byte 0xe9 is not UTF-8"),
        ("policy: a".encode("utf-16"), "is UTF-16, not UTF-8"),
        (b"policy: a\nb: \x1b[31m", r":2: the file holds U\+001B"),
        ("a: 1\n# x\u2028must: 1".encode(), r":2: the file holds U\+2028 \(line separator\)"),
        ("a: 1\n# \u202ex".encode(), r"U\+202E \(right-to-left override\)"),
        (b"a: 1\n# x\rb: 1", ":2: the file holds a carriage return without a line feed"),
        (b"a: 1\n---\nb: 1", ":2: a second YAML document"),
        (b"%YAML 1.1\n---\na: 1", "directives"),
        (b"%YAML 1.3\n---\na: 1", "not valid YAML"),
        (b"%TAG ! tag:x,2000:\n---\na: 1", "directives"),
        (b"a: !!python/object/apply:os.system [x]", ":1: the YAML tag"),
        (b"a: !!str 1", "the YAML tag"),
        (b"a: &x [*x]", "the alias \\*x has no anchor &x that ends before it"),
        (b"a: *nope", "the alias \\*nope has no anchor"),
        (b"d: &d {a: 1}\nb:\n  <<: *d", ":3: the merge key << is refused"),
        (b'a: "\\ud800"', "half a surrogate pair"),
        (b'a: "\\UFFFFFFFF"', "not valid YAML"),
        (b"[" * 1000, "nested more than 20 deep"),
        (b"- " * 1000, "nested more than 20 deep"),
        (b"[" + b"&a 1," * 21000 + b"]", "more than 20,000 keys and values"),
        (b"a: &a 1\nb: [" + b"*a," * 101 + b"]", "more than 100 aliases"),
        (b"a: 1\n\tb: 1", ":2: a tab is used for indentation"),
        (b"a: @x", "text that starts with @ needs quotes"),
        (b"a: 'x\nb: 1\n", ":3: the quote that opens at line 1 is never closed"),
        (b"a: {b: 1\nc: 1\n", "the bracket that opens at line 1"),
        (b"a:\n  - b: 1\n   c: 1\n", ":3: this does not line up with what starts at line 2"),
        (b"a: b: c", "a colon where none can be"),
    ],
)
def test_unreadable_contents(data: bytes, said: str) -> None:
    with pytest.raises(PolicyError, match=said):
        parse_policy(data)


@pytest.mark.parametrize("rule", [">= 0.80", "> 0.8", "< 0.8", "<= 0.8", "!= 0.8", "== 0.8"])
@pytest.mark.parametrize(
    "form",
    ["- id: a\n    metric: accuracy\n    must: {}", "- {{id: a, must: {}, metric: accuracy}}"],
)
def test_thresholds_without_quotes(lint_text: Any, rule: str, form: str) -> None:
    """Some are YAML for something else; none is ever read as another rule."""
    found = lint_text(f'policy: a\nversion: "1"\ncontrols:\n  {form.format(rule)}\n')
    if found.ok:
        assert str(found.policy.controls[0].must) == rule
    else:
        assert [problem.message for problem in found.errors] == [
            f'a threshold needs quotes: must: "{rule}"'
        ]


def test_alias_bomb_is_refused_before_it_grows() -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    with pytest.raises(PolicyError, match="aliases counted at each use"):
        parse_policy("\n".join(rows).encode())


def test_hostile_sizes_do_not_hurt() -> None:
    """Each is refused or read; none costs seconds (the suite's timeout would stop a hang)."""
    for data in (
        b"[" * 100_000,
        b"{" * 100_000,
        b"? " * 500_000,
        b"- " * 500_000,
        b"a: " + b"'" * 200_000,
        b"a: |\n" + b" x\n" * 300_000,
        b"#" * 300_000,
        b"\n" * 1_000_000,
        b"&a " * 300_000,
        b"*a " * 300_000,
        b"a: " + b"9" * 300_000,
        b'{"a": ' + b"9" * 1_000_000 + b"}",
        b'{"a": "' + b"\\u0041" * 150_000 + b'"}',
    ):
        assert not lint(data).ok


def test_lint_keeps_errors_and_hints_apart(lint_text: Any, good: str, tmp_path: Path) -> None:
    clean = lint_text(good)
    assert (clean.ok, clean.errors, clean.hints) == (True, (), ())
    wrong = lint_text(good.replace("0.70", "0,70"))
    assert (wrong.ok, wrong.policy, len(wrong.errors)) == (False, None, 1)
    missing = lint(tmp_path / "no.yaml")
    assert not missing.ok
    assert "no such policy file" in missing.errors[0].message


def test_importing_is_light() -> None:
    heavy = "{'pydantic', 'ruamel', 'ruamel.yaml', 'numpy', 'pandas'}"
    code = f"import sys, venturalitica.policy; print(sorted({heavy} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
