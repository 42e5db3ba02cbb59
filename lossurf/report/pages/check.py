"""The page of `check`: do the data meet the hypotheses, and what can a network of each rank reach."""

from __future__ import annotations

from typing import Any

from lossurf.report.document import Document
from lossurf.report.page import Block, Case, Cell, Facts, Grid, Lines, Page, Step, Tone
from lossurf.report.pages import other_loss
from lossurf.report.pages.common import OUTCOME_BY_STATUS, TONE_BY_STATUS, data_facts, status_cell
from lossurf.report.pages.steps import on_data, repeated, step
from lossurf.report.pages.weight_decay import optimum_facts, penalty_facts
from lossurf.report.text import estimate, number, percent

_ROWS_SHOWN = 12  # a spectrum's ends tell most


def page(document: Document) -> Page:
    """Lay out the document of `check`."""
    if document.get("other_loss"):
        return other_loss.check_page(document)
    blocks: list[Block] = [_hypotheses(document["hypotheses"]), _measured(document["hypotheses"])]
    blocks += [_spectrum(document), _optimum(document), *_theorems(document["theorems"])]
    if document.get("regularised"):
        blocks.insert(0, optimum_facts(document["regularised"]))
    return Page(
        title="lossurf check",
        read=_read(document),
        verdict=(_verdict(document),),
        blocks=tuple(blocks),
        next_steps=_next_steps(document),
        cases=tuple(
            Case(item["id"], OUTCOME_BY_STATUS[item["status"]], f"{item['status']}: {item['detail']}")
            for item in document["hypotheses"]
        ),
    )


def _read(document: Document) -> tuple[Facts, ...]:
    penalty = document.get("weight_decay")
    return (data_facts(document["data"]), *([Facts((penalty_facts(penalty),))] if penalty else []))


def _verdict(document: Document) -> Cell:
    status = document["status"]
    if status == "holds":
        return Cell("Every hypothesis holds on these data.", Tone.GOOD)
    failing = [item["id"] for item in document["hypotheses"] if item["status"] == status]
    verb = {"fails": "fail" if len(failing) > 1 else "fails", "undecided": "cannot be decided"}[status]
    return Cell(f"{' and '.join(failing)} {verb} on these data.", TONE_BY_STATUS[status])


def _hypotheses(findings: list[dict[str, Any]]) -> Grid:
    return Grid(
        header=("hypothesis", "status", "value", "threshold", "margin"),
        rows=tuple(
            (
                item["id"],
                status_cell(item["status"]),
                number(item["value"]),
                number(item["threshold"]),
                "exact" if item["margin"] is None else number(item["margin"]),
            )
            for item in findings
        ),
        numeric=frozenset({"value", "threshold", "margin"}),
        optional=("value", "threshold"),
    )


def _measured(findings: list[dict[str, Any]]) -> Lines:
    """Say what each value is: only for hypotheses that do not hold, unless --verbose asks for all."""
    open_ones = tuple(f"{item['id']}: {item['detail']}" for item in findings if item["status"] != "holds")
    every_one = tuple(f"{item['id']}: {item['detail']}" for item in findings)
    return Lines(open_ones, "Measured") if open_ones else Lines(every_one, "Measured", level=2)


def _spectrum(document: Document) -> Grid:
    data, losses = document["data"], document["loss_by_rank"]
    values = [(None, None), *zip(document["eigenvalues"], document["eigenvalues_error"], strict=True)]
    gain = losses[0] - losses[-1]
    return Grid(
        title="Optimal loss for every rank of the product W_N ... W_1",
        header=("rank k", "eigenvalue l_k", "loss L_k", "as mse", "gained"),
        rows=tuple(
            (
                str(k),
                "-" if k == 0 else estimate(*values[k]),
                estimate(loss, document["loss_by_rank_error"][k]),
                number(2.0 * loss / (data["samples"] * data["dy"])),
                percent((losses[0] - loss) / gain if gain > 0.0 else None),
            )
            for k, loss in enumerate(losses)
        ),
        numeric=frozenset({"rank k", "eigenvalue l_k", "loss L_k", "as mse", "gained"}),
        brief=_ROWS_SHOWN,
        optional=("eigenvalue l_k", "as mse"),
        bars=tuple((losses[max(k - 1, 0)] - loss) / gain for k, loss in enumerate(losses)) if gain > 0.0 else (),
        bars_of="of the gain",
    )


def _optimum(document: Document) -> Facts:
    network = document["network"]
    loss = estimate(document["optimal_loss"], document["optimal_loss_error"])
    best = f"{loss}, mean squared error {number(document['optimal_mse'])}"
    if network is None:
        return Facts((("Optimal loss L*", f"{best}, at full rank"),))
    widths = ",".join(map(str, network["widths"]))
    shape = f"widths {widths}; H = {network['hidden_layers']}, p = {number(network['p'])}"
    return Facts((("Network", f"{shape}, rank at most {network['rank_max']}"), ("Optimal loss L*", best)))


def _theorems(theorems: list[dict[str, Any]]) -> list[Block]:
    """Quote the theorems that speak; name the others with what silences them."""
    speaking = [item for item in theorems if item["applies"] == "yes"]
    grid = Grid(
        title=f"Theorems that speak here, {len(speaking)} of {len(theorems)}",
        header=("theorem", "says"),
        rows=tuple((item["id"], item["conclusion"]) for item in speaking),
    )
    silent = Facts(
        (
            *_silent(theorems, "undecided", "Undecided"),
            *_silent(theorems, "no", "Do not apply"),
        )
    )
    reasons = Grid(
        title="Why",
        header=("theorem", "applies", "because"),
        rows=tuple((item["id"], status_cell(item["applies"]), ", ".join(item["because"])) for item in theorems),
        level=2,
    )
    return [*([grid] if grid.rows else []), *([silent] if silent.items else []), reasons]


def _silent(theorems: list[dict[str, Any]], applies: str, label: str) -> tuple[tuple[str, str], ...]:
    names = [f"{item['id']} ({', '.join(item['because'])})" for item in theorems if item["applies"] == applies]
    return ((label, "; ".join(names)),) if names else ()


def _next_steps(document: Document) -> tuple[str | Step, ...]:
    words = ("lossurf classify CHECKPOINT", on_data(document), repeated(document, "loss"))
    classify = step("What kind of point a trained network is at", *words)
    if document["status"] == "holds":
        return (*document["advice"], classify)
    item = next(item for item in document["hypotheses"] if item["status"] == document["status"])
    explain = step("What it means and what to do about it", "lossurf explain", item["id"])
    without = classify._replace(why=f"{classify.why}, which needs none of the hypotheses")
    return (*document["advice"], explain, without)
