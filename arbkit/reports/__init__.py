"""Reports: notebooks run by papermill, their folders and pages."""
