"""What a forecast is made from: orders as series, and what is known ahead."""
