"""Tables, charts and files for people, in notebooks, reports and pages."""
