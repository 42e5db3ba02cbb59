"""Command lines of every command on small files, and what a run may leave behind whatever failed in it."""

from __future__ import annotations

import importlib.util
import shutil
from contextlib import chdir, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np
from process import ROOT

from lossurf.cli import group
from lossurf.cli.boundary import run

OLD = b"what was there before"
RIGHT = {0, 1, 2}  # done, does not hold, refused: never 70, a traceback or a signal


@dataclass(frozen=True)
class Line:
    """A command line, with the files that it writes; `anew`: it refuses to write where files are."""

    argv: tuple[str, ...]
    targets: tuple[str, ...] = ()
    needs: str | None = None
    anew: bool = False


def line(text: str, *targets: str, needs: str | None = None, anew: bool = False) -> Line:
    return Line(tuple(text.split()), targets, needs, anew)


WINE = ROOT / "sample_data" / "wine"
SHOWN = ["lossurf.yaml", "better.npz", "report.html", *(f"wine/{path.relative_to(WINE)}" for path in WINE.rglob("*.*"))]

LINES = {
    "check": line("check data"),
    "check-report": line("check data -o out/r.json --format json", "r.json"),
    "check-csv": line("check t.csv --target y --format markdown -o out/r.md", "r.md"),
    "check-npz": line("check d.npz --format junit"),
    "check-parquet": line("check t.parquet --target y", needs="pyarrow"),
    "check-summary": line("check s.lossurf.npz"),
    "check-loss": line("check data --loss huber"),
    "check-github": line("check --config lossurf.yaml --format github"),
    "classify": line("classify bad.npz --data data --certificate out/c.npz", "c.npz", "c.json"),
    "classify-many": line("classify run/*.npz strict.npz bad.npz --data data --lemmas --format jsonl"),
    "classify-safetensors": line("classify w.safetensors --data data", needs="safetensors"),
    "classify-h5": line("classify w.weights.h5 --data data", needs="h5py"),
    "construct": line("construct strict-saddle --data data --widths 3,2,2 -o out/p.npz", "p.npz"),
    "escape": line("escape bad.npz --data data --to-minimum -o out/e.npz", "e.npz"),
    "verify": line("verify c.npz --data data"),
    "spurious": line("spurious d1.npz -o out/m.npz --better out/b.npz", "m.npz", "b.npz"),
    "relu": line("relu relu.npz --data data"),
    "reduce": line("reduce data d.npz -o out/s.lossurf.npz", "s.lossurf.npz"),
    "audit": line("audit data --widths 3,2,2"),
    "watch": line("watch run/*.npz --data data"),
    "plot": line("plot spectrum data -o out/f.svg", "f.svg", needs="matplotlib"),
    "demo": line("demo --keep out/shown", *(f"shown/{name}" for name in SHOWN), anew=True),
    "explain": line("explain bad-saddle"),
    "schema": line("schema check -o out/schema.json", "schema.json"),
}


def available() -> dict[str, Line]:
    """Command lines whose extras are installed."""
    return {name: it for name, it in LINES.items() if not it.needs or importlib.util.find_spec(it.needs)}


def make_home(home: Path) -> None:
    """Write what the command lines read, by lossurf itself where it can."""
    rng = np.random.default_rng(3)
    X = rng.standard_normal((40, 3))
    Y = X @ rng.standard_normal((3, 2)) + 0.3 * rng.standard_normal((40, 2))
    for folder in ("data", "run", "out"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    np.save(home / "data" / "X.npy", X)
    np.save(home / "data" / "Y.npy", Y)
    np.savez_compressed(home / "d.npz", X=X, Y=Y)
    np.savez(home / "d1.npz", X=X, Y=Y[:, :1])
    np.savetxt(home / "t.csv", np.column_stack([X, Y[:, 0]]), delimiter=",", header="a,b,c,y", comments="")
    hidden = rng.standard_normal((4, 3))
    np.savez(home / "relu.npz", **{"0.weight": hidden, "2.weight": rng.standard_normal((2, 4))})
    (home / "lossurf.yaml").write_text("data: d.npz\nformat: table\n")
    for argv in (
        ("construct", "bad-saddle", "--data", "data", "--widths", "3,2,2,2", "-o", "bad.npz"),
        ("construct", "strict-saddle", "--data", "data", "--widths", "3,2,2", "-o", "strict.npz"),
        ("construct", "global-minimum", "--data", "data", "--widths", "3,2,2", "-o", "run/step-2.npz"),
        ("classify", "bad.npz", "--data", "data", "--certificate", "c.npz"),
        ("reduce", "data", "-o", "s.lossurf.npz"),
    ):
        with chdir(home), redirect_stdout(StringIO()):
            assert run(group, argv) == 0, argv
    shutil.copy(home / "strict.npz", home / "run" / "step-1.npz")
    _write_extras(home, X, Y)


def _write_extras(home: Path, X: np.ndarray, Y: np.ndarray) -> None:
    W = np.linalg.lstsq(X, Y, rcond=None)[0].T
    if importlib.util.find_spec("safetensors"):
        from safetensors.numpy import save_file

        save_file({"W1": np.ascontiguousarray(W)}, home / "w.safetensors")
    if importlib.util.find_spec("h5py"):
        import h5py

        with h5py.File(home / "w.weights.h5", "w") as file:
            file["layers/dense/vars/0"] = W.T
    if importlib.util.find_spec("pyarrow"):
        import pyarrow
        from pyarrow import parquet

        columns = dict(zip("abcy", [*X.T, Y[:, 0]], strict=True))
        parquet.write_table(pyarrow.table(columns), home / "t.parquet")


@dataclass(frozen=True)
class Outcome:
    """What a run left behind."""

    code: int
    stdout: bytes
    stderr: str
    written: dict[str, bytes]
    others: tuple[str, ...]


def prepare(home: Path, it: Line, *, there: bool) -> set[str]:
    """Clear what an earlier run wrote, and put old files where targets are to be; return the names that lie there."""
    shutil.rmtree(home / "out")
    (home / "out").mkdir()
    if there and not it.anew:
        for path in (home / "out" / name for name in it.targets):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(OLD)
    return names(home)


def names(home: Path) -> set[str]:
    return {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()}


def outcome(home: Path, it: Line, told: tuple[int, bytes, str], before: set[str]) -> Outcome:
    """Collect what a run left: its exit code, what it printed and said, and its files."""
    paths = {name: home / "out" / name for name in it.targets}
    written = {name: path.read_bytes() for name, path in paths.items() if path.exists()}
    others = names(home) - before - {f"out/{name}" for name in it.targets}
    return Outcome(*told, written, tuple(sorted(others)))


def broken(found: Outcome, whole: Outcome, *, there: bool, ended: tuple[int, ...] = ()) -> list[str]:
    """What is wrong with a run in which something failed, beside the same undisturbed; `ended` are signals sent."""
    wrong = []
    if found.code not in {*RIGHT, *ended}:
        wrong.append(f"exit {found.code}")
    if "Traceback" in found.stderr or "Exception ignored" in found.stderr:
        wrong.append("a traceback")
    rows = found.stderr.splitlines()
    notes = [row for row in rows if row.startswith("lossurf: ") and not row.startswith("lossurf: error: ")]
    if found.code == 2 and len(rows) - len(notes) > 3:
        wrong.append("more than three lines beside notes")
    for name, data in found.written.items():
        if data != whole.written[name] and not (there and data == OLD):
            wrong.append(f"half of {name}: {len(data)} bytes")
    if found.code == whole.code:
        missing = [name for name in whole.written if found.written.get(name) != whole.written[name]]
        if missing or found.stdout != whole.stdout:
            wrong.append(f"exit {found.code} with another answer {missing}")
    if found.others:
        wrong.append(f"left behind {found.others}")
    return wrong
