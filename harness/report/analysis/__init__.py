"""What a report computes: tables in, tables out."""
