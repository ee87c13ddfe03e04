"""Train a regressor under a policy, on data that ship with scikit-learn: two lines are new.

python train.py
"""

from sklearn.datasets import load_diabetes
from sklearn.ensemble import RandomForestRegressor
from sklearn.model_selection import train_test_split

import venturalitica as vl

X, y = load_diabetes(return_X_y=True, as_frame=True)
sex = X["sex"].gt(0).map({False: "first", True: "second"})
X_train, X_test, y_train, y_test, _, sex_test = train_test_split(
    X, y, sex, test_size=0.4, random_state=0
)

model = vl.wrap(RandomForestRegressor(random_state=0), policy="model_policy.yaml")
model.fit(X_train, y_train, audit_data=(X_test, y_test), sex=sex_test)

print(type(model).__name__, "explains", round(model.score(X_test, y_test), 3))
