"""XGBoost's own training, without scikit-learn: `vl.enforce` judges the booster.

    python examples/xgboost_native.py

The monitor names the policy once, and binds it, the audit and the model's file in one record.
"""

from pathlib import Path

import xgboost
from made_loans import FEATURES, TEST, TRAIN

import venturalitica as vl

POLICY = Path(__file__).with_name("loans_policy.yaml")

with vl.monitor("loans-xgboost", policy=POLICY):
    rows = xgboost.DMatrix(TRAIN[FEATURES], TRAIN["repaid"])
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": 3}, rows, 40)
    booster.save_model("loans.ubj")

    # The booster knows its columns; the policy knows those of the target and the groups.
    audit = vl.enforce(TEST, model=booster)

for verdict in audit:
    print(f"{verdict.control}: {verdict.status} ({verdict.value:.3f})")
