"""Compare batches with a training set of which no row is kept, and with the last good batch.

python batches.py
"""

import numpy as np
import pandas as pd

import venturalitica as vl
from venturalitica.cli import main


def loans(rows: int, seed: int, *, poorer: float = 0.0) -> pd.DataFrame:
    """Made-up loans; `poorer`: by how much less the incomes are, in standard deviations."""
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "income": random.normal(-poorer, 1.0, rows).round(3),
            "years": random.integers(0, 40, rows),
            "purpose": random.choice(["car", "house", "other"], rows, p=[0.5, 0.3, 0.2]),
            "gender": random.choice(["female", "male"], rows),
        }
    )


loans(4_000, seed=1).to_csv("train.csv", index=False)
main(["baseline", "train.csv", "--role", "income=income"])  # the file that CI keeps

batches = {
    "march": loans(3_000, seed=2),
    "april": loans(3_000, seed=3),
    "may": loans(3_000, seed=4, poorer=0.8),
}
for month, batch in batches.items():
    audit = vl.enforce(batch, policy="model_policy.yaml", name="batches", income="income")
    print(f"{month}: {audit.light}")
    for verdict in audit:
        print(f"  {verdict.control}: {verdict.status}: {verdict.reason}")

print("verified:", vl.verify(".venturalitica").ok)
