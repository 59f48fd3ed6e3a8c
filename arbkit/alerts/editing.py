"""Changes of ``alerts.toml`` by commands: what a user wrote in it, comments and order too, stays as it was."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import AoT

from arbkit.alerts.rule_names import refuse_unknown_names
from arbkit.alerts.rules import Rule
from arbkit.alerts.rules_file import TomlTable, alerts_path, built_in, checked_rule, load_rules, read_alerts_file
from arbkit.core.errors import UsageError
from arbkit.core.files import changing, read_if_there, write_atomically
from arbkit.core.results import JsonObject
from arbkit.core.settings import Settings

_PRIVATE = 0o600
"""Rights of a new file: addresses of channels hold passwords."""


def add_rule(settings: Settings, fields: TomlTable) -> Path:
    """Add a rule at the end of the file, which is made with the built-in rule if there is none; the file.

    Raises:
        UsageError: a key or a value is wrong, there is a rule of that name, or no such category or channel as it names.
        ConfigError: the file cannot be used.
        ServiceError: the file cannot be read or written.
    """
    rule = checked_rule(fields, f"rule {fields.get('name', '')}".strip(), error=UsageError)
    refuse_unknown_names(settings, rule)

    def add(rules: AoT) -> None:
        if any(one.get("name") == rule.name for one in rules):
            remedy = "Take another name, or change it in the file"
            raise UsageError("there is a rule of that name", field="name", value=rule.name, remedy=remedy)
        table = tomlkit.table()
        # A blank line before it, as between the rules of a file written by hand.
        table.trivia.indent = "\n"
        for key, value in fields.items():
            table.add(key, _item(value))
        rules.append(table)

    return _change(settings, add)


def mute_rule(settings: Settings, name: str, until: datetime | None) -> Path:
    """Silence a rule until then, or (None) no longer; the file, which is made if there is none.

    Raises:
        ConfigError: there is no such rule, it is wrong, or the file cannot be used.
        ServiceError: the file cannot be read or written.
    """

    def mute(rules: AoT) -> None:
        load_rules(settings).rule(name)
        for one in rules:
            if one.get("name") == name:
                one.pop("muted_until", None)
                if until is not None:
                    one.add("muted_until", until)

    return _change(settings, mute)


def _change(settings: Settings, change: Callable[[AoT], None]) -> Path:
    path = alerts_path(settings)
    with changing(path):
        data = read_if_there(path)
        if data is not None:
            # As a whole it must be right, or it would be made worse.
            read_alerts_file(settings)
        text = built_in() if data is None else data.decode("utf-8")
        # What is added goes on a line of its own, also after a last line that has no end.
        document = tomlkit.parse(text if text.endswith("\n") or not text else f"{text}\n")
        if "rule" not in document:
            # The built-in rule is in force there, and stays so.
            document.append("rule", tomlkit.parse(built_in())["rule"])
        if not isinstance(rules := document["rule"], AoT):
            document.remove("rule")
            rules = tomlkit.aot()
            document.append("rule", rules)
        change(rules)
        write_atomically(path, tomlkit.dumps(document).encode(), rights=_PRIVATE)
    return path


def _item(value: Any) -> Any:
    """A value as a line of its rule: a table of a table would be one of the next."""
    if not isinstance(value, dict):
        return tomlkit.item(value)
    inline = tomlkit.inline_table()
    inline.update(value)
    return inline


def rule_fields(rule: Rule) -> JsonObject:
    """What a rule states, without what it leaves out."""
    return rule.model_dump(mode="json", exclude_unset=True)
