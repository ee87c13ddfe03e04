"""The last job asks for the alias; a server with the gate answers by what was measured.

python promote.py VERSION
"""

import sys

import mlflow

mlflow.MlflowClient().set_registered_model_alias("credit", "champion", sys.argv[1])
print(f"credit {sys.argv[1]} is champion")
