"""Our optimisers over stacked flat parameters against torch.optim, a rate and betas a run."""

import pytest
import torch

from harness.engine.optimizers import OPTIMIZERS

THEIRS = {
    "adam": lambda p, lr, b1, b2: torch.optim.Adam([p], lr=lr, betas=(b1, b2)),
    "rmsprop": lambda p, lr, b1, b2: torch.optim.RMSprop([p], lr=lr, alpha=b2),
    "sgd": lambda p, lr, b1, b2: torch.optim.SGD([p], lr=lr, momentum=b1),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_equals_torch_optim(name):
    torch.manual_seed(0)
    runs, size, steps = 3, 7, 25
    lr, beta1, beta2 = [
        torch.tensor(v, dtype=torch.float64) for v in ([1e-3, 1e-2, 0.1], [0.0, 0.5, 0.9], [0.9, 0.99, 0.999])
    ]
    start, grads = torch.randn(runs, size, dtype=torch.float64), torch.randn(steps, runs, size, dtype=torch.float64)
    ours = OPTIMIZERS[name]
    params, state = start, ours.init(start)
    theirs = [start[r].clone().requires_grad_() for r in range(runs)]
    optimizers = [THEIRS[name](p, lr[r].item(), beta1[r].item(), beta2[r].item()) for r, p in enumerate(theirs)]
    for step in range(steps):
        params, state = ours.step(params, grads[step], state, lr, {"beta1": beta1, "beta2": beta2})
        for r, optimizer in enumerate(optimizers):
            theirs[r].grad = grads[step, r].clone()
            optimizer.step()
    torch.testing.assert_close(params, torch.stack([p.detach() for p in theirs]), atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_one_run_needs_no_leading_axis(name):
    ours, start = OPTIMIZERS[name], torch.randn(5)
    scalar = {"beta1": torch.tensor(0.5), "beta2": torch.tensor(0.9)}
    one, _ = ours.step(start, start, ours.init(start), torch.tensor(0.1), scalar)
    stack = {k: v[None] for k, v in scalar.items()}
    many, _ = ours.step(start[None], start[None], ours.init(start[None]), torch.tensor([0.1]), stack)
    torch.testing.assert_close(one, many[0])
