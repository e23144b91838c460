"""Figures of results, as the analyses return them.

A ``plot_...`` function draws on one Axes (``ax=``, new ones by default) and returns it; a ``make_..._figure`` function
lays out several panels and returns the Figure; :func:`save_figure` saves either. Colours, fonts and sizes are one style
sheet, which leaves the settings of matplotlib as they were. Modules load what they draw with only when they are used.
"""

from ventralrnn.facade import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "animate_rdms": "movies",
        "make_comparison_figure": "comparison_figure",
        "make_rdm_figure": "rdms",
        "make_time_course_figure": "timecourses",
        "make_training_figure": "training",
        "plot_accuracy": "training",
        "plot_best_steps": "comparison",
        "plot_clock": "clocks",
        "plot_generalisation": "decoding",
        "plot_lag_ceilings": "ceilings",
        "plot_latencies": "latencies",
        "plot_loss": "training",
        "plot_models": "models",
        "plot_rdm": "rdms",
        "plot_readout_accuracy": "readout",
        "plot_scores": "scores",
        "plot_similarity": "comparison",
        "plot_similarity_matrix": "comparison",
        "plot_state_similarity": "similarity",
        "plot_time_courses": "timecourses",
        "plot_trajectories": "trajectories",
        "plot_transition_matrix": "network",
        "plot_unrolled": "network",
        "save_animation": "movies",
        "save_figure": "style",
        "use_style": "style",
    },
)
