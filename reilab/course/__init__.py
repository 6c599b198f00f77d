"""What the course's notebooks show with: pictures, charts, tables, live progress. No widgets."""
