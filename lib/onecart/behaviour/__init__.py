"""What visitors do: visits, the funnel, and features of customers as they stood on a day."""
