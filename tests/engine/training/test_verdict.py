"""What a training is said to have gained."""

from __future__ import annotations

from pathlib import Path

from napari_lbn.engine.training.curves.read import Curves
from napari_lbn.engine.training.folder.summary import KeptWeights
from napari_lbn.engine.training.verdict import judge


def curves(**mse: float) -> Curves:
    baselines = {name.replace("_", " "): {"validation_mse": value} for name, value in mse.items()}
    return Curves(baselines=baselines)


def test_the_verdict_is_honest() -> None:
    best = KeptWeights(path=Path("w"), epoch=4, mse=0.4, correlation=0.7, best=True)
    other = KeptWeights(path=Path("v"), epoch=5, mse=0.3, correlation=0.7, best=False)
    text = judge((other, best), curves(before_training=0.5, neighbours=0.45))
    assert "Epoch 4" in text
    assert "20.0 % less than before training" in text
    assert "better" not in text
    assert "Still better: neighbours" in judge((best,), curves(before_training=0.5, neighbours=0.3))
    assert judge((best,), curves(before_training=0.4)).startswith("No epoch predicts")
    assert judge((best,), curves(neighbours=0.4)) == ""
    assert judge((), curves(before_training=0.4)) == ""
