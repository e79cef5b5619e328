"""What a lapse means for the body: which warning fits the substance. Source: docs/clinical-sources.md, tolerance-loss."""

import re
from collections.abc import Iterable

_GROUPS = (
    ("opioids", r"opi\w+|heroin|fent\w*|oxy\w*|perc\w*|vicodin|hydrocodone|codeine|tramadol|morphine|dope|methadone"
     r"|suboxone|buprenorphine|pain ?(?:pill|killer)s?|norco|dilaudid"),
    ("sedatives", r"benzo\w*|xanax|xans?|bars|valium|klonopin|ativan|sedative\w*|sleeping pills?|barbiturate\w*|ghb|phenibut"),
    ("alcohol", r"alcohol\w*|drink\w*|drank|drunk|beers?|wine|vodka|whisk\w+|booze|liquor|tequila|rum|gin|shots?|cocktails?|cider"),
    ("gambling", r"gambl\w*|casino|slots?|bett?\w*|poker|scratch\w*|roulette|sportsbook|parlay"),
)  # fmt: skip


def substance_group(substances: Iterable[str], told: str) -> str:
    """Which warning fits: by what was told first, else by the plan's substances; ``other`` where neither says."""
    for text in (told, " ".join(substances)):
        for name, pattern in _GROUPS:
            if re.search(rf"\b(?:{pattern})\b", text.lower()):
                return name
    return "other"
