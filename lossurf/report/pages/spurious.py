"""The page of `spurious`: is the least-squares point a bad local minimum, and what lies below it."""

from __future__ import annotations

from typing import Any

from lossurf.report.document import Document
from lossurf.report.page import Block, Case, Cell, Facts, Grid, Outcome, Page, Step, Tone
from lossurf.report.pages.common import data_facts
from lossurf.report.pages.steps import command_again, step
from lossurf.report.text import count, number, percent

_VERDICTS = {
    "spurious": ("Least squares is a spurious local minimum of this network", Tone.BAD),
    "not-spurious": ("Least squares is the best that any function of x can do", Tone.GOOD),
    "not-applicable": ("There is no spurious minimum to show here", Tone.PLAIN),
    "undecided": ("Whether least squares is a spurious local minimum is undecided", Tone.UNSURE),
}

_BETTER = {
    "refit": "an affine part, fitted again, and one hinge",
    "minimal": "the affine fit and one hinge",
    "descent": "found by descent",
    "zero-loss": "fits the three samples exactly",
}

_KINDS = {"relu": "ReLU", "leaky-relu": "LeakyReLU", "sigmoid": "Sigmoid", "tanh": "Tanh", "elu": "ELU", "selu": "SELU"}
_KINDS |= {"softplus": "Softplus", "gelu": "GELU", "silu": "SiLU"}


def page(document: Document) -> Page:
    """Lay out the document of `spurious`."""
    sentence, tone = _VERDICTS[document["verdict"]]
    fell = f": {percent(document['relative_drop'])} below it lies a better point." if _is_spurious(document) else "."
    decided = Outcome.UNDECIDED if document["verdict"] == "undecided" else Outcome.PASSED
    blocks: list[Block] = [_levels(document), _evidence(document)]
    if document["counterexample"] is not None:
        blocks.append(_samples(document["counterexample"]))
    return Page(
        title="lossurf spurious",
        read=(data_facts(document["data"]), _network(document)),
        verdict=(Cell(sentence + fell, tone), _capital(document["reason"]) + "."),
        blocks=tuple(blocks),
        next_steps=_next_steps(document),
        cases=(Case("spurious", decided, f"{document['verdict']}: {document['reason']}"),),
    )


def _is_spurious(document: Document) -> bool:
    return bool(document["verdict"] == "spurious")


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _network(document: Document) -> Facts:
    activation, data = document["activation"], document["data"]
    name = activation["name"]
    if activation["slopes"] is not None:
        name += f" (slopes {number(activation['slopes'][0])} and {number(activation['slopes'][1])})"
    units = count(document["hidden_width"], "hidden unit")
    return Facts((("Network", f"{data['dx']} inputs, {units}, {name}, {count(data['dy'], 'output')}, with biases"),))


def _levels(document: Document) -> Grid:
    samples = document["data"]["samples"] * document["data"]["dy"]
    better = _BETTER.get(document["better_kind"], "none found")
    at_minimum = "every unit on for every sample" if document["counterexample"] is None else "W1 = 0"
    rows = [
        ("best affine map", document["linear_loss"], f"least squares, rank {document['rank']}"),
        ("the minimum", document["loss"], at_minimum),
        ("the better point", document["better_loss"], better),
    ]
    return Grid(
        header=("point", "loss", "as mse", "what it is"),
        rows=tuple((name, number(loss), _mse(loss, samples), what) for name, loss, what in rows),
        numeric=frozenset({"loss", "as mse"}),
    )


def _mse(loss: float | None, numbers: int) -> str:
    return "-" if loss is None else number(2.0 * loss / numbers)


def _evidence(document: Document) -> Facts:
    radius = f"{number(document['radius'])}, relative {number(document['relative_radius'])}"
    shown = document["counterexample"]
    also = "" if shown is None else "or of any output weight "
    items = [] if shown is None else [_certificate(shown)]
    items.append(
        ("Certified radius", f"{radius}: no change of each unit's weights and bias {also}within it lowers the loss")
    )
    if document["drop"] is not None:
        exact = "as an exact rational, rounded once" if shown is None else "computed"
        items.append(("Drop", f"{number(document['drop'])}, {exact}"))
    if document["minimal_drop"] is not None:
        items.append(("Affine part kept", f"the hinge alone drops {number(document['minimal_drop'])}"))
    groups = count(document["groups"], "different input")
    items.append(("Attainable", f"{number(document['attainable'])} by any function of x; {groups}"))
    items.append(("Rounding", f"the minimum may be {number(document['defect'])} above the exact one"))
    files = (("Minimum", "minimum_file"), ("Better point", "better_file"), ("Samples", "dataset_file"))
    items += [(f"{label} written", document[name]) for label, name in files if document[name] is not None]
    return Facts(tuple(items), "Evidence")


def _samples(counterexample: dict[str, Any]) -> Grid:
    pairs = zip(counterexample["X"], counterexample["Y"], strict=True)
    return Grid(
        title="Samples",
        header=("x1", "x2", "y"),
        rows=tuple((number(x[0]), number(x[1]), number(y[0])) for x, y in pairs),
        numeric=frozenset({"x1", "x2", "y"}),
    )


def _certificate(counterexample: dict[str, Any]) -> tuple[str, str]:
    low, high = counterexample["convex_interval"]
    ends = [f"from {number(low)}"] * (low is not None) + [f"up to {number(high)}"] * (high is not None)
    where = " ".join(ends) or "everywhere"
    return "Certificate", f"the third input lies midway between the others, and the activation is convex {where}"


def _next_steps(document: Document) -> tuple[str | Step, ...]:
    steps: list[str | Step] = []
    refused = "not written" in document["reason"]
    if document["minimum_file"] is None and document["verdict"] != "not-applicable" and not refused:
        files = "-o minimum.npz --better better.npz"
        steps.append(step("Both points as files", command_again(document), files))
    kind = _KINDS.get(document["activation"]["name"])
    if document["minimum_file"] is not None and kind is not None:
        data = document["data"]
        layers = f"Linear({data['dx']}, {document['hidden_width']}), {kind}(), Linear({document['hidden_width']}, "
        steps.append(
            f"load it in torch: Sequential({layers}{data['dy']})).double(), load_state_dict of from_numpy arrays"
        )
    if document["better_kind"] is None and document["verdict"] == "undecided":
        width = f"--hidden-width {document['rank'] + 1}"
        steps.append(step("Room for a hinge, which decides", command_again(document), width))
    theorem = "yun-2019-1" if document["counterexample"] is None else "yun-2019-2"
    return (*steps, step("The theorem behind it", "lossurf explain", theorem))
