"""What was walked, as a diagnosis: each cause once. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from kfwd.api_doctor import Diagnosis, Finding, HopWalked
from kfwd.errors import DENIED_CODES, ExitCode, KfwdError, UnknownContext

DENIED_HOPS = {"login", "rbac"}


def diagnosis(
    walked: Iterable[HopWalked], alike: Mapping[str, Sequence[str]] | None = None
) -> Diagnosis:
    """`alike`: entries that were not walked because they have the problem of one that was."""
    merged: dict[tuple[str, str | None, str], Finding] = {}
    for step in walked:
        if step.state not in ("broken", "warning"):
            continue
        key = (step.hop, step.code, step.text)
        others = tuple((alike or {}).get(step.about, ()))
        if key in merged:
            found = merged[key]
            merged[key] = replace(found, also=(*found.also, step.about, *others))
        else:
            merged[key] = _finding(step, others)
    findings = sorted(merged.values(), key=lambda finding: finding.severity)
    broken = [finding for finding in findings if finding.severity == "error"]
    code = _exit_code(broken[0]) if broken else ExitCode.OK
    return Diagnosis(well=not findings, exit_code=int(code), findings=tuple(findings))


def unknown(context: str | None, error: KfwdError) -> tuple[HopWalked, Diagnosis]:
    """What there is to tell when it is not even known which context is meant."""
    step = HopWalked(
        about=context or "current context",
        hop="kubeconfig",
        state="broken",
        text=error.text,
        code=error.code,
        hint=error.hint,
    )
    return step, diagnosis([step])


def unread(error: KfwdError) -> HopWalked:
    """The caller's kubeconfig, of which nothing that is up knows, cannot be read."""
    text = f"{error.text}; what is up uses others"
    return HopWalked(
        about="your kubeconfig",
        hop="kubeconfig",
        state="warning",
        text=text,
        code=error.code,
        hint=error.hint,
    )


def _finding(step: HopWalked, others: tuple[str, ...]) -> Finding:
    return Finding(
        about=step.about,
        hop=step.hop,
        severity="error" if step.state == "broken" else "warning",
        code=step.code,
        text=step.text,
        hint=step.hint,
        also=others,
    )


def _exit_code(finding: Finding) -> ExitCode:
    if finding.code == UnknownContext.code:
        return UnknownContext.exit_code
    denied = finding.hop in DENIED_HOPS or finding.code in DENIED_CODES
    return ExitCode.NOT_ALLOWED if denied else ExitCode.FAILED
