"""What people look at: one self-contained HTML page, and CSV exports."""
