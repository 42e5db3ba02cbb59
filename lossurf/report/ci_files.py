"""Files for CI systems that judge checkpoints: each written as text around one command line.

User text enters in three places only: a shell word is quoted by the shell's rules, a line of YAML is a JSON string,
which YAML reads as it is, and a line of Groovy has its two special characters escaped.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from lossurf.errors import UsageError

EXTRAS: Final = {
    "safetensors": (".safetensors",),
    "torch": (".pt", ".pth", ".pt.tar", ".pth.tar", ".ckpt", ".bin"),
    "keras": (".h5", ".hdf5", ".keras"),
    "flax": (".msgpack",),
    "arrow": (".parquet", ".feather", ".arrow", ".arrows", ".ipc"),
}
"""Extras, each with the endings of the files that need it."""


@dataclass(frozen=True)
class Judgement:
    """What a CI job is to check.

    Attributes
    ----------
    checkpoints : tuple of str
        Files, or patterns that lossurf itself expands.
    data : str
    expect : tuple of str
        Verdicts that are accepted.
    """

    checkpoints: tuple[str, ...]
    data: str
    expect: tuple[str, ...]

    @property
    def package(self) -> str:
        """What pip installs: lossurf with the extras that read the files, told by their endings."""
        names = [name.lower() for name in (*self.checkpoints, self.data)]
        extras = [extra for extra, endings in EXTRAS.items() if any(name.endswith(endings) for name in names)]
        return f"lossurf[{','.join(extras)}]" if extras else "lossurf"

    def command(self, *more: str, named: bool = True) -> str:
        """Return the command line, with or without the checkpoints."""
        expected = [word for verdict in self.expect for word in ("--expect", verdict)]
        return shlex.join(
            ["lossurf", "classify", *(self.checkpoints if named else ()), "--data", self.data, *expected, *more]
        )


def github(job: Judgement) -> str:
    """Return a workflow: annotations on the run, the report on its summary page."""
    return f"""# .github/workflows/lossurf.yml
name: lossurf
on: [push, pull_request]
permissions:
  contents: read
jobs:
  checkpoints:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - run: python -m pip install {shlex.quote(job.package)}
      - run: {_yaml(_without_expressions(job.command("--format", "github")))}
"""


def gitlab(job: Judgement) -> str:
    """Return a job: its tests in the merge request, and the page among its artifacts."""
    return f"""# .gitlab-ci.yml
lossurf:
  image: python:3.12
  script:
    - python -m pip install {shlex.quote(job.package)}
    - {_yaml(job.command("--format", "html", "-o", "lossurf.html") + " || true")}
    - {_yaml(job.command("--format", "junit", "-o", "lossurf.xml"))}
  artifacts:
    when: always
    paths: [lossurf.html]
    reports:
      junit: lossurf.xml
"""


def pre_commit(job: Judgement) -> str:
    """Return a hook that judges the checkpoints that a commit changes."""
    files = "|".join(_expression(pattern) for pattern in job.checkpoints)
    return f"""# .pre-commit-config.yaml
repos:
  - repo: local
    hooks:
      - id: lossurf
        name: checkpoints are where they are expected
        language: python
        additional_dependencies: [{job.package if job.package == "lossurf" else _yaml(job.package)}]
        entry: {_yaml(job.command("--quiet", named=False))}
        files: {_yaml(f"^(?:{files})$")}
"""


def jenkins(job: Judgement) -> str:
    """Return a declarative pipeline: JUnit results, and the page archived."""
    page = _groovy(job.command("--format", "html", "-o", "lossurf.html") + " || true")
    judge = _groovy(job.command("--format", "junit", "-o", "lossurf.xml"))
    install = _groovy(f"python -m venv .venv && .venv/bin/pip install {shlex.quote(job.package)}")
    return f"""// Jenkinsfile
pipeline {{
    agent {{ docker {{ image 'python:3.12' }} }}
    stages {{
        stage('lossurf') {{
            steps {{
                sh {install}
                withEnv(['PATH+VENV=.venv/bin']) {{
                    sh {page}
                    sh {judge}
                }}
            }}
        }}
    }}
    post {{
        always {{
            junit 'lossurf.xml'
            archiveArtifacts artifacts: 'lossurf.html', allowEmptyArchive: true
        }}
    }}
}}
"""


SYSTEMS: Final[dict[str, Callable[[Judgement], str]]] = {
    "github": github,
    "gitlab": gitlab,
    "pre-commit": pre_commit,
    "jenkins": jenkins,
}
"""What each CI system reads."""


def _yaml(text: str) -> str:
    return json.dumps(text)


def _groovy(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _without_expressions(text: str) -> str:
    """Refuse what GitHub would replace before the shell sees it: no quoting keeps it from that."""
    if "${{" in text:
        raise UsageError(
            "GitHub reads '${{' in a name as an expression", where="lossurf ci github", remedy="rename the file"
        )
    return text


def _expression(pattern: str) -> str:
    """Return a shell pattern as a regular expression: a star stays within a directory, as it does in the shell."""
    parts = re.split(r"(\*\*/?|\*|\?|\[[^\]]*\])", pattern.removeprefix("./"))
    known = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(
        known.get(part) or (_set(part) if part[:1] == "[" and part[-1:] == "]" else re.escape(part)) for part in parts
    )


def _set(part: str) -> str:
    inner = part[1:-1].replace("\\", "\\\\")
    return f"[^{inner[1:]}]" if inner[:1] == "!" else f"[{inner}]"
