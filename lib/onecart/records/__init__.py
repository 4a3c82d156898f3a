"""What a record of a landing file is: physical lines -> records, of CSV and of JSON."""
