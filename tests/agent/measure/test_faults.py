"""What a vendor's words mean: lack of memory has one name, and colours are no part of a reason."""

import pytest

from benchfleet.agent.measure import faults

ARENA = (
    "bfc_arena.cc:376 void* onnxruntime::BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer"
)


@pytest.mark.parametrize(
    ("reason", "detail", "tail", "meant"),
    [
        ("exception", f"RuntimeException: {ARENA} of size 4398046511104", "", "oom"),
        ("unsupported_model", f"ONNX Runtime refuses the model: {ARENA}", "", "oom"),
        ("exception", "RuntimeError: std::bad_alloc", "", "oom"),
        ("runner_signal", "signal 6 (SIGABRT)", "terminate called after throwing 'std::bad_alloc'\n", "oom"),
        ("exception", "RuntimeError: CUDA failure 2: out of memory", "", "oom"),
        ("exception", "ValueError: made to fail", ARENA, "exception"),
        ("runner_signal", "signal 11 (SIGSEGV)", "", "runner_signal"),
        ("runner_signal", "signal 11 (SIGSEGV)", f"{ARENA}\n" + "later words\n" * 500, "runner_signal"),
        ("timeout", "round took longer", ARENA, "timeout"),
    ],
)
def test_lack_of_memory_is_told_apart(reason, detail, tail, meant):
    assert faults.reason_of(reason, detail, tail) == meant


def test_colours_and_titles_of_a_terminal_are_left_out():
    assert faults.plain("\x1b[1;31m2026 [E:onnxruntime]\x1b[m x\x1b]0;title\x07 y\x1b(B") == "2026 [E:onnxruntime] x y"
