"""How sure a comparison is: noise ceilings, bootstraps, permutations, tests over time."""

from ventralrnn.analysis.inference.bootstrap import Bootstrap, Differences, bootstrap_similarity, state_differences
from ventralrnn.analysis.inference.ceilings import (
    NoiseCeilings,
    RepeatCeilings,
    ceilings_of,
    noise_ceilings,
    repeat_ceilings,
)
from ventralrnn.analysis.inference.clusters import Clusters, cluster_test, enhance, enhanced_test
from ventralrnn.analysis.inference.contrasts import contrast_models
from ventralrnn.analysis.inference.differences import contrast_states
from ventralrnn.analysis.inference.discovery import false_discovery, holm
from ventralrnn.analysis.inference.intervals import (
    percentile_interval,
    percentile_p_values,
    sample_variance,
    stimulus_dof,
    stimulus_variance,
    t_interval,
    t_p_values,
    two_factor_variance,
)
from ventralrnn.analysis.inference.permutation import PermutationTest, flip_signs, permute_stimuli
from ventralrnn.analysis.inference.resampling import ResampledRows, draw
from ventralrnn.analysis.inference.rsa import rsa

__all__ = [
    "Bootstrap",
    "Clusters",
    "Differences",
    "NoiseCeilings",
    "PermutationTest",
    "RepeatCeilings",
    "ResampledRows",
    "bootstrap_similarity",
    "ceilings_of",
    "cluster_test",
    "contrast_states",
    "contrast_models",
    "draw",
    "enhance",
    "enhanced_test",
    "false_discovery",
    "flip_signs",
    "holm",
    "noise_ceilings",
    "percentile_interval",
    "percentile_p_values",
    "permute_stimuli",
    "repeat_ceilings",
    "rsa",
    "sample_variance",
    "state_differences",
    "stimulus_dof",
    "stimulus_variance",
    "t_interval",
    "t_p_values",
    "two_factor_variance",
]
