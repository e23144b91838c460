"""Two processes that share every batch learn what one does."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.training.common import labelled, spec, write_folder
from ventralrnn.graph import write_plain
from ventralrnn.training import Recipe
from ventralrnn.training.journal import read_metrics
from ventralrnn.zoo import load_checkpoint

RECIPE = Recipe(epochs=3, batch_size=8, precision="float32", padding=1, accumulate=1, cutout=2)
# Rounding of float32 sums in another order, amplified over 12 updates.
ROUNDING = {"rtol": 1e-3, "atol": 1e-4}


def launch(processes: int, arguments: list[str]) -> None:
    """Run the command as one process, or as torchrun runs several."""
    run = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)] if processes > 1 else []
    done = subprocess.run(
        [sys.executable, *run, "-m", "ventralrnn", "train", *arguments],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("synchronise", "same"), [(True, True), (False, False)], ids=["synchronised", "local"])
def test_the_loss_curve_of_two_processes_is_that_of_one(tmp_path: Path, synchronise: bool, same: bool) -> None:
    """Batch norm statistics of the whole batch make it so; those of a process's own part do not."""
    folder = write_folder(tmp_path / "pictures", labelled(40))
    write_plain(spec(), tmp_path / "small.yaml")
    write_plain(replace(RECIPE, synchronise=synchronise), tmp_path / "recipe.yaml")
    logs, networks = [], []
    for processes in (1, 2):
        out = tmp_path / f"run{processes}"
        names = [str(tmp_path / "small.yaml"), "--data", str(folder), "--recipe", str(tmp_path / "recipe.yaml")]
        launch(processes, [*names, "--out", str(out), "--validation", "0.2", "--device", "cpu", "--json"])
        logs.append(read_metrics(out / "metrics.csv"))
        networks.append(load_checkpoint(out / "last.safetensors"))
    losses = [torch.tensor(log["train_loss"] + log["validation_loss"]) for log in logs]
    weights = [torch.cat([p.flatten() for p in network.parameters()]) for network in networks]
    assert torch.allclose(losses[0], losses[1], **ROUNDING) == same, losses
    assert torch.allclose(weights[0], weights[1], **ROUNDING) == same


SCRIPT = """
import os
import sys
import torch
import torch.distributed as dist
from ventralrnn.networks import Norm, TimeBatchNorm
rank, folder = int(sys.argv[1]), sys.argv[2]
dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
norm = TimeBatchNorm(3, 2, Norm()).double().train()
norm.synchronised = True
part = torch.load(f"{folder}/x.pt")[rank::2].clone().requires_grad_()
out = norm(part, 1)
(out**3).mean().backward()
torch.save((out.detach(), part.grad, norm.running_mean, norm.running_var), f"{folder}/{rank}.pt")
dist.barrier()
# Leaving takes the connection from the other, which may still be in its last exchange: so none takes leave of gloo.
os._exit(0)
"""


def test_synchronised_batch_norm_is_torch_s_on_the_whole_batch(tmp_path: Path) -> None:
    torch.manual_seed(0)
    x = torch.randn(6, 3, 4, 4, dtype=torch.float64) * 3 + 1
    torch.save(x, tmp_path / "x.pt")
    started = [subprocess.Popen([sys.executable, "-c", SCRIPT, str(rank), str(tmp_path)]) for rank in (0, 1)]
    assert [process.wait(timeout=240) for process in started] == [0, 0]
    theirs = torch.nn.BatchNorm2d(3, affine=False).double()
    whole = x.clone().requires_grad_()
    expected = theirs(whole)
    # Each process takes the mean over its half: twice the gradient of the mean over all.
    (2 * (expected**3).mean()).backward()
    for rank in (0, 1):
        out, gradient, mean, var = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        torch.testing.assert_close(out, expected.detach()[rank::2])
        torch.testing.assert_close(gradient, whole.grad[rank::2])
        torch.testing.assert_close(mean[1], theirs.running_mean)
        torch.testing.assert_close(var[1], theirs.running_var)
        assert not mean[0].any()
