"""Secrets in parameters are withheld however they are spelt; ordinary parameters stay."""

from __future__ import annotations

import inspect
import json
from collections import namedtuple
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from sklearn.base import BaseEstimator
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.utils import all_estimators

import venturalitica as vl
from venturalitica.core.encoding import canonical_json
from venturalitica.core.redact import redact_text
from venturalitica.core.secret_names import is_secret_name, is_weakly_secret_name
from venturalitica.provenance.model import describe_model, describe_parameters

CANARY = "hunter2-C4nary"

NAMES = """
accessToken access_token accessTokens hf_token HF_TOKEN token TOKENS tokens token_2 token_file
refreshToken idToken bearerToken bearer_token botToken slack_tokens authtoken auth_token2
githubToken awsSecretAccessKey aws_access_key_id AWSSecretKey secret Secrets client_secret
clientSecret2 my_secret secretValue password password2 Password passwords dbPassword
mysql_password passWord PASSWD passwd2 pass db_pass userPass smtpPass1 passphrase pass_phrase
keyPassphrase passcode passwort pwd dbpwd Pwd2 pw key Key keys api_key api_keys apiKey APIKey
APIKEY apikey openai_key openaiKey openaikey keys2 key1 private_key privateKeyPem signing_key
encryptionKey AccountKey account_key sharedAccessKey storageKey masterkey sshkey license_key
keyfile keytab keystore credential credentials awsCreds creds cred auth Auth http_auth basicAuth
basicauth auth_header authorization Authorization oauth oauth2_client proxy_authorization
authentication bearer jwt JWT jwts jwtToken cookie cookies sessionCookie cookieJar session
session_id sessionId tf_session sig signature Signature2 x-amz-signature sas sas_token sasUrl dsn
DSN sentry_dsn connection_string connectionString connStr conn_string pat github_pat otp pin salt
pem psk webhook webhookUrl x-api-key X-Api-Key max_access_token login hmac seed_phrase seedPhrase
mnemonic kubeconfig unlock_code contrasena contraseña kennwort senha
""".split()  # noqa: SIM905

WEAK = """
private tok hf_tok refresh license licence openai wandb hf cert ssl_cert unlock api
""".split()  # noqa: SIM905

ORDINARY = """
max_tokens min_tokens n_tokens num_tokens max_new_tokens total_tokens token_pattern tokenizer
tokenizers token_processor pad_token eos_token unk_token_id mask_token stop_tokens number_token
token_types token_level_type sort_key primary_key group_keys key_columns key_dim n_keys
max_sessions keyword keywords monkey passthrough pass_through n_passes single_pass bypass author
authority pin_memory pinned_memory_size random_state seed sign split_sign alternate_sign
assign_labels code_size code_init positive_code design compass patience path path_method pattern
early_stopping monotone_constraints n_estimators max_depth learning_rate subsample
colsample_bytree reg_alpha reg_lambda min_child_weight num_leaves min_split_gain subsample_freq
importance_type boosting_type objective eval_metric booster tree_method grow_policy max_bin
scale_pos_weight base_score missing gamma device validate_parameters iterations depth l2_leaf_reg
border_count bagging_temperature random_strength od_type od_wait leaf_estimation_method
class_weights auto_class_weights text_features cat_features verbose C penalty solver dual tol
fit_intercept intercept_scaling class_weight max_iter warm_start n_jobs kernel
""".split()  # noqa: SIM905


class Holder(BaseEstimator):  # type: ignore[misc]
    def __init__(self, parameters: dict[str, Any]) -> None:
        self.parameters = parameters

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return self.parameters


def said(parameters: dict[str, Any]) -> str:
    return canonical_json(describe_model(Holder(parameters))).decode()


def described(value: Any, name: str) -> Any:
    return describe_parameters(Holder({name: value}))[name]


def test_the_tables_are_long_enough() -> None:
    assert len(set(NAMES)) >= 100
    assert len(set(ORDINARY)) >= 60


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_a_secret(name: str) -> None:
    for value in (
        CANARY,
        CANARY.encode(),
        [CANARY],
        {"value": CANARY},
        ("user", CANARY),
        271828182,
    ):
        assert described(value, name) == "withheld"
    assert CANARY not in said({f"step__{name}": CANARY, "note": f"as in {CANARY}"})
    assert CANARY not in said({"options": {name: CANARY, "level": 1}})
    assert CANARY not in said({"options": [(name, CANARY)]})
    assert CANARY not in said({"options": SimpleNamespace(**{name: CANARY})})
    assert CANARY not in redact_text(f"{name}={CANARY}")


@pytest.mark.parametrize("name", WEAK)
def test_a_name_of_a_text_that_may_be_a_secret(name: str) -> None:
    for value in (CANARY, CANARY.encode(), [CANARY], {"value": CANARY}):
        assert described(value, name) == "withheld"
    for scalar in (7, 0.5, True, None):
        assert described(scalar, name) == scalar
    assert CANARY not in said({f"step__{name}": CANARY, "note": f"as in {CANARY}"})
    assert CANARY not in said({"options": {name: CANARY, "level": 1}})
    assert CANARY not in said({"options": [(name, CANARY)]})
    assert CANARY not in said({"options": SimpleNamespace(**{name: CANARY})})


def test_a_weak_name_among_columns_names_nothing() -> None:
    assert described(["age", "license", "income"], "columns") == "['age', 'license', 'income']"


@pytest.mark.parametrize("name", ["env", "environ", "environment", "worker_env", "note"])
def test_an_environment_is_withheld_whole(name: str) -> None:
    variables = {"PATH": "/usr/bin", "HOME": "/root", "COLOUR": CANARY}
    assert described(variables, name) == "withheld"
    assert CANARY not in said({"options": {name: variables}})
    assert CANARY not in said({"options": [{name: variables}, (name, variables)]})
    assert CANARY not in said({"run": partial(print, env={"COLOUR": CANARY})})
    assert CANARY not in said({"run": f"environ({{'COLOUR': '{CANARY}'}})"})
    assert described("CartPole-v1", "env") == "CartPole-v1"


def test_a_field_names_the_one_beside_it() -> None:
    assert CANARY not in said({"name": "password", "value": CANARY})
    assert "visible" in said({"options": {"name": "depth", "value": "visible"}})
    short = said({"options": {"name": "password", "value": "ab1"}})
    assert "ab1" not in short


@pytest.mark.parametrize("name", ORDINARY)
def test_an_ordinary_name(name: str) -> None:
    assert not is_secret_name(name)
    assert described("word", name) == "word"
    assert described(("a", 1), name) == "('a', 1)"


Login = namedtuple("Login", "user password")


@pytest.mark.parametrize(
    "value",
    [
        f"train.py --token {CANARY} --epochs 3",
        ["train.py", "--token", CANARY],
        ["train.py", f"--api-key={CANARY}"],
        ("password", CANARY),
        ["a", "b", "password", CANARY],
        {"auth": ("user", CANARY)},
        {"outer": {"inner": [{"apiKey": CANARY}]}},
        {b"password": CANARY},
        Login("user", CANARY),
        frozenset({f"password={CANARY}"}),
        CANARY.encode(),
        bytearray(CANARY.encode()),
        f"auth=('user', '{CANARY}')",
        f"requests.get(url, auth=('user', '{CANARY}'), timeout=3)",
        f"DefaultEndpointsProtocol=https;AccountName=x;AccountKey={CANARY};EndpointSuffix=core",
        f"Server=db;User Id=sa;Password={CANARY};Encrypt=yes",
        f"Driver=x;UID=sa;PWD={CANARY}",
        f"host=db user=me password={CANARY}",
        f"postgresql://user:{CANARY}@db.example/x",
        f"postgresql://user:pa/{CANARY}@db.example/x",
        f"redis://:{CANARY}@db.example/0",
        f"//user:{CANARY}@db.example/0",
        f"jdbc:oracle:thin:scott/{CANARY}@//db.example:1521/x",
        f"https://host.example/rows?sig={CANARY}",
        f"curl -u user:{CANARY} https://host.example",
        f"Cookie: a={CANARY}; b={CANARY}",
        f"Authorization: Digest {CANARY}",
        f"X-Api-Key: {CANARY}",
        json.dumps({"api_key": CANARY}),
        json.dumps(json.dumps({"password": CANARY})),
        f"token = {CANARY}",
        f"key: {CANARY}",
        f"password: correct horse {CANARY}",
        partial(print, api_key=CANARY),
        SimpleNamespace(user="me", secret=SimpleNamespace(value=CANARY)),
        {"name": "password", "value": CANARY},
        {"value": CANARY, "Name": "db_password"},
        [{"key": "API_TOKEN", "value": CANARY}],
        [{"header": "X-Api-Key", "values": [CANARY]}],
        [{"id": "openai", "value": CANARY}],
        json.dumps({"name": "password", "value": CANARY}),
        json.dumps({"value": CANARY, "key": "API_TOKEN"}),
        SimpleNamespace(name="password", value=CANARY),
        f"mysql -u root -p{CANARY}",
        ["mysqldump", "-u", "root", f"-p{CANARY}", "db"],
        f"<password>{CANARY}</password>",
        f'<a x="1"><db:password type="text"><![CDATA[{CANARY}]]></db:password></a>',
        f'<property name="password">{CANARY}</property>',
        f'<add key="password" value="{CANARY}"/>',
        f"<Conn to db with pw {CANARY}>",
        f"the password is {CANARY}",
        {"headers": [("Authorization", f"Bearer {CANARY}")]},
    ],
    ids=str,
)
def test_values_that_hold_a_secret(value: Any) -> None:
    assert CANARY not in said({"options": value})
    assert CANARY not in said({"clf__options": [value, {"x": value}]})


@pytest.mark.parametrize(
    "value",
    [
        "sk-proj-4fJ8sk20Dk3lq9",
        "ghp_0123456789abcdefABCDEF0123456789abcd",
        "AKIAIOSFODNN7EXAMPLE",
        "hf_abcdefghijklmnopqrstuvwxyz",
        "xoxb-0123456789-abcdefghijkl",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.SflKxwRJSMeKKF2QT4fw",
        "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIB\n-----END EC PRIVATE KEY-----",
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\nMHcCAQEEIB\n",
        "https://hooks.slack.com/services/T0001/B0001/abcdEFGH1234",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "3f1c9a7b0d4e5f60718293a4b5c6d7e8f9012345",
        "Zx8Kq2Lw9Vt4Rm7Yp1Bn",
        "QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        "k3j9x0q2m4v8b1n7c5z6",
    ],
)
def test_what_looks_like_a_secret_under_an_innocent_name(value: str) -> None:
    for options in (value, [value], {"name": value}, {value: 1}, f"the value is {value} today"):
        assert value[-9:] not in said({"note": options})
        assert "MHcCAQ" not in said({"note": options})


@pytest.mark.parametrize(
    "parameters",
    [
        {"api_key": CANARY, "note": CANARY},
        {"a_note": f"the key is {CANARY}", "api_key": CANARY},
        {"api_key": {"inner": [CANARY]}, "note": [CANARY, 1]},
        {"url": f"https://me:{CANARY}@host.example/x", "note": f"log in with {CANARY}"},
        {"argv": f"--token {CANARY}", "note": (CANARY,)},
        {"token": CANARY.encode(), "note": CANARY},
    ],
)
def test_a_secret_repeated_under_an_innocent_name(parameters: dict[str, Any]) -> None:
    assert CANARY not in said(parameters)


def test_a_number_repeated_under_an_innocent_name() -> None:
    found = said({"pin": 271828182, "note": 271828182, "other": 3})
    assert "271828182" not in found
    assert '"other":3' in found


def test_what_is_no_secret_under_a_secret_name_stays() -> None:
    assert described(None, "token") is None
    assert described(False, "use_auth_token") is False


@pytest.mark.parametrize(
    "text",
    [
        "sklearn.ensemble._hist_gradient_boosting.HistGradientBoostingClassifier",
        "HistGradientBoostingClassifier2",
        "/home/user/projects/credit_scoring/models/model_2024-01-01_final_v12.cbm",
        "catboost_info/learn_error.tsv",
        "Logloss:hints=skip_train~true",
        "NDCG:top=5;type=Exp",
        r"(?u)\b\w\w+\b",
        "neg_mean_absolute_percentage_error",
        "deviance/absolute_error/squared_error",
        "(1,-1,0,0,1,-1,0,0,1,-1,0,0,1)",
        "2024-01-01T10:00:00+00:00",
        "https://mlflow.example:5000/#/experiments/1",
        "cuda:0",
    ],
)
def test_ordinary_texts_stay(text: str) -> None:
    assert described(text, "note") == text


def test_a_step_called_like_a_secret_keeps_its_parameters() -> None:
    found = describe_parameters(
        Pipeline([("tokens", CountVectorizer(max_features=7)), ("key", LogisticRegression(C=3))])
    )
    assert found["tokens__max_features"] == 7
    assert found["key__C"] == 3
    assert found["key"] == "sklearn.linear_model._logistic.LogisticRegression"


@pytest.mark.parametrize(
    ("name", "kind"), all_estimators(), ids=lambda x: getattr(x, "__name__", x)
)
def test_no_default_of_scikit_learn_is_withheld(name: str, kind: type) -> None:
    assert_visible(kind)


@pytest.mark.parametrize(
    ("library", "name"),
    [
        (library, f"{prefix}{task}")
        for library, prefix in (("xgboost", "XGB"), ("lightgbm", "LGBM"), ("catboost", "CatBoost"))
        for task in ("Classifier", "Regressor", "Ranker")
    ],
)
def test_no_parameter_of_the_boosters_is_withheld(library: str, name: str) -> None:
    kind = getattr(pytest.importorskip(library), name)
    assert_visible(kind)
    for base in kind.__mro__:
        names = inspect.signature(base).parameters
        assert not list(filter(is_secret_name, names))
        assert not list(filter(is_weakly_secret_name, names))


def assert_visible(kind: type) -> None:
    for name, parameter in inspect.signature(kind).parameters.items():
        assert not is_secret_name(name)
        assert not is_weakly_secret_name(name)
        if parameter.default is not parameter.empty:
            assert "withheld" not in str(described(parameter.default, name)), name


def test_nothing_of_it_is_on_record(policy: str, X: Any, y: Any, evidence: Any) -> None:
    class Remote(LogisticRegression):  # type: ignore[misc]
        def __init__(self, openaiKey: Any = None, note: Any = None, C: float = 1.0) -> None:
            super().__init__(C=C)
            self.openaiKey = openaiKey
            self.note = note

    vl.wrap(Remote(CANARY, note=f"with {CANARY}"), policy=policy).fit(X, y)
    recorded = evidence()[0]
    assert CANARY not in canonical_json(recorded).decode()
    assert recorded["model"]["parameters"]["openaiKey"] == "withheld"
