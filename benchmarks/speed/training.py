"""The whole training step, against a plain PyTorch loop over the same network with batches of the same size."""

import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.speed.common import Arm, Row, compare, serve, take_turns

MODEL = "ventral"
BATCH, BATCHES, PICTURES = 500, 4, 5000
ROUNDS, SECONDS = 5, 240.0
PLAIN = "plain PyTorch loop"
# Arm -> (name of the row, changes of the recipe)
FAST: dict[str, tuple[str, dict[str, Any]]] = {
    "fast": ("recipe fast", {}),
    "fast-float32": ("recipe fast in float32", {"precision": "float32"}),
    "compiled": ("recipe fast, compiled", {"compiled": True}),
}
EPOCH = 50_000  # pictures
# At least 1.5 times as fast on a CPU, 3 times on a GPU; at most 5 % of the time outside the network.
FASTER = {"cpu": 1.5, "cuda": 3.0}
OUTSIDE = 0.05


def measure() -> list[Row]:
    """Return rows of times a picture, of time outside the network, and of memory."""
    arms = {name: Arm(__spec__.name, [name]) for name in ("plain", *FAST)}
    device = arms["plain"].ready["device"]
    answers, others = take_turns(arms, ROUNDS, SECONDS)
    for arm in arms.values():
        arm.close()
    plain = compare(PLAIN, answers, "plain", "plain", "ms/picture", others)
    plain.note = f"float32, DataLoader with 2 workers, SGD; on {device}"
    rows = [plain]
    for arm, (name, _) in FAST.items():
        limit = 1 / FASTER[device] if arm == "fast" else None
        row = compare(name, answers, arm, "plain", "ms/picture", others, limit=limit)
        row.against = PLAIN
        row.note = f"{arms[arm].ready['precision']}, {arms[arm].ready['optimiser']}, batches of {BATCH}"
        outside = [answer["outside"] for answer in answers[arm]]
        share = Row(
            f"{name}: share of the time outside the network", statistics.median(outside), "", rounds=len(outside)
        )
        share.limit, share.others = OUTSIDE, others
        share.note = "batches made and augmented, optimiser"
        rows += [row, share]
    rows += [_compilation(arms, answers, others), _whole_run(answers, others)]
    for arm in arms:
        rows.append(Row(f"{arm}: peak memory", max(answer["peak"] for answer in answers[arm]), "MB", others=others))
    return rows


def _compilation(arms: dict[str, Arm], answers: dict[str, list[dict[str, Any]]], others: float) -> Row:
    """Return what compiling costs, and after how many epochs it has paid."""
    cost = arms["compiled"].ready["first"] - arms["fast"].ready["first"]
    eager, compiled = (statistics.median(answer["value"] for answer in answers[arm]) for arm in ("fast", "compiled"))
    saved = (eager - compiled) * EPOCH / 1e3
    row = Row("compilation, once", cost, "s", others=others)
    row.note = f"pays after {cost / saved:.0f} epochs of CIFAR-10" if saved > 0 else "never pays here"
    return row


def _whole_run(answers: dict[str, list[dict[str, Any]]], others: float) -> Row:
    """Return how long the run that made the shipped weights takes at the speed measured here."""
    from ventralrnn.zoo.headers import read_header, shipped_checkpoint

    path = shipped_checkpoint(MODEL)
    assert path is not None
    info = read_header(path).info
    epochs, accuracy = info["recipe"]["epochs"], list(info["test_accuracy"].values())[-1]
    speed = statistics.median(answer["value"] for answer in answers["fast"])
    row = Row(f"{MODEL} to {100 * accuracy:.2f} % on CIFAR-10", epochs * EPOCH * speed / 6e4, "min", others=others)
    row.note = f"{epochs} epochs at this speed; {info['seconds'] / 60:.0f} min when the shipped weights were made"
    return row


def _device() -> Any:
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _wait(device: Any) -> None:
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize()


def _peak(device: Any) -> float:
    """Return the peak memory so far in MB: of the GPU if there is one, else of the process."""
    import resource

    import torch

    if device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def _pictures() -> tuple[Any, Any]:
    import torch

    draw = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (PICTURES, 32, 32, 3), dtype=torch.uint8, generator=draw)
    return pixels, torch.randint(10, (PICTURES,), generator=draw)


def _plain() -> tuple[dict[str, Any], Callable[[], dict[str, Any]]]:
    """Return what a tutorial would write."""
    import torch
    from torch.utils.data import DataLoader, Dataset
    from torchvision.transforms import v2

    from ventralrnn.networks import RecurrentNetwork
    from ventralrnn.zoo import model_spec

    spec, device = model_spec(MODEL), _device()
    network = RecurrentNetwork(spec).to(device).train()
    optimiser = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)
    criterion = torch.nn.CrossEntropyLoss(label_smoothing=0.1)
    transform = v2.Compose(
        [
            v2.RandomCrop(32, padding=4),
            v2.RandomHorizontalFlip(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(spec.preprocessing.mean, spec.preprocessing.std),
        ]
    )
    pixels, labels = _pictures()

    class Pictures(Dataset[Any]):
        def __len__(self) -> int:
            return len(labels)

        def __getitem__(self, index: int) -> Any:
            return transform(pixels[index].permute(2, 0, 1)), labels[index]

    loader = DataLoader(Pictures(), BATCH, shuffle=True, num_workers=2, pin_memory=device.type == "cuda")

    def run() -> dict[str, Any]:
        start = number = 0.0
        for batch, (x, y) in enumerate(loader):
            if batch == 1:  # the first waits for the workers to start
                _wait(device)
                start = time.perf_counter()
            x, y = x.to(device), y.to(device)
            scores = network(x, readout=spec.readout_steps)
            loss = sum(criterion(scores[:, n], y) for n in range(scores.shape[1])) / scores.shape[1]
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            number += len(y) * (batch > 0)
            if batch == BATCHES:
                break
        _wait(device)
        return {"value": (time.perf_counter() - start) / number * 1e3, "peak": _peak(device)}

    run()
    return {"device": device.type}, run


def _fast(**changes: Any) -> tuple[dict[str, Any], Callable[[], dict[str, Any]]]:
    # What an earlier measurement compiled must not be found again.
    os.environ["TORCHINDUCTOR_FORCE_DISABLE_CACHES"] = "1"
    from ventralrnn.memory import keep_freed_memory
    from ventralrnn.training import Recipe
    from ventralrnn.training.batches import make_batches
    from ventralrnn.training.pictures import LabelledPictures
    from ventralrnn.training.processes import Process
    from ventralrnn.training.start import resolve_model
    from ventralrnn.training.trainer import Trainer

    keep_freed_memory()
    device = _device()
    process, recipe = Process(0, 1, device), Recipe(batch_size=BATCH, **changes)
    pixels, labels = _pictures()
    pictures = LabelledPictures(pixels, labels, tuple(map(str, range(10))))
    start = resolve_model(MODEL)
    network = start.build(pictures, 0).to(device, memory_format=_channels_last())
    trainer = Trainer(network, recipe, make_batches(pictures, start.spec.preprocessing, recipe, 0, process), process)
    inside = _Inside(trainer, device)

    def run() -> dict[str, Any]:
        batches = iter(trainer.batches.epoch(0))
        _wait(device)
        begun = time.perf_counter()
        inside.seconds = 0.0
        for _ in range(BATCHES):
            trainer._learn(*next(batches))
        _wait(device)
        seconds = time.perf_counter() - begun
        outside = 1 - inside.seconds / seconds
        return {"value": seconds / (BATCHES * BATCH) * 1e3, "outside": outside, "peak": _peak(device)}

    begun = time.perf_counter()
    run()
    first = time.perf_counter() - begun
    said = {"device": device.type, "precision": trainer.precision, "optimiser": recipe.optimiser, "first": first}
    return said, run


class _Inside:
    """The time from the start of each forward pass to the end of its backward pass."""

    def __init__(self, trainer: Any, device: Any) -> None:
        self.seconds = self._start = 0.0
        self._device, self._model = device, trainer.model
        trainer.model = self._enter
        # The first update follows the backward pass.
        trainer.optimisers[0].register_step_pre_hook(lambda *_: self._leave())

    def _enter(self, *args: Any, **rest: Any) -> Any:
        _wait(self._device)
        self._start = time.perf_counter()
        return self._model(*args, **rest)

    def _leave(self) -> None:
        _wait(self._device)
        self.seconds += time.perf_counter() - self._start


def _channels_last() -> Any:
    import torch

    return torch.channels_last


if __name__ == "__main__":
    arm = sys.argv[1]
    serve(_plain if arm == "plain" else lambda: _fast(**FAST[arm][1]))
