"""Text: BLEU by sacrebleu and ROUGE-L by rouge-score, as these libraries compute them.

https://github.com/mjpost/sacrebleu, https://github.com/google-research/google-research/tree/master/rouge. The data set
holds `references.json`, a list with, per sample, a text or a list of texts; and, to turn token ids into text,
`vocabulary.json`, the list of tokens by id.

    "task": "text",
    "postprocess": {"output": 0, "joiner": "wordpiece", "eos_id": 3, "skip_ids": [0, 1, 2]},
    "scoring": {"tokenize": "13a", "lowercase": false, "stemmer": false}

`output` holds token ids; with `logits` true it holds one number a token of the vocabulary, and the largest counts.
Text ends before `eos_id`; `skip_ids` and `pad_id` are left out. `joiner`: space, none, wordpiece (## goes on a word) or
sentencepiece (the mark U+2581 is a space). Stored predictions: a text file with one line a sample, or a JSON list.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchfleet.core.evidence import Score
from benchfleet.core.proportions import REPLICATES, mean_interval, percentile_interval, resamples
from benchfleet.core.task import (
    JSON_BYTES_MAX,
    Output,
    Rule,
    TaskError,
    Truth,
    a_bool,
    an_output,
    chosen,
    list_of,
    one_of,
    read_json,
    whole,
)

EXTRA = "text"
METRICS = ("bleu", "rouge_l")
POINTS = 1.0  # sacrebleu counts in points already
NOTHING: Any = ""
MEMBERS = ("references.json", "vocabulary.json")
ID = whole(0, 2**31)
KEYS: Mapping[str, Mapping[str, Rule]] = {
    "postprocess": {
        "output": an_output, "logits": a_bool, "joiner": one_of("space", "none", "wordpiece", "sentencepiece"),
        "eos_id": ID, "pad_id": ID, "skip_ids": list_of(ID, "token ids", 0),
    },
    "scoring": {"tokenize": one_of("13a", "intl", "zh", "char", "none"), "lowercase": a_bool, "stemmer": a_bool},
}  # fmt: skip
RESAMPLED_MAX = 10_000
"""Samples: 200 replicates of them are some seconds of a small board."""
SENTENCEPIECE_SPACE = "\u2581"
SHOWN_MAX = 3


def faults(truth: Truth) -> Iterator[str]:
    """References that are none, or not as many as samples."""
    held = truth.members.get("references.json")
    if not isinstance(held, list) or not held:
        yield "text needs references.json, a list with, per sample, a text or a list of texts"
        return
    if truth.samples is not None and len(held) != truth.samples:
        yield f"references.json: {len(held)} entries for {truth.samples} samples"
    bad = [i for i, each in enumerate(held) if not _is_reference(each)]
    for i in bad[:SHOWN_MAX]:
        yield f"references.json: entry {i} is neither a text nor a list of texts"
    words = truth.members.get("vocabulary.json")
    if words is not None and not (isinstance(words, list) and words and all(isinstance(w, str) for w in words)):
        yield "vocabulary.json: is no list of tokens"
    elif words is None and truth.declared("postprocess"):
        yield "postprocess: token ids become text through vocabulary.json, which is not there"


def _is_reference(each: Any) -> bool:
    return isinstance(each, str) or (isinstance(each, list) and bool(each) and all(isinstance(r, str) for r in each))


def predict(outputs: Sequence[Output], truth: Truth, index: int) -> str:
    """The text of one sample's token ids."""
    post, words = truth.declared("postprocess"), truth.members.get("vocabulary.json")
    if not isinstance(words, list):
        raise TaskError("the data set has no vocabulary.json, through which token ids become text")
    output = chosen(outputs, post.get("output"), 0, "the tokens")
    skipped = {*post.get("skip_ids", ()), post.get("pad_id")}
    tokens = []
    for token in _ids(output, bool(post.get("logits"))):
        if token == post.get("eos_id"):
            break
        if token in skipped:
            continue
        if not 0 <= token < len(words):
            raise TaskError(f"output {output.name}: token {token} of sample {index} is not in the vocabulary")
        tokens.append(words[token])
    return _join(tokens, post.get("joiner", "space"))


def _ids(output: Output, logits: bool) -> Iterator[int]:
    if not logits:
        for number in output.numbers:
            yield round(number) if math.isfinite(number) else -1
        return
    width = output.shape[-1] if output.shape else 0
    for i in range(0, len(output.numbers), max(1, width)):
        row = output.numbers[i : i + width]
        yield max(range(len(row)), key=row.__getitem__)


def _join(tokens: list[str], joiner: str) -> str:
    if joiner == "space":
        return " ".join(tokens)
    joined = "".join(tokens) if joiner != "wordpiece" else " ".join(tokens).replace(" ##", "")
    return joined.replace(SENTENCEPIECE_SPACE, " ").strip() if joiner == "sentencepiece" else joined


def stored(paths: Sequence[Path], truth: Truth) -> list[Any]:
    """One text a sample."""
    (path,) = paths
    found = read_lines(path)
    if not all(isinstance(each, str) for each in found):
        raise TaskError(f"{path}: is no list of texts")
    return found


def read_lines(path: Path) -> list[Any]:
    """A JSON list, or the lines of a text file; only a line feed (and a carriage return before it) ends a line."""
    if path.suffix == ".json":
        held = read_json(path)
        if not isinstance(held, list):
            raise TaskError(f"{path}: is no list with one entry a sample")
        return held
    try:
        if path.stat().st_size > JSON_BYTES_MAX:
            raise TaskError(f"{path}: larger than {JSON_BYTES_MAX >> 20} MiB")
        lines = path.read_bytes().decode("utf-8").split("\n")
    except OSError as error:
        raise TaskError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except UnicodeDecodeError as error:
        raise TaskError(f"{path}: is not UTF-8 at byte {error.start}") from error
    if lines[-1] == "":
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def bare(paths: Sequence[Path]) -> Truth:
    """References: one file, or several with one reference a line each."""
    columns = [read_lines(path) for path in paths]
    for path, column in zip(paths, columns, strict=True):
        if len(column) != len(columns[0]):
            raise TaskError(f"{path}: {len(column)} references, {paths[0]} has {len(columns[0])}")
    rows = columns[0] if len(columns) == 1 else [list(row) for row in zip(*columns, strict=True)]
    truth = Truth(about={}, samples=len(rows), members={"references.json": rows})
    for fault in faults(truth):
        raise TaskError(f"{paths[0]}: {fault.removeprefix('references.json: ')}")
    return truth


def score(truth: Truth, predictions: Sequence[Any]) -> dict[str, Score]:
    """Corpus BLEU, and the mean F-measure of ROUGE-L (of several references the best)."""
    held = truth.members["references.json"][: len(predictions)]
    references = [[each] if isinstance(each, str) else list(each) for each in held]
    if not predictions:
        return dict.fromkeys(METRICS, Score(value=None, reason="no sample was scored"))
    options = truth.declared("scoring")
    return {"bleu": _bleu(list(predictions), references, options), "rouge_l": _rouge(predictions, references, options)}


def _bleu(hypotheses: list[str], references: list[list[str]], options: Mapping[str, Any]) -> Score:
    import sacrebleu
    from sacrebleu.metrics.bleu import BLEU

    tokenize, lowercase = options.get("tokenize", "13a"), bool(options.get("lowercase", False))
    bleu = BLEU(tokenize=tokenize, lowercase=lowercase)
    most = max(map(len, references))
    streams: list[Any] = [[r[k] if k < len(r) else None for r in references] for k in range(most)]
    whole_set = bleu.corpus_score(hypotheses, streams)
    method, replicates = str(bleu.get_signature()), _bleu_replicates(tokenize, lowercase, hypotheses, references)
    interval = percentile_interval(replicates)
    how = "bootstrap over samples" if interval else f"no interval: more than {RESAMPLED_MAX} samples"
    return Score(
        value=float(whole_set.score), n=len(hypotheses), ci95=interval, method=f"{method}; {how}",
        source=f"sacrebleu {sacrebleu.__version__}", replicates=replicates,
    )  # fmt: skip


def _bleu_replicates(
    tokenize: str, lowercase: bool, hypotheses: list[str], references: list[list[str]]
) -> tuple[float, ...]:
    """BLEU of resampled samples: the counts of each sentence are made once, by the library, and added up."""
    from sacrebleu.metrics.bleu import BLEU

    n = len(hypotheses)
    if n < 2 or n > RESAMPLED_MAX:
        return ()
    single = BLEU(tokenize=tokenize, lowercase=lowercase, effective_order=True)
    each = [single.sentence_score(h, r) for h, r in zip(hypotheses, references, strict=True)]
    rows = [(*s.counts, *s.totals, s.sys_len, s.ref_len) for s in each]
    found = []
    for picks in resamples(n):
        sums = [sum(column) for column in zip(*(rows[i] for i in picks), strict=True)]
        score = BLEU.compute_bleu(correct=sums[:4], total=sums[4:8], sys_len=sums[8], ref_len=sums[9])
        found.append(float(score.score))
    assert len(found) == REPLICATES
    return tuple(found)


def _rouge(predictions: Sequence[str], references: list[list[str]], options: Mapping[str, Any]) -> Score:
    from importlib.metadata import version

    from rouge_score.rouge_scorer import RougeScorer

    stemmer = bool(options.get("stemmer", False))
    scorer = RougeScorer(["rougeL"], use_stemmer=stemmer)
    found = [
        float(scorer.score_multi(targets, prediction)["rougeL"].fmeasure)
        for targets, prediction in zip(references, predictions, strict=True)
    ]
    method = f"mean F-measure, stemmer {'on' if stemmer else 'off'}, best reference; t interval"
    if any(not text.isascii() for row in references for text in row):
        method += "; rouge-score's tokenizer drops letters beyond a to z and 0 to 9"
    return Score(
        value=math.fsum(found) / len(found), n=len(found), ci95=mean_interval(found), method=method,
        source=f"rouge-score {version('rouge-score')}", per_sample=tuple(found),
    )  # fmt: skip
