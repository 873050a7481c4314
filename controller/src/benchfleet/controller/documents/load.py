"""YAML text to a pydantic model; every error is one DocumentError with the line it is about."""

from __future__ import annotations

import difflib
import io
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent

from benchfleet.core.errors import DocumentError

M = TypeVar("M", bound=BaseModel)
DOCUMENT_BYTES_MAX = 256 * 1024
DEPTH_MAX = 32
"""Of nesting: our documents have five levels, and what builds the tree slows down with the square of the depth."""
EVENTS_MAX = 20_000
"""Of the parser, about one a value: a tenth of a second each thousand, and the controller reads documents too."""


def load_document(text: str, source: str, model: type[M]) -> M:
    """The document in YAML text; `source` names it in errors."""
    tree = _parse(text, source)
    try:
        return model.model_validate(_plain(tree))
    except ValidationError as error:
        raise DocumentError(_say(error.errors()[0], tree, source, model)) from error


def _parse(text: str, source: str) -> CommentedMap:
    if len(text.encode("utf-8", "replace")) > DOCUMENT_BYTES_MAX:
        raise DocumentError(f"{source}: larger than {DOCUMENT_BYTES_MAX // 1024} KiB; is it a document?")
    if not text.strip():
        raise DocumentError(f"{source}: the document is empty")
    try:
        _check_events(text, source)
        tree = YAML(typ="rt", pure=True).load(io.StringIO(text))
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise DocumentError(f"{source}:{line}: {error.problem or error.context!s}") from error
    except (YAMLError, ValueError, RecursionError) as error:
        raise DocumentError(f"{source}: not YAML ({error})") from error
    if "\\u" in text or "\\U" in text:
        _check_characters(tree, source)
    if not isinstance(tree, CommentedMap):
        raise DocumentError(f"{source}: a document is a mapping that begins with apiVersion and kind")
    return tree


def _check_events(text: str, source: str) -> None:
    """Refuses, before anything is built, what a small text can use to cost a lot."""
    depth = 0
    for count, event in enumerate(YAML(typ="safe", pure=True).parse(io.StringIO(text))):
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        line = event.start_mark.line + 1
        if isinstance(event, AliasEvent):
            raise DocumentError(f"{source}:{line}: YAML aliases are not used here; write the value out")
        if depth > DEPTH_MAX:
            raise DocumentError(f"{source}:{line}: nested deeper than {DEPTH_MAX} levels; is it a document?")
        if count > EVENTS_MAX:
            raise DocumentError(f"{source}:{line}: more than {EVENTS_MAX:,} values; split it into several documents")


def _check_characters(node: Any, source: str) -> None:
    """Escapes can write half of a surrogate pair, which no message and no page can hold."""
    if isinstance(node, str):
        if any("\ud800" <= character <= "\udfff" for character in node):
            raise DocumentError(f"{source}: {node[:80]!r} holds half of a surrogate pair; write the character itself")
    elif isinstance(node, dict | list):
        for each in (*node, *(node.values() if isinstance(node, dict) else ())):
            _check_characters(each, source)


def _plain(node: Any) -> Any:
    if isinstance(node, dict):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value) for value in node]
    for kind in (bool, int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return node


def _say(error: Any, tree: CommentedMap, source: str, model: type[BaseModel]) -> str:
    """One line: where, what, and what was probably meant."""
    path = [part for part in error["loc"] if not (isinstance(part, str) and "[" in part)]
    path += error.get("ctx", {}).get("below", [])  # a validator of a whole value knows the place inside it
    where = f"{source}:{_line(tree, path)}"
    name = ".".join(str(part) for part in path) or "document"
    if error["type"] == "extra_forbidden":
        key = str(error["loc"][-1])  # one with a bracket is not in the path, which leaves out names of types
        known = _keys(model, path[:-1] if path and path[-1] == key else path)
        near = difflib.get_close_matches(key, known, 1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; there are: {', '.join(known)}" if known else ""
        return f"{where}: key {key[:80]!r} is not known here{hint}"
    if error["type"] == "missing":
        return f"{where}: key {name!r} is missing"
    return f"{where}: {name}: {error['msg'].removeprefix('Value error, ')}"


def _line(tree: Any, path: list[Any]) -> int:
    node, line = tree, 1
    for part in path:
        try:
            if isinstance(node, CommentedMap):
                line = node.lc.key(part)[0] + 1
            elif isinstance(node, CommentedSeq):
                line = node.lc.item(part)[0] + 1
            node = node[part]
        except (KeyError, IndexError, TypeError, AttributeError):
            break
    return line


def _keys(model: type[BaseModel], path: list[Any]) -> list[str]:
    """Keys that the model takes at a path."""
    current: Any = model
    for part in path:
        field = getattr(current, "model_fields", {}).get(part)
        if field is None:
            field = next((f for f in getattr(current, "model_fields", {}).values() if f.alias == part), None)
        current = field.annotation if field is not None else None
    fields = getattr(current, "model_fields", {})
    return [field.alias or name for name, field in fields.items()]
