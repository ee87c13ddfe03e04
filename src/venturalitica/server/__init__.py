"""The gate inside MLflow's own server: `mlflow server --app-name venturalitica-gate`.

`gate_file.py` reads what is protected, `application.py` is what MLflow starts, `guard.py` stands
before each store of the server, and `checks.py` asks `review/gate` for the decision.
"""
