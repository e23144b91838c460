"""Figures; each module loads what it draws with only when it is used."""

from ventralrnn.facade import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "draw_best": "comparison",
        "draw_matrix": "comparison",
        "draw_rdm": "rdms",
        "plot_comparison": "comparison",
        "plot_curves": "training",
        "plot_rdms": "rdms",
        "plot_time_courses": "timecourses",
    },
)
