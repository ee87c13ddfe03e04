"""Made-up loans for the examples: four numbers, who asked, and whether it was paid back."""

import numpy as np
import pandas as pd

FEATURES = ["income", "debt", "years", "owns"]


def loans(rows: int, seed: int) -> pd.DataFrame:
    """`rows` loans; the same seed gives the same ones."""
    random = np.random.default_rng(seed)
    table = pd.DataFrame(random.normal(size=(rows, 3)), columns=FEATURES[:3])
    table["owns"] = random.integers(0, 2, rows)
    table["gender"] = random.choice(["female", "male"], size=rows)
    chance = 1.5 * table["income"] - table["debt"] + 0.5 * table["owns"]
    table["repaid"] = (chance + random.normal(size=rows) > 0).astype(int)
    return table


TRAIN, TEST = loans(2_000, seed=1), loans(1_000, seed=2)
