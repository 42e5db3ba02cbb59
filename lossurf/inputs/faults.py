"""The catalogue of everything a reader refuses: each failure is written once, as what is wrong and what to do next.

The place (file, line, column, array, key) is added where the failure is met.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from lossurf.errors import InputError

# id: (what is wrong, what to do next). Fields in braces are filled in by `fault`.
FAULTS: Final[dict[str, tuple[str, str]]] = {
    # files
    "no-file": ("there is no file {name!r}", "{hint}check the path"),
    "not-readable": ("{name!r} cannot be read: {reason}", "check its permissions and that the disk is healthy"),
    "is-directory": ("{name!r} is a directory", "name one file in it"),
    "not-regular": ("{name!r} is {kind}, not a regular file", "write its contents to a file first and name that"),
    "empty-file": ("{name!r} is empty", "write it again; the program that made it may have been interrupted"),
    "pointer": ("{name!r} is {kind}, not the file it stands for", "run {command}, which fetches the file"),
    "unknown-format": ("{name!r} has no ending that tells its format", "{hint}known endings are {known}"),
    "other-format": ("{name!r} is {kind}", "{trust}convert it with {tool}: {line}"),
    "damaged": (
        "{name!r} is not a readable {format} file: {reason}",
        "write it again, or copy it again if it was moved",
    ),
    "deep-pattern": (
        "the pattern {pattern!r} has '**' in more than {most} places, which could search for ever",
        "write the directories out, or name them with *",
    ),
    "terminal": ("standard input is a terminal", "pipe an .npz file into the command"),
    "too-big": (
        "{name} would take {needed} of memory and {limit} may be used",
        "give --max-memory a larger size if the machine has it, or make the file smaller",
    ),
    # the two-file conventions of DATA
    "no-pair": (
        "{name!r} holds no {letter} file (found: {found})",
        "put one file named {letter}.npy or {letter}.csv there{alone}",
    ),
    "two-candidates": (
        "{name!r} holds more than one {letter} file: {found}",
        "remove one, or name the files with --x and --y",
    ),
    "no-data": ("no data were named and there is no directory {name!r}", "name the data, or give --x FILE --y FILE"),
    "half-pair": (
        "--{given} was given without --{missing}",
        "give both --x FILE and --y FILE, or --x FILE --autoencoder where Y is X itself",
    ),
    "data-twice": ("the data were named twice: DATA {name!r} and --x/--y", "leave one of them out"),
    "no-target": (
        "{name!r} is one table and nothing says which of its columns is Y",
        "name Y's columns with --target COLUMN, or give --autoencoder where Y is the table itself",
    ),
    "no-target-array": (
        "{name!r} is one array, and both X and Y are needed",
        "give --x FILE --y FILE, or --autoencoder where Y is X itself",
    ),
    "stray-target": ("--target goes with one table, and {name!r} already has X and Y apart", "leave --target out"),
    "no-array": (
        "{name!r} holds no array named {letter} (found: {found})",
        "{hint}save the arrays under the names X and Y{alone}",
    ),
    "two-for-one": ("--autoencoder reads Y from the file of X, and --y names {name!r}", "leave one of the two out"),
    "summary-alone": ("a summary has X and Y already", "leave --autoencoder out: give it where the summary is made"),
    "half-address": ("one of X and Y is an address and the other is missing or a plain file", "give addresses of both"),
    "no-shards": ("no file matches {name!r}", "check the pattern, and that the shell left it in quotes"),
    "mixed-tables": (
        "{name!r} holds tables of several formats: {found}",
        "name the ones to read by a pattern in quotes, such as 'DIRECTORY/*.csv'",
    ),
    "lone-shard": (
        "{found}: no {letter} file has the same name",
        "name the files of X and Y alike, such as X-001.npy and Y-001.npy",
    ),
    "shard-columns": ("the file has {counts}", "give only files with the same columns"),
    "shard-names": (
        "the column {name!r} stands where {first!r} has {expected!r}",
        "give every file the same columns in the same order",
    ),
    "joined-summaries": ("a pattern names summaries", "merge them first: lossurf reduce FILES... -o FILE"),
    "summary-version": (
        "the summary has format version {version} and this lossurf reads {known}",
        "write it again with this lossurf, or update lossurf",
    ),
    "samples-needed": (
        "a summary holds no samples, and this needs them",
        "give the data themselves",
    ),
    "stray-samples": ("a summary has its samples no more", "leave --samples columns out"),
    # arrays
    "object-array": (
        "the array holds Python objects, which would need unpickling",
        "save plain numbers, each array under a name of its own",
    ),
    "nested-objects": (
        "the array holds Python objects, such as nested dictionaries, which would need unpickling",
        "where the file is your own, flatten it with: {line}",
    ),
    "complex-array": ("the array is complex ({dtype})", "save real numbers: the real and imaginary parts apart"),
    "text-array": ("the array holds text ({dtype})", "convert it to numbers before saving: array.astype(float)"),
    "structured-array": (
        "the array has record or raw type {dtype}",
        "save plain numbers: bfloat16 as float32, fields as columns",
    ),
    "date-array": (
        "the array holds dates or durations ({dtype})",
        "convert it to numbers, for example days since the first",
    ),
    "unknown-dtype": ("the number type {dtype!r} is not one this machine has", "save the array as float64"),
    "dimensions": ("{letter} has {ndim} (shape {shape})", "{remedy}"),
    "no-samples": ("{letter} has no sample (shape {shape})", "give at least one row of X and Y"),
    "no-columns": ("{letter} has no column (shape {shape})", "give at least one column"),
    "layer-not-finite": ("{letter} holds {value}", "use a checkpoint from before training diverged"),
    "not-finite": (
        "{letter} holds {value}",
        "correct or remove that sample, in both files if X and Y are two; nothing is dropped silently",
    ),
    "missing-target": (
        "{letter} holds NaN: with entries missing, minima can be spurious and no verdict is known",
        "fill it in, or remove that sample, from X too; see 'lossurf explain missing-entries'",
    ),
    "beyond-float64": (
        "the value {value} is too large for float64",
        "rescale the data; the verdict does not depend on units",
    ),
    "masked": ("{letter} has masked entries", "fill or remove them; nothing is dropped silently"),
    "not-an-array": (
        "{letter} is not an array of numbers: {reason}",
        "give a two-dimensional numpy array, rows = samples",
    ),
    "lying-header": (
        "the header promises {promised} of numbers and the file holds {held}",
        "the file is cut short or damaged: write it again",
    ),
    "trailing-bytes": ("{extra} follow the array", "save each array in a file of its own"),
    "shrunk": ("the file became shorter while it was being read", "run again when nothing writes to it"),
    "mismatch": ("X has {x} samples and Y has {y}", "{remedy}"),
    "factor-too-big": (
        "the {n} columns of X and Y need a triangular factor of {needed} and {limit} of memory may be used",
        "select columns with --columns, or raise --max-memory",
    ),
    # zip archives
    "twice-in-archive": ("the archive holds {array!r} twice", "save each array once"),
    "too-many-arrays": (
        "the file holds {count} arrays and at most {most} are read",
        "save the layers of one network alone",
    ),
    "too-many-entries": (
        "the archive lists more than {most} entries, or names too long for them",
        "save the arrays that are needed alone, or check that the archive is what it should be",
    ),
    "encrypted": ("{array!r} in the archive is encrypted", "save it without a password"),
    "not-npy-entry": ("{array!r} in the archive is not an array", "save the archive with numpy.savez"),
    # text tables
    "not-text": ("the file is not text: {reason}", "save the table as UTF-8 text, as 'CSV UTF-8' of a spreadsheet"),
    "long-line": (
        "the line is longer than {limit} characters",
        "check that it is a table of numbers, one sample a line",
    ),
    "no-rows": ("the table has no row of numbers", "give at least one row"),
    "ragged": (
        "{found} where {expected} are expected",
        "complete the row, or quote cells that contain {delimiter!r}",
    ),
    "ragged-header": (
        "{found} where {names} are expected: as many as the header has names",
        "give every column a name, or quote names and cells that contain {delimiter!r}",
    ),
    "missing-cell": (
        "the cell is {cell}: a missing value",
        "fill it in or remove the sample; 'lossurf explain missing-entries' says why Y's count too",
    ),
    "text-cell": (
        "the cell {cell} is not a number",
        "correct it, write {categories}, or leave its column out with {leave}",
    ),
    "date-cell": (
        "the cell {cell} is a date or time, not a number",
        "write it as a number, such as days since the first, or leave its column out with {leave}",
    ),
    "grouped-cell": (
        "the cell {cell} has separators between thousands",
        "write the number without them: 1234.5, or 1234,5 where commas are decimal",
    ),
    "unit-cell": ("the cell {cell} has a unit beside its number", "write the number alone"),
    "minus-cell": ("the cell {cell} has the sign U+2212 for a minus", "write the minus as '-'"),
    "comment-cell": (
        "the cell {cell} holds a comment behind its number",
        "give comments lines of their own: a # later in a line begins none",
    ),
    "non-finite-cell": (
        "the cell {cell} is not finite",
        "correct it or remove the sample; 'lossurf explain missing-entries' says why Y's count too",
    ),
    "mixed-marks": (
        "the cell {cell!r} uses another decimal mark than the cells before it",
        "use one decimal mark throughout",
    ),
    "thousands": (
        "the cell {cell!r} may be a fraction or have a thousands separator",
        "write it with a decimal point, or without separators",
    ),
    "bad-quotes": ("the quotes in the line do not close", "close them, or remove them"),
    "half-header": (
        "the first line mixes names and numbers ({cell!r} is a number)",
        "give every column a name in quotes, or correct the cells that are not numbers",
    ),
    "maybe-index": (
        "the first column may be row numbers and not data: {reason}",
        "leave it out with {options}, or read it as data with --no-index",
    ),
    "target-is-index": ("the column {column!r} is both a target and in --index", "leave it out of one of them"),
    "index-is-all": ("--index leaves no column", "name the column of row names only"),
    # columns
    "no-column": ("there is no column {column!r}", "{hint}the columns are {known}"),
    "two-columns": ("{count} columns are named {column!r}", "select it by its number"),
    "no-names": (
        "the column {column!r} is asked for by name and the file has no header",
        "give its number, counted from 1",
    ),
    "target-is-all": ("every column is a target", "leave at least one column to be X"),
    "nothing-left": ("no column of X is left", "select fewer columns with --drop"),
    "target-selected": ("the column {column!r} is both a target and in --columns", "leave it out of one of them"),
    "column-type": ("the column {column!r} has type {dtype}", "convert it to numbers, or leave it out with {leave}"),
    "null-cell": (
        "the column {column!r} has a missing value",
        "fill it in or remove the sample; 'lossurf explain missing-entries' says why Y's count too",
    ),
    # weights of samples and outputs, and what is subtracted
    "weights-target": (
        "the column {column!r} cannot be the weights: it is a target too, or more than one column",
        "name one column that --target does not name",
    ),
    "weights-shape": ("the weights have shape {shape}", "give one row or one column of numbers"),
    "weights-count": (
        "there are {found} weights and {samples} samples",
        "give one weight for each sample, in the order of the samples",
    ),
    "weight-negative": ("the weight {value} is negative", "give weights from 0 on"),
    "weights-zero": ("every sample has weight 0", "give at least one sample a weight above 0"),
    "output-weights": ("there are {found} weights of outputs and {dy} outputs", "give one weight for each column of Y"),
    "output-weight": (
        "the weight {value} of an output is not above 0",
        "give a number above 0; an output that does not count is left out of Y and of the network",
    ),
    "output-weights-text": (
        "{given!r} is no list of finite numbers and no file of them",
        "give one weight for each column of Y, such as 1,2,0.5, or a file such as v.npy",
    ),
    "base-layers": (
        "the base is one matrix, and {count} are there: {found}",
        "name one with --base-layer NAME",
    ),
    "no-base-layer": ("there is no matrix {name!r}", "{hint}the matrices are {found}"),
    "base-shape": (
        "the base has shape {shape}",
        "give a weight of shape (dy, dx) = ({dy}, {dx}), outputs first, or predictions of shape (samples, {dy})",
    ),
    "base-count": ("there are predictions of {found} samples and {samples} samples", "predict the samples of the data"),
    "base-bias": ("the bias of the base has {found} numbers and Y {dy} columns", "take another layer as the base"),
    "residual-shape": (
        "a residual network has as many outputs as inputs, and here dx = {dx} and dy = {dy}",
        "leave out --residual, or give the skip connection's matrix with --base FILE",
    ),
    # checkpoints
    "too-deep": (
        "the network has {count} layers and at most {most} are analysed: the time grows with their number squared",
        "choose fewer with --layers, or multiply neighbouring layers where only the product matters",
    ),
    "no-weights": ("the checkpoint holds no weight matrix", "save at least one two-dimensional array"),
    "not-linear": ("{name!r} {kind}: not a layer of a linear network", "{remedy}"),
    "no-layer": ("there is no layer {layer!r}", "{hint}the weight matrices are {known}"),
    "no-match": ("no weight matrix matches {pattern!r}", "the weight matrices are {known}"),
    "two-layers": ("{layer!r} can mean {found}", "give the full name"),
    "layer-twice": ("the layer {layer!r} is listed twice", "list each layer once"),
    "no-chain": ("the layers do not chain from {dx} inputs to {dy} outputs: {shapes}", "{remedy}"),
    "bias-shape": (
        "the bias {name!r} has shape {shape} and its layer has {width} outputs",
        "save the bias of that layer as a vector",
    ),
    "two-orientations": (
        "the names tell two orientations, as kernel and weight do: {names}",
        "save all layers in one orientation, or say it with --orientation",
    ),
    "ambiguous": ("the layers chain from {dx} to {dy} in more than one way: {shown}", "{remedy}"),
    "half-autoencoder": (
        "{names} chains between {dx} and {h} only, and X and Y have {dx} columns each: half of an autoencoder",
        "save encoder and decoder: the matrix and its transpose, judged as free; `classify --tied` judges a tied one",
    ),
    "encoder-alone": (
        "{names} is an encoder without a decoder: a tied autoencoder uses its transpose too",
        "save the decoder's matrix too; where nothing follows, save the layers as W1, W2, ...",
    ),
    "tied": (
        "the one matrix {name!r} has a bias on either side ({biases}), as a tied autoencoder has",
        "save it as two layers, the matrix and its transpose; that is judged as if both were free",
    ),
    "tied-shape": (
        "{name!r} has shape {shape} and X has {dx} columns: no encoder of these data",
        "give the matrix (hidden units, inputs) that was trained on these data",
    ),
    "tied-bias": (
        "a bias at {names}: the theory of a tied autoencoder is that of one matrix without biases",
        "train it without biases on centred data; biases beside two free matrices are judged without --tied",
    ),
    "tied-depth": (
        "{count} layers, and a tied autoencoder is one matrix, or it and its transpose",
        "leave out --tied, which judges all layers as free, or choose one with --layers",
    ),
    "tied-differ": (
        "{last!r} is not the transpose of {first!r}: their entries differ by up to {difference}",
        "leave out --tied: the two matrices are free; or choose one of them with --layers",
    ),
    "frozen-name": ("no layer {name!r} to freeze", "{hint}the layers are {known}"),
    "frozen-all": (
        "all layers are frozen, and no parameter is left to judge",
        "give --frozen the names of those that were not trained",
    ),
    "frozen-bias": (
        "a bias at {names} and none at {last!r}, the last trained layer: that loss has no exact reduction",
        "train {last!r} with a bias, or those without; biases of frozen first and last layers may stay",
    ),
    "frozen-zero": (
        "the product of the frozen layers {names} is zero, so that the loss does not depend on the trained ones",
        "check the file, or the names that are given to --frozen",
    ),
    "frozen-range": (
        "the product of the frozen layers {names} leaves the range of float64",
        "rescale them to unit size, which changes no verdict",
    ),
    "coded-layer": (
        "{name!r} is not its layer's matrix: {other!r} beside it {kind}",
        "{remedy}",
    ),
    "bias-alone": (
        "the bias {name!r} belongs to no weight matrix",
        "save the weight matrix of its layer too, or name weight and bias alike, such as 0.weight and 0.bias",
    ),
    "inner-bias": (
        "{names} {verb} a bias and the output layer {last!r} has none",
        "train with a bias on the output layer too, or with none at all: this case has no exact reduction",
    ),
    "bias-count": ("{biases} biases for {weights} weight matrices", "give one bias, or None, for each layer"),
    "biases-twice": ("biases were given beside a state dict, which holds its own", "leave them out"),
    "pickled": (
        "the file needs unpickling, which can run code and is never done{reason}",
        "save the tensors alone: torch.save(model.state_dict(), ...)",
    ),
    "pickled-object": (
        "the file holds {object}{at}, which needs unpickling; that can run code and is never done",
        "{advice}: {line}",
    ),
    "torchscript": ("the file is a TorchScript program, which is not run", "save its tensors alone: {line}"),
    "no-tensors": (
        "the file holds {found}, not named tensors",
        "save a state dict: torch.save(model.state_dict(), ...)",
    ),
    "tensor-kind": ("the tensor is {kind}", "save it as a dense tensor of floating-point numbers"),
    # checkpoints in several files
    "checkpoint-directory": ("{name!r} is a directory", "name one file in it{example}"),
    "orbax-several": (
        "{name!r} holds several {kind} of an orbax checkpoint: {names}",
        "name one of them, such as {last!r}",
    ),
    "dcp": ("{name!r} is a checkpoint of torch.distributed", "join its files with: {line}"),
    "one-shard": (
        "the file is shard {number}{of}, and the others hold the rest of the network",
        "name the index {index!r} {beside}",
    ),
    "shard-outside": (
        "the index names the file {shard!r}, which is outside its directory",
        "put index and shards in one directory",
    ),
    "index-disagrees": (
        "{names} {fact} the shard {shard!r}, against what the index says",
        "copy the index and every shard again from one save",
    ),
    "index-size": (
        "the index states {stated} of numbers and its shards hold {held}",
        "copy the index and every shard again from one save",
    ),
    # adapters
    "adapter-empty": ("the adapter holds no {wanted}", "save it again: model.save_pretrained(DIRECTORY)"),
    "several-modules": (
        "the adapter has {count} modules, each a network of its own: {known}",
        "choose one with --module NAME; the data are that module's inputs and what it has to add",
    ),
    "no-module": ("the adapter has no module {module!r}", "{hint}its modules are {known}"),
    "adapter-half": ("{name!r} has no second matrix", "save the adapter again: model.save_pretrained(DIRECTORY)"),
    "adapter-shape": (
        "{name!r} has shape {shape}: not a matrix that goes with the other one of a linear layer's adapter",
        "choose a module that is a linear layer with --module NAME",
    ),
    "adapter-widths": (
        "the adapter of module {module!r} has {inputs} inputs and {outputs} outputs, and the data have {wanted}",
        "give the module's inputs as X, and as Y what is left of its outputs once the base's are subtracted",
    ),
    "adapter-beside": (
        "{name!r} {kind}: the module {module!r} is not the product of two matrices alone",
        "save the whole layer instead: model.merge_and_unload().state_dict()",
    ),
    "adapter-kind": (
        "the adapter has {key} = {value}, which {effect}: it is not the product of two matrices",
        "save the whole layer instead: model.merge_and_unload().state_dict()",
    ),
    "adapter-scale": (
        "nothing tells the scale of the adapter, alpha / r",
        "put its {config} beside it, or give the scale with --scale",
    ),
    "adapter-alpha": ("the scale cannot be told: {value}", "give the scale, alpha / r, with --scale"),
    "adapter-rank": (
        "the configuration says r = {stated} for the module {module!r} and its matrices have rank {rank}",
        "put the configuration that was saved with the adapter beside it, or give the scale with --scale",
    ),
    "adapter-pattern": (
        "the pattern {pattern} is no regular expression, or one that could take too long",
        "give the module's scale, alpha / r, with --scale",
    ),
    "adapter-layers": (
        "a LoRA adapter's layers are those of its modules",
        "leave --layers out, and give --module NAME",
    ),
    "adapter-relu": ("a LoRA adapter is a linear map, not a network of ReLUs", "judge it with 'lossurf classify'"),
    "no-network": ("a {kind} is no network", "give a list of matrices, a state dict, a model or the path of a file"),
    "no-batch": (
        "a batch is no pair of X and Y: a {kind} of {items} items",
        "give pairs: ((x, y) for x, y in loader)",
    ),
    "no-batches": ("there is no batch to reduce", "give an iterable of pairs (X, Y) that was not used up before"),
    "adapter-in-python": (
        "the arrays are those of a LoRA adapter, and nothing tells its scale",
        "give one module's two matrices in a list, the scale in one of them: [A, alpha / r * B]",
    ),
    "no-adapter": ("--{option} is for LoRA adapters, and the file is none", "leave --{option} out"),
    # certificates
    "not-a-certificate": (
        "the certificate's claim is incomplete: {key} must be {kind}",
        "write it again with 'lossurf classify --certificate'",
    ),
    "certificate-version": (
        "the certificate has format version {version!r} and this lossurf reads 1.x",
        "verify it with the version of lossurf that wrote it",
    ),
    "certificate-array": (
        "the certificate's array {name!r} cannot be used: {reason}",
        "write it again with 'lossurf classify --certificate'",
    ),
    "outside-file": ("{name!r} is a link, not the numbers themselves", "save the weights themselves in the file"),
}


def fault(identifier: str, where: str | None = None, **facts: object) -> InputError:
    """Build the error for one entry of the catalogue.

    Parameters
    ----------
    identifier : str
        Key of `FAULTS`.
    where : str, optional
        The place, see `place`.
    **facts
        The fields of the entry.

    Returns
    -------
    InputError
    """
    what, remedy = FAULTS[identifier]
    return InputError(what.format(**facts), where=where, remedy=remedy.format(**facts))


def place(name: str, **parts: object) -> str:
    """Name a place: place("X.csv", line=3, column="2 (age)") is "X.csv, line 3, column 2 (age)"."""
    return ", ".join([name, *(f"{key} {value}" for key, value in parts.items() if value is not None)])


def hint(word: str, known: Iterable[str]) -> str:
    """Return "did you mean 'X'? " for the nearest known word, or nothing."""
    import difflib

    candidates = list(known)
    lowered = {candidate.lower(): candidate for candidate in reversed(candidates)}
    nearest = difflib.get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)
    return f"did you mean {lowered[nearest[0]]!r}? " if nearest else ""


def count(number: int, noun: str) -> str:
    """Write a number of things: "1 cell", "3 cells"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listing(names: Iterable[object], most: int = 8) -> str:
    """List names for a message, cut after `most`."""
    words = [str(name) for name in names]
    more = f", ... ({len(words)} in all)" if len(words) > most else ""
    return ", ".join(words[:most]) + more if words else "nothing"
