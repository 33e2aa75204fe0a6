"""Instruction sets of the processor."""

import pathlib

_CPUINFO = pathlib.Path("/proc/cpuinfo")


def has_bfloat16() -> bool:
    """Whether the processor has instructions for bfloat16. Known on Linux; elsewhere False."""
    words = set(_CPUINFO.read_text().split()) if _CPUINFO.exists() else set()
    return not words.isdisjoint({"avx512_bf16", "amx_bf16"})
