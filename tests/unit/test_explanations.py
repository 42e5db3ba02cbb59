"""Whatever a report prints has an entry, and no entry is empty."""

import json

import pytest

import lossurf
from lossurf.api.explain import explain
from lossurf.api.parts.schema import schema_names, schema_text
from lossurf.errors import ExitCode, UsageError
from lossurf.theory.adjustment_texts import ADJUSTMENTS
from lossurf.theory.exit_texts import EXIT_CODES
from lossurf.theory.explanations import EXPLANATIONS, needed_by
from lossurf.theory.hypothesis_texts import HYPOTHESES
from lossurf.theory.lemma_texts import LEMMAS
from lossurf.theory.quantity_texts import QUANTITIES
from lossurf.theory.registry import THEOREMS
from lossurf.theory.verdict_texts import CERTIFICATES, STATUSES, SUBJECTS, VERDICTS
from lossurf.words import CertificateKind, Kind, Status, Verdict

REGISTRIES = (
    HYPOTHESES,
    THEOREMS,
    LEMMAS,
    VERDICTS,
    CERTIFICATES,
    QUANTITIES,
    STATUSES,
    SUBJECTS,
    ADJUSTMENTS,
    EXIT_CODES,
)


def test_no_two_registries_share_an_id():
    assert len(EXPLANATIONS) == sum(map(len, REGISTRIES))


@pytest.mark.parametrize("entry", EXPLANATIONS.values(), ids=lambda entry: entry.id)
def test_every_entry_says_what_why_and_what_to_do(entry):
    for text in (entry.title, entry.statement, entry.matters, entry.action):
        assert text
        assert text == text.strip()
    for sentence in (entry.statement, entry.matters, entry.action):
        assert sentence[-1] in ".?"
    if entry.kind in {Kind.HYPOTHESIS, Kind.THEOREM, Kind.LEMMA}:
        assert entry.reference


@pytest.mark.parametrize(
    ("registry", "printed"),
    [(VERDICTS, Verdict), (CERTIFICATES, CertificateKind), (STATUSES, Status)],
    ids=["verdicts", "certificates", "statuses"],
)
def test_every_word_of_a_result_is_explained(registry, printed):
    assert {str(member) for member in printed} <= set(registry)


def described_words(schema, field, inside=""):
    """Words that a schema allows in fields of a name."""
    if isinstance(schema, list):
        return set().union(*(described_words(item, field, inside) for item in schema))
    if not isinstance(schema, dict):
        return set()
    words = {str(word) for word in schema.get("enum", ()) if inside == field and word is not None}
    keywords = {"items", "oneOf", "properties", "enum"}
    return words.union(*(described_words(v, field, inside if k in keywords else k) for k, v in schema.items()))


@pytest.mark.parametrize("field", ["verdict", "claim", "status"])
def test_every_word_that_any_schema_allows_is_explained(field):
    words = set().union(*(described_words(json.loads(schema_text(name)), field) for name in schema_names()))
    assert words
    assert words <= set(EXPLANATIONS)


def test_every_exit_code_is_explained():
    assert set(EXIT_CODES) == {str(int(code)) for code in ExitCode}


def test_case_spaces_and_underscores_are_forgiven():
    assert explain(" Bad_Saddle ").id == "bad-saddle"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("xyt-ful-rank", "xyt-full-rank"), ("2.3", "kawaguchi-2.3"), ("Corollary 2.4", "kawaguchi-2.4-shallow")],
)
def test_an_unknown_id_names_the_nearest(typed, meant):
    with pytest.raises(UsageError, match=typed) as error:
        explain(typed)
    assert meant in error.value.remedy


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Theorem 2.3", "kawaguchi-2.3"),
        ("conjecture 2.2", "yun-2018-2.2 or baldi-hornik-2.2"),
        ("Corollary 3.2", "kawaguchi-3.2"),
        ("lemma 4.5", "corollary-4.5"),
        ("exit code 70", "70"),
        ("exit 2", "2"),
    ],
)
def test_a_number_is_enough_where_it_is_unique(typed, meant):
    if " or " in meant:
        with pytest.raises(UsageError) as error:
            explain(typed)
        assert all(name in error.value.remedy for name in meant.split(" or "))
    else:
        assert explain(typed).id == meant


def test_nothing_near_leads_to_the_list():
    with pytest.raises(UsageError) as error:
        explain("qqqqqqqq")
    assert error.value.remedy == "run 'lossurf explain' for the list"


def test_a_hypothesis_knows_its_theorems():
    assert needed_by("y-full-rank") == ("lu-kawaguchi",)


def test_python_reaches_the_same_entries():
    entry = lossurf.explain("bad-saddle")
    assert {name: getattr(entry, name) for name in vars(EXPLANATIONS["bad-saddle"])} == vars(EXPLANATIONS["bad-saddle"])
    assert isinstance(lossurf.explain("2"), lossurf.Explanation)
