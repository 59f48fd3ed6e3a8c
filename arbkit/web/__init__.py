"""What arbkit serves over HTTP: the REST API and the dashboards."""
