"""How states unfold in time: latencies, selectivity, trajectories, timescales, fixed points."""
