"""Components of the page that are written for the browser, each with its Python side."""
