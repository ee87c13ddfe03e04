"""The names of the scenarios that ship."""

from __future__ import annotations

from venturalitica.errors import SettingsError, did_you_mean

SCENARIOS = ("loan",)


def check_name(name: object) -> None:
    """Refuse an unknown scenario, naming the nearest and all.

    Raises:
        SettingsError: there is no scenario of that name.
    """
    if name not in SCENARIOS:
        known = ", ".join(repr(scenario) for scenario in SCENARIOS)
        hint = did_you_mean(str(name), SCENARIOS)
        raise SettingsError(f"there is no scenario {name!r}{hint}; those that ship: {known}")
