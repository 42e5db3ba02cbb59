"""The page of `relu`: to the letter first, then each assumption as measured, then what the linear theory says."""

from __future__ import annotations

from typing import Any

from lossurf.report.document import Document
from lossurf.report.page import Block, Case, Cell, Facts, Grid, Lines, Page, Step, Text, Tone
from lossurf.report.pages.common import OUTCOME_BY_STATUS, TONE_BY_STATUS, data_facts, status_cell
from lossurf.report.pages.steps import on_data, path_word, repeated, step
from lossurf.report.text import count, number, percent


def page(document: Document) -> Page:
    """Lay out the document of `relu`."""
    blocks: list[Block] = [_assumptions(document), _paths(document), _tests(document)]
    if document["units"]:
        blocks.append(_units(document["units"]))
    blocks += [_losses(document["loss"]), _linear(document), _sampling(document)]
    return Page(
        title="lossurf relu",
        read=(data_facts(document["data"]), _network(document)),
        verdict=(_literal(document), _verdict(document)),
        blocks=tuple(blocks),
        next_steps=_next_steps(document),
        cases=tuple(
            Case(item["id"], OUTCOME_BY_STATUS[item["status"]], f"{item['status']}: {item['detail']}")
            for item in document["assumptions"]
        ),
    )


def _network(document: Document) -> Facts:
    layers = document["layers"]
    widths = ",".join(str(width) for width in (layers[0]["shape"][1], *(layer["shape"][0] for layer in layers)))
    return Facts((("Checkpoint", document["checkpoint"]), ("ReLU network", f"widths {widths}")))


def _literal(document: Document) -> Cell:
    """Say what is true of every fixed network before anything that is measured."""
    switching = sum(layer["units"] - layer["dead"] - layer["always_on"] for layer in document["units"])
    total = sum(layer["units"] for layer in document["units"])
    if not total:
        return Cell("To the letter: A5u-m holds, the network has no hidden layer and is linear.", Tone.GOOD)
    if document["literal"]:
        return Cell("To the letter: A5u-m holds, every hidden unit is constant on these data.", Tone.GOOD)
    share = f"{switching} of {count(total, 'hidden unit')}"
    return Cell(
        f"To the letter: A5u-m does not hold. On a fixed network activity is a function of the input, and {share} "
        "switch with it. What follows is how much that matters.",
        Tone.BAD,
    )


def _verdict(document: Document) -> Cell:
    words = {"holds": "holds", "fails": "fails", "undecided": "is undecided"}
    parts = ", ".join(f"{item['id']} {words[item['status']]}" for item in document["assumptions"])
    return Cell(f"As measured: {parts}.", TONE_BY_STATUS[document["status"]])


_EFFECTS = {
    "a1p-m": ("path_cv", "spread of path probabilities over rho"),
    "a5u-m": ("delta5", "||f - Jbar X|| / ||f||"),
    "reduction": ("eta", "||f - rho P X|| / ||f||"),
}
"""The measured effect of each assumption: its field and what it is."""


def _assumptions(document: Document) -> Grid:
    return Grid(
        title="Assumptions of Corollary 3.2",
        header=("assumption", "status", "effect", "value", "95 % interval", "holds up to"),
        rows=tuple(
            (
                item["id"],
                status_cell(item["status"]),
                f"{name} = {meaning}",
                number(item["value"]),
                _interval(document[name]),
                number(item["threshold"]),
            )
            for item in document["assumptions"]
            for name, meaning in [_EFFECTS[item["id"]]]
        ),
        numeric=frozenset({"value", "holds up to"}),
        optional=("holds up to",),
    )


def _paths(document: Document) -> Grid:
    starts = document["rho_by_start_layer"][1:-1] if any(document["biases"]) else []
    rows = (
        ("rho", document["rho"], "share of active paths"),
        *((f"rho from b_{k}", start, f"paths from the bias of layer {k}") for k, start in enumerate(starts, start=2)),
        ("delta1", document["delta1"], "||(Jbar - rho P) X|| / ||f||: what unequal paths cost"),
    )
    return Grid(
        title="Also measured",
        header=("quantity", "value", "95 % interval", "what it is"),
        rows=tuple((name, number(found["value"]), _interval(found), meaning) for name, found, meaning in rows),
        numeric=frozenset({"value"}),
    )


def _tests(document: Document) -> Lines:
    shuffle, units = document["mask_shuffle"], document["unit_dependence"]
    if shuffle["p_value"] is None:
        first = f"mask shuffle: not possible, {shuffle['reason']}"
    else:
        ratio = f"the spread around the averaged map is {number(shuffle['ratio'])} times that of shuffled activity"
        first = f"mask shuffle: p = {number(shuffle['p_value'])}; {ratio}"
    if units["p_value"] is None:
        second = f"distance covariance: not possible, {units['reason']}"
    else:
        found = f"{units['dependent']} of {count(units['tested'], 'tested unit')} depend on the input"
        second = f"distance covariance: least adjusted p = {number(units['p_value'])}; {found}"
    return Lines((first, second), "Tests of independence")


def _units(units: list[dict[str, Any]]) -> Grid:
    header = ("hidden layer", "units", "dead", "always on", "least rate", "median rate", "largest rate")
    keys = ("layer", "units", "dead", "always_on", "rate_min", "rate_median", "rate_max")
    rows = tuple(tuple(number(layer[key]) for key in keys) for layer in units)
    return Grid(header, rows, frozenset(header), "Activity of the units", optional=("median rate",))


def _losses(loss: dict[str, Any]) -> Grid:
    meanings = (
        ("actual", "the ReLU network"),
        ("reduced", "rho P, expectation inside: the corollary's loss"),
        ("expected_paths", "expectation outside, paths independent"),
        ("expected_units", "expectation outside, units independent"),
        ("optimal_linear", "L*, the best linear network of these widths"),
    )
    rows = tuple((name, number(loss[name]), meaning) for name, meaning in meanings)
    return Grid(("loss", "value", "of"), rows, frozenset({"value"}), "Losses")


def _linear(document: Document) -> Facts:
    loss, reduced = document["loss"], document["reduced_network"]
    share = f", {percent(loss['relative_gap'])} of what a linear network can gain" if loss["relative_gap"] else ""
    items: list[tuple[str, Text]] = [
        ("rho P against L*", f"{number(loss['gap'])} above{share}"),
        ("rho P is", f"{reduced['verdict']}: {reduced['reason']}"),
    ]
    simulation = document["simulation"]
    if simulation["slope"] is not None:
        slope = f"slope {number(simulation['slope'])} +- {number(simulation['slope_error'])} on rho P"
        z = f"largest |z| {number(simulation['largest_z'])} (limit {number(simulation['z_limit'])})"
        items.append(("Simulation", f"{simulation['status']}: {slope}, {z}, {simulation['draws']} draws"))
    if simulation["reason"]:
        items.append(("Simulation", simulation["reason"]))
    return Facts(tuple(items), "What the linear theory says of the reduced network rho P")


def _sampling(document: Document) -> Lines:
    sampling = document["sampling"]
    uses = (("paths", "path spread"), ("maps", "deltas"), ("shuffles", "mask shuffle"), ("dependence", "covariance"))
    parts = [f"{sampling[key]} for the {name}" for key, name in uses if sampling[key] < sampling["samples"]]
    drawn = f"random samples: {', '.join(parts)}; all {sampling['samples']} otherwise" if parts else "all samples used"
    seeded = f"{sampling['permutations']} permutations, {sampling['resamples']} resamples, seed {document['seed']}"
    return Lines((f"{drawn}; {seeded}",))


def _interval(estimate: dict[str, Any]) -> str:
    if estimate["interval"] is None:
        return "-"
    low, high = estimate["interval"]
    return f"{number(low)} to {number(high)}"


def _next_steps(document: Document) -> tuple[Step, ...]:
    if document["status"] == "holds":
        words = (path_word(document["checkpoint"]), on_data(document), repeated(document, "network"))
        return (step("On these data the network acts as the linear one", "lossurf classify", *words),)
    item = next(item for item in document["assumptions"] if item["status"] != "holds")
    return (
        step("What it means and what it is assumed for", "lossurf explain", item["id"]),
        step("A bad local minimum that a ReLU network has on these data", "lossurf spurious", on_data(document, "")),
    )
