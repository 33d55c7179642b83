"""Figure 5: variants of the network on the missing wedge, trained alike on a small budget."""

from __future__ import annotations

from paper_layout import number, write
from training_ablation import MEASURED, train_all

from napari_lbn.engine.evaluation.report.figures import new_figure, save_figure
from napari_lbn.engine.simulation.dataset import write_training_set
from napari_lbn.engine.simulation.series import SimulationSettings

PANELS = {
    "a, training": (
        "independent masking",
        "independent masking, critic",
        "uniform masking",
        "uniform masking, critic",
    ),
    "b, architecture": (
        "independent masking",
        "latent dimension 32",
        "latent dimension 16",
        "x16",
    ),
}
"""As in the paper; the first row of both is x8 with a latent dimension of 64."""
PLAIN = "x8, latent dimension 64"
REFERENCES = ("WBP re-projection", "neighbours")


def figure5(arguments) -> None:
    """Train what is missing, and draw the correlation with the truth over the tilt angle."""
    validation = [p for folder in arguments.inputs for p in sorted(folder.glob("*.npz"))]
    if not validation:
        print("Figure 5 needs a validation set written by napari-lbn simulate-set --validation.")
        return
    folder = arguments.training or arguments.out / "training"
    if not any(folder.glob("*.npz")):
        list(write_training_set(folder, arguments.series, SimulationSettings()))
    training = sorted(folder.glob("*.npz"))[: arguments.series]
    kept = arguments.out / "figure5.json"
    results = train_all(training, validation[: arguments.cases], kept, arguments.steps)
    draw(arguments, results)
    lines = ["| variant | steps | hidden | wedge |", "|---|---|---|---|"]
    for name, result in results.items():
        cells = (result["scores"][column]["correlation"] for column in ("held-out", "wedge"))
        steps = result.get("steps", "–")
        lines.append(f"| {name} | {steps} | {' | '.join(number(value) for value in cells)} |")
    write(arguments, "figure5", "Figure 5: variants, correlation with the truth", lines)


def draw(arguments, results) -> None:
    """Training on the left, architecture on the right, as in the paper."""
    figure = new_figure(11, 4.2)
    both = figure.subplots(1, len(PANELS), sharey=True)
    for axes, (title, names) in zip(both, PANELS.items(), strict=True):
        for name in [name for name in (*names, *REFERENCES) if name in results]:
            angles, values = zip(*results[name]["curve"], strict=True)
            grey = {"color": "0.6", "linestyle": ":" if name == REFERENCES[0] else "-."}
            label = PLAIN if title.startswith("b") and name == names[0] else name
            axes.plot(angles, values, label=label, **(grey if name in REFERENCES else {}))
        for edge in (-MEASURED, MEASURED):
            axes.axvline(edge, color="0.8", linewidth=0.8, zorder=0)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("tilt angle (°)")
        axes.grid(alpha=0.25)
        axes.legend(fontsize=7)
    both[0].set_ylabel("correlation with the truth")
    save_figure(figure, arguments.out / "figure5_variants")
