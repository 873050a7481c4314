"""What is said of text is what sacrebleu and rouge-score say, to the last bit, and tokens become the declared text."""

from __future__ import annotations

import json
import random

import pytest
import sacrebleu
from rouge_score.rouge_scorer import RougeScorer

from benchfleet.core.task import Output, TaskError, Truth
from benchfleet.core.tasks import text

WORDS = [
    "the",
    "cat",
    "sat",
    "on",
    "a",
    "mat",
    "naïve",
    "façade",
    "日本",
    "語",
    "привет",
    "!",
    "—",
    "x" * 30,
    "emoji🙂",
]


def corpus(seed, references):
    source = random.Random(seed)
    said = [" ".join(source.choices(WORDS, k=source.randint(0, 12))) for _ in range(40)]
    changed = [
        [" ".join(w for w in line.split() if source.random() < 0.8) + "." for _ in range(references)] for line in said
    ]
    return said, changed


@pytest.mark.parametrize(
    "options", [{}, {"tokenize": "intl"}, {"tokenize": "zh"}, {"tokenize": "char", "lowercase": True}]
)
@pytest.mark.parametrize("references", [1, 3])
def test_bleu_is_sacrebleu_s(options, references):
    said, wanted = corpus(1, references)
    truth = Truth(about={"scoring": options}, samples=len(said), members={"references.json": wanted})
    found = text.score(truth, said)["bleu"]
    expected = sacrebleu.corpus_bleu(said, list(zip(*wanted, strict=True)), **options)
    assert found.value == expected.score
    assert found.ci95[0] < found.value < found.ci95[1]
    assert found.method.startswith(f"nrefs:{references}|")


@pytest.mark.parametrize("stemmer", [False, True])
def test_rouge_is_the_mean_of_rouge_score_s_best(stemmer):
    said, wanted = corpus(2, 2)
    truth = Truth(about={"scoring": {"stemmer": stemmer}}, samples=len(said), members={"references.json": wanted})
    found = text.score(truth, said)["rouge_l"]
    scorer = RougeScorer(["rougeL"], use_stemmer=stemmer)
    each = [
        max(scorer.score(w, s)["rougeL"].fmeasure for w in several) for s, several in zip(said, wanted, strict=True)
    ]
    assert found.value == pytest.approx(sum(each) / len(each), abs=1e-12)
    assert "drops letters" in found.method


def test_samples_may_have_different_numbers_of_references():
    said = ["the cat sat on the mat today", "a dog is here now again"]
    wanted = [["the cat sat on a mat today"], ["a dog is here again", "the dog is here now again"]]
    found = text.score(Truth(about={}, samples=2, members={"references.json": wanted}), said)["bleu"]
    assert found.value == sacrebleu.corpus_bleu(said, [[w[0] for w in wanted], [None, wanted[1][1]]]).score


def test_empty_predictions_are_zero_and_not_an_error():
    truth = Truth(about={}, samples=2, members={"references.json": ["a b c d", "e f g h"]})
    scores = text.score(truth, ["", ""])
    assert (scores["bleu"].value, scores["rouge_l"].value) == (0.0, 0.0)


def test_files_of_references_are_read_line_by_line_whatever_the_letters(tmp_path):
    (tmp_path / "a.txt").write_bytes("one\u2028still one\r\n\nthree".encode())
    (tmp_path / "b.txt").write_text("uno\ndue\ntre\n")
    truth = text.bare([tmp_path / "a.txt", tmp_path / "b.txt"])
    assert truth.members["references.json"] == [["one\u2028still one", "uno"], ["", "due"], ["three", "tre"]]
    (tmp_path / "b.txt").write_text("uno\n")
    with pytest.raises(TaskError, match="1 references"):
        text.bare([tmp_path / "a.txt", tmp_path / "b.txt"])
    (tmp_path / "c.json").write_text(json.dumps(["x", ["y", "z"], "w"]))
    assert text.bare([tmp_path / "c.json"]).samples == 3


@pytest.mark.parametrize(
    ("joiner", "words", "expected"),
    [
        ("space", ["a", "b", "c"], "a b c"),
        ("none", ["a", "b", "c"], "abc"),
        ("wordpiece", ["play", "##ing", "now"], "playing now"),
        ("sentencepiece", ["\u2581pla", "ying", "\u2581now"], "playing now"),
    ],
)
def test_tokens_become_text_as_declared(joiner, words, expected):
    post = {"joiner": joiner, "eos_id": 4, "pad_id": 0, "skip_ids": [5]}
    members = {"references.json": ["r"], "vocabulary.json": ["<pad>", *words, "<eos>", "<bos>"]}
    truth = Truth(about={"postprocess": post}, samples=1, members=members)
    ids = [5.0, 1.0, 0.0, 2.0, 3.0, 4.0, 1.0]
    assert text.predict([Output(name="t", shape=(7,), numbers=ids)], truth, 0) == expected
    logits = [float(k == i) for i in ids for k in range(6)]
    truth = Truth(about={"postprocess": {**post, "logits": True}}, samples=1, members=members)
    assert text.predict([Output(name="t", shape=(7, 6), numbers=logits)], truth, 0) == expected
    with pytest.raises(TaskError, match="token 77"):
        text.predict(
            [Output(name="t", shape=(1, 6), numbers=[0, 77.0])], Truth(about={}, samples=1, members=members), 0
        )
