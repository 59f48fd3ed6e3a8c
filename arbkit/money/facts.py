"""Package facts of offers: shared between a product's marketplaces, or assumed by the profile."""

from __future__ import annotations

import pandas as pd

from arbkit.money.profile import Profile

__all__ = ["OFFER_COLUMNS", "share_facts", "with_assumed_package"]

OFFER_COLUMNS = (
    "asin", "market", "price_minor", "price_basis", "shipping_minor", "category", "length_mm", "width_mm",
    "height_mm", "weight_g", "keepa_fba_fee_minor", "keepa_referral_pct", "keepa_closing_fee_minor", "updated_at",
)  # fmt: skip
_PACKAGE = ("length_mm", "width_mm", "height_mm", "weight_g")


def share_facts(offers: pd.DataFrame) -> pd.DataFrame:
    """The offers with package facts that a listing lacks taken from the product's other marketplaces.

    All four facts are taken from one listing, the first that has them all; ``package_from`` names it.
    """
    shared = offers.copy()
    complete = shared[list(_PACKAGE)].notna().all(axis=1)
    known = shared.loc[complete, ["asin", "market", *_PACKAGE]].drop_duplicates("asin").set_index("asin")
    lacking = ~complete & shared["asin"].isin(known.index)
    shared["package_from"] = ""
    if lacking.any():
        donors = known.loc[shared.loc[lacking, "asin"]]
        for name in _PACKAGE:
            shared.loc[lacking, name] = donors[name].to_numpy()
        shared.loc[lacking, "package_from"] = donors["market"].to_numpy()
    return shared


def with_assumed_package(offers: pd.DataFrame, profile: Profile) -> pd.DataFrame:
    """The offers with the profile's assumed package where none is known; ``package_assumed`` marks them."""
    assumed = offers.copy()
    lacking = assumed[list(_PACKAGE)].isna().any(axis=1)
    package = profile.assumed_package
    assumed["package_assumed"] = lacking & (package is not None)
    if package is not None:
        for name in _PACKAGE:
            assumed.loc[lacking, name] = getattr(package, name)
    return assumed
