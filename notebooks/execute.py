"""Execute the notebooks, and keep their outputs: ``python notebooks/execute.py [--check] [FILE ...]``.

Each runs in an empty folder of its own, with one thread, two at a time. Outputs go back into the files, in a form that
is the same from run to run. With ``--check`` they go nowhere: what counts is that no cell fails and none takes long.
"""

import argparse
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError

HERE = Path(__file__).resolve().parent
LIMIT_S = 180
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def execute(notebook: nbformat.NotebookNode, limit_s: float = LIMIT_S) -> float:
    """Run every cell in an empty folder, and return how many seconds it took.

    Raises CellExecutionError where a cell fails, CellTimeoutError where all together take longer than the limit.
    """
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            kernel_name="python3",
            record_timing=False,
            extra_arguments=["--log-level=ERROR"],
            resources={"metadata": {"path": folder}},
        )
        start = time.monotonic()
        with client.setup_kernel():
            for index, cell in enumerate(notebook.cells):
                client.timeout = max(1, int(start + limit_s - time.monotonic()))
                client.execute_cell(cell, index)
        return time.monotonic() - start


def normalise(notebook: nbformat.NotebookNode) -> None:
    """Leave out what differs from run to run or from machine to machine, and says nothing."""
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": {"name": "python"}})
    notebook.nbformat_minor = 5
    count = 0
    for number, cell in enumerate(notebook.cells, start=1):
        cell.id, cell.metadata = f"cell-{number}", nbformat.from_dict({})
        if cell.cell_type != "code":
            continue
        count += 1
        cell.execution_count, cell.outputs = count, _joined(cell.outputs)
        for output in cell.outputs:
            output.pop("transient", None)
            if output.output_type == "execute_result":
                output.execution_count = count
            if "metadata" in output:
                output.metadata = nbformat.from_dict({})


def _joined(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Join what one stream printed in several pieces: where it was broken is chance."""
    joined: list[nbformat.NotebookNode] = []
    for output in outputs:
        last = joined[-1] if joined else None
        if last and output.output_type == last.output_type == "stream" and output.name == last.name:
            last.text += output.text
        else:
            joined.append(output)
    return joined


def run(path: Path, check: bool) -> tuple[bool, str]:
    """Execute one file; return whether all is well, and what to say."""
    notebook = nbformat.read(path, 4)
    try:
        seconds = execute(notebook)
    except CellTimeoutError:
        return False, f"{path.name}: takes longer than {LIMIT_S} s"
    except CellExecutionError as error:
        return False, f"{path.name}: a cell failed\n{error}"
    normalise(notebook)
    if not check:
        partial = path.with_name(path.name + ".partial")
        nbformat.write(notebook, partial)
        partial.replace(path)
    return True, f"{path.name}: {seconds:.0f} s"


def main() -> int:
    """Read the command line, run, report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path, default=sorted(HERE.glob("*.ipynb")), help="all by default")
    parser.add_argument("--check", action="store_true", help="leave the files as they are")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as own, ThreadPoolExecutor(2) as pool:
        # One thread each, and neither the user's settings nor their history of commands.
        os.environ.update(OMP_NUM_THREADS="1", IPYTHONDIR=own)
        well = True
        for fine, said in pool.map(lambda path: run(path, arguments.check), arguments.files):
            print(said, flush=True)
            well &= fine
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
