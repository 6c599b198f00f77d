"""The lab: a view model, live views of a run, and the page that puts them together."""
