"""Which products a person or a rule of alerts watches: looks at them are worth more to the token planner."""

from __future__ import annotations

from arbkit.alerts.rules_file import load_rules
from arbkit.core.errors import StoreError
from arbkit.core.settings import Settings
from arbkit.pipeline.watchlist.following import WatchedGroups
from arbkit.store.lazy import LazyStore


class WatchedProducts:
    """The products on the buy list, and those that a rule names by ASIN or by group; read anew at each call."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store = LazyStore(settings)
        self._groups = WatchedGroups(settings)

    def __call__(self) -> frozenset[str]:
        """Their ASINs.

        Raises:
            ConfigError: the file of rules cannot be used.
            StoreError: the store cannot be read; where nothing was stored yet, nothing is watched.
        """
        rules = load_rules(self._settings).rules
        named = {asin for rule in rules for asin in rule.asins}
        wanted = {group for rule in rules for group in rule.groups}
        try:
            store = self._store.get()
        except StoreError as error:
            if error.kind == "empty":
                return frozenset(named)
            raise
        if wanted:
            named |= {asin for asin, groups in self._groups(store).items() if not wanted.isdisjoint(groups)}
        decided = store.decisions_in_force().products
        return frozenset(named | {asin for asin, some in decided.items() if some[-1].status == "buy_list"})
