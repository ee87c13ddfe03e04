"""Which keywords of `fit` go to the audit, which to the model, and which are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

import venturalitica as vl

ROLE = """\
policy: roles
version: "1"
controls:
  - id: parity
    metric: demographic_parity_ratio
    across: {role}
    must: ">= 0"
    on_fail: record
"""


class Recorder(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Keeps what its `fit` was given."""

    def fit(self, X: Any, y: Any = None, **others: Any) -> Recorder:
        self.classes_ = np.array([0, 1])
        self.seen_ = (X, y, others)
        return self

    def predict(self, X: Any) -> Any:
        return np.ones(len(X), dtype=int)


def forest() -> RandomForestClassifier:
    return RandomForestClassifier(n_estimators=2, random_state=0)


def test_everything_else_reaches_the_model_untouched(
    policy: str, X: Any, y: Any, loans: Any
) -> None:
    model = vl.wrap(Recorder(), policy=policy)
    weight, odd = np.ones(len(X)), object()
    model.fit(X, y, sample_weight=weight, odd=odd, gender="sex", audit_data=loans, target="class")
    seen_x, seen_y, others = model.seen_
    assert seen_x is X
    assert seen_y is y
    assert others.keys() == {"sample_weight", "odd"}
    assert others["sample_weight"] is weight
    assert others["odd"] is odd


def test_sample_weight_counts_as_bare(policy: str, X: Any, y: Any) -> None:
    weight = np.linspace(0, 1, len(X))
    model = vl.wrap(forest(), policy=policy).fit(X, y, sample_weight=weight)
    bare = forest().fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(model.predict_proba(X), bare.predict_proba(X))


def test_features_and_labels_may_be_keywords(policy: str, X: Any, y: Any, evidence: Any) -> None:
    vl.wrap(forest(), policy=policy).fit(y=y, X=X, gender=["a", "b"] * 120)
    [audit] = evidence()
    assert [v["status"] for v in audit["verdicts"]] == ["passed", "passed"]


def test_a_misspelt_role_raises_as_the_bare_model_does(policy: str, X: Any, y: Any) -> None:
    model = vl.wrap(forest(), policy=policy)
    with pytest.raises(TypeError) as bare:
        forest().fit(X, y, gendr="sex")
    with pytest.raises(TypeError, match=r"did you mean 'gender'\?") as wrapped:
        model.fit(X, y, gendr="sex")
    assert str(wrapped.value).startswith(str(bare.value).partition(". Did")[0])
    assert "audit_data, target, gender" in str(wrapped.value)
    assert not hasattr(model, "classes_")


@pytest.mark.parametrize("name", ["gendr", "Gender", "audit_dat", "targt"])
def test_a_misspelt_role_is_not_swallowed_by_fit_params(
    name: str, policy: str, X: Any, y: Any
) -> None:
    for bare in (Recorder(), make_pipeline(StandardScaler(), LogisticRegression())):
        with pytest.raises(TypeError, match="did you mean"):
            vl.wrap(bare, policy=policy).fit(X, y, **{name: "sex"})


STARTED = """\
policy: started
version: "0.1"
roles:
  # gender:
  #   column: sex
controls:
  - {id: accuracy, metric: accuracy, must: ">= 0"}
"""
LINE = "add the line '  gender: {}' below 'roles:' there, and 'across: gender' to the controls"


@pytest.mark.parametrize("of", [forest, lambda: make_pipeline(StandardScaler(), forest())])
def test_a_role_that_the_policy_leaves_out_is_told_how_to_declare_it(
    of: Any, write_policy: Any, X: Any, y: Any, evidence: Any
) -> None:
    path = write_policy(STARTED)
    model = vl.wrap(of(), policy=path)
    with pytest.raises(TypeError) as refused:
        model.fit(X, y, gender=["a", "b"] * 120)
    said = str(refused.value)
    assert "got an unexpected keyword argument 'gender'" in said
    assert "other_policy.yaml (policy 'started') declares no grouping role" in said
    assert LINE in said
    assert not hasattr(model, "classes_"), "nothing was trained"
    across = (
        "  - {id: parity, metric: selection_rate, across: gender, compare: max, must: '<= 1'}\n"
    )
    told = STARTED.replace("roles:\n", "roles:\n  gender: {}\n") + across
    vl.wrap(of(), policy=write_policy(told)).fit(X, y, gender=["a", "b"] * 120)
    assert evidence()[-1]["bindings"].get("gender") is not None


class Picky(Recorder):
    """Takes any name, and refuses what it does not know in words of its own."""

    def fit(self, X: Any, y: Any = None, **others: Any) -> Picky:
        raise ValueError(f"{' and '.join(others)} must be a colour, not 1")


def test_a_model_s_own_refusal_stays_its_own_and_is_noted(
    write_policy: Any, X: Any, y: Any
) -> None:
    path = write_policy(STARTED)
    with pytest.raises(ValueError, match=r"^gender must be a colour, not 1") as refused:
        vl.wrap(Picky(), policy=path).fit(X, y, gender="sex")
    assert refused.value.args == ("gender must be a colour, not 1",)
    [note] = refused.value.__notes__
    assert LINE in note
    with pytest.raises(ValueError, match=r"^verbose must be a colour") as own:
        vl.wrap(Picky(), policy=path).fit(X, y, verbose=1)
    assert "'verbose' is no role of the policy" in own.value.__notes__[0]


def test_a_failure_that_speaks_of_no_keyword_is_left_alone(write_policy: Any, X: Any) -> None:
    model = vl.wrap(GridSearchCV(forest(), {"max_depth": [1]}), policy=write_policy(STARTED))
    with pytest.raises(ValueError, match="inconsistent") as refused:
        model.fit(X, [0, 1], engender=None)
    assert not hasattr(refused.value, "__notes__")


def test_a_pipeline_s_own_arguments_are_still_refused_by_it(policy: str, X: Any, y: Any) -> None:
    model = vl.wrap(make_pipeline(StandardScaler(), LogisticRegression()), policy=policy)
    with pytest.raises(ValueError, match="stepname__parameter") as refused:
        model.fit(X, y, sample_weight=np.ones(len(X)))
    assert not hasattr(refused.value, "__notes__")
    with pytest.raises(TypeError, match="of a step is written logisticregression__colour"):
        model.fit(X, y, colour=1)


def test_a_wrong_argument_of_the_model_is_the_model_s_to_refuse(policy: str, X: Any) -> None:
    model = vl.wrap(forest(), policy=policy)
    with pytest.raises(TypeError, match=r"missing 1 required positional argument: 'y'"):
        model.fit(X)
    with pytest.raises(TypeError, match=r"multiple values|positional"):
        model.fit(X, None, None, None, gender="sex")


@pytest.mark.parametrize("name", ["prediction", "score"])
def test_what_the_model_computes_is_not_passed(name: str, policy: str, X: Any, y: Any) -> None:
    for bare in (forest(), Recorder()):
        with pytest.raises(TypeError, match=f"'{name}': an audit asks the model for it"):
            vl.wrap(bare, policy=policy).fit(X, y, **{name: "column"})
    role: Any = {name: "column"}
    with pytest.raises(TypeError, match=f"'{name}'"):
        vl.wrap(forest(), policy=policy, **role)


def test_a_role_that_collides_says_how_to_rename_it(write_policy: Any) -> None:
    path = write_policy(ROLE.format(role="sample_weight"))
    with pytest.raises(
        vl.BindingError, match="rename the role, for example to 'sample_weight_role'"
    ):
        vl.wrap(forest(), policy=path)


@pytest.mark.parametrize("role", ["sample_weight", "groups"])
def test_a_role_that_collides_inside_a_composition_is_refused(role: str, write_policy: Any) -> None:
    path = write_policy(ROLE.format(role=role))
    search = GridSearchCV(LogisticRegression(), {"C": [1.0]})
    with pytest.raises(vl.BindingError, match="rename the role"):
        vl.wrap(search, policy=path)


def test_a_collision_names_the_line_of_the_policy(write_policy: Any) -> None:
    roles = "roles:\n  sample_weight: {bins: [1]}\ncontrols:"
    path = write_policy(ROLE.format(role="sample_weight").replace("controls:", roles))
    with pytest.raises(vl.BindingError, match=r"other_policy\.yaml:4: role 'sample_weight'"):
        vl.wrap(forest(), policy=path)


def test_groups_of_a_search_are_not_taken_for_a_role(write_policy: Any, X: Any, y: Any) -> None:
    path = write_policy(ROLE.format(role="group"))
    search = GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=GroupKFold(2))
    model = vl.wrap(search, policy=path)
    model.fit(X, y, groups=np.arange(len(X)) % 4, group=["a", "b"] * 120)
    assert model.best_params_ == {"C": 1.0}


def test_roles_given_at_wrap_are_defaults(
    policy: str, X: Any, y: Any, loans: Any, evidence: Any
) -> None:
    model = vl.wrap(forest(), policy=policy, gender="sex")
    model.fit(X, y, audit_data=loans)
    model.fit(X, y, audit_data=loans.assign(other=loans["sex"]), gender="other")
    model.fit(X, y, audit_data=loans, gender=None)
    assert [audit["bindings"].get("gender") for audit in evidence()] == ["sex", "other", None]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"gendr": "sex"}, "did you mean 'gender'"),
        ({"audit_data": [1]}, "audit_data belongs to one training"),
        (
            {"ethnicity": "sex"},
            r"It takes target, gender, .*\(policy 'loan'\) declares the grouping roles gender",
        ),
    ],
)
def test_wrap_refuses_what_is_no_role(given: dict[str, Any], said: str, policy: str) -> None:
    with pytest.raises(TypeError, match=said):
        vl.wrap(forest(), policy=policy, **given)


def test_a_pipeline_s_step_is_given_its_own_arguments(
    policy: str, X: Any, y: Any, loans: Any, evidence: Any
) -> None:
    step = vl.wrap(LogisticRegression(), policy=policy)
    pipeline = Pipeline([("scale", StandardScaler()), ("model", step)])
    pipeline.fit(
        X, y, model__audit_data=loans, model__gender="sex", model__sample_weight=np.ones(240)
    )
    assert [audit["bindings"]["gender"] for audit in evidence()] == ["sex"]
    with pytest.raises(TypeError, match="did you mean 'gender'"):
        pipeline.fit(X, y, model__gendr="sex")


def test_without_a_policy_the_project_s_own_is_taken(
    policy: str, X: Any, y: Any, evidence: Any
) -> None:
    vl.wrap(forest()).fit(X, y)
    assert evidence()[0]["policy"]["filename"] == "model_policy.yaml"


def test_no_policy_is_an_error_at_wrap() -> None:
    with pytest.raises(vl.PolicyError, match="venturalitica init"):
        vl.wrap(forest())
    with pytest.raises(vl.PolicyError, match=r"missing\.yaml"):
        vl.wrap(forest(), policy="missing.yaml")


class Plain:
    """Not of scikit-learn, with names of its own for features and labels."""

    def fit(self, data: Any, target: Any, verbose: bool = False) -> Plain:
        self.labels = sorted(set(target))
        return self

    def predict(self, data: Any) -> Any:
        return [self.labels[-1]] * len(data)


def test_a_model_of_one_s_own_keeps_its_names(
    policy: str, X: Any, y: Any, loans: Any, evidence: Any
) -> None:
    model: Any = vl.wrap(Plain(), policy=policy)
    model.fit(data=X, target=y, audit_data=loans, gender="sex", verbose=True)
    model.fit(X, y, True, audit_data=loans, gender="sex")
    first, second = evidence()
    assert first["tally"] == second["tally"]
    assert first["bindings"]["target"] == "class"
    assert first["model"]["class"].endswith(".Plain")
    with pytest.raises(TypeError, match="does not seem to be a scikit-learn estimator"):
        clone(model)
