"""What lies in a folder: files and their layout, a bounded sample of records, and what the values of each field are."""
