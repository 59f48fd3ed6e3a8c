"""Sales: what a listing sells, what a newcomer gets of it, and how long his units take."""
