"""What the Voilà dashboards show: data out of the store, a table, charts, and how Voilà is started."""
