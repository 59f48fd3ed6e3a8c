"""How forecasts that were shown came out: kept, scored when their horizon has ended, and recalibrated from."""
