"""Named models, checkpoints, and loading."""

from ventralrnn.facade import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "list_models": "registry",
        "model_spec": "registry",
        "register": "registry",
        "summarise": "summary",
        "load_model": "load",
        "load_checkpoint": "checkpoints",
        "save_checkpoint": "checkpoints",
        "read_header": "headers",
    },
)
