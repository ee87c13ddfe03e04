"""Fairlearn's ThresholdOptimizer, whose `predict` needs who asks: `vl.wrap` hands it over.

    python examples/threshold_optimizer.py

`sensitive_features` of the training are known to the audit by the name of the Series; the held-out
table has a column of that name.
"""

from pathlib import Path

from fairlearn.postprocessing import ThresholdOptimizer
from made_loans import FEATURES, TEST, TRAIN
from sklearn.linear_model import LogisticRegression

import venturalitica as vl

POLICY = Path(__file__).with_name("fair_policy.yaml")

fair = ThresholdOptimizer(
    estimator=LogisticRegression(),
    constraints="demographic_parity",
    predict_method="predict_proba",
)
model = vl.wrap(fair, policy=POLICY, predict_params={"random_state": 0})
model.fit(TRAIN[FEATURES], TRAIN["repaid"], sensitive_features=TRAIN["gender"], audit_data=TEST)

# A model that is trained already is judged in the same words.
audit = vl.enforce(
    TEST,
    policy=POLICY,
    model=model,
    predict_params={"sensitive_features": "gender", "random_state": 0},
)
for verdict in audit:
    print(f"{verdict.control}: {verdict.status} ({verdict.value:.3f})")
