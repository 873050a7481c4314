"""The child: parses one file and prints its facts as JSON; exit 2 with one line on stderr when it cannot."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from benchfleet.core.errors import DocumentError, one_line


def main() -> int:
    """Chooses the parser by the file's content, never by its name."""
    path = Path(sys.argv[1])
    shapes = {name: tuple(sizes) for name, sizes in json.loads(sys.argv[2] if len(sys.argv) > 2 else "{}").items()}
    with path.open("rb") as file:
        head = file.read(64)
    try:
        if head[4:8] == b"TFL3":
            from benchfleet.controller.inspection import tflite_file as parser
        elif head[:2] in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
            raise DocumentError("is a pickle or an archive, not a model; export it to ONNX or TFLite")
        else:
            from benchfleet.controller.inspection import onnx_file as parser  # type: ignore[no-redef]
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
            one_line(f"cannot be parsed ({kind}: {error}); is it a whole ONNX or TFLite file?", limit=400),
            file=sys.stderr,
        )
        return 2
    print(json.dumps(facts.to_json()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
