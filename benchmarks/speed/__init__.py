"""How fast: ``python -m benchmarks.speed [QUESTION ...]`` measures, prints ratios, writes ``results/QUESTION.csv``.

One file a question; :mod:`benchmarks.speed.common` holds what they share. Each thing measured is a process of its own.
The processes take turns, one running while the others sleep, round after round, so that a slow minute of the machine
hits all alike; a ratio is the median over rounds of the ratios within a round.
"""
