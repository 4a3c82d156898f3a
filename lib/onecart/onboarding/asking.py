"""Questions to the person at the terminal, or the likeliest answers."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Asker:
    """Asks what is not sure; with `ask` false takes the first option. `unsure`: what was decided so: where, and the words."""

    ask: bool
    unsure: list[tuple[str, str]] = field(default_factory=list)

    def choose(self, where: str, question: str, options: Sequence[str], *, sure: bool) -> int:
        """The number of the option, from 0; the first is the likeliest."""
        if sure or len(options) < 2:
            return 0
        if not self.ask:
            others = ", ".join(options[1:4]) + (", ..." if len(options) > 4 else "")
            self.unsure.append((where, f"{question}: took {options[0]}; or {others}"))
            return 0
        print(f"\n{where}: {question}", file=sys.stderr)
        for i, option in enumerate(options, 1):
            print(f"  {i}  {option}", file=sys.stderr)
        while True:
            print("[1] ", end="", file=sys.stderr, flush=True)
            said = sys.stdin.readline().strip() or "1"
            if said.isdigit() and 1 <= int(said) <= len(options):
                return int(said) - 1
            print(f"a number from 1 to {len(options)}", file=sys.stderr)
