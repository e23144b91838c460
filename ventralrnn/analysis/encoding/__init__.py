"""Encoding models: what of a brain's responses a model's states predict."""

from ventralrnn.analysis.encoding.banded import BandedPrediction, predict_banded, split_explained
from ventralrnn.analysis.encoding.crossvalidation import make_folds
from ventralrnn.analysis.encoding.encode import encode, encode_bands
from ventralrnn.analysis.encoding.pls import PLSFit, fit_pls
from ventralrnn.analysis.encoding.ridge import RidgeFit, fit_ridge
from ventralrnn.analysis.encoding.scores import (
    correct_for_noise,
    correlate,
    explainable_variance,
    reliability,
    split_half,
)

__all__ = [
    "BandedPrediction",
    "PLSFit",
    "RidgeFit",
    "correct_for_noise",
    "correlate",
    "encode",
    "encode_bands",
    "explainable_variance",
    "fit_pls",
    "fit_ridge",
    "make_folds",
    "predict_banded",
    "reliability",
    "split_explained",
    "split_half",
]
