"""The page of supported ops and their rules (docs/ops.md), written from the kernels."""

from __future__ import annotations

from lgsim.graph.ops import OpKind
from lgsim.kernels import Kernel, kernels
from lgsim.kernels.support import KERNEL_FEATURES, NO_LOCAL_FORM, TOO_MANY_DIMS

_HEAD = """\
# Supported operators

What the kernels know of each kind of op. This page is generated: `lgsim features --ops-page`
writes it, and a test compares it with the kernels.

An op that **may be local** can be part of a layer group, where results stay in local memory from
op to op. All others run alone, as global layers, and end a group. `lgsim explain NET` names the
rule for each op of a network, with the offending value, the limit and what would help.

Rules of a row apply to all kinds of that row. For all ops: """


def ops_page() -> str:
    """The page as Markdown."""
    families = _families()
    local = {k: v for k, v in families.items() if NO_LOCAL_FORM not in k.rules}
    alone = {k: v for k, v in families.items() if NO_LOCAL_FORM in k.rules}
    known = {kind for kinds in families.values() for kind in kinds}
    others = sorted(set(OpKind.kinds) - known)
    parts = [
        f"{_HEAD}{TOO_MANY_DIMS.sentence} (`{TOO_MANY_DIMS.name}`)\n",
        "## May be local\n",
        "| ops | local if | slices along |",
        "|---|---|---|",
        *sorted(
            f"| {_kinds(kinds)} | {_rules(kernel)} | {kernel.splits} |"
            for kernel, kinds in local.items()
        ),
        "\n## Always global\n",
        "| ops | because |",
        "|---|---|",
        *sorted(f"| {_kinds(kinds)} | {kernel.why_global} |" for kernel, kinds in alone.items()),
        "\n## Without a kernel\n",
        "These are planned as global layers that take as long as their operands and results take to"
        "\nmove: " + ", ".join(others) + ".\n",
        "## Rules that can be switched off\n",
        "Older versions of the vendor's compiler did not have these; `--disable NAME` brings the"
        " restriction\nback.\n",
        *(f"- `{name}`: {text}" for name, text in KERNEL_FEATURES.items()),
    ]
    return "\n".join(parts) + "\n"


def _families() -> dict[Kernel, list[str]]:
    """Names of the kinds of each kernel; a kernel object may be registered for several kinds."""
    families: dict[type[Kernel], tuple[Kernel, list[str]]] = {}
    for kind, kernel in kernels().items():
        families.setdefault(type(kernel), (kernel, []))[1].append(kind.__name__)
    return dict(families.values())


def _kinds(names: list[str]) -> str:
    return ", ".join(sorted(names))


def _rules(kernel: Kernel) -> str:
    if not kernel.rules:
        return "always"
    return "<br>".join(f"`{rule.name}`: {rule.sentence}" for rule in kernel.rules)
