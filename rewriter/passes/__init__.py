"""Every pass, one to a module, in the order in which they run: structure first, scope last."""

from __future__ import annotations

from rewriter.passes.kit.registry import Pass, discovered

PASSES: tuple[Pass, ...] = discovered(__name__, __path__)

#: Every name of a pass, its id and its code, with the id.
PASS_IDS: dict[str, str] = {name: pass_.id for pass_ in PASSES for name in (pass_.id, pass_.code)}
