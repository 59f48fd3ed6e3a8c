"""How good forecasts were at past days, judged by what came after."""
