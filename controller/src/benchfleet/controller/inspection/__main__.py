"""The child: parses one file and prints its facts as JSON; exit 2 with one line on stderr when it cannot."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path

from benchfleet.controller.inspection.limits import limit
from benchfleet.core.errors import DocumentError, one_line
from benchfleet.core.formats import HEAD_BYTES, format_of, refusal

PARSERS = {
    "onnx": "onnx_file",
    "tflite": "tflite_file",
    "executorch": "executorch_file",
    "openvino_ir": "openvino_file",
}
"""The module that reads a format; one is imported, since each brings a library of its own."""


def main() -> int:
    """Chooses the parser by the file's content, never by its name."""
    limit(int(sys.argv[3]))
    path = Path(sys.argv[1])
    shapes = {name: tuple(sizes) for name, sizes in json.loads(sys.argv[2]).items()}
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    try:
        kind = format_of(head) or ("onnx" if head[:1] in b"\x12\x1a\x3a" else None)
        if kind is None:
            raise DocumentError(refusal(head))
        parser = import_module(f"benchfleet.controller.inspection.{PARSERS[kind]}")
        facts = parser.read(path, shapes)
    except DocumentError as error:
        print(error, file=sys.stderr)
        return 2
    except MemoryError:
        print("needs more memory than a model file may take", file=sys.stderr)
        return 2
    except Exception as error:  # a process boundary: any fault of a parser is a fault of the file
        kind = type(error).__name__
        print(
            one_line(f"cannot be parsed ({kind}: {error}); is it a whole model file?", limit=400),
            file=sys.stderr,
        )
        return 2
    print(json.dumps(facts.to_json()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
