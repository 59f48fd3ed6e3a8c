"""The selling price some days from now: what its past says, the model, and its fit."""
