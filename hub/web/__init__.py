"""REST as a table: what a route is, how input is decoded, how answers and problems are written."""
