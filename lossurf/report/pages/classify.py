"""The page of `classify`: what kind of point each checkpoint is at, how sure that is, and what to do about it."""

from __future__ import annotations

import os
from pathlib import PurePath
from typing import Any

from lossurf.report.document import Document
from lossurf.report.page import Block, Case, Cell, Facts, Grid, Lines, Outcome, Page, Step, Text, Tone
from lossurf.report.pages.common import data_facts
from lossurf.report.pages.curvature import curvature_items
from lossurf.report.pages.other_loss import loss_facts
from lossurf.report.pages.papers import lemma_tally, papers
from lossurf.report.pages.steps import after_local_minimum, on_data, path_word, repeated, step
from lossurf.report.pages.tied import tied_numbers
from lossurf.report.pages.weight_decay import decay_numbers, penalty_facts
from lossurf.report.text import count, number, percent
from lossurf.report.unreadable import error_text, is_unreadable

TONE_BY_VERDICT = {
    "global-minimum": Tone.GOOD,
    "local-minimum": Tone.UNSURE,
    "degenerate": Tone.UNSURE,
    "strict-saddle": Tone.BAD,
    "bad-saddle": Tone.BAD,
    "not-critical": Tone.UNSURE,
    "undetermined": Tone.UNSURE,
}


def page(document: Document) -> Page:
    """Lay out the document of `classify`: one checkpoint in full, many as one row each."""
    results, loss = document["results"], document.get("other_loss")
    single = len(results) == 1
    if single and is_unreadable(results[0]):
        return _refused(document)
    blocks = _single(results[0]) if single else _many(results)
    return Page(
        title="lossurf classify",
        read=(data_facts(document["data"]), *_penalty(document), _read(results[0]) if single else _read_many(results)),
        verdict=(_verdict(results[0]), *_range(results[0])) if single else (_summary(results),),
        blocks=(*blocks, *([loss_facts(loss)] if loss else [])),
        next_steps=_next_steps(document) if single else _next_of_many(document),
        cases=tuple(_case(result) for result in results),
        brief=() if single else tuple(_brief(result) for result in results if not _met(result)),
        notes=tuple(results[0]["notes"]) if single else notes_of(results),
    )


def _penalty(document: Document) -> tuple[Facts, ...]:
    penalty = document.get("weight_decay")
    return (Facts((penalty_facts(penalty),)),) if penalty else ()


def notes_of(results: list[dict[str, Any]]) -> tuple[str, ...]:
    """Return the notes of many checkpoints, each once: with its checkpoint, or with how many it is about.

    One that names its checkpoint, as what was assumed in reading it does, stands for several only where it is all.
    """
    about: dict[tuple[str, bool], list[str]] = {}
    for result in results:
        name = result["checkpoint"]
        for note in result.get("notes", ()):
            about.setdefault((note.removeprefix(f"{name}: "), note.startswith(f"{name}: ")), []).append(name)
    readable = sum(not is_unreadable(result) for result in results)
    said: list[str] = []
    for (note, named), names in about.items():
        apart = named and len(names) < readable
        said += [f"{whose}: {note}" for whose in (names if apart else [_whose(names)])]
    return tuple(said)


def _whose(names: list[str]) -> str:
    return names[0] if len(names) == 1 else count(len(names), "checkpoint")


def unreadable_line(result: dict[str, Any]) -> Cell:
    """Say in one line which checkpoint was refused and why."""
    error = result["error"]
    if error["where"] == result["checkpoint"]:
        error = {**error, "where": None}
    return Cell(f"{result['checkpoint']}: unreadable: {error_text(error)}", Tone.BAD)


def unreadable_case(result: dict[str, Any]) -> Case:
    """Return the case of a checkpoint that was refused."""
    return Case(result["checkpoint"], Outcome.ERROR, error_text(result["error"]), result["checkpoint"])


def _refused(document: Document) -> Page:
    (result,) = document["results"]
    return Page(
        title="lossurf classify",
        read=(data_facts(document["data"]), Facts((("Checkpoint", result["checkpoint"]),))),
        verdict=(unreadable_line(result),),
        cases=(unreadable_case(result),),
    )


def _met(result: dict[str, Any]) -> bool:
    return not is_unreadable(result) and result["ok"]


def _brief(result: dict[str, Any]) -> Cell:
    """Name a checkpoint that is not as expected, which the summary only counts."""
    if is_unreadable(result):
        return unreadable_line(result)
    expected = " or ".join(result["expected"])
    return Cell(f"{result['checkpoint']}: {result['verdict']}, expected {expected}", TONE_BY_VERDICT[result["verdict"]])


def verdict_cell(verdict: str) -> Cell:
    """Return a verdict in its tone."""
    return Cell(verdict, TONE_BY_VERDICT[verdict])


def _read(result: dict[str, Any]) -> Facts:
    layers = "; ".join(f"{layer['name']} {'x'.join(map(str, layer['shape']))}" for layer in result["layers"])
    dtypes = ", ".join(dict.fromkeys(layer["dtype"] for layer in result["layers"]))
    items = [("Checkpoint", result["checkpoint"]), ("Layers", f"{layers}; {dtypes}")]
    if result.get("frozen"):
        items.append(("Frozen", ", ".join(result["frozen"])))
    return Facts((*items, *(("Note", note) for note in result["notes"])))


def _read_many(results: list[dict[str, Any]]) -> Facts:
    folder = _folder(results)
    return Facts((("Checkpoints", f"{len(results)}{f' in {folder}' if folder else ''}"),))


def _folder(results: list[dict[str, Any]]) -> str:
    """Return the directory that all checkpoints share, which the rows then need not repeat."""
    heads = {os.path.split(result["checkpoint"])[0] for result in results}  # a path of each takes ten times as long
    folders = {str(PurePath(head)) for head in heads}
    return folders.pop() if len(folders) == 1 and folders != {"."} else ""


def _verdict(result: dict[str, Any]) -> Cell:
    expected = "" if result["ok"] else f" Expected was {' or '.join(result['expected'])}."
    return Cell(f"{result['verdict']}: {result['reason']}.{expected}", TONE_BY_VERDICT[result["verdict"]])


def _range(result: dict[str, Any]) -> tuple[Text, ...]:
    """Say on which tolerances the verdict rests, its error bar; an undetermined one has none to show."""
    if result["verdict"] == "undetermined":
        return ()
    below, above = result["neighbours"]
    ends = f"every tolerance from {number(result['stable_from'])}"
    ends += "" if result["stable_to"] is None else f" to {number(result['stable_to'])}"
    beyond = [f"{word} it {verdict}" for word, verdict in (("below", below), ("above", above)) if verdict]
    return (f"So for {ends}{'; ' if beyond else ''}{', '.join(beyond)}.",)


def _single(result: dict[str, Any]) -> list[Block]:
    blocks: list[Block] = [Facts(tuple(_numbers_of(result)))]
    if result["curvature"] is not None:
        blocks.append(Facts(curvature_items(result["curvature"])))
    if result["certificate"] is not None:
        blocks += _certificate(result["certificate"])
    if result["lemmas"] is not None:
        blocks += papers(result)
    return blocks


def _numbers_of(result: dict[str, Any]) -> list[tuple[str, Text]]:
    if result.get("tied"):
        return tied_numbers(result)
    return decay_numbers(result) if result.get("decay") else _numbers(result)


def _numbers(result: dict[str, Any]) -> list[tuple[str, Text]]:
    share = "" if result["relative_gap"] is None else f", {percent(result['relative_gap'])} of what can be gained"
    carried = "" if result["eigen_indices"] is None else f", eigenvectors {_set(result['eigen_indices'])} of Sigma"
    items: list[tuple[str, Text]] = [
        ("Loss", f"{number(result['loss'])}, mean squared error {number(result['mse'])}"),
        ("Optimal loss L*", number(result["optimal_loss"])),
        ("Gap", f"{number(result['gap'])}{share}"),
        ("Gradient measure", f"{number(result['gradient'])} at tolerance {number(result['tolerance'])}"),
        ("Rank", f"{result['rank']} of at most {result['rank_max']}{carried}"),
    ]
    if result["plateau_rank"] is not None:
        k = result["plateau_rank"]
        items.append(("Nearest L_k", f"L_{k}, best loss of rank {k}, {number(result['plateau_distance'])} away"))
    if result["nearest"] is not None:
        distance = number(result["nearest"]["distance"])
        items.append(("Nearest point", f"an exact {result['verdict']}, {distance} away, relative to the layers"))
    if result["inertia"] is not None:
        items.append(("Directions", directions_of(result["inertia"])))
    if result["balance"]:
        items.append(("Balance", ", ".join(map(number, result["balance"]))))
    below, above = result["nearest_levels"]
    if (below, above) != (None, None):
        items.append(("Critical values", f"{number(below)} at or below, {number(above)} above"))
    return items


def directions_of(inertia: dict[str, Any]) -> str:
    """Say how many independent directions lead down, are flat to second order, and lead up."""
    down = count(inertia["negative"], "independent way") + " down" if inertia["negative"] else "none down"
    return f"{down}, {inertia['zero']} flat, {inertia['positive']} up"


def _set(indices: list[int]) -> str:
    return "{" + ", ".join(map(str, indices)) + "}"


_KINDS = {
    "gap": "gap to the next critical value",
    "wrong-eigenset": "an eigenvector of Sigma worth more is left out",
    "tails": "two layers act together on the residual",
    "staircase": "in every pair of layers a factor vanishes",
    "gradient": "the layer with the largest gradient",
    "dual-gap": "the loss against its dual bound",
    "convex-part": "only the convex part of the Hessian is left",
    "hessian": "the sign of the Hessian's least eigenvalue",
    "spectral-bound": "the loss against a bound by singular values",
    "inertia": "the signs of the Hessian at an exact point",
}


def _certificate(certificate: dict[str, Any]) -> list[Block]:
    layers = certificate["layers"]
    items = [
        ("Certificate", f"{certificate['kind']}: {_KINDS.get(certificate['kind'], certificate['kind'])}"),
        ("Layers", None if layers is None else " and ".join(map(str, dict.fromkeys(layers)))),
        ("Curvature", certificate["curvature"]),
        ("Loss falls by", certificate["loss_decrease"]),
        ("at step", certificate["step"]),
        ("Next level", certificate["next_level"]),
        ("Margin", certificate["margin"]),
    ]
    blocks: list[Block] = [Facts(tuple((label, number(value)) for label, value in items if value is not None))]
    if certificate["staircase"]:
        blocks.append(_staircase(certificate["staircase"]))
    return blocks


def _staircase(stairs: list[dict[str, Any]]) -> Grid:
    return Grid(
        header=("layers", "what vanishes", "value", "counts as zero below"),
        rows=tuple(
            (
                ", ".join(map(str, stair["layers"])),
                {"residual": "E_ij", "product": "M_ij beyond rank r"}[stair["factor"]],
                number(stair["value"]),
                number(stair["threshold"]),
            )
            for stair in stairs
        ),
        numeric=frozenset({"value", "counts as zero below"}),
        level=2,
        folded="Why no pair of layers leads down",
    )


def _summary(results: list[dict[str, Any]]) -> Cell:
    verdicts = ["unreadable" if is_unreadable(result) else result["verdict"] for result in results]
    kinds = dict.fromkeys(verdicts)
    tally = [f"{verdicts.count(kind)} {kind}" for kind in kinds]
    unmet = sum(not is_unreadable(result) and not result["ok"] for result in results)
    expected = "" if not unmet else f"; {unmet} not as expected"
    bad = unmet or "unreadable" in kinds
    tone = Tone.BAD if bad else TONE_BY_VERDICT[next(iter(kinds))] if len(kinds) == 1 else Tone.PLAIN
    return Cell(f"{count(len(results), 'checkpoint')}: {', '.join(tally)}{expected}.", tone)


def _many(results: list[dict[str, Any]]) -> list[Block]:
    readable = [result for result in results if not is_unreadable(result)]
    expected = any(result["expected"] is not None for result in readable)
    curved = any(result["curvature"] is not None for result in readable)
    curvatures = ("largest curvature", "smallest") if curved else ()
    header = ("checkpoint", "verdict", "loss", "gap", "gradient", "rank", "from tau", "to tau", *curvatures)
    folder = _folder(results)
    rows: list[tuple[Text, ...]] = []
    for result in results:
        name = os.path.split(result["checkpoint"])[1] if folder else result["checkpoint"]
        if is_unreadable(result):
            rows.append((name, Cell("unreadable", Tone.BAD), *["-"] * (len(header) - 2 + expected)))
            continue
        row: tuple[Text, ...] = (
            name,
            verdict_cell(result["verdict"]),
            number(result["loss"]),
            percent(result["relative_gap"]) if result["relative_gap"] is not None else number(result["gap"]),
            number(result["gradient"]),
            f"{result['rank']}/{result['rank_max']}",
            number(result["stable_from"]),
            number(result["stable_to"]),
            *(_ends(result["curvature"]) if curved else ()),
        )
        rows.append((*row, _ok(result["ok"])) if expected else row)
    tallies = tuple(f"{result['checkpoint']}: {lemma_tally(result)}" for result in readable if result["lemmas"])
    notes = notes_of(results)
    reasons = tuple(f"{result['checkpoint']}: {result['reason']}" for result in readable)
    refused = tuple(unreadable_line(result) for result in results if is_unreadable(result))
    grid = Grid(
        (*header, "expected") if expected else header,
        tuple(rows),
        numeric=frozenset(header[2:]),
        optional=("loss", "rank", "gradient", "from tau", "to tau"),
    )
    blocks: list[Block] = [grid, Lines(refused, "Unreadable")] if refused else [grid]
    blocks.append(Lines(reasons, "Reasons", level=2))
    blocks += [Lines(tallies, "Lemmas")] if tallies else []
    return [*blocks, Lines(notes, "Notes")] if notes else blocks


def _ends(curvature: dict[str, Any] | None) -> tuple[str, str]:
    return ("-", "-") if curvature is None else (number(curvature["largest"]), number(curvature["smallest"]))


def _ok(ok: bool) -> Cell:
    return Cell("yes", Tone.GOOD) if ok else Cell("no", Tone.BAD)


def _next_steps(document: Document) -> tuple[str | Step, ...]:
    from lossurf.theory.explanations import find_explanation

    (result,), verdict = document["results"], document["results"][0]["verdict"]
    is_saddle = verdict.endswith("saddle")
    # `escape` follows the squared loss of layers that are free, or beside frozen ones
    if is_saddle and (document.get("other_loss") or result["tied"]):
        return (step("What it means for training", "lossurf explain", verdict),)
    if is_saddle or (document.get("weight_decay") and result["decay"]["lower"] is not None):
        return (lower(document, result["checkpoint"], repeated(document, "network", "loss", "tolerance")),)
    if verdict == "local-minimum":
        return (after_local_minimum(document),)
    return (find_explanation(verdict).action,)


def lower(document: Document, checkpoint: str, *options: str) -> Step:
    """Return the way down from a saddle."""
    output = "better.npz" if PurePath(checkpoint) != PurePath("better.npz") else "lower.npz"
    words = ("lossurf escape", path_word(checkpoint), on_data(document), *options, "-o", output)
    return step("A checkpoint of lower loss", *words)


def certificate_of(document: Document, checkpoint: str, why: str) -> Step:
    """Return the question about one checkpoint among many."""
    options = repeated(document, "network", "loss", "tolerance")
    return step(why, "lossurf classify", path_word(checkpoint), on_data(document), options)


def _next_of_many(document: Document) -> tuple[Step, ...]:
    """Ask for the certificate of the first checkpoint that is not as wanted, or of the first."""
    readable = [result for result in document["results"] if not is_unreadable(result)]
    if not readable:
        return ()
    wanted = (result for result in readable if not result["ok"] or result["verdict"] != "global-minimum")
    return (certificate_of(document, next(wanted, readable[0])["checkpoint"], "The certificate of one of them"),)


def _case(result: dict[str, Any]) -> Case:
    if is_unreadable(result):
        return unreadable_case(result)
    outcome = Outcome.PASSED
    if not result["ok"]:
        outcome = Outcome.UNDECIDED if result["verdict"] == "undetermined" else Outcome.FAILED
    expected = "" if result["ok"] else f"; expected {' or '.join(result['expected'])}"
    return Case(
        result["checkpoint"], outcome, f"{result['verdict']}: {result['reason']}{expected}", result["checkpoint"]
    )
