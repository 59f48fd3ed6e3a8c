"""Commands about the rules of the verdict: ``arbkit verdict``."""

from __future__ import annotations

from pathlib import Path

import typer

from arbkit.cli.shared import JSON, console, load_settings, print_json, print_table, say

app = typer.Typer(name="verdict", help="Rules that say buy, watch or pass: write and show them.", no_args_is_help=True)


@app.command()
def init(path: Path | None = typer.Argument(None, help="File to write (default: verdict.toml).")) -> None:
    """Write the built-in rules to a file for you to edit, with every fact explained."""
    from arbkit.analysis.verdict.rules import verdict_path, write_verdict_rules

    file = path or verdict_path(load_settings())
    write_verdict_rules(file)
    console(stderr=True).print(f"wrote {file}: edit it, and `arbkit verdict show` checks it", markup=False)


@app.command()
def show(json: bool = JSON) -> None:
    """Show the rules in force, or what is wrong with them."""
    from arbkit.analysis.verdict.rules import load_verdict_rules
    from arbkit.analysis.verdict.verdict import LABELS, bound_words
    from arbkit.profit import load_profile

    settings = load_settings()
    rules = load_verdict_rules(settings)
    if json:
        print_json(rules)
        return
    currency = load_profile(settings.profile_path, settings.profile_name).currency
    say(f"{rules.where}: a route is bought that meets every rule, for {rules.units.horizon_days:g} days of sales")
    rows = [
        (LABELS[rule.fact], bound_words(rule, currency), rule.otherwise, rule.unknown, rule.reason, rule.source)
        for rule in rules.rule
    ]
    print_table(("fact", "wanted", "otherwise", "if unknown", "why", "source"), rows)
