"""Training and evaluation at every readout time."""

from ventralrnn.facade import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Evaluation": "evaluation",
        "RECIPES": "recipe",
        "Recipe": "recipe",
        "Run": "run",
        "evaluate": "evaluation",
        "find_recipe": "recipe",
        "train": "run",
    },
)
