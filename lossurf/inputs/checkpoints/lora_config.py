"""adapter_config.json, which PEFT and MLX write beside an adapter: its scale, and what changes its function."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lossurf.inputs.faults import fault
from lossurf.inputs.files import exists, file_size, open_binary
from lossurf.inputs.memory import require_memory

CONFIG_NAME: Final = "adapter_config.json"
LEAST, MOST = 1e-30, 1e30  # of a scale: far from where float64 loses digits, and from what anyone trains with
_LARGEST: Final = 1 << 24  # bytes; patterns for every module of a large model take a few hundred kilobytes

# Settings under which a module adds something else than the scaled product of its two matrices.
_CHANGES: Final = {
    "use_dora": "normalises the adapted weight",
    "use_qalora": "averages groups of inputs first",
    "use_bdlora": "splits the matrices into blocks",
    "alora_invocation_tokens": "acts on some tokens only",
    "arrow_config": "chooses between adapters for each input",
    "kasa_config": "puts singular values between the matrices",
    "monteclora_config": "draws the matrices at random",
}
_KNOWN_USES: Final = {"use_rslora", *_CHANGES}
_LONGEST_PATTERN: Final = 1000
_MOST_WAYS: Final = 10**7  # to share a name among what repeats, a second's search; groups that repeat have more


@dataclass(frozen=True)
class LoraConfig:
    """The configuration of an adapter, and where it is."""

    name: str
    values: Mapping[str, Any]

    def require_plain(self) -> None:
        """Refuse by name what is no LoRA adapter, or one whose function is not the scaled product.

        Raises
        ------
        InputError
        """
        kind = self.values.get("peft_type") or self.values.get("fine_tune_type") or "LORA"
        if str(kind).upper() != "LORA":
            raise fault("adapter-kind", self.name, key="peft_type", value=kind, effect="is another kind of adapter")
        for key, value in self.values.items():
            if key in _CHANGES and value:
                raise fault("adapter-kind", self.name, key=key, value=_shown(value), effect=_CHANGES[key])
            if key.startswith("use_") and key not in _KNOWN_USES and value:
                raise fault("adapter-kind", self.name, key=key, value=_shown(value), effect="is not known here")

    def scale(self, module: str, rank: int) -> tuple[float, str] | None:
        """Return the factor of a module's product and how it comes about; None where nothing tells.

        Raises
        ------
        InputError
            If what tells it is no number, or contradicts the matrices' rank.
        """
        mlx = self.values.get("lora_parameters")
        if isinstance(mlx, Mapping) and "scale" in mlx:
            factor = self._number(mlx["scale"], "lora_parameters.scale")
            return factor, f"the scale {factor:g}"
        alpha = self._of_module("alpha_pattern", module, self.values.get("lora_alpha"))
        stated = self._of_module("rank_pattern", module, self.values.get("r"))
        if stated is not None and self._number(stated, "r") != rank:
            raise fault("adapter-rank", self.name, module=module, stated=stated, rank=rank)
        if alpha is None:
            return None
        number = self._number(alpha, "lora_alpha")
        if self.values.get("use_rslora"):
            factor = number / math.sqrt(rank)
            return factor, f"alpha / sqrt(r) = {number:g} / sqrt({rank}) = {factor:g}"
        return number / rank, f"alpha / r = {number:g} / {rank} = {number / rank:g}"

    def _of_module(self, key: str, module: str, default: object) -> object:
        """Return a value that a pattern gives the module, as PEFT matches them: the end of its name, from a dot on."""
        patterns = self.values.get(key) or {}
        if not isinstance(patterns, Mapping):
            raise fault("adapter-alpha", self.name, value=f"{key} is no table of patterns")
        for pattern, value in patterns.items():
            if self._matches(pattern, module):
                return value
        return default

    def _matches(self, pattern: str, module: str) -> bool:
        if module == pattern or module.endswith(f".{pattern}"):
            return True
        repeats = len(re.findall(r"[*+?{]", pattern)) + 1  # and one before the pattern
        ways = math.comb(len(module) + repeats, repeats) if len(pattern) <= _LONGEST_PATTERN else math.inf
        if ways > _MOST_WAYS or re.search(r"\)[*+?{]", pattern):
            raise fault("adapter-pattern", self.name, pattern=_shown(pattern))
        try:
            return re.match(rf"(.*\.)?({pattern})$", module) is not None
        except re.error:
            raise fault("adapter-pattern", self.name, pattern=_shown(pattern)) from None

    def _number(self, value: object, key: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not LEAST <= abs(value) <= MOST:
            raise fault("adapter-alpha", self.name, value=f"{key} is {_shown(value)}")
        return float(value)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."


def read_config(path: Path) -> LoraConfig | None:
    """Read the configuration beside an adapter, if there is one.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    if not exists(path):
        return None
    require_memory(str(path), file_size(path), _LARGEST)
    try:
        with open_binary(path) as file:
            values = json.loads(file.read())
    except (ValueError, RecursionError) as error:
        raise fault("damaged", name=str(path), format="JSON", reason=str(error)[:200]) from None
    if not isinstance(values, dict):
        raise fault("damaged", name=str(path), format="JSON", reason="it is not a table of settings")
    return LoraConfig(str(path), values)
