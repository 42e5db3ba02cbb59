"""Formats of other programs that are not read: the line that turns each into one that is.

A line is Python, run by the user with the library that knows the format; lossurf runs none of them.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Final

from lossurf.errors import InputError
from lossurf.inputs.faults import fault
from lossurf.inputs.files import ending, file_size, open_binary

# Whatever Python object `d` is: a mapping of arrays, a pair (X, Y), or one array or table.
_X_AND_Y: Final = 'd if isinstance(d, dict) else dict(zip("XY", d)) if isinstance(d, tuple) else {"X": d}'
_SAVE_XY: Final = (
    f'd.to_csv(CSV, index=False) if hasattr(d, "to_csv") else numpy.savez(OUT, **({_X_AND_Y}))'  # with its names
)

# Every matrix in nested dicts and lists under the names on the way to it, layers of scikit-learn's models as lists.
_FLAT: Final = (
    'f = lambda p, v: f(p, v.item()) if getattr(v, "dtype", 0) == object and not v.shape else '
    '[q for k, w in (v.items() if hasattr(v, "items") else enumerate(v)) for q in f(f"{p}.{k}" if p else str(k), w)] '
    'if hasattr(v, "items") or isinstance(v, (list, tuple)) or getattr(v, "dtype", 0) == object else [(p, v)]; '
)
_MODEL: Final = (
    'd = {k: getattr(d, k) for k in ("coefs_", "intercepts_", "coef_", "intercept_") if hasattr(d, k)} or d; '
)
_SAVE_FLAT: Final = f'{_FLAT}numpy.savez(OUT, **dict(f("", d)))'

_PICKLE: Final = "a pickle, which can run code as it is read"
_HDF5: Final = (
    'import h5py, numpy; numpy.savez(OUT, **{k: VALUE for k, v in h5py.File(FILE).items() if hasattr(v, "shape")})'
)
_LIBSVM: Final = (
    "import numpy; from sklearn.datasets import load_svmlight_file; X, Y = load_svmlight_file(FILE); "
    "numpy.savez(OUT, X=X.toarray(), Y=Y)"
)
_ONNX: Final = (
    "import numpy, onnx, onnx.numpy_helper as h; "
    "numpy.savez(OUT, **{t.name: h.to_array(t) for t in onnx.load(FILE).graph.initializer})"
)
# A first row of numbers is no header: pandas would take it for one and change it.
_SHEET: Final = "import pandas; pandas.read_excel(FILE, header=None).to_csv(OUT, index=False, header=False)"
_COMPRESSED: Final = {
    ".bz2": ("bz2", "bz2.open(FILE).read()"),
    ".xz": ("lzma", "lzma.open(FILE).read()"),
    ".zst": ("zstandard", 'zstandard.open(FILE, "rb").read()'),
    ".zip": ("zipfile", "(lambda z: z.read(z.namelist()[0]))(zipfile.ZipFile(FILE))"),
}
_SHEETS: Final = (
    "import numpy, pandas; d = pandas.read_excel(FILE, sheet_name=None, header=None); "
    "numpy.savez(OUT, **{k: d[k].to_numpy(float) for k in d})"
)
# One matrix a file, under a header or none.
_TEXT: Final = (
    'import numpy; t = [open(f).read().replace(",", " ").splitlines() for f in [FILE]]; '
    'numpy.savez(OUT, *[numpy.loadtxt(r[r[0].strip()[:1] not in "-+.0123456789":], ndmin=2) for r in t])'
)

# ending: (what the format is, Python that reads FILE and writes OUT, the ending of OUT)
_DATA: Final[dict[str, tuple[str, str, str]]] = {
    **dict.fromkeys(
        (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods"),
        ("a spreadsheet", _SHEET, ".csv"),
    ),
    ".orc": ("a table of Apache ORC", "import pandas; pandas.read_orc(FILE).to_csv(OUT, index=False)", ".csv"),
    ".dta": ("a table of Stata", "import pandas; pandas.read_stata(FILE).to_csv(OUT, index=False)", ".csv"),
    ".sav": ("a table of SPSS", "import pandas; pandas.read_spss(FILE).to_csv(OUT, index=False)", ".csv"),
    **dict.fromkeys(
        (".sas7bdat", ".xpt"),
        ("a table of SAS", "import pandas; pandas.read_sas(FILE).to_csv(OUT, index=False)", ".csv"),
    ),
    ".arff": (
        "a table of Weka",
        "import pandas, scipy.io.arff; pandas.DataFrame(scipy.io.arff.loadarff(FILE)[0]).to_csv(OUT, index=False)",
        ".csv",
    ),
    **{
        f"{table}{end}": ("a compressed table", f'import {module}; open(OUT, "wb").write({read})', table)
        for table in (".csv", ".tsv", ".txt", ".dat")
        for end, (module, read) in _COMPRESSED.items()
    },
    **dict.fromkeys(
        (".pkl", ".pickle"),
        (
            _PICKLE,
            f'import numpy, pickle; d = pickle.load(open(FILE, "rb")); {_SAVE_XY}',
            ".npz",
        ),
    ),
    ".joblib": (_PICKLE, f"import numpy, joblib; d = joblib.load(FILE); {_SAVE_XY}", ".npz"),
    **dict.fromkeys(
        (".pt", ".pth"),
        (
            "a file of PyTorch, which is read as a checkpoint only",
            f"import numpy, torch; d = torch.load(FILE, weights_only=True); {_SAVE_XY}",
            ".npz",
        ),
    ),
    ".npy.gz": ("a compressed array", "import gzip, numpy; numpy.save(OUT, numpy.load(gzip.open(FILE)))", ".npy"),
    ".safetensors": (
        "a file of tensors, which is read as a checkpoint only",
        "import numpy; from safetensors.numpy import load_file; numpy.savez(OUT, **load_file(FILE))",
        ".npz",
    ),
    **dict.fromkeys(
        (".h5", ".hdf5"),
        ("an HDF5 file, which is read as a checkpoint only", _HDF5.replace("VALUE", "v[()]"), ".npz"),
    ),
    **dict.fromkeys(
        (".libsvm", ".svmlight", ".svm"),
        ("a table in the sparse format of LIBSVM", _LIBSVM, ".npz"),
    ),
}
_CHECKPOINTS: Final[dict[str, tuple[str, str, str]]] = {
    **dict.fromkeys(
        (".pkl", ".pickle"),
        (
            _PICKLE,
            f'import numpy, pickle; d = pickle.load(open(FILE, "rb")); {_MODEL}{_SAVE_FLAT}',
            ".npz",
        ),
    ),
    ".joblib": (
        _PICKLE,
        f"import numpy, joblib; d = joblib.load(FILE); {_MODEL}{_SAVE_FLAT}",
        ".npz",
    ),
    ".onnx": ("an ONNX graph", _ONNX, ".npz"),
    **dict.fromkeys(
        (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods"),
        ("a spreadsheet", _SHEETS, ".npz"),
    ),
    ".json": (
        "JSON",
        "import json, numpy; numpy.savez(OUT, **{k: numpy.array(v) for k, v in json.load(open(FILE)).items()})",
        ".npz",
    ),
    **dict.fromkeys(
        (".csv", ".txt", ".dat", ".tsv"),
        ("a text table, which holds one matrix at most", _TEXT, ".npz"),
    ),
}

# A .mat file is HDF5 from version 7.3 on, and its matrices are then transposed.
_MATLAB: Final = (
    'import numpy, scipy.io; numpy.savez(OUT, **{k: v for k, v in scipy.io.loadmat(FILE).items() if k[0] != "_"})',
    'import h5py, numpy; numpy.savez(OUT, **{k: v[()].T for k, v in h5py.File(FILE).items() if hasattr(v, "shape")})',
)
_JSON_ENDINGS: Final = (".json", ".jsonl", ".ndjson", ".json.gz", ".jsonl.gz", ".ndjson.gz")
_JSON: Final = {
    ".csv": "import pandas; pandas.read_json(FILE, lines=LINES, precise_float=True).to_csv(OUT, index=False)",
    ".npz": "import numpy, pandas; d = pandas.read_json(FILE, lines=LINES, precise_float=True); "
    "numpy.savez(OUT, **{str(k): numpy.array(d[k].tolist()) for k in d})",
}
_R: Final = {
    ".rds": "write.csv(readRDS(FILE), OUT, row.names = FALSE)",
    **dict.fromkeys((".rda", ".rdata"), "write.csv(get(load(FILE)), OUT, row.names = FALSE)"),
}
_R_LAYERS: Final = 'for (k in names(d)) write.csv(d[[k]], paste0(OUT, k, ".csv"), row.names = FALSE)'
_R_CHECKPOINTS: Final = {
    ".rds": f"d <- readRDS(FILE); if (!is.list(d)) d <- list(W1 = d); {_R_LAYERS}",
    **dict.fromkeys((".rda", ".rdata"), f"load(FILE, e <- new.env()); d <- as.list(e); {_R_LAYERS}"),
}
# Packages by the names they are imported under, and what pandas reads some formats with.
_PACKAGES: Final = {
    name: name for name in ("pandas", "joblib", "torch", "safetensors", "h5py", "onnx", "zstandard")
} | {"sklearn": "scikit-learn"}
_ENGINES: Final = {
    **dict.fromkeys((".xlsx", ".xlsm"), "openpyxl"),
    ".xls": "xlrd",
    ".xlsb": "pyxlsb",
    ".ods": "odfpy",
    ".sav": "pyreadstat",
    ".orc": "pyarrow",
}
_HEAD: Final = 1 << 16  # bytes of a text that tell how it is laid out


def refuse_data(path: Path) -> None:
    """Refuse a data file of a format that is known and not read, with the line that converts it.

    Raises
    ------
    InputError
        For those formats only.
    """
    if end := ending(path, tuple(_R)):
        raise _refusal(path, "a file of R", _R[end], ".csv", program="Rscript -e")
    if end := ending(path, _JSON_ENDINGS):
        lines = not end.startswith(".json") or end.startswith(".jsonl")
        out = ".npz" if _holds_vectors(_head(path), lines=lines) else ".csv"
        raise _refusal(path, "JSON", _JSON[out].replace("LINES", str(lines)), out)
    _refuse(path, _DATA)


def refuse_checkpoint(path: Path) -> None:
    """Refuse a checkpoint of a format that is known and not read, with the line that converts it.

    Raises
    ------
    InputError
        For those formats only.
    """
    if end := ending(path, tuple(_R_CHECKPOINTS)):
        raise _refusal(path, "a file of R", _R_CHECKPOINTS[end], "-", program="Rscript -e")
    _refuse(path, _CHECKPOINTS)


def flattening_line(name: str) -> str:
    """Return the line that writes what an .npz or .npy holds in Python objects as plain named arrays."""
    load = 'd = numpy.load(FILE, allow_pickle=True); d = dict(d) if hasattr(d, "files") else d'
    code = f"import numpy; {load}; {_SAVE_FLAT}"
    return python_line(Path(name), code, "-flat.npz")


def flattening() -> str:
    """Return Python that writes every array in `d`, nested dicts and lists, to OUT, an .npz."""
    return _SAVE_FLAT


def python_line(path: Path, code: str, out: str) -> str:
    """Return the command that runs Python in which FILE is a file and OUT one beside it with another ending."""
    return f"python -c {_quoted(filled(path, code, out))}"


def _quoted(code: str) -> str:
    import shlex

    return shlex.quote(code)


def _refuse(path: Path, known: dict[str, tuple[str, str, str]]) -> None:
    if ending(path, (".mat",)):
        raise _refusal(path, "a file of MATLAB", _MATLAB["MATLAB 7.3" in _head(path)], ".npz")
    if end := ending(path, tuple(known)):
        raise _refusal(path, *known[end])


def _refusal(path: Path, kind: str, code: str, out: str, program: str = "python -c") -> InputError:
    file_size(path)  # that the file is missing, or a pointer to it, is the better message
    trust = "where it is your own, " if kind == _PICKLE else ""
    tool = "R" if program.startswith("R") else _packages(path, code)
    return fault(
        "other-format",
        name=str(path),
        kind=kind,
        trust=trust,
        tool=tool,
        line=f"{program} {_quoted(filled(path, code, out))}",
    )


def _packages(path: Path, code: str) -> str:
    """Name what has to be installed for a line to work."""
    found = [package for package in _PACKAGES if re.search(rf"\b{package}\b", code)] or ["Python"]
    engine = _ENGINES.get(ending(path, tuple(_ENGINES)) or "")
    tools = " and ".join([*(_PACKAGES.get(package, package) for package in found), *([engine] if engine else [])])
    return f"{tools}, with the files of other layers in the list" if code == _TEXT else tools


def _head(path: Path) -> str:
    with open_binary(path) as file:
        head = file.read(_HEAD)
    if path.name.lower().endswith(".gz"):
        import zlib

        with suppress(zlib.error):
            head = zlib.decompressobj(31).decompress(head, _HEAD)
    return head.decode("latin-1")


def _holds_vectors(head: str, *, lines: bool) -> bool:
    """Tell whether the samples of a JSON text hold lists of numbers rather than one number a column."""
    records = lines or head.lstrip("\ufeff \t\r\n").startswith("[")
    return re.search(r":\s*\[" if records else r":\s*\[\s*\[", head) is not None


def filled(path: Path, code: str, out: str) -> str:
    """Put the names of the files into code."""
    import json

    stem = path.name
    while Path(stem).suffix.lower() in _SUFFIXES:
        stem = Path(stem).stem
    names = {"FILE": path, "OUT": path.with_name(stem + out), "CSV": path.with_name(stem + ".csv")}
    return re.sub(r"\b(FILE|OUT|CSV)\b", lambda word: json.dumps(str(names[word[0]]), ensure_ascii=False), code)


_SUFFIXES: Final = frozenset(
    part
    for end in (".npz", ".npy", ".mat", ".ckpt", ".bin", ".tar", ".msgpack", *_JSON_ENDINGS, *_R, *_DATA, *_CHECKPOINTS)
    for part in Path("x" + end).suffixes
)
