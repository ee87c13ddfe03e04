"""A training loop of PyTorch: `vl.enforce` judges the module when the loop is done.

    python examples/torch_loop.py

It is asked in batches, where its weights are, in `eval` mode and without gradients; after that its
mode is what it was.
"""

from pathlib import Path

import torch
from made_loans import FEATURES, TEST, TRAIN
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import venturalitica as vl

POLICY = Path(__file__).with_name("loans_policy.yaml")

torch.manual_seed(0)
X = torch.tensor(TRAIN[FEATURES].to_numpy(), dtype=torch.float32)
y = torch.tensor(TRAIN["repaid"].to_numpy(), dtype=torch.float32)
net = nn.Sequential(nn.Linear(len(FEATURES), 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 1))

with vl.monitor("loans-torch", policy=POLICY):
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    loss = nn.BCEWithLogitsLoss()
    for _ in range(5):
        for rows, labels in DataLoader(TensorDataset(X, y), batch_size=64, shuffle=True):
            optimizer.zero_grad()
            loss(net(rows)[:, 0], labels).backward()
            optimizer.step()
    torch.save(net.state_dict(), "loans.pt")

    # A module knows no columns: `features` names them in the order of its training.
    audit = vl.enforce(TEST, model=net, features=FEATURES)

for verdict in audit:
    print(f"{verdict.control}: {verdict.status} ({verdict.value:.3f})")
